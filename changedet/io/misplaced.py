"""Outlines that do not lie where the image is: why, and what helps. No file is opened here."""

from __future__ import annotations

import numpy as np

from changedet.core.grid import Grid
from changedet.io.places import edge_positions, move_points, parse_crs, to_xy

_DEGREES = (360.0, 90.0)


def grid_bounds(grid: Grid, crs: str) -> tuple[float, float, float, float] | None:
    """Return a grid's extent in another CRS, a little wider; None where it has none there."""
    cols, rows = edge_positions(grid)
    xs, ys = move_points(*to_xy(grid, cols, rows), source=grid.crs or "", target=crs)
    if not np.isfinite(xs).all() or not np.isfinite(ys).all():
        return None
    if parse_crs(crs).is_geographic and xs.max() - xs.min() > 180:
        return None
    pad_x, pad_y = 0.02 * np.ptp(xs), 0.02 * np.ptp(ys)
    return (
        float(xs.min() - pad_x),
        float(ys.min() - pad_y),
        float(xs.max() + pad_x),
        float(ys.max() + pad_y),
    )


def explain_nothing_inside(bounds: tuple[float, ...], crs: str, grid: Grid, *, total: int) -> str:
    """Say in one line why no polygon of a file lies in the image, and what to do.

    Parameters
    ----------
    bounds : tuple of float
        left, bottom, right, top of all polygons; empty or not finite where they have none.
    crs : str
        Of the file.
    grid : Grid
        Of BEFORE.
    total : int
        Polygons of the file.
    """
    fact = f"0 of {total} polygons lie inside the before image ({_bounds_text(grid)})"
    if len(bounds) != 4 or not np.isfinite(bounds).all():
        return f"{fact}: none has an area; give outlines with corners"
    left, bottom, right, top = bounds
    place = grid_bounds(grid, crs)
    if place is not None and _overlap((bottom, left, top, right), place):
        return (
            f"{fact}: its axes look swapped (north before east); save it with x (longitude) first"
        )
    far = max(abs(left), abs(right)) > _DEGREES[0] or max(abs(bottom), abs(top)) > _DEGREES[1]
    if parse_crs(crs).is_geographic and far:
        return (
            f"{fact}: its CRS ({crs_text(crs)}) is in degrees, its coordinates "
            f"({left:.0f} {bottom:.0f} .. {right:.0f} {top:.0f}) are not; save it with its true CRS"
        )
    return (
        f"{fact}: they lie at {_number(left)} {_number(bottom)} .. {_number(right)} "
        f"{_number(top)} in {crs_text(crs)}; give outlines of this place, or correct the CRS"
    )


def crs_text(crs: str) -> str:
    """Name a CRS briefly."""
    return crs if crs.startswith("EPSG:") else "a CRS without a code"


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _bounds_text(grid: Grid) -> str:
    left, bottom, right, top = grid.bounds
    return f"{left:.0f} {bottom:.0f} .. {right:.0f} {top:.0f} in {crs_text(grid.crs or '')}"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) <= _DEGREES[0] else f"{value:.0f}"
