"""What co-registration reads: one grey image, any window, at any whole zoom-out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid, Window

_STRIP = 256  # lines of an array that are turned to float at a time
_KEPT_PX = 3 * 2**22  # most pixels that are kept of a date: 63 MB with their validity
_KEPT_STRIP = 1024  # lines that are read at a time of what is kept, at least


Image = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Grey values, and where to use them."""


class Reader(Protocol):
    """One date as a grey image of any size, read by windows.

    To spread the work over processes, a reader must pickle (a path, not an open handle).
    """

    @property
    def grid(self) -> Grid:
        """Grid of the image at full resolution."""
        ...

    def read(self, window: Window, zoom: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window, each pixel the mean of ``zoom`` x ``zoom`` of the image's.

        Parameters
        ----------
        window : Window
            In pixels at full resolution; may reach beyond the grid.
        zoom : int
            Whole zoom-out factor; the shape is that of the window divided by it, rounded up.

        Returns
        -------
        image : ndarray of float32
            Finite; 0 where not valid.
        valid : ndarray of bool
            True = use; False outside the grid.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ArrayReader:
    """A :class:`Reader` of an array in memory.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        Grey values; not finite counts as not valid.
    valid : ndarray of bool, shape (height, width), optional
        True = use; all of it by default.
    georeference : Grid, optional
        By default a grid without CRS.

    Raises
    ------
    ValueError
        Where the shapes differ, or the image has not two dimensions.
    """

    image: NDArray[np.floating] | NDArray[np.integer]
    valid: NDArray[np.bool_] | None = None
    georeference: Grid | None = None
    grid: Grid = field(init=False)

    def __post_init__(self) -> None:
        if self.image.ndim != 2:
            raise ValueError(f"a grey image has two dimensions, not {self.image.ndim}")
        height, width = self.image.shape
        grid = self.georeference or Grid(width=width, height=height)
        valid_shape = (height, width) if self.valid is None else self.valid.shape
        for what, shape in (("valid", valid_shape), ("its grid", grid.shape)):
            if shape != (height, width):
                raise ValueError(f"{what} is {shape}, the image {self.image.shape}")
        object.__setattr__(self, "grid", grid)

    def read(self, window: Window, zoom: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window at a zoom-out; see :meth:`Reader.read`."""
        lines = zoom * max(1, _STRIP // zoom)
        if zoom == 1 or window.height <= lines:
            return self._read(window, zoom)
        # by strips: a whole image is never held as float
        strips = [
            self._read(replace(window, row=row, height=min(lines, window.stop_row - row)), zoom)
            for row in range(window.row, window.stop_row, lines)
        ]
        images, valids = zip(*strips, strict=True)
        return np.concatenate(images), np.concatenate(valids)

    def _read(self, window: Window, zoom: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        height, width = -(-window.height // zoom), -(-window.width // zoom)
        image = np.zeros((height * zoom, width * zoom), np.float32)
        valid = np.zeros(image.shape, np.bool_)
        inside = window & self.grid.window
        source = inside.slices
        target = Window(
            row=inside.row - window.row,
            col=inside.col - window.col,
            height=inside.height,
            width=inside.width,
        ).slices
        part = self.image[source].astype(np.float32)
        use = np.isfinite(part) if self.valid is None else np.isfinite(part) & self.valid[source]
        image[target], valid[target] = np.where(use, part, 0), use
        return average(image, valid, zoom)


class Remembering:
    """A :class:`Reader` that reads zoomed-out pixels once.

    To read a large image zoomed out is to read all of its pixels, and every level of matching asks
    for that again. So the first window that is asked for is read as fine as memory allows, and what
    lies in it is averaged from there at every zoom-out that is a multiple. This may differ from
    the reader's own answer in last digits, and beside nodata: let processes not share what is
    read here, or let them ask :func:`exact`. It pickles as the reader it asks.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: _Kept | None = None

    def __reduce__(self) -> tuple[type[Remembering], tuple[Reader]]:
        return Remembering, (self._reader,)

    @property
    def grid(self) -> Grid:
        """Grid of the image at full resolution."""
        return self._reader.grid

    def read(self, window: Window, zoom: int) -> Image:
        """Read a window at a zoom-out; see :meth:`Reader.read`."""
        # a window that ends inside of a pixel of the zoom-out is a matter of the reader alone
        whole = all(
            length % zoom == 0 or stop >= edge
            for length, stop, edge in (
                (window.height, window.stop_row, self.grid.height),
                (window.width, window.stop_col, self.grid.width),
            )
        )
        if not whole:
            return self._reader.read(window, zoom)
        known = None if self._kept is None else self._kept.recall(window, zoom, self.grid)
        if known is not None:
            return known
        base = _finest(window, zoom)
        if self._kept is not None or base is None:
            return self._reader.read(window, zoom)
        self._kept = _keep(self._reader, _rounded_up(window, zoom), zoom, base)
        image, valid = self._kept.image, self._kept.valid
        return average(image, valid, zoom // base)

    def release(self) -> None:
        """Let go of what serves coarse levels alone, before the finest is matched."""
        if self._kept is not None and self._kept.zoom > 1:
            self._kept = None

    def read_exactly(self, window: Window, zoom: int) -> Image:
        """Read what the reader itself would answer."""
        if self._kept is not None and self._kept.zoom == zoom:
            return self.read(window, zoom)
        return self._reader.read(window, zoom)


def exact(reader: Reader) -> Reader:
    """Return a reader that uses what is kept only where it is bit for bit what would be read."""
    return _Exact(reader) if isinstance(reader, Remembering) else reader


def release(*readers: Reader) -> None:
    """Let readers forget what serves coarse levels alone: see :meth:`Remembering.release`."""
    for reader in readers:
        if isinstance(reader, Remembering):
            reader.release()


@dataclass(frozen=True, slots=True, eq=False)
class _Exact:
    """See :func:`exact`."""

    source: Remembering

    @property
    def grid(self) -> Grid:
        return self.source.grid

    def read(self, window: Window, zoom: int) -> Image:
        return self.source.read_exactly(window, zoom)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Kept:
    """What was read of an image: a window at one zoom-out."""

    window: Window
    zoom: int
    image: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def recall(self, window: Window, zoom: int, grid: Grid) -> Image | None:
        """Cut a window out of it and average that; None where it does not hold all of it."""
        row, col = window.row - self.window.row, window.col - self.window.col
        seen = window & grid.window
        if zoom % self.zoom or row % self.zoom or col % self.zoom or seen & self.window != seen:
            return None
        window = _rounded_up(window, zoom)
        wanted = Window(
            row=row // self.zoom,
            col=col // self.zoom,
            height=window.height // self.zoom,
            width=window.width // self.zoom,
        )
        height, width = self.image.shape
        part = wanted & Window(row=0, col=0, height=height, width=width)
        if part == wanted:
            return average(self.image[part.slices], self.valid[part.slices], zoom // self.zoom)
        target = replace(part, row=part.row - wanted.row, col=part.col - wanted.col).slices
        values, use = np.zeros(wanted.shape, np.float32), np.zeros(wanted.shape, np.bool_)
        values[target], use[target] = self.image[part.slices], self.valid[part.slices]
        return average(values, use, zoom // self.zoom)


def _finest(window: Window, zoom: int) -> int | None:
    """Return the least divisor of a zoom-out at which a window is small enough to be kept."""
    divisors = (part for part in range(1, zoom + 1) if zoom % part == 0)
    most = _KEPT_PX
    return next((d for d in divisors if window.height * window.width <= most * d * d), None)


def _rounded_up(window: Window, zoom: int) -> Window:
    height, width = (-(-length // zoom) * zoom for length in window.shape)
    return replace(window, height=height, width=width)


def _keep(reader: Reader, window: Window, zoom: int, base: int) -> _Kept:
    """Read a window by strips: of all bands of it, a reader may hold no more than one."""
    lines = zoom * -(-_KEPT_STRIP // zoom)
    shape = window.height // base, window.width // base
    image, valid = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    for row in range(0, window.height, lines):
        strip = replace(window, row=window.row + row, height=min(lines, window.height - row))
        part = slice(row // base, (row + strip.height) // base)
        image[part], valid[part] = reader.read(strip, base)
    return _Kept(window=window, zoom=base, image=image, valid=valid)


def average(
    image: NDArray[np.float32], valid: NDArray[np.bool_], zoom: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Average ``zoom`` x ``zoom`` pixels over the valid ones; valid where half of them are."""
    if zoom == 1:
        return image, valid
    size = image.shape[1] // zoom, image.shape[0] // zoom
    if valid.all():
        mean = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(mean, np.float32), np.ones(mean.shape, np.bool_)
    share, total = (
        np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
        for part in (valid.astype(np.float32), np.where(valid, image, np.float32(0)))
    )
    use = share >= 0.5 - 1e-4
    return np.divide(total, share, out=np.zeros_like(total), where=use), use
