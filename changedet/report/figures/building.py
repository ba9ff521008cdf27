"""One building: both dates, what was measured, and why it got its grade."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from changedet.core.grades import DAMAGED_FROM, DESTROYED_FROM, POSSIBLE_FROM
from changedet.report import pictures
from changedet.report.amounts import measure
from changedet.report.credit import dates
from changedet.report.figures.look import (
    DPI,
    INK,
    NOTE_PT,
    SOFT,
    TEXT_PT,
    TITLE_PT,
    WIDTH_IN,
    foreign,
    halo,
    look,
    tick,
    wrapped,
)
from changedet.report.figures.sheet import GAP, Sheet, put
from changedet.report.language import Phrase, phrase, tell
from changedet.report.palette import GRADES
from changedet.report.reasons import BuildingView, why
from changedet.result import Record

_GREY = "#9aa0a8"
_TALL = 1.75
"""Of the charts, inches."""


def explain_building(view: BuildingView, record: Record, *, lang: str = "en") -> Figure:
    """Draw a building before and after, its measures among all others, and the reason in words.

    Parameters
    ----------
    view : BuildingView
        From ``Result.explain_building`` or ``api.explaining``.
    record : Record
        For dates and versions.
    lang : str
        Language of the lettering.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with look():
        sheet = Sheet(WIDTH_IN, lang)
        sentence = sheet.say(phrase("building", id=foreign(view.id, limit=60), why=why(view)))
        sentence = foreign(sentence, limit=900)
        sheet.top += sheet.write(sentence, 0, sheet.top, sheet.width, size=TITLE_PT) + 0.1
        _chips(sheet, view, record)
        _charts(sheet, view)
        shown = [style for style in GRADES if (view.measures.grade == style.name).any()]
        sheet.legend(
            [Patch(facecolor=style.colour, label=sheet.say(style.label)) for style in shown]
        )
        return sheet.done(record)


def _chips(sheet: Sheet, view: BuildingView, record: Record) -> None:
    """Draw both dates side by side."""
    column = (sheet.width - GAP) / 2
    ratio = view.before.shape[0] / view.before.shape[1]
    tall = min(column * ratio, 6.0)
    size = tall / ratio, tall
    lefts = [0.0, column + GAP]
    before, after = dates(record, clean=foreign)
    titles = phrase("figure-before", date=before), phrase("figure-after", date=after)
    sheet.titles([sheet.say(title) for title in titles], lefts, column)
    for left, image in zip(lefts, (view.before, view.after), strict=True):
        _chip(sheet.axes(left, sheet.top, *size, bare=True), image, view, size)
    sheet.top += tall + 0.05
    said = sheet.say(Phrase("building-lines"))
    if view.metres is not None:
        wide = measure(view.metres, Phrase("unit-metres"), digits=2)
        said = sheet.say(phrase("building-lines-wide", wide=wide))
    sheet.top += sheet.note(said, 0, sheet.top, sheet.width) + 0.12


def _chip(
    axes: Axes, image: NDArray[np.uint8], view: BuildingView, size: tuple[float, float]
) -> None:
    """Show one date with the outline (full) and what was gathered around it (dashed)."""
    height, width = image.shape[:2]
    wide, tall = (max(1, round(inches * DPI)) for inches in size)
    # Black is where an image has nothing: what has data is never quite black.
    shown = pictures.shown(image, np.zeros((height, width), np.bool_))
    put(axes, pictures.resized(shown, (tall, wide)), (width, height))
    colour = next((style.colour for style in GRADES if style.name == view.grade), _GREY)
    for ring, dash, line in ((view.outline, "-", 2.2), (view.ring, (0, (3, 2)), 1.4)):
        rim = [withStroke(linewidth=line + 1.8, foreground=INK)]
        axes.add_patch(
            Polygon(
                ring, fill=False, edgecolor=colour, linewidth=line, linestyle=dash,
                path_effects=rim if dash == "-" else None,
            )
        )  # fmt: skip


