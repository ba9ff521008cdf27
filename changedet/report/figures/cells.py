"""Losses by cell: a map for each kind, bars of the worst cells."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from changedet.report import amounts, content, pictures
from changedet.report.alts import loss_name
from changedet.report.figures.look import (
    BLUE,
    INK,
    NOTE_PT,
    WIDTH_IN,
    foreign,
    halo,
    look,
    tick,
)
from changedet.report.figures.sheet import GAP, Board
from changedet.report.language import Phrase, Text, phrase, tell
from changedet.report.mapping import bounds_ring
from changedet.report.palette import evidence_colours
from changedet.report.views import Views
from changedet.result import Cell, Record

MOST_BARS = 8
_BAR = 0.235
_NAMES = 0.75
"""Inches for a bar, and for the names of the cells beside them."""


def cells(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the shares by cell: a map for each kind of loss, bars of the worst cells."""
    fields = [(share, area) for share, area, *_ in content.cell_fields(record)]
    found = record.cells or ()
    with look():
        board = Board(views, len(fields), lang, across=WIDTH_IN if len(fields) > 1 else 6.0)
        pale = pictures.faded(pictures.resized(views.after, board.pixels), lift=0.5)
        titles = [loss_name(share) for share, _ in fields]
        below = 0.6
        for axes, (share, _) in zip(
            board.show([pale] * len(fields), titles, below=below), fields, strict=True
        ):
            top = _top(found, share)
            shades = ScalarMappable(Normalize(0, top), ListedColormap(evidence_colours() / 255.0))
            known = [cell for cell in found if getattr(cell, share) is not None]
            _cell_map(board, axes, known, share, shades)
            _bar_below(board, axes, shades, top)
        _bars(board, record, fields)
        return board.done(record)


def _bar_below(board: Board, axes: Axes, shades: ScalarMappable, top: int) -> None:
    """Draw the scale of colours right below a picture."""
    left, above, wide, tall = board.place_of(axes)
    place = board.axes(left, above + tall + 0.07, wide * 0.6, 0.12)
    bar = board.figure.colorbar(shades, cax=place, orientation="horizontal")
    bar.outline.set_visible(False)
    place.set_xticks(range(0, top + 1, _STEPS[top]))
    place.tick_params(labelsize=NOTE_PT)
    said = board.say(Phrase("cell-share"))
    board.note(said, left + wide * 0.6 + 0.12, above + tall + 0.05, wide * 0.4 - 0.12)


_STEPS = {10: 2, 25: 5, 50: 10, 100: 20}
"""Ends of the scale and its ticks, per cent."""


def _top(found: tuple[Cell, ...], field: str) -> int:
    """Return the end of the colour scale, per cent: a round number that holds all cells."""
    largest = max((getattr(cell, field) or 0.0 for cell in found), default=0.0) * 100
    return next((end for end in _STEPS if largest <= end), 100)


def _cell_map(
    board: Board, axes: Axes, known: list[Cell], field: str, shades: ScalarMappable
) -> None:
    """Fill each cell with its share; cells where there was nothing to lose stay clear."""
    views = board.views
    rings = [bounds_ring(views.grid, cell.bounds) for cell in known]
    values = np.array([getattr(cell, field) for cell in known], np.float64)
    axes.add_collection(
        PolyCollection(
            rings, facecolors=shades.to_rgba(values * 100), edgecolors="white", linewidths=0.8,
            alpha=0.85,
        ),
        autolim=False,
    )  # fmt: skip
    narrow = views.width / board.picture[0] * 0.3  # no room for a number, pixels of the view
    for ring, value in zip(rings, values, strict=True) if len(rings) <= 60 else ():
        # The middle of what is seen of the cell.
        (x0, x1), (y0, y1) = (
            np.clip([ring[:, k].min(), ring[:, k].max()], -0.5, size - 0.5)
            for k, size in enumerate((views.width, views.height))
        )
        if x1 - x0 < narrow or y1 - y0 < narrow / 2:
            continue
        axes.text(
            (x0 + x1) / 2, (y0 + y1) / 2, board.say(_whole(value)), ha="center", va="center",
            fontsize=NOTE_PT, color=INK, path_effects=halo(2), clip_on=True,
        )  # fmt: skip


def _whole(share: float) -> Text:
    """Return a share as a whole number of per cent."""
    return Phrase("less-than-one") if 0 < share < 0.005 else f"{share * 100:.0f}"


def _bars(board: Board, record: Record, fields: list[tuple[str, str]]) -> None:
    """Draw the cells with the largest loss below the maps, side by side."""
    worst = [content.worst_cells(record, *field, most=MOST_BARS) for field in fields]
    rows = max(1, *(len(found) for found in worst))
    columns = len(fields)
    column = (board.width - GAP * (columns - 1)) / columns
    lefts = [number * (column + GAP) for number in range(columns)]
    board.titles([board.say(Phrase("worst-cells"))] * columns, lefts, column)
    for (share, area), left, found in zip(fields, lefts, worst, strict=True):
        axes = board.axes(left + _NAMES, board.top, column - _NAMES, rows * _BAR)
        _cell_bars(axes, found, share, area, board.lang)
        axes.set_ylim(rows - 0.4, -0.6)
    board.top += rows * _BAR + 0.5


def _cell_bars(axes: Axes, worst: tuple[Cell, ...], share: str, area: str, lang: str) -> None:
    """Draw the cells with the largest loss."""
    by_area = any(getattr(cell, area) is not None for cell in worst)
    field, factor = (area, 1.0) if by_area else (share, 100.0)
    values = [(getattr(cell, field) or 0.0) * factor for cell in worst]
    axes.barh(range(len(worst)), values, color=BLUE, height=0.75)
    axes.set_yticks(range(len(worst)), [foreign(cell.id, limit=12) for cell in worst])
    axes.tick_params(labelsize=NOTE_PT)
    axes.set_xlabel(tell(Phrase("axis-lost-hectares" if by_area else "axis-lost-percent"), lang))
    # The labels stand to the right of the bars.
    axes.set_xlim(0, max([*values, 1e-9]) * 1.45)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(x, lang)))
    for place, (value, cell) in enumerate(zip(values, worst, strict=True)):
        label: Text = amounts.percent(getattr(cell, share))
        if by_area:
            whole = phrase("percent", share=_whole(getattr(cell, share)))
            label = phrase("cell-loss", area=amounts.hectares(value), share=whole)
        axes.annotate(
            tell(label, lang), (value, place), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=NOTE_PT,
        )  # fmt: skip
