"""Polygons to pixels and back; no file is opened here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize, shapes
from shapely.geometry.base import BaseGeometry

from changedet.core.grid import Grid, Window


def burn(geometries: Sequence[BaseGeometry], grid: Grid) -> np.ndarray:
    """Mark the pixels whose centre lies in any of the polygons.

    Parameters
    ----------
    geometries : sequence of shapely geometries
        In the grid's CRS.
    grid : Grid
        Usually that of a window: the result for a pixel does not depend on the window.

    Returns
    -------
    ndarray of bool, shape of the grid
    """
    burnt = np.zeros(grid.shape, bool)
    if not len(geometries):
        return burnt
    edges = _Edges.of(geometries, grid)
    windows = edges.windows(grid)
    for window, inside in zip(windows, _insides(edges, windows), strict=True):
        burnt[window.slices] |= inside
    rest = [(geometries[number], 1) for number in np.flatnonzero(edges.left).tolist()]
    if rest:
        more = rasterize(rest, out_shape=grid.shape, transform=grid.transform, dtype=np.uint8)
        burnt |= np.asarray(more, bool)
    return burnt


def burn_each(
    geometries: Sequence[BaseGeometry], grid: Grid, windows: Sequence[Window]
) -> list[np.ndarray]:
    """Mark the pixels of many polygons, each in a window of its own.

    Parameters
    ----------
    geometries : sequence of shapely geometries
        In the grid's CRS.
    grid : Grid
        Of the whole image.
    windows : sequence of Window
        As many, in pixels of ``grid``.

    Returns
    -------
    list of ndarray of bool
        What :func:`burn` finds in the grid of each window, for all of them in a few steps.
    """
    if not len(geometries):
        return []
    edges = _Edges.of(geometries, grid)
    found = list(_insides(edges, windows))
    for number in np.flatnonzero(edges.left).tolist():
        found[number] = burn((geometries[number],), grid.crop(windows[number]))
    return found


_MOST_PIXELS = 2**21
"""Pixels of windows that are worked on at a time, unless one alone has more."""


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Edges of the rings of polygons, in order of these, in pixels: corners at whole numbers."""

    owner: np.ndarray
    """Number of the polygon; ascending."""
    x: np.ndarray
    y: np.ndarray
    x2: np.ndarray
    y2: np.ndarray
    left: np.ndarray
    """True for polygons, and for other things, that are left to GDAL; by polygon."""

    @classmethod
    def of(cls, geometries: Sequence[BaseGeometry], grid: Grid) -> _Edges:
        """Take polygons apart."""
        shapes_ = np.asarray(geometries, object)
        kinds = shapely.get_type_id(shapes_)
        left = ~np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
        parts, part_of = shapely.get_parts(np.where(left, _NOTHING, shapes_), return_index=True)
        rings, ring_of = shapely.get_rings(parts, return_index=True)
        corners, corner_of = shapely.get_coordinates(rings, return_index=True)
        cols, rows = ~grid.transform @ (corners[:, 0], corners[:, 1])
        same = corner_of[1:] == corner_of[:-1]
        x, y, x2, y2 = cols[:-1][same], rows[:-1][same], cols[1:][same], rows[1:][same]
        owner = part_of[ring_of[corner_of[:-1][same]]]
        left &= ~shapely.is_empty(shapes_)
        # A level edge on the line through the centres of a row GDAL draws as a line.
        left[owner[(y == y2) & (y % 1 == 0.5)]] = True
        return cls(owner, x, y, x2, y2, left)

    def windows(self, grid: Grid) -> list[Window]:
        """Return the part of a grid that each polygon can mark."""
        whole = Window(row=0, col=0, height=grid.height, width=grid.width)
        found = [Window(row=0, col=0, height=0, width=0)] * len(self.left)
        if not self.owner.size:
            return found
        begin = np.flatnonzero(np.diff(self.owner, prepend=-1))
        low, high = (
            [extreme.reduceat(part, begin) for part in (self.x, self.y)]
            for extreme in (np.minimum, np.maximum)
        )
        for k, number in enumerate(self.owner[begin]):
            col, row = (int(np.floor(part[k])) - 1 for part in low)
            right, bottom = (int(np.ceil(part[k])) + 1 for part in high)
            box = Window(row=row, col=col, height=bottom - row, width=right - col) & whole
            if box.height and box.width and not self.left[number]:
                found[number] = box
        return found


_NOTHING = shapely.Polygon()


