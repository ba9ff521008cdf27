"""Whether the compressed pixels of a file are those that were written, where a checksum says so.

Many builds of libtiff, and GDAL's reader of PNG, stop at the last pixel, before the checksum behind
it (Adler-32, RFC 1950): damage comes back as pixels that nobody sees anything wrong with.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from changedet.core.errors import InputError
from changedet.io.formats import shown
from changedet.io.tiff import DamagedError, ShortError, list_pieces

_DEFLATE = (8, 32946)
_STEP = 2**20
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_Stream = tuple[list[tuple[int, int]], int]
"""Where the bytes of a deflated stream lie (first byte, length), and the bytes it holds."""


def check_checksums(path: Path, driver: str) -> None:
    """Inflate every deflated strip or tile of a TIFF, overviews and masks too, or a PNG.

    Pixels of other codecs carry no checksum (LZW, JPEG, JPEG 2000, zstd as TIFF writes it).

    Raises
    ------
    InputError
        Where a piece is damaged.
    """
    kinds = {"GTiff": _tiff_streams, "PNG": _png_streams}
    if driver not in kinds:
        return
    name = shown(path)
    try:
        with path.open("rb") as file:
            streams = kinds[driver](file, path.stat().st_size)
            wrong = next(
                (where for where, size in streams if not _is_sound(file, where, size)), None
            )
    except (DamagedError, ShortError) as error:
        raise InputError(f"{name}: damaged header ({error}); get the file again") from None
    if wrong is not None:
        raise InputError(
            f"{name}: its pixels are damaged (the checksum of those at byte {wrong[0][0]:,} is "
            "wrong); get the file again"
        )


def _tiff_streams(file: BinaryIO, size: int) -> Iterator[_Stream]:
    for piece in list_pieces(file, size):
        if piece.compression in _DEFLATE:
            yield [(piece.offset, piece.length)], piece.size


def _png_streams(file: BinaryIO, size: int) -> Iterator[_Stream]:
    """One stream, cut into any number of IDAT chunks."""
    places, held, offset = [], 0, 8
    while offset + 12 <= size:
        file.seek(offset)
        head = file.read(18)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind == b"IHDR" and len(head) == 18:
            width, height = (int.from_bytes(head[at : at + 4], "big") for at in (8, 12))
            depth, colour = head[16], head[17]
            row = -(-width * depth * _PNG_SAMPLES.get(colour, 4) // 8)
            # a byte before each row says how it is filtered; interlaced rows are more, and shorter
            held = height * (row + 8)
        if kind == b"IDAT":
            places.append((offset + 8, length))
        offset += 12 + length
    if places:
        yield places, held


def _is_sound(file: BinaryIO, places: list[tuple[int, int]], size: int) -> bool:
    """Inflate a stream to its checksum, in small steps.

    One that is still not at its end after twice what it may hold is a bomb.
    """
    stream = zlib.decompressobj()
    seen = 0
    try:
        for offset, length in places:
            place, left = offset, length
            while left and not stream.eof:
                file.seek(place)
                data = file.read(min(left, _STEP))
                if not data:
                    return True
                place, left = place + len(data), left - len(data)
                while data and not stream.eof:
                    seen += len(stream.decompress(data, _STEP))
                    data = stream.unconsumed_tail
                    if seen > 2 * size + _STEP:
                        return False
        # what is held back where the last step was full
        while not stream.eof and (part := stream.decompress(b"", _STEP)):
            seen += len(part)
            if seen > 2 * size + _STEP:
                return False
    except zlib.error:
        return False
    # without an end: whether the pixels are all there, the decoder says
    return True
