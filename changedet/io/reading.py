"""Windows of an open dataset as values and validity; the caller opens and closes it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import rasterio.windows
from rasterio.io import DatasetReader

from changedet.core.errors import InputError
from changedet.core.grid import Grid, Window
from changedet.core.kernels import box_mean, sample_at, sample_valid
from changedet.io.description import Raster
from changedet.io.fill import is_constant, is_fill
from changedet.io.places import move_pixels, source_window

Pixels = tuple[np.ndarray, np.ndarray]
"""Values, float32 (bands, h, w), and validity, bool (h, w)."""

_STRIP_PIXELS = 2**22
_NODE_STEP = 32
_SPLINE_MARGIN = 16
_BRIDGE_PX = 17
_SPLINE_REACH_PX = 1.5
_SCALES = (1e-12, 1e12)
_LARGEST = 1e15
"""No sensor measures more, as a number of a file; the square of much larger ones overflows."""


def read_pixels(
    dataset: DatasetReader,
    raster: Raster,
    window: Window,
    *,
    roles: Sequence[str],
    zoom: int,
    level: int,
) -> Pixels:
    """Read a window of ``raster.grid``, each pixel the mean of ``zoom`` x ``zoom``.

    Parameters
    ----------
    dataset : DatasetReader
        The raster's file at overview ``level`` (1: full resolution).
    raster : Raster
        Its description.
    window : Window
        In full-resolution pixels of ``raster.grid``; may reach beyond it.
    roles : sequence of str
        Bands to return, in this order; without any only the validity is found out, and nothing
        is read where the file is valid everywhere.
    zoom, level : int
        ``level`` divides ``zoom`` and the window's first row and column.

    Returns
    -------
    values, valid : ndarray
        Of shape ``ceil(window / zoom)``; a pixel is valid where at least half of what it
        is the mean of is. Invalid values are 0.
    """
    rest = zoom // level
    height, width = -(-window.height // zoom), -(-window.width // zoom)
    most = _STRIP_PIXELS // (4 if raster.is_warped else 1)
    rows_at_once = max(1, most // max(1, rest * rest * width))

    def read_rows(row: int, rows: int) -> Pixels:
        strip = Window(
            row=window.row // level + row * rest,
            col=window.col // level,
            height=rows * rest,
            width=width * rest,
        )
        part, use = (
            _read_warped(dataset, raster, strip, roles, level, order=3 if zoom == 1 else 1)
            if raster.is_warped
            else _read_native(dataset, raster, strip, roles, level)
        )
        return _average(part, use, rest)

    if rows_at_once >= height:
        return read_rows(0, height)
    values = np.zeros((len(roles), height, width), dtype=np.float32)
    valid = np.zeros((height, width), dtype=bool)
    for row in range(0, height, rows_at_once):
        rows = min(rows_at_once, height - row)
        values[:, row : row + rows], valid[row : row + rows] = read_rows(row, rows)
    return values, valid


def _average(values: np.ndarray, valid: np.ndarray, zoom: int) -> Pixels:
    """Mean of ``zoom`` x ``zoom`` pixels over the valid ones; valid where half of them are."""
    if zoom == 1:
        return values, valid
    height, width = valid.shape[0] // zoom, valid.shape[1] // zoom
    small = np.zeros((len(values), height, width), dtype=np.float32)
    if not valid.any():
        return small, np.zeros((height, width), dtype=bool)
    size = (width, height)
    if zoom & (zoom - 1) == 0 and valid.all():
        # The share would be exactly 1, and dividing by it would change nothing.
        for target, band in zip(small, values, strict=True):
            cv2.resize(band, size, dst=target, interpolation=cv2.INTER_AREA)
        return small, np.ones((height, width), dtype=bool)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    use: np.ndarray = share >= 0.5 - 1e-4
    for target, band in zip(small, values, strict=True):
        mean = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        np.divide(mean, share, out=target, where=use)
    return small, use


def _read_native(
    dataset: DatasetReader, raster: Raster, window: Window, roles: Sequence[str], level: int
) -> Pixels:
    """Read a window of the dataset's own pixels; outside of it nothing is valid."""
    whole = Window(row=0, col=0, height=dataset.height, width=dataset.width)
    inside = window & whole
    # What lies inside is written below, and most windows lie inside wholly.
    make = np.empty if inside == window else np.zeros
    values = make((len(roles), *window.shape), dtype=np.float32)
    valid = make(window.shape, dtype=bool)
    if not inside.height or not inside.width:
        return values, valid
    target = Window(
        row=inside.row - window.row,
        col=inside.col - window.col,
        height=inside.height,
        width=inside.width,
    ).slices
    if not roles and is_whole(raster):
        valid[target] = True
        return values, valid
    grow = max((region.grow for region in raster.fill_regions), default=0)
    padded = inside.pad(grow) & whole
    raw = read_raw(dataset, raster, padded)
    use = find_valid(dataset, raster, raw, padded, level=level)
    cut = Window(
        row=inside.row - padded.row,
        col=inside.col - padded.col,
        height=inside.height,
        width=inside.width,
    ).slices
    valid[target] = use[cut]
    bad = None if use.all() else ~valid[target]
    for out, role in zip(values, roles, strict=True):
        place = raster.roles.index(role)
        part = out[target]
        with np.errstate(over="ignore"):  # what is too large is not valid
            part[...] = raw[(place, *cut)]
        if bad is not None and raw.dtype.kind == "f":
            part[bad] = 0.0  # before the scale: what is too large would overflow
        scale, offset = read_scale(dataset, raster, place)
        if (scale, offset) != (1.0, 0.0):
            part *= np.float32(scale)
            part += np.float32(offset)
        if bad is not None:
            np.copyto(part, np.float32(0), where=bad)
    return values, valid


