"""Images, maps and labels of a case as arrays on BEFORE's grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import reproject
from scipy.ndimage import map_coordinates

from changedet.result import ImageRecord, Record
from tests.benchmarks.metrics import Array, endpoint_error

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pair:
    """Two dates on one grid, as the peers take them."""

    before: Image
    after: Image
    valid: Mask


@contextmanager
def opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Open an image; that it may have no georeference is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            yield dataset


def write_image(path: Path, values: NDArray[np.generic], **profile: Any) -> None:
    """Write a GeoTIFF; that it may have no georeference is known."""
    profile |= dict(zip(("count", "height", "width"), values.shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", dtype=values.dtype, **profile) as dataset:
            dataset.write(values)


def read_band(path: Path, band: int = 1) -> NDArray[Any]:
    """Read one band as it is stored."""
    with opened(path) as dataset:
        return np.asarray(dataset.read(band))


def read_unit(path: Path) -> Array:
    """Read a map of evidence: 0..1, NaN where not analysed."""
    values = read_band(path).astype(np.float64)
    return np.where(values == 255, np.nan, values / 250)


def pair_as_given(before: Path, after: Path, record: Record | None) -> Pair:
    """Return both images with AFTER placed by its georeference alone (or pixel on pixel)."""
    mine, numbers = _shared_bands(before, after, record)
    first, valid = _read(before, mine)
    with opened(before) as grid, opened(after) as dataset:
        second = np.full((len(numbers), *grid.shape), np.nan, np.float32)
        if grid.crs is None or dataset.crs is None:
            values = dataset.read(numbers)[:, : grid.height, : grid.width]
            second[:, : values.shape[1], : values.shape[2]] = values
        else:
            reproject(
                rasterio.band(dataset, numbers),
                second,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
    return _pair(first, np.moveaxis(second, 0, -1), valid)


def pair_aligned(before: Path, folder: Path, record: Record) -> Pair | None:
    """Return BEFORE and our aligned AFTER; None where there is none on BEFORE's grid."""
    path = folder / "maps" / "aligned.tif"
    if not path.is_file():
        return None
    roles = shared_roles(record)
    first, valid = _read(before, _numbers(record.inputs.before, roles))
    with opened(path) as dataset:
        written = list(dataset.descriptions)
    second, seen = _read(path, [written.index(role) + 1 for role in roles])
    if first.shape != second.shape:
        return None
    return _pair(first, second, valid & seen)


def pair_by_truth(before: Path, after: Path, to_after: tuple[Array, Array]) -> Pair:
    """Return both images with AFTER sampled where the truth says: a perfect alignment."""
    mine, numbers = _shared_bands(before, after, None)
    first, valid = _read(before, mine)
    second, seen = _read(after, numbers)
    second[~seen] = np.nan
    places = np.nan_to_num(np.stack(to_after[::-1]), nan=-1e6)
    layers = [
        map_coordinates(second[..., band], places, order=1, cval=np.nan)
        for band in range(len(numbers))
    ]
    return _pair(first, np.stack(layers, axis=-1), valid)


def shared_roles(record: Record) -> list[str]:
    """Return the bands that both images have, in BEFORE's order."""
    after = record.inputs.after.bands
    return [role for role in record.inputs.before.bands if role in after]


def registration_error(
    before: Path,
    folder: Path,
    truth: tuple[Array, Array],
    where: dict[str, Mask],
) -> dict[str, dict[str, float]] | None:
    """Compare maps/correspondence.tif with true positions.

    Parameters
    ----------
    before : Path
        BEFORE, whose pixel grid ``truth`` and ``where`` are on.
    folder : Path
        Result folder.
    truth : tuple of two arrays
        True column and row in AFTER for each pixel of BEFORE.
    where : dict of mask
        Parts of the ground, by name; each gets its own figures.

    Returns
    -------
    dict or None
        None where there is no correspondence in BEFORE's CRS.
    """
    read = _read_correspondence(before, folder / "maps" / "correspondence.tif")
    if read is None:
        return None
    found, at = read
    true_col, true_row = (
        map_coordinates(part, at, order=1, cval=np.nan, mode="constant") for part in truth
    )
    figures = {}
    for name, mask in where.items():
        here = map_coordinates(mask.astype(np.uint8), at, order=0, cval=0).astype(bool)
        figures[name] = endpoint_error((found[0], found[1]), (true_col, true_row), where=here)
    return figures


def _read_correspondence(before: Path, path: Path) -> tuple[Array, Array] | None:
    """Return the found columns and rows in AFTER, and the rows and columns of BEFORE they are of.

    The raster may be decimated: its transform says which positions it holds.
    """
    if not path.is_file():
        return None
    with opened(before) as grid, opened(path) as dataset:
        if dataset.crs is None:  # BEFORE's pixel grid
            to_pixel = dataset.transform
        elif dataset.crs == grid.crs:
            to_pixel = ~grid.transform @ dataset.transform
        else:
            return None
        found = dataset.read()
    cols, rows = to_pixel @ np.meshgrid(*(np.arange(n) + 0.5 for n in found.shape[:0:-1]))
    return found, np.stack([rows - 0.5, cols - 0.5])


def _read(path: Path, numbers: Sequence[int]) -> tuple[Image, Mask]:
    with opened(path) as dataset:
        values = np.moveaxis(dataset.read(list(numbers), out_dtype="float32"), 0, -1)
        valid = dataset.dataset_mask() > 0
    return values, valid & np.isfinite(values).all(axis=-1)


def _shared_bands(before: Path, after: Path, record: Record | None) -> tuple[list[int], list[int]]:
    """Return the numbers of the shared bands in both files: by role, else by position."""
    if record is not None:
        roles = shared_roles(record)
        return _numbers(record.inputs.before, roles), _numbers(record.inputs.after, roles)
    with opened(before) as one, opened(after) as two:
        numbers = list(range(1, min(one.count, two.count) + 1))
    return numbers, numbers


def _numbers(image: ImageRecord, roles: Sequence[str]) -> list[int]:
    return [image.bands[role] for role in roles]


def _pair(before: Image, after: Image, valid: Mask) -> Pair:
    valid = valid & np.isfinite(after).all(axis=-1)
    return Pair(before=before, after=np.where(valid[..., None], after, before), valid=valid)
