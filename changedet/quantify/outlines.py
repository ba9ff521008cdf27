"""Outlines: by how much they lie beside the roofs that BEFORE shows, from the edges along them.

Footprints are drawn on the ground and on another image: roofs lean, terrain models err, and whole
blocks of outlines lie metres beside the roofs. Moved to where edges run along them they fit again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

FloatArray = NDArray[np.float64]

REACH_M = 8.0
"""Largest shift that is looked for along an axis, metres."""
CELL_M = 250.0
"""Side of the cells that have a shift of their own, metres."""
SPACING_M = 1.0
"""Distance of the points along an outline, metres."""
MOST_PARTS = 120
"""Outlines of a cell that are looked at; more add nothing."""
LEAST_PARTS = 8
"""Outlines below which no shift is believed."""
GAIN = 5.0
"""Standard errors by which the best shift must beat the one it replaces."""
AHEAD = 3.0
"""Standard errors by which it must beat every other peak of the search."""
APART_M = 2.5
"""Distance from which on another maximum of the search is another peak, metres."""
_LEAST_POINTS = 8  # of an outline in a cell
_NEIGHBOUR = 0.5  # weight of the cells beside a cell; of those at its corners the square


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Points:
    """Points along outlines, in pixels; every array has one element a point."""

    col: FloatArray
    row: FloatArray
    direction: NDArray[np.complex64]
    """Double-angle unit number of the outline's normal."""
    part: NDArray[np.intp]
    """Which outline a point belongs to."""

    def chosen(self, keep: NDArray[np.bool_]) -> Points:
        """Return some of the points."""
        return Points(
            col=self.col[keep],
            row=self.row[keep],
            direction=self.direction[keep],
            part=self.part[keep],
        )


