"""One building: both dates, what was measured, and why it got its grade."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from changedet.core.grades import DAMAGED_FROM, DESTROYED_FROM, POSSIBLE_FROM
from changedet.report import made, words
from changedet.report.figures.pair import _INK, WIDTH_IN, _figure, _halo, _sources, _style
from changedet.report.palette import GRADES
from changedet.report.reasons import BuildingView, why
from changedet.result import Record

_GREY = "#9aa0a8"


def explain_building(view: BuildingView, record: Record) -> Figure:
    """Draw a building before and after, its measures among all others, and the reason in words.

    Parameters
    ----------
    view : BuildingView
        From ``Result.explain_building`` or ``api.explaining``.
    record : Record
        For dates and versions.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with _style():
        ratio = min(max(view.before.shape[0] / view.before.shape[1], 0.4), 1.6)
        tall = WIDTH_IN / 2 * ratio
        figure = _figure(WIDTH_IN, tall + 3.3)
        top, bottom = figure.subfigures(
            2, 1, squeeze=False, height_ratios=[tall + 0.2, 3.1]
        ).ravel()
        dates = [words.ascii_only(date) for date in made.dates(record)]
        for axes, image, name, date in zip(
            top.subplots(1, 2), (view.before, view.after), ("Before", "After"), dates, strict=True
        ):
            _chip(axes, image, f"{name} · {date}", view)
        charts = bottom.subplots(1, 3)
        _measure(
            charts[0], view, "similarity", ("Similarity", "spreads above unrelated places"),
            {"unrelated": 0.0, "unchanged": view.unchanged_similarity},
        )  # fmt: skip
        _measure(
            charts[1], view, "order_loss", ("Loss of order", "spreads of unchanged buildings"),
            {"unchanged": 0.0},
        )  # fmt: skip
        _measure(charts[2], view, *_probability(view))
        sentence = words.ascii_only(f"Building {view.id}. {why(view)}", limit=400)
        figure.suptitle(
            "\n".join(textwrap.wrap(sentence, 112)), x=0.008, ha="left", fontsize=10.5,
            parse_math=False,
        )  # fmt: skip
        _sources(figure, record, outside=True)
    return figure


def _probability(view: BuildingView) -> tuple[str, tuple[str, str], dict[str, float]]:
    """Return the probability that the grade was cut by, its words and its cuts."""
    note = "model, not calibrated"
    if view.grade == "Destroyed" or not np.isfinite(view.of("probability")):
        return "probability", ("Probability of destroyed", note), {"destroyed": DESTROYED_FROM}
    marks = {"possibly damaged": POSSIBLE_FROM, "damaged": DAMAGED_FROM}
    return "damage_probability", ("Probability of damaged or destroyed", note), marks


def _colour(view: BuildingView) -> str:
    return next(style.colour for style in GRADES if style.name == view.grade)


def _chip(axes: Axes, image: NDArray[np.uint8], title: str, view: BuildingView) -> None:
    """Show one date with the outline (full) and what was gathered around it (dashed)."""
    height, width = image.shape[:2]
    axes.imshow(image, aspect="equal")
    axes.set_title(title, parse_math=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    halo = [withStroke(linewidth=4, foreground=_INK)]
    for ring, dash, wide in ((view.outline, "-", 2.2), (view.ring, (0, (3, 2)), 1.2)):
        axes.add_patch(
            Polygon(
                ring, fill=False, edgecolor=_colour(view), linewidth=wide, linestyle=dash,
                path_effects=halo if wide > 2 else None,
            )
        )  # fmt: skip
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    if view.metres is not None:
        metres = f"{words.number(view.metres, digits=2)} m wide"
        axes.set_xlabel(f"{metres}; full line: outline, dashed: what was compared", fontsize=8)


def _measure(
    axes: Axes, view: BuildingView, name: str, words_of: tuple[str, str], marks: dict[str, float]
) -> None:
    """Draw a measure of all buildings, with this one and the marks it is judged by."""
    values = np.asarray(getattr(view.measures, name), float)
    grades = view.measures.grade[np.isfinite(values)]
    values = values[np.isfinite(values)]
    axes.set_title(words_of[0], fontsize=10)
    axes.set_xlabel(words_of[1], fontsize=8.5)
    ends = [*values, *marks.values(), *((0.0, 1.0) if "probability" in name else ())]
    low, high = min(ends), max(ends)
    edges = np.linspace(low, max(high, low + 1e-6), 31)
    shown = [style for style in GRADES if (grades == style.name).any()]
    axes.hist(
        [values[grades == style.name] for style in shown],
        edges.tolist(),
        stacked=True,
        color=[style.colour for style in shown],
        label=[style.name.lower() for style in shown],
    )
    for mark, place in marks.items():
        axes.axvline(place, color=_GREY, linestyle="--", linewidth=1.6)
        axes.annotate(
            mark, (place, 1), xycoords=("data", "axes fraction"), xytext=(2, -2),
            textcoords="offset points", rotation=90, va="top", ha="left", fontsize=7.5,
            color="#565b62",
            path_effects=_halo(),
        )  # fmt: skip
    own = view.of(name)
    if np.isfinite(own):
        axes.axvline(own, color=_INK, linewidth=2.2)
        axes.annotate(
            "this building", (own, 0.62), xycoords=("data", "axes fraction"), xytext=(-3, 0),
            textcoords="offset points", rotation=90, va="center", ha="right", fontsize=8,
            color=_INK,
            path_effects=_halo(),
        )  # fmt: skip
    if name == "similarity":
        axes.set_ylabel("buildings")
        if shown:
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2)
