"""Areas: counts of pixels that add up over blocks, and what they mean on the ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid, Window
from changedet.quantify.floor import DIRECTIONS

COUNTS = (
    "inside",
    "analysed",
    "built",
    "built_low",
    "built_central",
    "built_high",
    "vegetation",
    "vegetation_low",
    "vegetation_central",
    "vegetation_high",
    "gained",
    "shadow",
    "saturated",
    "cloud",
    "smoke",
    "snow",
    "farmed",
    "bared",
    "weaker",
    "burnt",
    "canopy",
    "canopy_low",
    "canopy_central",
    "canopy_high",
    *(f"beside_{number}" for number in range(DIRECTIONS)),
)
"""What is counted: pixels of the AOI, of them analysed, what stood and was lost in those and what
lay in shadow; and of the others what hid them (the rest of them no date or only one covers)."""

_ROW = {name: row for row, name in enumerate(COUNTS)}

CELL_M = 500.0
"""Side of a cell of the summary grid, metres (as in UNOSAT's rapid damage assessments)."""
CELL_PX = 500
"""Side of a cell where no scale is known, pixels."""
_MANY_PARTS = 64
"""Cells in a block from which pixels are counted by their number, not rectangle by rectangle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellGrid:
    """The summary grid over a pixel grid; cells begin at the grid's first pixel."""

    rows: int
    cols: int
    side_px: float

    @classmethod
    def over(cls, grid: Grid) -> CellGrid:
        """Cover ``grid`` with cells of :data:`CELL_M`."""
        side = CELL_PX if grid.gsd_m is None else CELL_M / grid.gsd_m
        side = max(side, 1.0)
        return cls(
            rows=int(np.ceil(grid.height / side)),
            cols=int(np.ceil(grid.width / side)),
            side_px=side,
        )

    def index(self, window: Window) -> NDArray[np.int64]:
        """Return the number of the cell of each pixel of ``window``, shape of the window."""
        cols = np.arange(window.col, window.stop_col)[None, :]
        return self.number(cols, np.arange(window.row, window.stop_row)[:, None])

    def parts(self, window: Window) -> list[tuple[int, tuple[slice, slice]]]:
        """Return the cells that ``window`` touches: the number, and its pixels in the window."""
        cols = np.arange(window.col, window.stop_col)
        rows = np.arange(window.row, window.stop_row)
        across = np.flatnonzero(np.diff(self.number(cols, np.array(window.row)))) + 1
        down = np.flatnonzero(np.diff(self.number(np.array(window.col), rows))) + 1
        return [
            (
                int(self.number(np.array(window.col + left), np.array(window.row + top))),
                (slice(top, bottom), slice(left, right)),
            )
            for top, bottom in pairwise((0, *down.tolist(), window.height))
            for left, right in pairwise((0, *across.tolist(), window.width))
        ]

    def number(self, cols: NDArray[np.number], rows: NDArray[np.number]) -> NDArray[np.int64]:
        """Return the number of the cell of pixel positions, which may lie a little outside."""
        across = ((np.asarray(cols) + 0.5) / self.side_px).astype(np.int64).clip(0, self.cols - 1)
        down = ((np.asarray(rows) + 0.5) / self.side_px).astype(np.int64).clip(0, self.rows - 1)
        return np.asarray(down * self.cols + across)

    def window(self, number: int, grid: Grid) -> Window:
        """Return the pixels of a cell, cut at the grid's edge."""
        row, col = divmod(number, self.cols)
        top, left = round(row * self.side_px), round(col * self.side_px)
        return Window(
            row=top,
            col=left,
            height=min(grid.height, round((row + 1) * self.side_px)) - top,
            width=min(grid.width, round((col + 1) * self.side_px)) - left,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Pixel counts by cell; tallies of blocks add up exactly, in any order."""

    counts: NDArray[np.int64] = field(repr=False)
    """Shape (len(COUNTS), cells)."""

    @classmethod
    def zero(cls, cells: CellGrid) -> Tally:
        """Return the tally of nothing."""
        return cls(np.zeros((len(COUNTS), cells.rows * cells.cols), np.int64))

    @classmethod
    def of(cls, marked: dict[str, NDArray[np.bool_]], *, cells: CellGrid, window: Window) -> Tally:
        """Count the marked pixels by cell.

        Parameters
        ----------
        marked : dict of ndarray of bool, shape of the window
            By the names in :data:`COUNTS`; what is not given counts nothing.
        """
        counts = np.zeros((len(COUNTS), cells.rows * cells.cols), np.int64)
        parts = cells.parts(window)
        number = cells.index(window) if len(parts) > _MANY_PARTS else None
        for name, mask in marked.items():
            if not mask.any():
                continue
            if number is not None:
                counts[_ROW[name]] = np.bincount(number[mask], minlength=counts.shape[1])
                continue
            for cell, part in parts:
                counts[_ROW[name], cell] = np.count_nonzero(mask[part])
        return cls(counts)

    def __add__(self, other: Tally) -> Tally:
        """Add the counts of another block."""
        return Tally(self.counts + other.counts)

    def total(self, name: str) -> int:
        """Return the number of pixels over all cells."""
        return int(self.counts[_ROW[name]].sum())

    def cell(self, name: str, number: int) -> int:
        """Return the number of pixels in one cell."""
        return int(self.counts[_ROW[name], number])


def hectares(pixels: int, pixel_area_m2: float | None) -> float | None:
    """Turn pixels into hectares; None where no scale is known.

    Examples
    --------
    >>> hectares(40_000, 0.25)
    1.0
    """
    return None if pixel_area_m2 is None else round(pixels * pixel_area_m2 / 10_000, 4)


def share(part: int, whole: int) -> float:
    """Return ``part / whole``, and 0 where there is no whole.

    Examples
    --------
    >>> share(1, 4), share(0, 0)
    (0.25, 0.0)
    """
    return round(part / whole, 6) if whole else 0.0


def clip_interval(interval: NDArray[np.int64], central: int, before: int) -> tuple[int, int]:
    """Hold an interval so that it has the central figure in it and no more than there was."""
    low, high = (int(end) for end in interval)
    return min(low, central), min(max(high, central), before)