def place_points(
    corners: FloatArray, ring: NDArray[np.integer], outline: NDArray[np.integer], *, spacing: float
) -> Points:
    """Place points evenly along closed rings.

    Parameters
    ----------
    corners : ndarray, shape (n, 2)
        Column and row of the corners; the last of a ring repeats its first.
    ring, outline : ndarray of int, shape (n,)
        Which ring and which outline a corner belongs to, ascending.
    spacing : float
        Distance of the points, pixels.

    Returns
    -------
    Points
    """
    same = ring[1:] == ring[:-1]
    start, step = corners[:-1][same], (corners[1:] - corners[:-1])[same]
    owner = outline[:-1][same]
    length = np.hypot(*step.T)
    count = np.maximum(np.rint(length / spacing), 0).astype(np.intp)
    # a side shorter than half the spacing has no point: its direction means little
    which = np.repeat(np.arange(len(count)), count)
    order = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    at = start[which] + step[which] * ((order + 0.5) / count[which])[:, None]
    normal = (step[:, 1] - 1j * step[:, 0]) / np.maximum(length, 1e-12)
    return Points(
        col=at[:, 0],
        row=at[:, 1],
        direction=(normal * normal)[which].astype(np.complex64),
        part=owner[which].astype(np.intp),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Sums over outlines of how well edges run along them, for every shift; they add."""

    total: FloatArray = field(repr=False)
    """Shape (2 reach + 1, 2 reach + 1): rows and columns of the shift, pixels."""
    square: float
    """Sum over outlines of their mean squared score."""
    parts: float
    """How many outlines."""

    @classmethod
    def zero(cls, reach: int) -> Surface:
        """Return the sums over no outline, for shifts of up to ``reach`` pixels."""
        side = 2 * reach + 1
        return cls(np.zeros((side, side)), 0.0, 0.0)

    def __add__(self, other: Surface) -> Surface:
        """Add the sums over other outlines."""
        return Surface(
            self.total + other.total, self.square + other.square, self.parts + other.parts
        )

    def weighted(self, weight: float) -> Surface:
        """Return the sums with another weight."""
        return Surface(self.total * weight, self.square * weight**2, self.parts * weight)

    @property
    def reach(self) -> int:
        """Largest shift along an axis, pixels."""
        return len(self.total) // 2

    @property
    def error(self) -> float:
        """Standard error of the difference of two totals, outlines taken as independent."""
        return float(np.sqrt(2 * max(self.square, 1e-12)))

    def at(self, shift: tuple[float, float]) -> float:
        """Return the mean score at a shift (columns, rows), interpolated."""
        place = [[shift[1] + self.reach], [shift[0] + self.reach]]
        found = map_coordinates(self.total, place, order=1, mode="nearest")
        return float(found[0] / max(self.parts, 1e-12))


def score_shifts(edges: NDArray[np.complex64], points: Points, *, reach: int) -> Surface:
    """Sum up how well edges run along outlines that are moved by every whole shift.

    Parameters
    ----------
    edges : ndarray of complex64, shape (height, width)
        Double-angle gradient field (:func:`changedet.core.kernels.double_angle`): which side is
        brighter does not count.
    points : Points
        Positions at least ``reach + 1`` pixels inside the field.
    reach : int
        Largest shift along an axis, pixels.

    Returns
    -------
    Surface
        For each outline the mean over its points of the cosine of twice the angle between edge
        and outline, weighed by the strength of the edge (0..1): 0 on average where edges have
        nothing to do with the outlines.
    """
    _, part, count = np.unique(points.part, return_inverse=True, return_counts=True)
    enough = np.flatnonzero(count >= _LEAST_POINTS)
    if len(enough) > MOST_PARTS:  # evenly over all
        enough = enough[np.linspace(0, len(enough) - 1, MOST_PARTS).astype(np.intp)]
    if not len(enough):
        return Surface.zero(reach)
    keep = np.isin(part, enough)
    chosen = points.chosen(keep)
    row, col = np.rint(chosen.row).astype(np.intp), np.rint(chosen.col).astype(np.intp)
    # the points of one outline follow each other
    first = np.flatnonzero(np.diff(part[keep], prepend=-1))
    per = np.diff(first, append=int(keep.sum())).astype(np.float64)
    flat, width = edges.ravel(), edges.shape[1]
    at = row * width + col
    total, square = np.zeros((2 * reach + 1, 2 * reach + 1)), 0.0
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            here = flat[at + down * width + right]
            along = here.real * chosen.direction.real + here.imag * chosen.direction.imag
            mean = np.add.reduceat(along, first) / per
            total[down + reach, right + reach] = mean.sum()
            square += float(mean @ mean)
    return Surface(total, square / total.size, float(len(first)))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shifts:
    """The shift of each cell, columns and rows; between the cells that show one, linear."""

    shift: FloatArray = field(repr=False)
    """Shape (2, rows, columns), pixels."""
    known: FloatArray = field(repr=False)
    """Shape (rows, columns): 1 where the outlines of a cell and its neighbours showed one."""
    cell: float
    """Side of a cell, pixels."""
    before: float
    """Mean score of the outlines where they were given."""
    after: float
    """Mean score where they are now."""
    surprise: float
    """The same in standard errors of outlines that have nothing to do with the image."""

    def at(self, col: FloatArray, row: FloatArray) -> FloatArray:
        """Return columns and rows by which to move what is at positions: shape (2, n)."""
        place = np.stack([np.asarray(row), np.asarray(col)]) / self.cell - 0.5

        def between(values: FloatArray) -> FloatArray:
            return np.asarray(map_coordinates(values, place, order=1, mode="nearest"))

        weight = between(self.known)
        sums = np.stack([between(part * self.known) for part in self.shift])
        return np.where(weight > 1e-9, sums / np.maximum(weight, 1e-9), 0.0)


def choose_shifts(
    cells: Mapping[tuple[int, int], Surface],
    shape: tuple[int, int],
    *,
    cell: float,
    apart: float,
) -> Shifts:
    """Choose the shift of every cell; none without evidence.

    First one for all outlines, then one for each cell with its neighbours, each only where it
    stands out: it must beat what it replaces, and every other peak of the search, by several
    standard errors, and must not lie at the rim of the search.

    Parameters
    ----------
    cells : mapping of (row, column) to Surface
        Cells without outlines may be missing.
    shape : tuple of int
        Rows and columns of cells.
    cell : float
        Side of a cell, pixels.
    apart : float
        Distance from which on a maximum is another peak, pixels.
    """
    chosen, known = np.zeros((2, *shape)), np.zeros(shape)
    if not cells:
        return Shifts(shift=chosen, known=known, cell=cell, before=0.0, after=0.0, surprise=np.inf)
    reach = next(iter(cells.values())).reach
    whole = sum(cells.values(), Surface.zero(reach))
    common = _stands_out(whole, (0.0, 0.0), apart)
    base = common or (0.0, 0.0)
    before = after = 0.0
    chosen[0], chosen[1] = base
    known[:] = common is not None
    for row, col in sorted(cells):
        around = Surface.zero(reach)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                near = cells.get((row + down, col + right))
                if near is not None:
                    around = around + near.weighted(_NEIGHBOUR ** (abs(down) + abs(right)))
        found = _stands_out(around, base, apart)
        if found is None and around.at(base) < around.at((0.0, 0.0)):
            found = (0.0, 0.0)
        elif found is None and _is_right(around, apart):
            known[row, col] = 1.0
        if found is not None:
            chosen[:, row, col], known[row, col] = found, 1.0
        here = cells[row, col]
        before += here.at((0.0, 0.0)) * here.parts
        after += here.at(found or base) * here.parts
    parts = max(whole.parts, 1.0)
    few = whole.parts < LEAST_PARTS
    return Shifts(
        shift=chosen,
        known=known,
        cell=cell,
        before=before / parts,
        after=after / parts,
        surprise=np.inf if few else after / float(np.sqrt(max(whole.square, 1e-12))),
    )


def _is_right(surface: Surface, apart: float) -> bool:
    """Say whether no shift at all is beyond doubt better than every one that is far from it."""
    reach = surface.reach
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    other = np.hypot(rows, cols) > apart
    ahead = float(surface.total[~other].max()) - float(surface.total[other].max())
    return surface.parts >= LEAST_PARTS and ahead >= AHEAD * surface.error


def _stands_out(
    surface: Surface, base: tuple[float, float], apart: float
) -> tuple[float, float] | None:
    """Return the best shift (columns, rows) where it is beyond doubt better than ``base``."""
    total, reach = surface.total, surface.reach
    row, col = (int(k) for k in np.unravel_index(int(total.argmax()), total.shape))
    rim = min(row, col) == 0 or max(row, col) == 2 * reach
    if surface.parts < LEAST_PARTS or rim:
        return None
    rows, cols = np.ogrid[: len(total), : len(total)]
    other = np.hypot(rows - row, cols - col) > apart
    peak, error = float(total[row, col]), surface.error
    if peak - surface.at(base) * surface.parts < GAIN * error:
        return None
    if other.any() and peak - float(total[other].max()) < AHEAD * error:
        return None
    down = _vertex(*total[row - 1 : row + 2, col])
    right = _vertex(*total[row, col - 1 : col + 2])
    return col - reach + right, row - reach + down


def _vertex(left: float, middle: float, right: float) -> float:
    """Place the top of a parabola through three values, -0.5..0.5 from the middle one."""
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))
