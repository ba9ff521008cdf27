"""Garbage where pixels are stored is refused, with whatever codec: rows 5 to 8 of the catalogue."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from changedet.core.errors import InputError
from changedet.io.raster import inspect_raster

TILED = {"tiled": True, "blockxsize": 128, "blockysize": 128}
LAYOUTS: dict[str, dict[str, Any]] = {
    "deflate": {**TILED, "compress": "deflate"},
    "deflate, strips": {"compress": "deflate", "blockysize": 16},
    "lzw": {**TILED, "compress": "lzw"},
    "lerc": {**TILED, "compress": "lerc"},
    "jpeg in TIFF": {**TILED, "compress": "jpeg", "photometric": "ycbcr"},
    "JPEG": {"driver": "JPEG"},
    "PNG": {"driver": "PNG"},
}


def paint(side: int = 300) -> np.ndarray:
    rows, cols = np.mgrid[0:side, 0:side]
    wave = [120 + 40 * np.sin(rows / 9 + p) + 40 * np.cos(cols / 11 - p) for p in range(3)]
    noise = np.random.default_rng(7).normal(0, 4, (3, side, side))
    return np.clip(wave + noise, 1, 250).astype(np.uint8)


def write(path: Path, **layout: Any) -> bytes:
    profile = {"driver": "GTiff", "count": 3, "width": 300, "height": 300, "dtype": "uint8"}
    with warnings.catch_warnings(), rasterio.Env(GDAL_PAM_ENABLED=False):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **{**profile, **layout}) as dataset:
            dataset.write(paint())
    return path.read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", [0.4, 0.7])
def test_garbage_among_the_pixels(tmp_path: Path, layout: str, place: float) -> None:
    path = tmp_path / "after.img"
    content = bytearray(write(path, **LAYOUTS[layout]))
    inspect_raster(path, role="after")
    at = int(place * len(content))
    content[at : at + 300] = np.random.default_rng(1).bytes(300)
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged") as caught:
        inspect_raster(path, role="after")
    assert "\n" not in str(caught.value)


def test_no_variable_makes_gdal_overlook_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "after.tif"
    content = bytearray(write(path, **LAYOUTS["deflate"]))
    at = len(content) // 2
    content[at : at + 300] = bytes(300)
    path.write_bytes(content)
    monkeypatch.setenv("GTIFF_IGNORE_READ_ERRORS", "YES")
    with pytest.raises(InputError, match="damaged"):
        inspect_raster(path, role="after")


@pytest.mark.parametrize("role", ["before", "after"])
@pytest.mark.parametrize(("content", "fact"), [(b"", "empty file"), (b"II*\0\x08\0\0\0", "trunc")])
def test_nothing_or_a_header_alone(tmp_path: Path, role: str, content: bytes, fact: str) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=fact) as caught:
        inspect_raster(path, role=role)
    assert str(caught.value).startswith(f"{role} {path}")


@pytest.mark.parametrize(("path", "fact"), [("none.tif", "no such file"), (".", "is a folder")])
def test_no_file_at_all(tmp_path: Path, path: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        inspect_raster(tmp_path / path, role="before")
    assert str(tmp_path) in str(caught.value)
