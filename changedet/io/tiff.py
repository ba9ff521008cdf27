"""The structure of a TIFF, read without decoding a pixel: pages, strips and tiles."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

_MAX_DIRECTORIES = 4096
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_SIZES |= {16: 8, 17: 8, 18: 8}
_NUMBER_TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _PLANAR = 256, 257, 258, 259, 277, 284
_STRIPS, _TILES = (273, 279), (324, 325)
"""Tags of offsets and byte counts."""
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323


class DamagedError(Exception):
    """The structure of the file makes no sense."""


class ShortError(Exception):
    """The file ends inside its structure; carries the byte where that structure ends."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


_Entry = tuple[int, int, int, str]
"""Type, count, where the values lie, byte order."""
_Page = dict[int, _Entry]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A strip or tile: first byte, bytes, TIFF's number of the codec, bytes once decoded."""

    offset: int
    length: int
    compression: int
    size: int


def take(file: BinaryIO, offset: int, length: int, size: int) -> bytes:
    """Read bytes that must be there.

    Raises
    ------
    ShortError
        Where the file of ``size`` bytes ends before.
    """
    if offset + length > size:
        raise ShortError(offset + length)
    file.seek(offset)
    return file.read(length)


def find_end(file: BinaryIO, size: int) -> int:
    """Return the last byte that any strip or tile of any page lies at.

    Raises
    ------
    DamagedError
        Where the structure makes no sense: also where a page lists fewer strips or tiles than
        its size has, which GDAL would make up from nothing.
    """
    needed = 0
    try:
        for page in _read_pages(file, size):
            for tags in (_STRIPS, _TILES):
                offsets, counts = (_read_numbers(file, page.get(tag), size) for tag in tags)
                if offsets.size:
                    _check_count(file, page, offsets.size, size, tiled=tags == _TILES)
                if offsets.size and offsets.size == counts.size:
                    # float64 holds every plausible file size, and cannot overflow
                    ends = np.where(counts > 0, offsets.astype(float) + counts, 0.0)
                    needed = max(needed, int(ends.max()))
    except ShortError as error:
        needed = max(needed, error.needed)
    return needed


def list_pieces(file: BinaryIO, size: int) -> Iterator[Piece]:
    """Yield the strips and tiles of all pages that hold anything; of a file that is whole."""
    for page in _read_pages(file, size):
        compression = _first(file, page, _COMPRESSION, size, 1)
        for tags in (_STRIPS, _TILES):
            offsets, counts = (_read_numbers(file, page.get(tag), size) for tag in tags)
            if not offsets.size or offsets.size != counts.size:
                continue
            width, height = _piece_shape(file, page, size, tiled=tags == _TILES)
            bits = _first(file, page, _BITS, size, 1)
            apart = _first(file, page, _PLANAR, size, 1) == 2
            samples = 1 if apart else _first(file, page, _SAMPLES, size, 1)
            decoded = -(-width * samples * bits // 8) * height
            for offset, count in zip(offsets.tolist(), counts.tolist(), strict=True):
                if count:
                    yield Piece(offset=offset, length=count, compression=compression, size=decoded)


def _first(file: BinaryIO, page: _Page, tag: int, size: int, default: int) -> int:
    values = _read_numbers(file, page.get(tag), size)
    return int(values[0]) if values.size else default


def _piece_shape(file: BinaryIO, page: _Page, size: int, *, tiled: bool) -> tuple[int, int]:
    """Width and height of a tile, or of a strip."""
    if tiled:
        return tuple(_first(file, page, tag, size, 0) for tag in (_TILE_WIDTH, _TILE_HEIGHT))  # type: ignore[return-value]
    height = _first(file, page, _HEIGHT, size, 0)
    rows = _first(file, page, _ROWS_PER_STRIP, size, height)
    return _first(file, page, _WIDTH, size, 0), min(rows, height)


def _check_count(file: BinaryIO, page: _Page, listed: int, size: int, *, tiled: bool) -> None:
    width, height = (_first(file, page, tag, size, 0) for tag in (_WIDTH, _HEIGHT))
    across, down = _piece_shape(file, page, size, tiled=tiled)
    if not (width and height and across and down):
        raise DamagedError(f"an image of {width} x {height} px in pieces of {across} x {down} px")
    number = -(-width // across) * -(-height // down)
    if _first(file, page, _PLANAR, size, 1) == 2:
        number *= _first(file, page, _SAMPLES, size, 1)
    if listed < number:
        raise DamagedError(
            f"{width} x {height} px need {number:,} strips or tiles, {listed:,} are listed"
        )


def _read_pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    head = take(file, 0, 8, size)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\x00", b"\x00+")
    start = take(file, 8, 8, size) if big else head[4:8]
    offset = int(struct.unpack(order + ("Q" if big else "I"), start)[0])
    count_format, entry_size, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_size, next_size = struct.calcsize(count_format), struct.calcsize("=" + next_format)
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) > _MAX_DIRECTORIES:
            raise DamagedError("its list of pages is endless")
        seen.add(offset)
        (number,) = struct.unpack(order + count_format, take(file, offset, count_size, size))
        if not 0 < number <= 65536:
            raise DamagedError(f"a page of {number} tags")
        body = take(file, offset + count_size, number * entry_size + next_size, size)
        entries: _Page = {}
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


def _read_numbers(file: BinaryIO, entry: _Entry | None, size: int) -> np.ndarray:
    if entry is None:
        return np.empty(0)
    kind, count, place, order = entry
    if kind not in _NUMBER_TYPES:
        raise DamagedError(f"whole numbers of type {kind}")
    length = count * np.dtype(_NUMBER_TYPES[kind]).itemsize
    return np.frombuffer(take(file, place, length, size), dtype=order + _NUMBER_TYPES[kind])
