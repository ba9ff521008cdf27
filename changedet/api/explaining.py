"""One building of a result folder, near enough to see why it got its grade."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.api.reopen import reopen_before
from changedet.api.views import grid_of, shown_bands, to_display
from changedet.core.errors import InputError
from changedet.core.grid import Grid, Window
from changedet.io.raster import read_own, read_window
from changedet.io.vector import read_own_layer
from changedet.pipeline.scene import visible_roles
from changedet.report.reasons import BuildingView, Measures
from changedet.result import Record

RING_M = 2.0
"""What is gathered around an outline, metres."""
_AROUND_M = 14.0  # shown around the outline, metres
_MOST_PX = 900  # of a picture; larger buildings are shown smaller


def view_of_building(
    folder: Path, record: Record, name: str | int, *, before: str | Path | None = None
) -> BuildingView:
    """Read one building of a result folder.

    Parameters
    ----------
    folder : Path
        The result folder.
    record : Record
        Its result.json.
    name : str or int
        ``id`` in the buildings layer.
    before : path-like, optional
        The image before, where it lies elsewhere now than the record says.

    Raises
    ------
    InputError
        No footprints were graded, there is no such building, or the image before is gone.
    """
    if record.grid is None or record.null is None or record.buildings is None:
        raise InputError(f"{folder}: a refused pair has no buildings to explain")
    if record.buildings.total is None:
        raise InputError(f"{folder}: no buildings were graded; give --footprints to the run")
    shapes, columns = read_own_layer(folder / "vectors.gpkg", "buildings")
    found = np.flatnonzero(columns["id"].astype(str) == str(name))
    if not len(found):
        raise InputError(
            f"{folder}: no building {str(name)[:40]!r}; the layer buildings of vectors.gpkg "
            f"has {len(shapes)}, such as {columns['id'][0]}"
        )
    missing = {"similarity", "order_loss", "damage_probability"} - set(columns)
    if missing:
        raise InputError(f"{folder}: made by an older version; run the pair again")
    number = int(found[0])
    grid, shape = grid_of(record.grid), shapes[number]
    unit = grid.unit_m or grid.res
    margin = RING_M / unit
    window = _window(grid, shape, _AROUND_M / unit)
    zoom = max(1, -(-max(window.shape) // _MOST_PX))
    first = _read_before(record, before, window, zoom)
    second = _read_after(folder, record, window, zoom)
    null = record.null
    return BuildingView(
        id=str(name),
        before=first,
        after=second,
        outline=_ring(shape, grid, window, zoom),
        ring=_ring(shape.buffer(margin), grid, window, zoom),
        metres=None if grid.gsd_m is None else window.width * grid.gsd_m,
        number=number,
        measures=Measures(
            grade=columns["grade"],
            similarity=columns["similarity"].astype(float),
            order_loss=columns["order_loss"].astype(float),
            probability=columns["probability"].astype(float),
            damage_probability=columns["damage_probability"].astype(float),
            reason=columns["reason"],
        ),
        unchanged_similarity=-float(null["unchanged_centre"]),
        prior=float(null["destroyed_prior"]),
        separable=bool(null["separable"]),
    )


def _window(grid: Grid, shape: shapely.Geometry, around: float) -> Window:
    """Return a square window around a shape, in pixels of the grid."""
    left, bottom, right, top = shape.bounds
    cols, rows = zip(
        *(grid.colrow(x, y) for x in (left, right) for y in (bottom, top)), strict=True
    )
    half = max(max(cols) - min(cols), max(rows) - min(rows)) / 2 + around / grid.res
    side = 2 * int(np.ceil(half))
    middle = (max(cols) + min(cols)) / 2, (max(rows) + min(rows)) / 2
    return Window(
        row=round(middle[1] - side / 2 + 0.5),
        col=round(middle[0] - side / 2 + 0.5),
        height=side,
        width=side,
    )


def _read_before(
    record: Record, path: str | Path | None, window: Window, zoom: int
) -> NDArray[np.uint8]:
    raster = reopen_before(record, path)
    values, valid = read_window(raster, window, roles=visible_roles(raster), zoom=zoom)
    return to_display(values, valid)


def _read_after(folder: Path, record: Record, window: Window, zoom: int) -> NDArray[np.uint8]:
    path = folder / "maps" / "aligned.tif"
    if not path.is_file():
        raise InputError(f"{path}: the map is missing; run the pair again")
    values = read_own(path, window)[shown_bands(record)]
    lowest = np.iinfo(values.dtype).min if values.dtype.kind in "iu" else None
    known = np.isfinite(values) if lowest is None else values > lowest
    seen = np.asarray(known.all(axis=0), bool)
    values, seen = np.nan_to_num(values[:, ::zoom, ::zoom]), seen[::zoom, ::zoom]
    return to_display(values, seen)


def _ring(shape: shapely.Geometry, grid: Grid, window: Window, zoom: int) -> NDArray[np.float64]:
    xy = shapely.get_coordinates(shape.exterior)
    cols, rows = ~grid.crop(window).transform @ (xy[:, 0], xy[:, 1])
    return np.stack([np.asarray(cols), np.asarray(rows)], axis=1) / zoom - 0.5
