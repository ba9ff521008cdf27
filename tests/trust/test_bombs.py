"""Small files that unpack to much: refused, or looked at within bounded memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import rasterio
from affine import Affine

PROBE = """
import re, sys
from pathlib import Path
from changedet.core.errors import InputError
from changedet.io.raster import inspect_raster
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = peak()
try:
    said = f"{inspect_raster(sys.argv[1], role='after').grid.width} px"
except InputError as error:
    said = str(error)
print(peak() - before, said)
"""


def look(path: Path) -> tuple[int, str]:
    """Inspect an image in a process of its own: growth of its memory, MB, and what was said."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read as Linux tells it")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, timeout=120,
        check=True,
    )  # fmt: skip
    grown, _, said = done.stdout.strip().partition(" ")
    return int(grown), said


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def test_a_png_of_256_million_pixels_is_read_row_by_row(tmp_path: Path) -> None:
    side = 16_000
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "after.png"
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert path.stat().st_size < 2_000_000
    grown, said = look(path)
    assert said == f"{side} px"
    assert grown < 220


def write_empty(path: Path, side: int, **layout: int) -> Path:
    """Write a TIFF without a single block of data: 400 bytes that stand for a large image."""
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8", crs=32637,
        transform=Affine(0.5, 0, 426_000, 0, -0.5, 5_383_600), compress="deflate", sparse_ok=True,
        **layout,
    ):  # fmt: skip
        pass
    return path


def test_a_tile_of_400_megabytes_is_refused_unread(tmp_path: Path) -> None:
    layout = {"tiled": True, "blockxsize": 20_000, "blockysize": 20_000}
    grown, said = look(write_empty(tmp_path / "after.tif", 20_000, **layout))
    assert "stored in blocks of 20000 x 20000 px (400 MB each)" in said
    assert grown < 60


def test_a_strip_that_says_3600_megabytes_takes_none_of_it(tmp_path: Path) -> None:
    grown, said = look(write_empty(tmp_path / "after.tif", 60_000, blockysize=60_000))
    assert "stored in blocks" in said or "cannot be read" in said
    assert grown < 60