def is_whole(raster: Raster) -> bool:
    """Tell whether nothing can make a pixel of the file invalid: no mask of any kind, no NaN."""
    declared = raster.palette or raster.nodata is not None or raster.alpha is not None
    return not (
        declared
        or raster.masked_by != "none"
        or raster.fill_regions
        or raster.dtype.startswith("float")
    )


def read_raw(dataset: DatasetReader, raster: Raster, window: Window) -> np.ndarray:
    """Read the used bands' digital numbers, (bands, h, w); a palette is looked up."""
    place = to_rasterio(window)
    if not raster.palette:
        array: np.ndarray = dataset.read([number for _, number in raster.bands], window=place)
        return array
    table = read_palette(dataset)
    index = np.minimum(dataset.read(1, window=place), len(table) - 1)
    return np.moveaxis(table[index, :3], -1, 0)


def read_palette(dataset: DatasetReader) -> np.ndarray:
    """Return the colour table of band 1 as uint8, shape (entries, 4): red, green, blue, alpha."""
    colours = dataset.colormap(1)
    table = np.zeros((max(colours) + 1, 4), dtype=np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    return table


def read_scale(dataset: DatasetReader, raster: Raster, place: int) -> tuple[float, float]:
    """Scale and offset of the band at ``place`` of ``raster.bands``."""
    if raster.palette:
        return 1.0, 0.0
    number = raster.bands[place][1]
    return float(dataset.scales[number - 1]), float(dataset.offsets[number - 1])


def check_scales(dataset: DatasetReader, numbers: list[int], name: str) -> None:
    """Refuse scale and offset tags that leave no values, or none that can be reckoned with.

    Raises
    ------
    InputError
        Not finite, zero, or beyond 1e12.
    """
    for number in numbers:
        scale, offset = dataset.scales[number - 1], dataset.offsets[number - 1]
        if not (_SCALES[0] <= abs(scale) <= _SCALES[1] and abs(offset) <= _SCALES[1]):
            raise InputError(
                f"{name}: the scale {scale:g} and offset {offset:g} of band {number} are nonsense; "
                "correct the file"
            )


def find_valid(
    dataset: DatasetReader, raster: Raster, raw: np.ndarray, window: Window, *, level: int = 1
) -> np.ndarray:
    """Tell which pixels may be used: nodata, alpha, mask, fill, NaN.

    Parameters
    ----------
    dataset, raster
        The file and its description.
    raw : ndarray, shape (bands, h, w)
        All used bands of ``window``.
    window : Window
        Inside the dataset.
    level : int
        Overview factor of the dataset.

    Returns
    -------
    ndarray of bool, shape (h, w)
        True = use.
    """
    valid = find_declared(dataset, raster, raw, window)
    fill = np.zeros(valid.shape, dtype=bool)
    grow = 0
    for region in raster.fill_regions:
        found = is_fill(raw, region, row=window.row, col=window.col, step=level)
        if found.any():
            fill |= found
            grow = max(grow, region.grow)
    if grow:
        kernel = np.ones((2 * grow + 1, 2 * grow + 1), dtype=np.uint8)
        border = cv2.BORDER_CONSTANT
        fill = cv2.dilate(fill.astype(np.uint8), kernel, borderType=border, borderValue=0) > 0
        valid &= ~fill
    return valid


def find_declared(
    dataset: DatasetReader, raster: Raster, raw: np.ndarray, window: Window
) -> np.ndarray:
    """Tell which pixels the file itself declares usable (and finite); True = use."""
    valid = np.ones(raw.shape[1:], dtype=bool)
    if raw.dtype.kind == "f":
        valid &= (np.abs(raw) <= _LARGEST).all(axis=0)
    place = to_rasterio(window)
    if raster.palette:
        index = dataset.read(1, window=place)
        table = read_palette(dataset)
        valid &= table[np.minimum(index, len(table) - 1), 3] > 0
        if raster.nodata is not None:
            valid &= index != raster.nodata
    elif raster.nodata is not None and not math.isnan(raster.nodata):
        valid &= ~is_nodata(raw, raster.nodata)
    if raster.alpha is not None:
        alpha = dataset.read(raster.alpha, window=place)
        valid &= alpha >= (np.iinfo(alpha.dtype).max / 2 if alpha.dtype.kind in "iu" else 0.5)
    if raster.masked_by == "mask":
        valid &= dataset.read_masks(1, window=place) > 0
    return valid


def is_nodata(raw: np.ndarray, nodata: float) -> np.ndarray:
    """Tell which pixels are nodata; shape (bands, h, w) -> (h, w).

    A value that pixels can have too (0, or the maximum of an unsigned type) must stand in
    all bands; another one (-9999) spoils a pixel wherever it stands.
    """
    if raw.dtype.kind in "iu":
        if not nodata.is_integer() or not np.can_cast(np.min_scalar_type(int(nodata)), raw.dtype):
            return np.zeros(raw.shape[1:], dtype=bool)
        if nodata in (0, float(np.iinfo(raw.dtype).max)):
            return is_constant(raw, nodata, 0.0)
        spoiled: np.ndarray = (raw == int(nodata)).any(axis=0)
        return spoiled
    if nodata == 0:
        return is_constant(raw, 0.0, 0.0)
    # the text of a float32 nodata may carry more digits than the pixels
    found: np.ndarray = (raw == raw.dtype.type(nodata)).any(axis=0)
    return found


def _read_warped(
    dataset: DatasetReader,
    raster: Raster,
    window: Window,
    roles: Sequence[str],
    level: int,
    *,
    order: int,
) -> Pixels:
    """Resample a window of ``raster.grid`` (zoomed out by ``level``).

    By a cubic spline (``order`` 3); what is averaged afterwards needs no more than 1.
    """
    target = raster.grid if level == 1 else raster.grid.zoom_out(level)
    source = raster.native_grid if level == 1 else _level_grid(raster.native_grid, dataset)
    empty = (
        np.zeros((len(roles), *window.shape), dtype=np.float32),
        np.zeros(window.shape, dtype=bool),
    )
    wanted = source_window(source, target, window, margin=_SPLINE_MARGIN)
    if wanted is None:
        return empty
    values, valid = _read_native(dataset, raster, wanted, roles, level)
    if not valid.any():
        return empty
    cols, rows = _positions(source, target, window)
    cols -= wanted.col
    rows -= wanted.row
    use = sample_valid(valid, cols, rows, margin=_SPLINE_REACH_PX if order == 3 else 0.5)
    if not roles:
        return empty[0], use
    if order == 3 and not valid.all():
        _bridge(values, valid, far=0.4 * raster.white)
    out = sample_at(values, cols, rows, order=order, fill=0.0)
    if raster.dtype.startswith("uint"):
        # the spline overshoots at hard edges; a sensor does not
        lows = [read_scale(dataset, raster, raster.roles.index(role))[1] for role in roles]
        np.maximum(out, np.array(lows, dtype=np.float32)[:, None, None], out=out)
    out[:, ~use] = 0.0
    return out, use


def _bridge(values: np.ndarray, valid: np.ndarray, *, far: float) -> None:
    """Give invalid pixels values that a spline can lean on, in place.

    The mean of the valid ones near by, a constant further off: the same in every window.
    """
    bad = ~valid
    for band in values:
        mean, share = box_mean(band, valid, size=_BRIDGE_PX)
        band[bad] = np.where(share > 0, mean, np.float32(far))[bad]


def _level_grid(native: Grid, dataset: DatasetReader) -> Grid:
    """Grid of an overview: the same ground in fewer pixels."""
    scaled = native.transform @ native.transform.scale(
        native.width / dataset.width, native.height / dataset.height
    )
    return Grid(
        width=dataset.width,
        height=dataset.height,
        transform=scaled,
        crs=native.crs,
        unit_m=native.unit_m,
    )


def _positions(source: Grid, target: Grid, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Positions in ``source`` of all pixels of a window of ``target``.

    Exact on nodes every 32 pixels of the target's grid (not of the window: so the answer
    does not depend on the block), linear between them.
    """
    first_row, first_col = window.row // _NODE_STEP, window.col // _NODE_STEP
    node_rows = np.arange(first_row, (window.stop_row - 1) // _NODE_STEP + 2)
    node_cols = np.arange(first_col, (window.stop_col - 1) // _NODE_STEP + 2)
    grid_cols, grid_rows = np.meshgrid(node_cols * _NODE_STEP, node_rows * _NODE_STEP)
    nodes = move_pixels(target, source, grid_cols, grid_rows)
    at_row, part_row = np.divmod(np.arange(window.row, window.stop_row), _NODE_STEP)
    at_col, part_col = np.divmod(np.arange(window.col, window.stop_col), _NODE_STEP)
    at_row, at_col = at_row - first_row, at_col - first_col
    down, right = (part_row / _NODE_STEP)[:, None], (part_col / _NODE_STEP)[None, :]
    out = []
    for axis in nodes:
        rows = axis[at_row] * (1 - down) + axis[at_row + 1] * down
        out.append(rows[:, at_col] * (1 - right) + rows[:, at_col + 1] * right)
    return out[0], out[1]


def to_rasterio(window: Window) -> rasterio.windows.Window:
    """Return rasterio's form of a window."""
    return rasterio.windows.Window(window.col, window.row, window.width, window.height)
