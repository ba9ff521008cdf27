"""What a file is, by its bytes; broken files are refused before any pixel is read."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import pytest

from changedet.core.errors import InputError
from changedet.io.formats import check_file, check_whole, pick_driver
from changedet.io.raster import inspect_raster

VRT = b'<VRTDataset rasterXSize="99" rasterYSize="99"><VRTRasterBand/></VRTDataset>'


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><html>Please log in", "looks like HTML"),
        (VRT, "virtual raster"),
        (b'<?xml version="1.0"?><GDAL_WMS/>', "looks like XML"),
        (b"just some words\n", "looks like text"),
        (b"PK\x03\x04....", "ZIP"),
        (b"SQLite format 3\x00", "SQLite"),
        (bytes(range(128, 256)), "unknown content"),
    ],
)
def test_content_that_is_no_image(tmp_path: Path, content: bytes, fact: str) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=fact) as caught:
        inspect_raster(path, role="before")
    assert str(caught.value).startswith(f"before {path}")
    assert "\n" not in str(caught.value)


def test_missing_folder_and_connection_strings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        check_file(tmp_path / "nothing.tif")
    with pytest.raises(InputError, match="is a folder"):
        check_file(tmp_path)
    for text in ("/vsicurl/http://127.0.0.1/a.tif", "http://127.0.0.1/a.tif", "GTIFF_DIR:1:a.tif"):
        with pytest.raises(InputError, match="no such file"):
            check_file(text)
    with pytest.raises(InputError, match="not an ordinary file"):
        check_file("/dev/zero")
    with pytest.raises(InputError, match="not a file name"):
        check_file("a\0b")
    with pytest.raises(InputError, match="rename the file"):
        check_file("caf\udce9.tif")


def test_name_with_control_characters_is_shown_harmless(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_file(tmp_path / "a\x1b[31m\n.tif")
    assert "a?[31m?.tif" in str(caught.value)


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG", "JP2OpenJPEG"])
def test_driver_comes_from_content_not_name(save, driver: str, scene) -> None:
    path = save(scene(), "image.dat", driver=driver)
    assert pick_driver(path) == driver
    check_whole(path, driver)
    assert inspect_raster(path, role="after").driver == driver


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG", "JP2OpenJPEG"])
@pytest.mark.parametrize("share", [0.5, 0.985])
def test_truncated_image_is_refused(save, driver: str, share: float, scene) -> None:
    path = save(scene(height=300, width=300), driver=driver)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"truncated|damaged") as caught:
        inspect_raster(path, role="before")
    if driver != "JPEG":
        assert f"has {path.stat().st_size:,}" in str(caught.value)


@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_tiff_kinds_are_whole(save, big: str, endian: str, scene) -> None:
    path = save(scene(height=300, width=300), tiled=True, bigtiff=big, endianness=endian)
    check_whole(path, "GTiff")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"needs [\d,]+ bytes, has [\d,]+"):
        check_whole(path, "GTiff")


def test_tiff_header_alone_and_endless_list_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8))
    with pytest.raises(InputError, match="truncated"):
        check_whole(path, "GTiff")
    page = struct.pack("<HHHIII", 1, 256, 4, 1, 100, 8)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + page)
    with pytest.raises(InputError, match="endless"):
        check_whole(path, "GTiff")


def test_damaged_tiles_are_refused_also_where_gdal_only_logs(save, scene) -> None:
    plain = save(scene(height=512, width=512), tiled=True, compress="deflate")
    lossy = save(
        scene(height=512, width=512),
        "lossy.tif",
        tiled=True,
        compress="jpeg",
        photometric="ycbcr",
        blockxsize=256,
        blockysize=256,
    )
    for path in (plain, lossy):
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 600] = os.urandom(600)
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            inspect_raster(path, role="before")


def test_flipped_header_bytes_end_cleanly(save, scene) -> None:
    path = save(scene(height=100, width=100), tiled=True, blockxsize=64, blockysize=64)
    whole = path.read_bytes()
    for place in range(0, 250, 3):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path.write_bytes(content)
        with contextlib.suppress(InputError):  # no crash, no other error
            inspect_raster(path, role="before")


def test_allowed_driver_is_used_but_never_an_indirect_one(save, scene) -> None:
    path = save(scene(1), "image.bmp", driver="BMP")
    with pytest.raises(InputError, match="BMP"):
        inspect_raster(path, role="before")
    assert inspect_raster(path, role="before", allow_driver=("BMP",)).driver == "BMP"
    path.write_bytes(VRT)
    with pytest.raises(InputError, match="never used"):
        inspect_raster(path, role="before", allow_driver=("VRT",))
