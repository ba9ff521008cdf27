"""Whether the compressed pixels of a file are those that were written, where a checksum says so.

Many builds of libtiff stop reading a deflated strip at its last pixel, before the checksum
behind it (Adler-32, RFC 1950): damage comes back as pixels that nobody sees anything wrong with.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from changedet.core.errors import InputError
from changedet.io.formats import shown
from changedet.io.tiff import DamagedError, Piece, ShortError, list_pieces

_DEFLATE = (8, 32946)
_STEP = 2**20


def check_checksums(path: Path, driver: str) -> None:
    """Inflate every deflated strip or tile of a TIFF, overviews and masks too.

    Pixels of other codecs carry no checksum (LZW, JPEG, zstd as TIFF writes it), or GDAL
    minds it (PNG).

    Raises
    ------
    InputError
        Where a piece is damaged.
    """
    if driver != "GTiff":
        return
    name = shown(path)
    try:
        with path.open("rb") as file:
            place = _find_damage(file, path.stat().st_size)
    except (DamagedError, ShortError) as error:
        raise InputError(f"{name}: damaged header ({error}); get the file again") from None
    if place is not None:
        raise InputError(
            f"{name}: its pixels are damaged (the checksum of the piece at byte {place:,} is "
            "wrong); get the file again"
        )


def _find_damage(file: BinaryIO, size: int) -> int | None:
    """Return where the first damaged piece begins."""
    pieces = (piece for piece in list_pieces(file, size) if piece.compression in _DEFLATE)
    return next((piece.offset for piece in pieces if not _is_sound(file, piece)), None)


def _is_sound(file: BinaryIO, piece: Piece) -> bool:
    """Inflate a piece to its checksum, in small steps.

    One that is still not at its end after twice what a piece holds is no piece but a bomb.
    """
    file.seek(piece.offset)
    stream = zlib.decompressobj()
    left, seen, data = piece.length, 0, b""
    try:
        while not stream.eof:
            if not data:
                data = file.read(min(left, _STEP))
                left -= len(data)
            part = stream.decompress(data, _STEP)
            data = stream.unconsumed_tail
            seen += len(part)
            if seen > 2 * piece.size + _STEP:
                return False
            if not part and not data and not left:
                # without an end: whether the pixels are all there, the decoder says
                return True
    except zlib.error:
        return False
    return True