def _insides(edges: _Edges, windows: Sequence[Window]) -> Iterator[np.ndarray]:
    """Mark the pixels inside edges, window by window.

    GDAL's rule: along the line through the centres of a row, the inside changes wherever an edge
    crosses. All rows of all windows lie one after the other: each is crossed an even number of
    times, so that a sum over all of them begins anew with every row.
    """
    first = 0
    while first < len(windows):
        stop, pixels = first, 0
        while stop < len(windows):
            pixels += windows[stop].height * (windows[stop].width + 1)
            if pixels > _MOST_PIXELS and stop > first:
                break
            stop += 1
        yield from _some_insides(edges, windows, first, stop)
        first = stop


def _some_insides(
    edges: _Edges, windows: Sequence[Window], begin: int, end: int
) -> Iterator[np.ndarray]:
    some = slice(*np.searchsorted(edges.owner, (begin, end)))
    own = edges.owner[some] - begin
    x, y, x2, y2 = (part[some] for part in (edges.x, edges.y, edges.x2, edges.y2))
    top, left, tall, wide = np.array(
        [(w.row, w.col, w.height, w.width) for w in windows[begin:end]], np.intp
    ).T
    # One place more in a row: what lies beyond its last pixel turns nothing in it.
    start = np.concatenate([[0], np.cumsum(tall * (wide + 1))])
    first, stop = (
        (np.ceil(part - 0.5) - top[own]).clip(0, tall[own]).astype(np.intp)
        for part in (np.minimum(y, y2), np.maximum(y, y2))
    )
    count = stop - first
    edge = np.repeat(np.arange(count.size), count)
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    of = own[edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (x2 - x) / (y2 - y)
    at = x[edge] + (row + top[of] + 0.5 - y[edge]) * slope[edge]
    col = (np.floor(at + 0.5) - left[of]).clip(0, wide[of]).astype(np.intp)
    turns = np.bincount(start[of] + row * (wide[of] + 1) + col, minlength=int(start[-1]))
    inside = np.cumsum(turns) % 2 == 1
    for k in range(end - begin):
        yield inside[start[k] : start[k + 1]].reshape(tall[k], wide[k] + 1)[:, :-1]


def trace(
    strips: Iterable[tuple[Window, np.ndarray]], *, least: int
) -> Iterator[tuple[int, shapely.Polygon]]:
    """Trace the outlines of regions of one value, strip by strip.

    Only the regions that touch the seam to the next strip are held back, so that memory does
    not grow with the image, and no outline is cut at a seam.

    Parameters
    ----------
    strips : iterable of (Window, ndarray of uint8, shape of the window)
        Full rows, from top to bottom, without gap.
    least : int
        Smallest value that is traced.

    Yields
    ------
    value : int
    outline : Polygon
        In pixels (column, row) of the whole image, corners at whole numbers. Regions are
        4-connected: pixels that touch at a corner alone would make an invalid outline.
    """
    held: dict[int, list[shapely.Polygon]] = {}
    bottom = 0
    for window, values in strips:
        found = _outlines(values, window, least=least)
        top, bottom = window.row, window.stop_row
        done, held = _join(held, found, top=top, bottom=bottom)
        yield from done
    for value, outlines in sorted(held.items()):
        for outline in outlines:
            yield value, outline


def _outlines(values: np.ndarray, window: Window, *, least: int) -> dict[int, np.ndarray]:
    """Trace the regions of one strip; polygons by value, all built at once."""
    place = Affine.translation(window.col, window.row)
    codes: list[int] = []
    owner: list[int] = []
    rings: list[list[tuple[float, float]]] = []
    for geometry, value in shapes(values, mask=values >= least, transform=place):
        owner += [len(codes)] * len(geometry["coordinates"])
        rings += geometry["coordinates"]
        codes.append(int(value))
    if not codes:
        return {}
    corners = np.array(list(chain.from_iterable(rings)), float)
    number = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    outlines = shapely.polygons(shapely.linearrings(corners, indices=number), indices=owner)
    kinds = np.array(codes)
    return {int(code): outlines[kinds == code] for code in np.unique(kinds)}


def _join(
    held: dict[int, list[shapely.Polygon]],
    found: dict[int, np.ndarray],
    *,
    top: int,
    bottom: int,
) -> tuple[list[tuple[int, shapely.Polygon]], dict[int, list[shapely.Polygon]]]:
    """Join what was held back with what begins at the seam; hold back what reaches the next."""
    done: list[tuple[int, shapely.Polygon]] = []
    again: dict[int, list[shapely.Polygon]] = {}
    for value in sorted(held.keys() | found.keys()):
        mine = found.get(value, np.zeros(0, object))
        is_top = shapely.bounds(mine)[:, 1] <= top
        joined = shapely.get_parts(shapely.union_all([*held.get(value, []), *mine[is_top]]))
        parts = np.concatenate([joined, mine[~is_top]])
        reaches = shapely.bounds(parts)[:, 3] >= bottom
        if reaches.any():
            again[value] = list(parts[reaches])
        done += [(value, part) for part in parts[~reaches]]
    return done, again
