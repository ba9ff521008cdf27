"""The pictures of a whole pair.

Only matplotlib's object interface is used, never pyplot: nothing global, nothing on a screen.
User text stays out of the pictures, dates excepted (reduced to ASCII): fonts lack letters.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, ScaledTranslation
from numpy.typing import NDArray

from changedet.report import content, made, pictures, words
from changedet.report.alts import DESCRIBE
from changedet.report.mapping import bounds_ring, north_angle, scale_bar
from changedet.report.palette import (
    CHANGES,
    CLASSES,
    GRADES,
    ClassStyle,
    difference_colours,
    evidence_colours,
)
from changedet.report.views import Histogram, Views
from changedet.result import Cell, Record

DPI = 150
WIDTH_IN = 9.0
_HATCHES = {"solid": "", "falling": "\\\\\\\\", "rising": "////", "level": "----"}
_INK = "#1c1e21"
_Line = tuple[float, Sequence[float]] | Literal["solid"]
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#8a8f96"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7078",
    "legend.frameon": False,
    "hatch.linewidth": 1.4,
    "savefig.facecolor": "white",
}


@contextmanager
def _style() -> Iterator[None]:
    """Keep our look, whatever matplotlibrc a user has."""
    with mpl.rc_context(_STYLE):
        yield


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _panels(views: Views, number: int, *, below: float = 0.35) -> tuple[Figure, list[Axes]]:
    """Return axes for pictures of this shape: beside each other, or stacked where they are wide.

    Places are computed, not left to a layout engine: pictures fill their width. ``below`` is the
    room under them for a legend and the sources, inches.
    """
    ratio = min(max(views.height / views.width, 0.15), 2.5)
    stacked = number > 1 and ratio < 0.5
    rows, cols = (number, 1) if stacked else (-(-number // 2), min(number, 2))
    # A single tall picture would fill more than a page.
    width = WIDTH_IN if cols > 1 or ratio < 1.1 else WIDTH_IN * 1.1 / ratio
    gap, head = 0.12, 0.3
    wide = (width - gap * (cols - 1)) / cols
    height = rows * (wide * ratio + head) + below
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    places = []
    for number_of in range(number):
        row, col = divmod(number_of, cols)
        bottom = below + (rows - 1 - row) * (wide * ratio + head)
        left = col * (wide + gap)
        box = (left / width, bottom / height, wide / width, wide * ratio / height)
        places.append(figure.add_axes(box))
    return figure, places


def _legend(figure: Figure, handles: Sequence[Artist], *, below: float) -> None:
    """Put a legend under the pictures, in two columns where they are narrow."""
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, (below - 0.06) / height),
        borderaxespad=0,
        borderpad=0,
        ncols=3 if width > 7 else 2,
    )


def _picture(axes: Axes, image: NDArray[np.uint8], title: str, views: Views) -> None:
    """Show a picture with its scale and north."""
    axes.imshow(image, aspect="equal")
    axes.set_title(title, parse_math=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.5, views.width - 0.5)
    axes.set_ylim(views.height - 0.5, -0.5)
    _add_scale(axes, views)
    _add_north(axes, views)


def _halo(width: float = 2.5) -> list[withStroke]:
    return [withStroke(linewidth=width, foreground="white")]


def _add_scale(axes: Axes, views: Views) -> None:
    """Draw the scale bar in the lower left corner, or say that there is none."""
    root = cast("Figure", axes.get_figure(root=True))
    raised = axes.transAxes + ScaledTranslation(0, 9 / 72, root.dpi_scale_trans)
    bar = scale_bar(views.grid)
    if bar is not None:
        axes.plot(
            [0.02, 0.02 + bar.share],
            [0, 0],
            transform=raised,
            color=_INK,
            linewidth=3,
            solid_capstyle="butt",
            path_effects=_halo(6),
            zorder=6,
        )
    axes.text(
        0.02,
        0.0,
        f"{bar.label}\n" if bar is not None else "no scale",
        transform=raised,
        color=_INK,
        linespacing=0.6,
        va="bottom",
        path_effects=_halo(),
        zorder=6,
    )


def _add_north(axes: Axes, views: Views) -> None:
    """Draw a needle in the upper right corner; its size is in points whatever the picture."""
    angle = north_angle(views.grid)
    if angle is None:
        return
    corner = ScaledTranslation(1, 1, cast("Affine2D", axes.transAxes))
    root = cast("Figure", axes.get_figure(root=True))
    points = Affine2D().scale(1 / 72) + root.dpi_scale_trans + corner
    turn = Affine2D().rotate_deg(-angle).translate(-24, -26)
    needle = turn.transform([(0, 15), (6.5, -11), (0, -6), (-6.5, -11)])
    axes.add_patch(
        Polygon(
            needle, transform=points, facecolor=_INK, edgecolor="white", linewidth=1.2, zorder=6
        )
    )
    x, y = turn.transform((0, -19))
    axes.text(
        x,
        y,
        "N",
        transform=points,
        color=_INK,
        weight="bold",
        ha="center",
        va="center",
        path_effects=_halo(),
        zorder=6,
    )


def _sources(figure: Figure, record: Record, *, outside: bool = False) -> None:
    """Write dates and software under a picture, so that it can travel alone."""
    before, after = (words.ascii_only(date) for date in made.dates(record))
    version = words.ascii_only(record.provenance.version)
    grid = record.grid
    known = grid is not None and grid.crs is not None and len(grid.crs) < 20
    crs = f" · {words.ascii_only(grid.crs)}, grid north" if known and grid is not None else ""
    figure.text(
        0,
        -0.01 if outside else 0,
        f"Before {before} · after {after}{crs} · changedet {version}",
        va="top" if outside else "bottom",
        fontsize=7.5,
        color="#565b62",
        parse_math=False,
    )


def before_after(views: Views, record: Record) -> Figure:
    """Draw both dates beside each other."""
    before, after = (words.ascii_only(date) for date in made.dates(record))
    figure, (left, right) = _panels(views, 2)
    _picture(left, pictures.shown(views.before, views.valid), f"Before · {before}", views)
    _picture(right, pictures.shown(views.after, views.valid), f"After · {after}", views)
    _sources(figure, record)
    return figure


def _evidence_map(evidence: NDArray[np.uint8], title: str, views: Views, record: Record) -> Figure:
    below = 0.85
    figure, (axes,) = _panels(views, 1, below=below)
    _picture(axes, pictures.evidence_picture(evidence), title, views)
    height = figure.get_size_inches()[1]
    colours = ListedColormap(evidence_colours() / 255.0)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), colours),
        cax=figure.add_axes((0, (below - 0.2) / height, 0.68, 0.13 / height)),
        orientation="horizontal",
    )
    bar.set_ticks([0, 1], labels=["0: as where nothing changed", "1: far beyond that"])
    first, last = bar.ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    bar.outline.set_visible(False)
    blank = Patch(facecolor="#c3c3c3", edgecolor="#e1e1e1", hatch="////", label="not judged")
    corner = (1, (below - 0.06) / height)
    figure.legend(handles=[blank], loc="upper right", bbox_to_anchor=corner, borderaxespad=0)
    _sources(figure, record)
    return figure


def pixel_change(views: Views, record: Record) -> Figure:
    """Draw the evidence that the colour of the ground changed."""
    title = "Evidence of spectral change (colour and brightness)"
    return _evidence_map(views.pixel_change, title, views, record)


def structural_change(views: Views, record: Record) -> Figure:
    """Draw the evidence that shapes and edges changed."""
    title = "Evidence of structural change (shapes and edges)"
    return _evidence_map(views.structural_change, title, views, record)


def indices(views: Views, record: Record) -> Figure:
    """Draw how the spectral indices changed, all on one scale."""
    below = 0.85
    figure, places = _panels(views, len(views.indices), below=below)
    limit = pictures.difference_limit(views)
    for axes, index in zip(places, views.indices, strict=True):
        picture = pictures.difference_picture(index.difference, limit)
        _picture(axes, picture, f"Change of {index.name}", views)
    colours = ListedColormap(difference_colours() / 255.0)
    height = figure.get_size_inches()[1]
    bar = figure.colorbar(
        ScalarMappable(Normalize(-limit, limit), colours),
        cax=figure.add_axes((0.02, (below - 0.2) / height, 0.6, 0.13 / height)),
        orientation="horizontal",
    )
    before, after = (words.ascii_only(date) for date in made.dates(record))
    bar.set_label(f"index of {after} minus that of {before}, unitless", parse_math=False)
    bar.outline.set_visible(False)
    _sources(figure, record)
    return figure


def _class_patch(style: ClassStyle) -> Patch:
    blank = style.code == 0
    return Patch(
        facecolor="#c3c3c3" if blank else style.colour,
        edgecolor="#e1e1e1" if blank else "#555555",
        hatch=_HATCHES[style.pattern],
        linewidth=0.6,
        label=style.name.lower(),
    )


def classes(views: Views, record: Record) -> Figure:
    """Draw the decided classes over the faded after image."""
    below = 1.0
    figure, (axes,) = _panels(views, 1, below=below)
    _picture(axes, pictures.classes_picture(views), "Classes over the image after", views)
    patches = [_class_patch(style) for style in (*CHANGES, CLASSES[0])]
    _legend(figure, patches, below=below)
    _sources(figure, record)
    return figure


def buildings(views: Views, record: Record) -> Figure:
    """Draw the outlines by grade over the faded after image."""
    below = 1.0
    figure, (axes,) = _panels(views, 1, below=below)
    ground = pictures.faded(pictures.shown(views.after, views.valid), colour=0.4, lift=0.15)
    _picture(axes, ground, "Buildings by grade over the image after", views)
    handles = []
    # The gravest last, so that nothing lies over it.
    for style in reversed(GRADES):
        rings = [item.ring for item in views.buildings if item.grade == style.name]
        line: _Line = (0, style.dash) if style.dash else "solid"
        axes.add_collection(
            PolyCollection(
                rings,
                facecolors="none",
                edgecolors=style.colour,
                linewidths=style.width * 0.7,
                linestyles=[line],
                path_effects=[withStroke(linewidth=style.width, foreground=_INK)],
            ),
            autolim=False,
        )
        number = getattr(record.buildings, style.field, None)
        label = f"{style.name.lower()} ({words.count(len(rings) if number is None else number)})"
        handles.append(
            Patch(
                facecolor="#777777",
                edgecolor=style.colour,
                linewidth=style.width,
                linestyle=line,
                label=label,
            )
        )
    _legend(figure, handles[::-1], below=below)
    _sources(figure, record)
    return figure


def registration(views: Views, record: Record) -> Figure:
    """Draw a checkerboard of both dates, the displacements and the residuals."""
    ratio = min(max(views.height / views.width, 0.3), 1.6)
    figure = _figure(WIDTH_IN, WIDTH_IN / 2 * ratio + 3.05)
    top, bottom = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[WIDTH_IN / 2 * ratio + 0.45, 2.6]
    ).ravel()
    left, right = top.subplots(1, 2)
    board = pictures.checkerboard(views)
    _picture(left, board, "Checkerboard (blue: after)", views)
    _picture(right, pictures.faded(views.before, lift=0.6), "Displacement", views)
    _displacements(right, views)
    _residuals(bottom.subplots(), views, record)
    _sources(figure, record, outside=True)
    return figure


def _displacements(axes: Axes, views: Views) -> None:
    """Draw arrows at tie points, all enlarged by one factor that is written below them."""
    points = views.tie_points[np.isfinite(views.tie_points[:, :4]).all(axis=1)]
    if not len(points):
        axes.set_xlabel("no tie points", color=_INK)
        return
    hatched = _extrapolated(axes, views)
    every = max(1, len(points) // 500)
    believed = points[points[:, 5] > 0][::every]
    rejected = points[points[:, 5] == 0][::every]
    at = views.to_view(rejected[:, :2])
    axes.plot(at[:, 0], at[:, 1], "x", color=_GREY, markersize=3, markeredgewidth=0.8)
    if len(believed):
        start, step = views.to_view(believed[:, :2]), believed[:, 2:4]
        typical = max(float(np.percentile(np.hypot(*step.T), 90)), 0.1)
        wanted = 0.06 * max(views.width, views.height)
        for role, colour in ((1, _BLUE), (2, _ORANGE)):
            chosen = believed[:, 5] == role
            ends = start[chosen] + step[chosen] * (wanted / typical)
            axes.add_collection(
                LineCollection(
                    list(np.stack([start[chosen], ends], axis=1)), colors=colour, linewidths=1.1
                ),
                autolim=False,
            )
            axes.plot(*start[chosen].T, ".", color=colour, markersize=3.5)
        note = "\nhatched: no tie points near, extrapolated" if hatched else ""
        axes.set_xlabel(
            f"line from each dot: to where AFTER has it, enlarged; the longest tenth is over"
            f" {words.number(typical, digits=2)} px{note}",
            color=_INK,
            fontsize=7.5,
        )


def _extrapolated(axes: Axes, views: Views) -> bool:
    """Hatch where no believed tie point is near; say whether there is any such place."""
    far = pictures.far_from_tie_points(views)
    if not far.any():
        return False
    height, width = far.shape
    across = (np.arange(width) + 0.5) * views.width / width - 0.5
    down = (np.arange(height) + 0.5) * views.height / height - 0.5
    axes.contourf(
        across, down, far.astype(float), [0.5, 1.5], colors=["white"], alpha=0.45, hatches=["///"]
    )
    return True


def _residuals(axes: Axes, views: Views, record: Record) -> None:
    """Draw what is left at believed tie points after the fit."""
    axes.set_title("Residuals at tie points, with the noise of each")
    axes.set_xlabel("residual, pixels of the full image")
    axes.set_ylabel("tie points")
    residual, role = views.tie_points[:, 4], views.tie_points[:, 5]
    kept = np.isfinite(residual) & (role > 0)
    if not kept.any():
        axes.text(0.5, 0.5, "no tie points", transform=axes.transAxes, ha="center")
        return
    top = max(float(np.percentile(residual[kept], 99.5)), 0.1)
    edges = np.linspace(0, top, 31)
    groups = [np.clip(residual[kept & (role == number)], 0, top) for number in (1, 2)]
    axes.hist(
        groups,
        edges.tolist(),
        stacked=True,
        color=[_BLUE, _ORANGE],
        label=["used in the fit", "left out of the fit"],
    )
    found = record.registration
    lines = (("RMSE", "rmse_px", "-"), ("CE90", "ce90_px", "--"))
    for name, field, dash in lines if found is not None else ():
        if (at := getattr(found, field)) is not None:
            axes.axvline(
                at,
                color=_INK,
                linestyle=dash,
                linewidth=1.4,
                label=f"{name} of the model: {words.number(at)} px",
            )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()


def evidence(views: Views, record: Record) -> Figure:
    """Draw the histogram of each score beside its null, with the threshold."""
    number = max(1, len(views.histograms))
    cols = min(2, number)
    rows = -(-number // cols)
    figure = _figure(WIDTH_IN, 2.9 * rows + 0.3)
    axes = figure.subplots(rows, cols, squeeze=False).ravel()
    for place, item in zip(axes, views.histograms, strict=False):
        _score(place, item)
    for place in axes[len(views.histograms) :]:
        place.set_visible(False)
    _sources(figure, record, outside=True)
    return figure


def _score(axes: Axes, item: Histogram) -> None:
    """Draw one score; the vertical axis is logarithmic, for what matters lies in the tail."""

    def shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return counts / max(float(counts.sum()), 1e-12)

    axes.set_title(words.ascii_only(item.label, limit=60), parse_math=False)
    axes.stairs(shares(item.counts), item.edges, fill=True, color="#9ecae8", label="this pair")
    if item.null_counts is not None:
        axes.stairs(
            shares(item.null_counts),
            item.edges,
            color=_INK,
            linewidth=1.5,
            label="where nothing changed (null)",
        )
    if item.threshold is not None:
        axes.axvline(
            item.threshold,
            color=_ORANGE,
            linestyle="--",
            linewidth=1.8,
            label=f"threshold {words.number(item.threshold)}",
        )
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylabel("share, log scale")
    axes.legend(fontsize=8)


def cells(views: Views, record: Record) -> Figure:
    """Draw the shares by cell: a map for each kind of loss, bars of the worst cells."""
    fields = content.cell_fields(record)
    ratio = min(max(views.height / views.width, 0.3), 1.6)
    number = len(fields)
    wide = WIDTH_IN / max(2, number)
    figure = _figure(WIDTH_IN, wide * 0.88 * ratio + 3.4)
    top, bottom = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[wide * 0.88 * ratio + 0.5, 2.9]
    ).ravel()
    colours = ListedColormap(evidence_colours() / 255.0)
    maps = top.subplots(1, number, squeeze=False).ravel()
    bars = bottom.subplots(1, number, squeeze=False).ravel()
    for place, chart, (share, area, title) in zip(maps, bars, fields, strict=True):
        _picture(place, pictures.faded(views.after, lift=0.5), title, views)
        shades = ScalarMappable(Normalize(0, _top(record.cells or (), share)), colours)
        _cell_map(place, views, record.cells or (), share, shades)
        top.colorbar(
            shades,
            ax=place,
            fraction=0.04,
            pad=0.015,
            label="% of what was there before",
        )
        _cell_bars(chart, content.worst_cells(record, share, area, most=8), share, area)
    _sources(figure, record, outside=True)
    return figure


def _top(found: tuple[Cell, ...], field: str) -> float:
    """Return the end of the colour scale, per cent: a round number that holds all cells."""
    largest = max((getattr(cell, field) or 0.0 for cell in found), default=0.0) * 100
    return next((float(end) for end in (10, 25, 50) if largest <= end), 100.0)


def _cell_map(
    axes: Axes, views: Views, found: tuple[Cell, ...], field: str, shades: ScalarMappable
) -> None:
    """Fill each cell with its share; cells where there was nothing to lose stay clear."""
    known = [cell for cell in found if getattr(cell, field) is not None]
    rings = [bounds_ring(views.grid, cell.bounds) for cell in known]
    values = np.array([getattr(cell, field) for cell in known], np.float64)
    axes.add_collection(
        PolyCollection(
            rings,
            facecolors=shades.to_rgba(values * 100),
            edgecolors="white",
            linewidths=0.8,
            alpha=0.85,
        ),
        autolim=False,
    )
    for ring, value in zip(rings, values, strict=True) if len(rings) <= 60 else ():
        x, y = ring.mean(axis=0)
        axes.text(
            x,
            y,
            _whole(value),
            ha="center",
            va="center",
            fontsize=7.5,
            color=_INK,
            path_effects=_halo(2),
            clip_on=True,
        )


def _whole(share: float) -> str:
    """Write a share as a whole number of per cent."""
    return "<1" if 0 < share < 0.005 else f"{share * 100:.0f}"


def _cell_bars(axes: Axes, worst: tuple[Cell, ...], share: str, area: str) -> None:
    """Draw the cells with the largest loss."""
    by_area = any(getattr(cell, area) is not None for cell in worst)
    field, factor, unit = (area, 1.0, "ha") if by_area else (share, 100.0, "%")
    values = [(getattr(cell, field) or 0.0) * factor for cell in worst]
    axes.barh(range(len(worst)), values, color=_BLUE)
    axes.set_yticks(range(len(worst)), [words.ascii_only(cell.id) for cell in worst])
    axes.set_ylim(7.6, -0.6)
    axes.set_title("Cells with the largest loss")
    axes.set_xlabel(f"lost, {unit}")
    axes.set_xlim(0, max([*values, 1e-9]) * 1.25)
    for place, (value, cell) in enumerate(zip(values, worst, strict=True)):
        label = f" {words.number(value, digits=2)} {unit}"
        if by_area:
            label += f" ({_whole(getattr(cell, share))} %)"
        axes.text(value, place, label, va="center", fontsize=8, parse_math=False)


def _is_compared(record: Record) -> bool:
    """Tell a result with maps of change from a refused one, and from a registration alone."""
    return record.status != "refused" and record.built is not None


Draw = Callable[[Views, Record], Figure]

FIGURES: dict[str, tuple[Draw, Callable[[Views, Record], bool]]] = {
    "before_after": (before_after, lambda _views, _record: True),
    "classes": (classes, lambda _views, record: _is_compared(record)),
    "buildings": (
        buildings,
        lambda views, record: bool(views.buildings) and _is_compared(record),
    ),
    "structural_change": (structural_change, lambda _views, record: _is_compared(record)),
    "pixel_change": (pixel_change, lambda _views, record: _is_compared(record)),
    "indices": (indices, lambda views, record: bool(views.indices) and _is_compared(record)),
    "cells": (cells, lambda _views, record: bool(record.cells and content.cell_fields(record))),
    "registration": (registration, lambda _views, record: record.registration is not None),
    "evidence": (
        evidence,
        lambda views, record: bool(views.histograms) and record.status != "refused",
    ),
}
"""How to draw each figure, and when there is something to draw. A new figure is a line here."""


def draw_figures(views: Views, record: Record) -> dict[str, tuple[bytes, str]]:
    """Draw all figures that this result has something for, one after the other.

    Parameters
    ----------
    views : Views
        What is to be seen.
    record : Record
        A refused one gets only the images and their registration.

    Returns
    -------
    dict
        PNG bytes and text alternative by name, in the order of the report.
    """
    drawn = {}
    for name in wanted_figures(views, record):
        figure = draw_figure(name, views, record)
        drawn[name] = (to_png(figure), DESCRIBE[name](views, record))
        # A figure is a web of references: without this all of them would be held at once.
        figure.clear()
    return drawn


def wanted_figures(views: Views, record: Record) -> tuple[str, ...]:
    """Return the names of the figures that this result has something for, in order."""
    return tuple(name for name, (_, wanted) in FIGURES.items() if wanted(views, record))


def draw_figure(name: str, views: Views, record: Record) -> Figure:
    """Draw one of :data:`FIGURES`."""
    with _style():
        return FIGURES[name][0](views, record)


def to_png(figure: Figure) -> bytes:
    """Return the figure as a PNG: the same bytes for the same figure, no time stamp."""
    buffer = io.BytesIO()
    with _style():
        figure.savefig(
            buffer,
            format="png",
            dpi=DPI,
            bbox_inches="tight",
            pad_inches=0.12,
            metadata={"Software": None},
        )
    return buffer.getvalue()
