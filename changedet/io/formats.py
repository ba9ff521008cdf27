"""What a file is, by its bytes: one GDAL driver by name, and whether the file is whole.

GDAL tries every driver it has on a file, and some of them (VRT, WMS, STAC) follow what the
file says to other files or to the network. So we look first, and name one driver.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from changedet.core.environment import INDIRECT_DRIVERS
from changedet.core.errors import EnvironmentFault, InputError
from changedet.core.redaction import without_secrets
from changedet.io.tiff import DamagedError, find_end

StrPath = str | os.PathLike[str]

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
)

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"SQLite format 3\x00", "an SQLite database (GeoPackage?)"),
    (b"\x89HDF", "an HDF5 file: export its bands as GeoTIFF"),
    (b"CDF", "a netCDF file: export its bands as GeoTIFF"),
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF image: convert it to PNG"),
    (b"BM", "a BMP image: convert it to PNG"),
    (b"RIFF", "a RIFF (WebP?) file: convert it to PNG"),
)

FORMATS = "GeoTIFF, JPEG, PNG or JPEG 2000"

_LEAST_TILE = 14
"""Bytes of a JPEG 2000 tile part without any data: its two markers."""


def shown(path: StrPath) -> str:
    r"""Return a path for a message: control characters become ``?``, secrets of addresses ``***``.

    Examples
    --------
    >>> shown("a\x1b[31m.tif")
    'a?[31m.tif'
    """
    return "".join(c if c.isprintable() else "?" for c in without_secrets(str(path)))


def check_encoding(path: StrPath) -> None:
    """Refuse a name that Python cannot give to the system, or GDAL cannot take.

    Raises
    ------
    EnvironmentFault
        Where the locale's encoding does not have its letters, or spells UTF-8 otherwise.
    InputError
        Where it is no UTF-8.
    """
    name, encoding = shown(path), sys.getfilesystemencoding()
    try:
        as_bytes = os.fsencode(path)
        fits = as_bytes.isascii() or encoding == "utf-8"
    except UnicodeEncodeError:
        if encoding == "utf-8":
            raise InputError(f"{name}: its name is not valid UTF-8; rename the file") from None
        fits = False
    if not fits:
        raise EnvironmentFault(
            f"{name}: the locale's encoding ({encoding}) cannot be used for this name; "
            "set PYTHONUTF8=1"
        )
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{name}: its name is not valid UTF-8; rename the file") from None


def check_file(path: StrPath) -> Path:
    """Return the absolute path of an ordinary, readable, non-empty file.

    Raises
    ------
    InputError
        Where it is missing, a folder, a device, a GDAL connection string, not readable, or empty.
    """
    name = shown(path)
    if "\0" in str(path):
        raise InputError(f"{name}: not a file name; give the path of an image")
    check_encoding(path)
    try:
        state = Path(path).stat()
    except OSError as error:
        if isinstance(error, PermissionError):
            raise InputError(f"{name}: no permission to read it; check the file's mode") from None
        raise InputError(f"{name}: no such file; check the path") from None
    if stat.S_ISDIR(state.st_mode):
        raise InputError(f"{name}: is a folder; give the image file in it")
    if not stat.S_ISREG(state.st_mode):
        raise InputError(f"{name}: not an ordinary file; give the path of an image")
    if state.st_size == 0:
        raise InputError(f"{name}: empty file (0 bytes); get it again")
    if not os.access(path, os.R_OK):
        raise InputError(f"{name}: no permission to read it; check the file's mode")
    absolute = Path(path).absolute()
    if absolute.parts[1:2] and absolute.parts[1].startswith("vsi"):
        raise InputError(f"{name}: GDAL's virtual file systems are not read; give an ordinary file")
    return absolute


def pick_driver(path: StrPath, *, allow: tuple[str, ...] = ()) -> str:
    """Name the one GDAL driver that may open a file, from its first bytes.

    Parameters
    ----------
    path : path-like
        An existing file (see :func:`check_file`).
    allow : tuple of str
        Further driver names the user trusts; the first one is tried on unknown content.

    Raises
    ------
    InputError
        Where the content is none of the formats that are read.
    """
    name = shown(path)
    with Path(path).open("rb") as file:
        head = file.read(1024)
    for magic, driver in _MAGIC:
        if head.startswith(magic):
            return driver
    for other in allow:
        if other.upper() in INDIRECT_DRIVERS:
            raise InputError(f"{name}: driver {shown(other)} opens other files; it is never used")
        return other
    raise InputError(f"{name}: {_guess(head)}; {FORMATS} is needed")


def _guess(head: bytes) -> str:
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return f"not an image we read but {what}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        low = text.lower()
        if b"vrtdataset" in low:
            return "a GDAL virtual raster (VRT), which points to other files; give those files"
        if b"<html" in low or b"<!doctype" in low:
            return "not an image; looks like HTML (a login or error page?)"
        return "not an image; looks like XML"
    if all(31 < byte < 127 or byte in b"\t\r\n" for byte in head):
        return "not an image; looks like text"
    return f"not an image: unknown content ({len(head)} bytes looked at)"


def check_whole(path: StrPath, driver: str) -> None:
    """Refuse a file that ends before its own structure says it should.

    Looks at TIFF directories, PNG chunks and JPEG 2000 boxes; reads no pixel. Damage that
    leaves the length right shows when the pixels are read.

    Raises
    ------
    InputError
        "is truncated (needs X bytes, has Y)", or where the structure is nonsense.
    """
    checks = {"GTiff": find_end, "PNG": _png_end, "JP2OpenJPEG": _jp2_end}
    if driver not in checks:
        return
    size = Path(path).stat().st_size
    try:
        with Path(path).open("rb") as file:
            needed = checks[driver](file, size)
    except DamagedError as error:
        raise InputError(f"{shown(path)}: damaged header ({error}); get the file again") from None
    if needed > size:
        raise InputError(
            f"{shown(path)}: is truncated (needs {needed:,} bytes, has {size:,}); "
            "get the file again"
        )


def _png_end(file: BinaryIO, size: int) -> int:
    """Walk the chunks to IEND."""
    offset: int = 8
    while True:
        if offset + 12 > size:
            return offset + 12
        file.seek(offset)
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if not kind.isalpha():
            raise DamagedError(f"no chunk at byte {offset}")
        offset += 12 + length
        if kind == b"IEND":
            return offset


def _jp2_end(file: BinaryIO, size: int) -> int:
    """Walk the boxes of a JP2 file to its codestream, and that to its end."""
    if file.read(4) == b"\xff\x4f\xff\x51":
        _check_tiles(file, 0, size)
        return _codestream_end(file, 0, size)
    offset = 0
    while offset + 8 <= size:
        file.seek(offset)
        head = file.read(16)
        length, body = int.from_bytes(head[:4], "big"), offset + 8
        if length == 1:
            length, body = int.from_bytes(head[8:], "big"), offset + 16
        if head[4:8] == b"jp2c":
            _check_tiles(file, body, size)
            if length == 0:
                return _codestream_end(file, body, size)
        if length == 0:
            return size
        if length < 8:
            raise DamagedError(f"a box of {length} bytes")
        offset += length
    return offset


def _codestream_end(file: BinaryIO, offset: int, size: int) -> int:
    """Hop over the tile parts of a JPEG 2000 codestream to its end marker."""
    offset += 2
    while offset + 12 <= size:
        file.seek(offset)
        head = file.read(10)
        marker = head[:2]
        if marker == b"\xff\xd9":
            return offset + 2
        if marker[0] != 0xFF:
            raise DamagedError(f"no marker at byte {offset}")
        # a tile part says how long it is, with its data; 0 is "up to the end"
        part = int.from_bytes(head[6:10], "big") if marker == b"\xff\x90" else None
        if part == 0:
            return size
        offset += part if part is not None else 2 + int.from_bytes(head[2:4], "big")
    return offset + 2


def _check_tiles(file: BinaryIO, offset: int, size: int) -> None:
    """Refuse more tiles than the file has room for: a decoder would reserve memory for them."""
    file.seek(offset + 2)
    head = file.read(40)
    if head[:2] != b"\xff\x51" or len(head) < 40:
        raise DamagedError("its codestream does not begin with a size")
    right, bottom, _, _, width, height, left, top = (
        int.from_bytes(head[at : at + 4], "big") for at in range(6, 38, 4)
    )
    if not (width and height) or right <= left or bottom <= top:
        raise DamagedError(f"tiles of {width} x {height} px")
    number = -(-(right - left) // width) * -(-(bottom - top) // height)
    if number * _LEAST_TILE > size:
        raise DamagedError(f"{number:,} tiles in {size:,} bytes")
