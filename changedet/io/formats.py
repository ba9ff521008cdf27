"""What a file is, by its bytes: one GDAL driver by name, and whether the file is whole.

GDAL tries every driver it has on a file, and some of them (VRT, WMS, STAC) follow what the
file says to other files or to the network. So we look first, and name one driver.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from changedet.core.environment import INDIRECT_DRIVERS
from changedet.core.errors import InputError
from changedet.core.redaction import without_secrets

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

_COMPRESSION = 259
_DEFLATE = (8, 32946)
_PIECE = 2**20
"""Bytes that are unpacked at a time."""
_MAX_DIRECTORIES = 4096
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_SIZES |= {16: 8, 17: 8, 18: 8}
_OFFSET_TYPES = {3: "u2", 4: "u4", 16: "u8"}
_PAIRS = ((273, 279), (324, 325))
"""TIFF tags of offsets and byte counts: strips, tiles."""


def shown(path: StrPath) -> str:
    r"""Return a path for a message: control characters become ``?``, secrets of addresses ``***``.

    Examples
    --------
    >>> shown("a\x1b[31m.tif")
    'a?[31m.tif'
    """
    return "".join(c if c.isprintable() else "?" for c in without_secrets(str(path)))


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
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{name}: its name is not valid UTF-8; rename the file") from None
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
    checks = {"GTiff": _tiff_end, "PNG": _png_end, "JP2OpenJPEG": _jp2_end}
    if driver not in checks:
        return
    size = Path(path).stat().st_size
    try:
        with Path(path).open("rb") as file:
            needed = checks[driver](file, size)
    except _DamagedError as error:
        raise InputError(f"{shown(path)}: damaged header ({error}); get the file again") from None
    if needed > size:
        raise InputError(
            f"{shown(path)}: is truncated (needs {needed:,} bytes, has {size:,}); "
            "get the file again"
        )


def check_streams(path: StrPath) -> None:
    """Refuse a TIFF with a deflated block whose checksum is wrong.

    libtiff stops where a block is full, before the checksum: damage that still decodes goes
    unseen. Other codecs of TIFF (LZW, ZSTD, WebP) have no checksum to look at.

    Raises
    ------
    InputError
        "its pixels are damaged".
    """
    size = Path(path).stat().st_size
    # a structure that makes no sense is for check_whole and GDAL to judge
    with Path(path).open("rb") as file, contextlib.suppress(_DamagedError, _ShortError):
        for entries in _tiff_directories(file, size):
            for offset, count in _deflated_blocks(file, entries, size):
                if count and not _is_sound(_take(file, offset, count, size)):
                    raise InputError(
                        f"{shown(path)}: its pixels are damaged (a wrong checksum in the "
                        f"block at byte {offset:,}); get the file again"
                    )


def _deflated_blocks(
    file: BinaryIO, entries: dict[int, _Entry], size: int
) -> Iterator[tuple[int, int]]:
    """Yield where the blocks of a page lie and how long they are, where it is deflated."""
    codec = _tiff_numbers(file, entries.get(_COMPRESSION), size)
    if codec.size != 1 or codec[0] not in _DEFLATE:
        return
    for offsets_tag, counts_tag in _PAIRS:
        offsets = _tiff_numbers(file, entries.get(offsets_tag), size)
        counts = _tiff_numbers(file, entries.get(counts_tag), size)
        yield from zip(offsets.tolist(), counts.tolist(), strict=False)


def _is_sound(data: bytes) -> bool:
    """Say whether a zlib stream comes to its end, and its checksum is right."""
    stream = zlib.decompressobj()
    try:
        while not stream.eof:
            unpacked = stream.decompress(data, _PIECE)
            data = stream.unconsumed_tail
            if not data and not unpacked:
                return False
    except zlib.error:
        return False
    return True


class _DamagedError(Exception):
    """The structure of the file makes no sense."""


class _ShortError(Exception):
    """The file ends inside its structure; carries the byte where that structure ends."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


