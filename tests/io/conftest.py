"""Small images with known content, written by rasterio."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

Save = Callable[..., Path]
Scene = Callable[..., np.ndarray]


@pytest.fixture
def utm() -> dict[str, Any]:
    """Return the georeference of half-metre pixels, as keywords for rasterio."""
    return {"crs": "EPSG:32637", "transform": Affine(0.5, 0, 300_000, 0, -0.5, 4_100_000)}


@pytest.fixture
def scene() -> Scene:
    """Return the painter of the test image."""
    return _paint


def _paint(bands: int = 3, height: int = 120, width: int = 160, *, seed: int = 0) -> np.ndarray:
    """Smooth texture between 40 and 200, uint8 (bands, height, width)."""
    rows, cols = np.mgrid[0:height, 0:width].astype(float)
    phase = np.random.default_rng(seed).uniform(0, 6, (bands, 1, 1))
    wave = np.sin(rows / 9 + phase) + np.cos(cols / 11 + rows / 30 - phase)
    return np.round(120 + 40 * wave).astype(np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an array as an image; keywords go to rasterio."""

    def write(array: np.ndarray, name: str = "image.tif", **options: Any) -> Path:
        path = tmp_path / name
        array = array[np.newaxis] if array.ndim == 2 else array
        mask, tags = options.pop("mask", None), options.pop("tags", None)
        scale, names = options.pop("scale", None), options.pop("names", ())
        colours, table = options.pop("colours", None), options.pop("table", None)
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "count": len(array),
            "height": array.shape[1],
            "width": array.shape[2],
            "dtype": array.dtype.name,
            **options,
        }
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED=False),
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **profile) as dataset:
                if table:
                    dataset.write_colormap(1, table)
                if colours:
                    dataset.colorinterp = colours
                dataset.write(array)
                if mask is not None:
                    dataset.write_mask(mask)
                if tags:
                    dataset.update_tags(**tags)
                if scale:
                    dataset.scales, dataset.offsets = scale
                for number, text in enumerate(names, start=1):
                    dataset.set_band_description(number, text)
        return path

    return write