def _charts(sheet: Sheet, view: BuildingView) -> None:
    """Draw three measures of all buildings side by side, with this one marked."""
    charts = (
        (
            "similarity", "measure-similarity", "measure-similarity-unit",
            {"mark-unrelated": 0.0, "mark-unchanged": view.unchanged_similarity},
        ),
        ("order_loss", "measure-order", "measure-order-unit", {"mark-unchanged": 0.0}),
        _probability(view),
    )  # fmt: skip
    axis, gap = 0.55, 0.42
    wide = (sheet.width - 2 * gap - axis) / 3
    lefts = [axis + number * (wide + gap) for number in range(3)]
    sheet.titles([sheet.say(Phrase(title)) for _, title, _, _ in charts], lefts, wide)
    below = 0.0
    for left, (name, _, unit, marks) in zip(lefts, charts, strict=True):
        axes = sheet.axes(left, sheet.top, wide, _TALL)
        _measure(axes, view, name, marks, sheet.lang)
        note = sheet.say(Phrase(unit))
        below = max(below, sheet.note(note, left, sheet.top + _TALL + 0.24, wide))
        if name == "similarity":
            axes.set_ylabel(sheet.say(Phrase("axis-buildings")))
    sheet.top += _TALL + 0.24 + below


def _probability(view: BuildingView) -> tuple[str, str, str, dict[str, float]]:
    """Return the probability that the grade was cut by, its words and its cuts."""
    unit = "measure-probability-unit"
    if view.grade == "Destroyed" or not np.isfinite(view.of("probability")):
        return "probability", "measure-destroyed", unit, {"mark-destroyed": DESTROYED_FROM}
    marks = {"mark-possibly-damaged": POSSIBLE_FROM, "mark-damaged": DAMAGED_FROM}
    return "damage_probability", "measure-damaged", unit, marks


def _measure(axes: Axes, view: BuildingView, name: str, marks: dict[str, float], lang: str) -> None:
    """Draw a measure of all buildings, with this one and the marks it is judged by."""
    values = np.asarray(getattr(view.measures, name), float)
    grades = view.measures.grade[np.isfinite(values)]
    values = values[np.isfinite(values)]
    ends = [*values, *marks.values(), *((0.0, 1.0) if "probability" in name else ())]
    low, high = min(ends), max(ends)
    edges = np.linspace(low, max(high, low + 1e-6), 31)
    below = np.zeros(30)
    for style in GRADES:
        counts = np.histogram(values[grades == style.name], edges)[0].astype(float)
        axes.stairs(below + counts, edges, baseline=below, fill=True, color=style.colour)
        below += counts
    axes.set_ylim(0, max(float(below.max()) * 1.05, 1.0))
    reach = edges[-1] - edges[0]
    axes.set_xlim(edges[0] - 0.04 * reach, edges[-1] + 0.04 * reach)
    for mark, place in marks.items():
        axes.axvline(place, color=_GREY, linestyle="--", linewidth=1.6)
        # On the side that has room.
        right = place < edges[0] + 0.9 * reach
        _along(axes, tell(Phrase(mark), lang), place, 0.97, "top", right=right, colour=SOFT)
    own = view.of(name)
    if np.isfinite(own):
        axes.axvline(own, color=INK, linewidth=2.2)
        right = own < edges[0] + 0.1 * reach
        said = tell(Phrase("this-building"), lang)
        _along(axes, said, own, 0.05, "bottom", right=right, colour=INK)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: tell(round(y), lang)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(x, lang)))
    axes.tick_params(labelsize=NOTE_PT)


def _along(
    axes: Axes, text: str, place: float, height: float, side: str, *, right: bool, colour: str
) -> None:
    """Write along an upright line, from its top down or from its foot up."""
    line = "\n".join(wrapped(text, _TALL, TEXT_PT))
    axes.annotate(
        line, (place, height), xycoords=("data", "axes fraction"), xytext=(3 if right else -3, 0),
        textcoords="offset points", rotation=90, va=side, ha="left" if right else "right",
        fontsize=NOTE_PT, color=colour, path_effects=halo(),
    )  # fmt: skip
