"""Polygons to pixels and back; no file is opened here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    rest = [shape for shape in geometries if not shape.is_empty and not _fill(shape, grid, burnt)]
    if rest:
        wanted = [(geometry, 1) for geometry in rest]
        more = rasterize(wanted, out_shape=grid.shape, transform=grid.transform, dtype=np.uint8)
        burnt |= np.asarray(more, bool)
    return burnt


def _fill(geometry: BaseGeometry, grid: Grid, burnt: np.ndarray) -> bool:
    """Mark the pixels of one polygon, in place; False where only GDAL's own way will do.

    GDAL's rule, in a third of its time for a house: along the line through the centres of a row,
    the inside changes wherever an edge crosses. A level edge on just that line GDAL draws as a
    line, and so it is left to it.
    """
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        return False
    rings = shapely.get_rings(shapely.get_parts(geometry))
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    cols, rows = ~grid.transform @ (corners[:, 0], corners[:, 1])
    same = ring[1:] == ring[:-1]
    x, y, x2, y2 = cols[:-1][same], rows[:-1][same], cols[1:][same], rows[1:][same]
    if ((y == y2) & (y % 1 == 0.5)).any():
        return False
    height, width = grid.shape
    first = np.ceil(np.minimum(y, y2) - 0.5).clip(0, height).astype(np.intp)
    stop = np.ceil(np.maximum(y, y2) - 0.5).clip(0, height).astype(np.intp)
    count = stop - first
    total = int(count.sum())
    if not total:
        return True
    edge = np.repeat(np.arange(count.size), count)
    row = np.arange(total) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (x2 - x) / (y2 - y)
    at = x[edge] + (row + 0.5 - y[edge]) * slope[edge]
    col = np.floor(at + 0.5).clip(0, width).astype(np.intp)
    top, left = int(row.min()), int(col.min())
    size = int(row.max()) + 1 - top, int(col.max()) + 1 - left
    turns = np.bincount((row - top) * size[1] + col - left, minlength=size[0] * size[1])
    inside = np.cumsum(turns.reshape(size), axis=1)[:, :-1] % 2 == 1
    burnt[top : top + size[0], left : left + size[1] - 1] |= inside
    return True


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