def _take(file: BinaryIO, offset: int, length: int, size: int) -> bytes:
    if offset + length > size:
        raise _ShortError(offset + length)
    file.seek(offset)
    return file.read(length)


def _tiff_end(file: BinaryIO, size: int) -> int:
    """Return the last byte that any strip or tile of any page lies at."""
    needed = 0
    try:
        for entries in _tiff_directories(file, size):
            for offsets_tag, counts_tag in _PAIRS:
                offsets = _tiff_numbers(file, entries.get(offsets_tag), size)
                counts = _tiff_numbers(file, entries.get(counts_tag), size)
                if offsets.size and offsets.size == counts.size:
                    # float64 holds every plausible file size, and cannot overflow
                    ends = np.where(counts > 0, offsets.astype(float) + counts, 0.0)
                    needed = max(needed, int(ends.max()))
    except _ShortError as error:
        needed = max(needed, error.needed)
    return needed


_Entry = tuple[int, int, int, str]
"""Type, count, where the values lie, byte order."""


def _tiff_directories(file: BinaryIO, size: int) -> Iterator[dict[int, _Entry]]:
    head = _take(file, 0, 8, size)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\x00", b"\x00+")
    start = _take(file, 8, 8, size) if big else head[4:8]
    offset = int(struct.unpack(order + ("Q" if big else "I"), start)[0])
    count_format, entry_size, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_size, next_size = struct.calcsize(count_format), struct.calcsize("=" + next_format)
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) > _MAX_DIRECTORIES:
            raise _DamagedError("its list of pages is endless")
        seen.add(offset)
        (number,) = struct.unpack(order + count_format, _take(file, offset, count_size, size))
        if not 0 < number <= 65536:
            raise _DamagedError(f"a page of {number} tags")
        body = _take(file, offset + count_size, number * entry_size + next_size, size)
        entries: dict[int, _Entry] = {}
        for index in range(number):
            at = index * entry_size
            if big:
                tag, kind, count = struct.unpack_from(order + "HHQ", body, at)
            else:
                tag, kind, count = struct.unpack_from(order + "HHI", body, at)
            field = at + (12 if big else 8)
            place = offset + count_size + field
            if count * _TYPE_SIZES.get(kind, 1) > (8 if big else 4):
                place = struct.unpack_from(order + next_format, body, field)[0]
            entries[tag] = (kind, count, place, order)
        yield entries
        (offset,) = struct.unpack_from(order + next_format, body, number * entry_size)


def _tiff_numbers(file: BinaryIO, entry: _Entry | None, size: int) -> np.ndarray:
    if entry is None:
        return np.empty(0)
    kind, count, place, order = entry
    if kind not in _OFFSET_TYPES:
        raise _DamagedError(f"strip or tile positions of type {kind}")
    length = count * _TYPE_SIZES[kind]
    return np.frombuffer(_take(file, place, length, size), dtype=order + _OFFSET_TYPES[kind])


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
            raise _DamagedError(f"no chunk at byte {offset}")
        offset += 12 + length
        if kind == b"IEND":
            return offset


def _jp2_end(file: BinaryIO, size: int) -> int:
    """Walk the boxes of a JP2 file to its codestream, and that to its end."""
    if file.read(4) == b"\xff\x4f\xff\x51":
        return _codestream_end(file, 0, size)
    offset = 0
    while offset + 8 <= size:
        file.seek(offset)
        head = file.read(16)
        length, body = int.from_bytes(head[:4], "big"), offset + 8
        if length == 1:
            length, body = int.from_bytes(head[8:], "big"), offset + 16
        if head[4:8] == b"jp2c" and length == 0:
            return _codestream_end(file, body, size)
        if length == 0:
            return size
        if length < 8:
            raise _DamagedError(f"a box of {length} bytes")
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
            raise _DamagedError(f"no marker at byte {offset}")
        # a tile part says how long it is, with its data; 0 is "up to the end"
        part = int.from_bytes(head[6:10], "big") if marker == b"\xff\x90" else None
        if part == 0:
            return size
        offset += part if part is not None else 2 + int.from_bytes(head[2:4], "big")
    return offset + 2
