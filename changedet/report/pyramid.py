"""A picture as a pyramid of tiles, made row by row: only one row of tiles a level is held.

Level ``zmax`` has one tile pixel for each pixel of the picture. At level ``z`` one tile pixel is
``2 ** (zmax - z)`` pixels of the picture, in both directions, and level 0 fits into one tile.
Tile (x, y) of a level begins at its pixel (x * size, y * size), counted from the top left. That is
how Leaflet counts with ``CRS.Simple`` where a point is ``map.unproject([col, row], zmax)``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window

SIZE = 512
"""Side of a tile, pixels. With 256 there are four times as many files for no gain in speed."""
_COLUMNS_AT_ONCE = 2048

UInt8 = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]


class Paint(Protocol):
    """How a layer gets smaller, and how it becomes a picture; see :mod:`.tilepaint`."""

    @property
    def extension(self) -> str:
        """Of a file, without the dot."""
        ...

    @property
    def blank(self) -> tuple[int, ...]:
        """A pixel where there is nothing: one value, or one for each channel."""
        ...

    def halve(self, block: UInt8) -> UInt8:
        """Make one pixel of 2 x 2; both sides of the block are even."""
        ...

    def encode(self, tile: UInt8, start: tuple[int, int]) -> bytes | None:
        """Return a whole tile as a file, None where nothing is to be seen.

        ``start`` is row and column of its first pixel at its level.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TiledLayer:
    """The tiles of one layer.

    Parameters
    ----------
    name : str
        Folder of the layer.
    extension : str
        Of its files, without the dot.
    present : tuple of tuple of tuple of bool
        By level, row and column: whether there is such a tile.
    """

    name: str
    extension: str
    present: tuple[tuple[tuple[bool, ...], ...], ...]

    @property
    def template(self) -> str:
        """Address of a tile, ``{z}``, ``{x}`` and ``{y}`` to be filled in."""
        return f"{self.name}/{{z}}/{{x}}_{{y}}.{self.extension}"

    @property
    def count(self) -> int:
        """Number of tiles."""
        return sum(sum(row) for level in self.present for row in level)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pyramid:
    """Pictures of one grid as tiles.

    Parameters
    ----------
    width, height : int
        Of the grid, pixels.
    size : int
        Side of a tile, pixels. Every tile is whole: beyond the picture it is transparent.
    layers : tuple of TiledLayer
        All on the same grid.
    """

    width: int
    height: int
    size: int = SIZE
    layers: tuple[TiledLayer, ...] = ()

    @property
    def zmax(self) -> int:
        """Level of the grid's own pixels; 0 where it fits into one tile."""
        return deepest(self.width, self.height, self.size)


