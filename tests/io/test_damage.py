"""Damage that GDAL passes over: found by fuzzing, kept here by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from changedet.core.errors import InputError
from changedet.core.grid import Window
from changedet.io.checksums import check_checksums
from changedet.io.raster import inspect_raster, read_window
from tests.trust import mutate

ALL = Window(row=0, col=0, height=120, width=160)
TILES = {"tiled": True, "blockxsize": 64, "blockysize": 64}


@pytest.mark.parametrize("options", [TILES, {"blockysize": 16}, {**TILES, "bigtiff": "yes"},
                                     {"interleave": "band"}])  # fmt: skip
def test_a_wrong_checksum_behind_deflated_pixels_is_seen(save, scene, options: dict) -> None:
    """Libtiff stops before it: the file came back with other pixels and no complaint."""
    path = save(scene(), compress="deflate", **options)
    check_checksums(path, "GTiff")
    data = path.read_bytes()
    _, stop = mutate.tiff_body(data)[-1]
    path.write_bytes(data[: stop - 1] + bytes([data[stop - 1] ^ 1]) + data[stop:])
    with pytest.raises(InputError, match="its pixels are damaged"):
        inspect_raster(path, role="before")


def test_a_piece_that_inflates_without_end_is_not_followed(save, scene) -> None:
    path = save(scene(), compress="deflate", blockysize=120)
    data = path.read_bytes()
    field = next(field for field in mutate.read_fields(data)[0] if field.tag == 279)
    place = next(field for field in mutate.read_fields(data)[0] if field.tag == 273)
    bomb = zlib.compress(bytes(300_000_000), 9)
    data = mutate.set_tag(data, field, 4, struct.pack("<I", len(bomb)), 1)
    data = mutate.set_tag(data, place, 4, struct.pack("<I", len(data)), 1) + bomb
    path.write_bytes(data)
    with pytest.raises(InputError, match="its pixels are damaged"):
        check_checksums(path, "GTiff")


@pytest.mark.parametrize(("tag", "value"), [(257, 2**31 - 1), (256, 2**20), (278, 1), (257, 0)])
def test_a_size_without_its_strips_is_refused(save, scene, tag: int, value: int) -> None:
    """GDAL makes up the missing ones: a file of some kilobytes took gigabytes, or hours."""
    path = save(scene(), compress="deflate", blockysize=8)
    changed = mutate.set_numbers(path.read_bytes(), tag, 4, [value])
    assert changed is not None
    path.write_bytes(changed)
    with pytest.raises(InputError, match=r"strips or tiles|pieces of|damaged"):
        inspect_raster(path, role="before")


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 0.0, 1e300, -1e-320])
def test_a_scale_that_leaves_no_values_is_refused(save, scene, scale: float) -> None:
    path = save(scene(), scale=((scale,) * 3, (0.0,) * 3))
    with pytest.raises(InputError, match=r"the scale .* of band 1 are nonsense"):
        inspect_raster(path, role="before")
    path = save(scene(), "offset.tif", scale=((1.0,) * 3, (float("-inf"),) * 3))
    with pytest.raises(InputError, match="offset -inf of band 1 are nonsense"):
        inspect_raster(path, role="before")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_too_large_to_reckon_with_are_not_valid(save, scene, dtype: str) -> None:
    image = scene().astype(dtype)
    image[1, 30:40, 50:60] = 3e38 if dtype == "float32" else 1e300
    image[0, 5, 5] = -np.inf
    raster = inspect_raster(save(image, scale=((10.0,) * 3, (0.0,) * 3)), role="before")
    values, valid = read_window(raster, ALL)
    hidden = np.zeros(valid.shape, bool)
    hidden[30:40, 50:60] = hidden[5, 5] = True
    assert np.array_equal(valid, ~hidden)
    assert np.isfinite(values).all()
    assert (values[:, hidden] == 0).all()


def test_a_broken_directory_behind_the_first_is_an_input_error(save, scene, tmp_path: Path) -> None:
    """GDAL's own error class came through where rasterio asks for the colour of a band."""
    mask = np.full((120, 160), 255, np.uint8)
    mask[:9] = 0
    path = save(scene(), mask=mask, **TILES)
    data = bytearray(path.read_bytes())
    field = next(field for field in mutate.read_fields(bytes(data))[1] if field.tag == 256)
    struct.pack_into("<I", data, field.entry + 4, 2)
    path.write_bytes(data)
    with pytest.raises(InputError):
        inspect_raster(path, role="before")


@pytest.mark.parametrize(("at", "value"), [(2, 2**20), (6, 2**31 - 1), (18, 0)])
def test_a_jpeg_2000_of_more_tiles_than_bytes_is_refused(save, scene, at: int, value: int) -> None:
    """The decoder reserves memory for each: 600 MB for 30 kilobytes."""
    path = save(scene(), "a.jp2", driver="JP2OpenJPEG", blockxsize=64, blockysize=64)
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, data.index(b"\xff\x4f\xff\x51") + 6 + at, value)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"tiles (in|of)"):
        inspect_raster(path, role="before")


def test_a_wrong_checksum_behind_the_pixels_of_a_png_is_seen(save, scene) -> None:
    path = save(scene(), "a.png", driver="PNG")
    parts = mutate.chunks(path.read_bytes())
    last = max(number for number, (kind, _) in enumerate(parts) if kind == b"IDAT")
    body = parts[last][1]
    halves = [(b"IDAT", body[:100]), (b"IDAT", body[100:])]
    path.write_bytes(mutate.join_chunks([*parts[:last], *halves, *parts[last + 1 :]]))
    assert inspect_raster(path, role="before").roles == ("red", "green", "blue")
    parts[last] = (b"IDAT", body[:-1] + bytes([body[-1] ^ 1]))
    path.write_bytes(mutate.join_chunks(parts))
    with pytest.raises(InputError, match="its pixels are damaged"):
        inspect_raster(path, role="before")
