"""Tie points in files: QGIS ``.points`` and plain CSV, read and written."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import CRSError

from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.formats import check_file, shown
from changedet.io.output import faults
from changedet.io.places import move_points, name_crs, parse_crs, to_xy

FloatArray = NDArray[np.float64]

FEWEST = 4
"""Tie points that a file must hold: three fit an affine, the fourth tells whether they agree."""
MAX_BYTES = 5_000_000
"""A larger file is no list of tie points."""
PLAIN = ("before_col", "before_row", "after_col", "after_row")
"""Columns of a plain CSV, pixels; 0.0 is the centre of the first pixel."""
_MAP = ("mapX", "mapY")
_SOURCE = (("sourceX", "sourceY"), ("pixelX", "pixelY"))


def read_tie_points(path: str | Path | None, *, before: Grid, after: Grid) -> FloatArray | None:
    """Read tie points that somebody set.

    Parameters
    ----------
    path : path-like or None
        A QGIS georeferencer file (``mapX, mapY, sourceX, sourceY, enable``: AFTER is the source,
        BEFORE's CRS the map), or a CSV with the columns :data:`PLAIN`.
    before, after : Grid
        Of the two images.

    Returns
    -------
    ndarray, shape (n, 4), or None
        Column and row in BEFORE, column and row in AFTER, pixels; None where no file is given.

    Raises
    ------
    InputError
        Missing, unreadable, other columns, no number where one must be, or fewer than
        :data:`FEWEST` points.
    """
    if path is None:
        return None
    name = f"tie points {shown(path)}"
    try:
        file = check_file(path)
    except InputError as error:
        raise InputError(f"tie points {error}") from None
    if file.stat().st_size > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES} bytes: not a list of tie points")
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8: save it as UTF-8") from None
    crs = next((line[5:].strip() for line in lines if line.startswith("#CRS:")), None)
    rows = csv.DictReader(line for line in lines if line.strip() and not line.startswith("#"))
    found = set(rows.fieldnames or ())
    if set(PLAIN) <= found:
        points = _numbers(rows, PLAIN, name)
    else:
        source = next((pair for pair in _SOURCE if set(pair) <= found), None)
        if source is None or not set(_MAP) <= found:
            raise InputError(
                f"{name}: needs the columns {', '.join(PLAIN)}, or those of a QGIS .points file"
            )
        numbers = _numbers(_enabled(rows), (*_MAP, *source), name)
        points = _to_pixels(numbers, before, after, crs, name)
    if len(points) < FEWEST:
        raise InputError(f"{name}: {len(points)} tie points; give at least {FEWEST}")
    return points


def _enabled(rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    return (row for row in rows if str(row.get("enable") or "1").strip() not in {"0", "false"})


def _numbers(rows: Iterable[Mapping[str, str]], names: tuple[str, ...], what: str) -> FloatArray:
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            values = [float(row[name]) for name in names]
        except (TypeError, ValueError):
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise InputError(f"{what}: point {number} has no number in one of {', '.join(names)}")
        found.append(values)
    return np.array(found, np.float64).reshape(-1, 4)


def _to_pixels(
    points: FloatArray, before: Grid, after: Grid, crs: str | None, what: str
) -> FloatArray:
    """Turn map and source coordinates into pixels; without a georeference y is minus the row."""
    x, y = points[:, 0], points[:, 1]
    if before.crs is not None and crs is not None:
        try:
            stated = name_crs(parse_crs(crs))
        except CRSError:
            raise InputError(f"{what}: the CRS in its first line is not known") from None
        if stated is not None and stated != before.crs:
            x, y = move_points(x, y, source=stated, target=before.crs)
    return np.column_stack([*_pixel(before, x, y), *_pixel(after, points[:, 2], points[:, 3])])


def _pixel(grid: Grid, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    if grid.crs is None:
        return x - 0.5, -y - 0.5
    t = ~grid.transform
    return t.a * x + t.b * y + t.c - 0.5, t.d * x + t.e * y + t.f - 0.5


def write_tie_points(
    path: Path, points: FloatArray, *, used: NDArray[np.bool_], before: Grid, after: Grid
) -> None:
    """Write tie points (n, 4), as :func:`read_tie_points` returns them, as a QGIS ``.points`` file.

    ``used`` is False for those that were rejected: QGIS shows them as not enabled.
    """
    ground = _place(before, points[:, 0], points[:, 1])
    source = _place(after, points[:, 2], points[:, 3])
    table = np.column_stack([*ground, *source])
    with faults(path), path.open("w", encoding="utf-8", newline="") as file:
        if before.crs is not None:
            file.write(f"#CRS: {parse_crs(before.crs).to_wkt()}\n")
        file.write("mapX,mapY,sourceX,sourceY,enable\n")
        for row, use in zip(table, used, strict=True):
            file.write(",".join(f"{value:.6f}" for value in row) + f",{int(use)}\n")


def _place(grid: Grid, cols: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    if grid.crs is None:
        return cols + 0.5, -(rows + 0.5)
    x, y = to_xy(grid, cols, rows)
    return np.asarray(x, np.float64), np.asarray(y, np.float64)
