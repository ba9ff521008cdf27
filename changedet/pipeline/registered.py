"""What co-registration leaves on disk: positions, their error, tie points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.core.grid import Grid
from changedet.io.points import write_tie_points
from changedet.io.raster import check_raster, create_raster
from changedet.io.vector import Layer
from changedet.pipeline.scene import Scene
from changedet.register.alignment import Alignment

Position = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Columns and rows, each of shape (height, width)."""
POSITIONS = 1024
"""Most positions a side of the rasters: the field is smooth, so they may be decimated."""


def write_correspondence(scene_grid: Grid, alignment: Alignment, after: Grid, path: Path) -> None:
    """Write where BEFORE's positions lie in AFTER."""
    grid, _, after_at, outside = _positions(scene_grid, alignment, after)
    both = np.where(outside, np.nan, np.stack(after_at))
    _write(path, grid, both.astype(np.float64), ("column in AFTER", "row in AFTER"))


def write_registration(scene: Scene, folder: Path) -> None:
    """Write what ``register`` gives beyond the layout of a comparison: points and error."""
    write_points(scene, folder / "tie_points.points")
    target = folder / "maps" / "registration_error.tif"
    write_error(scene.grid, scene.alignment, scene.after.grid, target)


def write_error(scene_grid: Grid, alignment: Alignment, after: Grid, path: Path) -> None:
    """Write the error that the registration predicts for itself, and how far tie points are."""
    grid, at, _, outside = _positions(scene_grid, alignment, after)
    error, away = alignment.error_px(*at), alignment.distance_px(*at)
    both = np.where(outside | ~np.isfinite(error), np.nan, np.stack([error, away]))
    names = ("standard deviation, pixels", "distance of the next tie point, pixels")
    _write(path, grid, both.astype(np.float32), names)


def _positions(
    scene_grid: Grid, alignment: Alignment, after: Grid
) -> tuple[Grid, Position, Position, NDArray[np.bool_]]:
    """Return a decimated grid, its positions in BEFORE and AFTER, and what AFTER does not show."""
    zoom = max(1, -(-max(scene_grid.shape) // POSITIONS))
    grid = scene_grid.zoom_out(zoom)
    cols, rows = np.meshgrid(
        (np.arange(grid.width) + 0.5) * zoom - 0.5, (np.arange(grid.height) + 0.5) * zoom - 0.5
    )
    at_cols, at_rows = alignment.to_after(cols, rows)
    outside = (
        (at_cols < -0.5)
        | (at_rows < -0.5)
        | (at_cols > after.width - 0.5)
        | (at_rows > after.height - 0.5)
    )
    return grid, (cols, rows), (at_cols, at_rows), outside


def _write(path: Path, grid: Grid, values: NDArray[np.floating], names: tuple[str, str]) -> None:
    with create_raster(
        path,
        grid,
        count=2,
        dtype=values.dtype.name,
        nodata=float("nan"),
        descriptions=names,
        zlevel=1,  # digits that mean nothing fill most of it: more effort saves 1 %
    ) as writer:
        writer.write(values, grid.window)
    check_raster(path)


def tie_point_layer(alignment: Alignment, grid: Grid) -> Layer:
    """Return the tie points as points with their displacement, residual and use."""
    points = alignment.tie_points
    at = [grid.xy(float(c), float(r)) for c, r in zip(points.col, points.row, strict=True)]
    words = np.array(["rejected", "fit", "held out"], dtype=object)
    return Layer(
        name="tie_points",
        geometries=shapely.points(np.array(at).reshape(-1, 2)),
        columns={
            "col": points.col,
            "row": points.row,
            "shift_col_px": points.dcol,
            "shift_row_px": points.drow,
            "residual_px": points.residual_px,
            "used": words[points.role],
        },
        geometry_type="Point",
    )


def write_points(scene: Scene, path: Path) -> None:
    """Write the tie points for QGIS's georeferencer."""
    points = scene.alignment.tie_points
    found = scene.alignment.chain.base.at(points.col + points.dcol, points.row + points.drow)
    table = np.column_stack([points.col, points.row, *found])
    write_tie_points(path, table, used=points.role > 0, before=scene.grid, after=scene.after.grid)