def deepest(width: int, height: int, size: int = SIZE) -> int:
    """Return the level at which one tile pixel is one pixel of the picture.

    Examples
    --------
    >>> deepest(512, 300), deepest(513, 300), deepest(10_000, 10_000)
    (0, 1, 5)
    """
    return (-(-max(width, height) // size) - 1).bit_length()


def level_shape(width: int, height: int, down: int) -> tuple[int, int]:
    """Return rows and columns, pixels, of the level ``down`` below the deepest one.

    Examples
    --------
    >>> level_shape(600, 500, 1), level_shape(601, 500, 3)
    ((250, 300), (63, 76))
    """
    return -(-height // 2**down), -(-width // 2**down)


def pyramid_document(pyramid: Pyramid, *, base: str = "") -> dict[str, Any]:
    """Return what a page needs to know of a pyramid, ready for JSON.

    Parameters
    ----------
    pyramid : Pyramid
        What was written.
    base : str
        From the page to the folder of the layers, such as ``tiles/``; empty for a page in it.

    Returns
    -------
    dict
        ``width``, ``height``, ``size``, ``zmax``, and ``layers`` by name, each with ``template``
        (an address with ``{z}``, ``{x}``, ``{y}``) and ``present``: for each level from 0 on
        ``1`` (every tile is there), ``0`` (none is) or bits in base64: tile (x, y) is bit
        ``k = y * columns + x``, of byte ``k >> 3`` the one of value ``128 >> (k & 7)``, where
        ``columns = ceil(ceil(width / 2 ** (zmax - z)) / size)``. A tile that is not there must
        not be asked for: it is wholly transparent, and a browser complains of a missing file.
    """
    return {
        "width": pyramid.width,
        "height": pyramid.height,
        "size": pyramid.size,
        "zmax": pyramid.zmax,
        "layers": {
            layer.name: {
                "template": base + layer.template,
                "present": [_packed(level) for level in layer.present],
            }
            for layer in pyramid.layers
        },
    }


def _packed(level: tuple[tuple[bool, ...], ...]) -> int | str:
    bits = np.array(level, np.bool_)
    if bits.all() or not bits.any():
        return int(bits.any())
    return base64.b64encode(np.packbits(bits.ravel()).tobytes()).decode("ascii")


def build_layer(
    name: str,
    read: Callable[[Window], UInt8],
    paint: Paint,
    emit: Callable[[str, bytes], None],
    *,
    width: int,
    height: int,
    size: int = SIZE,
    columns_at_once: int = _COLUMNS_AT_ONCE,
) -> TiledLayer:
    """Make all tiles of a layer, reading each pixel once, from the top down.

    Parameters
    ----------
    name : str
        Of the layer.
    read : callable
        Takes a window inside the picture, returns uint8 (h, w) or (h, w, channels).
    paint : Paint
        How the layer is reduced and encoded.
    emit : callable
        Takes a tile's address relative to the layers' folder, and its bytes.
    width, height : int
        Of the picture, pixels.
    size : int
        Side of a tile, pixels, even.
    columns_at_once : int
        Widest window that is read; of no influence on the tiles.

    Notes
    -----
    Held are ``2 * size * width`` pixels: it grows with the width, not with the area.
    """
    zmax = deepest(width, height, size)
    level = _Level(zmax, width, height, size=size, name=name, paint=paint, emit=emit)
    for row in range(0, height, size):
        rows = min(size, height - row)
        for col in range(0, width, columns_at_once):
            columns = min(columns_at_once, width - col)
            part = read(Window(row=row, col=col, height=rows, width=columns))
            level.put(part, col)
        level.advance(rows)
    found: list[BoolArray] = []
    top: _Level | None = level
    while top is not None:
        found.insert(0, top.present)
        top = top.above
    present = tuple(tuple(tuple(row) for row in bits.tolist()) for bits in found)
    return TiledLayer(name=name, extension=paint.extension, present=present)


class _Level:
    """One level: the row of tiles that is being filled, and the level above, half as large."""

    def __init__(
        self,
        z: int,
        width: int,
        height: int,
        *,
        size: int,
        name: str,
        paint: Paint,
        emit: Callable[[str, bytes], None],
    ) -> None:
        self.z, self.width, self.height, self.size = z, width, height, size
        self.name, self.paint, self.emit = name, paint, emit
        columns = -(-width // size)
        self.present = np.zeros((-(-height // size), columns), np.bool_)
        channels = paint.blank if len(paint.blank) > 1 else ()
        self.rows = np.empty(
            (size, columns * size, *((len(channels),) if channels else ())), np.uint8
        )
        self.rows[:] = paint.blank
        self.filled = 0
        self.y = 0
        rest = level_shape(width, height, 1)
        self.above: _Level | None = (
            _Level(z - 1, rest[1], rest[0], size=size, name=name, paint=paint, emit=emit)
            if z
            else None
        )

    def put(self, part: UInt8, col: int) -> None:
        """Lay a part into the rows that come next, from a column on."""
        height, width = part.shape[:2]
        self.rows[self.filled : self.filled + height, col : col + width] = part

    def advance(self, rows: int) -> None:
        """Say that the next rows are complete; a full row of tiles is written and handed on."""
        self.filled += rows
        if self.filled == self.size or self.y * self.size + self.filled == self.height:
            self._finish()

    def _finish(self) -> None:
        half = self.size // 2
        rows = -(-self.filled // 2)
        for x in range(self.present.shape[1]):
            tile = self.rows[:, x * self.size : (x + 1) * self.size]
            data = self.paint.encode(tile, (self.y * self.size, x * self.size))
            if data is not None:
                self.present[self.y, x] = True
                address = f"{self.name}/{self.z}/{x}_{self.y}.{self.paint.extension}"
                self.emit(address, data)
            if self.above is not None:
                # Where a side is odd, the pixel beyond it is blank.
                used = -(-min(self.size, self.width - x * self.size) // 2)
                small = self.paint.halve(tile[: 2 * rows, : 2 * used])
                self.above.put(small, x * half)
        self.rows[:] = self.paint.blank
        self.filled = 0
        self.y += 1
        if self.above is not None:
            self.above.advance(rows)
