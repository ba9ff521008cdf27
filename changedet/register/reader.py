"""What co-registration reads: one grey image, any window, at any whole zoom-out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid, Window

_STRIP = 256  # lines of an array that are turned to float at a time
_KEPT_ZOOM = 4  # least zoom-out that is worth keeping
_KEPT_PX = 2**21  # most pixels that are kept: two overviews with room around them


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
    """A :class:`Reader` that keeps the largest window it read at each high zoom-out.

    To read a large image zoomed out is to read all of its pixels, and the overview shows what
    the first level of matching asks for again. It pickles as the reader it asks: what is kept
    changes nothing but the cost.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[int, tuple[Window, NDArray[np.float32], NDArray[np.bool_]]] = {}

    def __reduce__(self) -> tuple[type[Remembering], tuple[Reader]]:
        return Remembering, (self._reader,)

    @property
    def grid(self) -> Grid:
        """Grid of the image at full resolution."""
        return self._reader.grid

    def read(self, window: Window, zoom: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window at a zoom-out; see :meth:`Reader.read`."""
        # a window that ends inside of a pixel of the zoom-out is a matter of the reader alone
        whole = all(
            length % zoom == 0 or stop >= edge
            for length, stop, edge in (
                (window.height, window.stop_row, self.grid.height),
                (window.width, window.stop_col, self.grid.width),
            )
        )
        if whole and zoom in self._kept and (known := self._recall(window, zoom)) is not None:
            return known
        image, valid = self._reader.read(window, zoom)
        largest = zoom not in self._kept or image.size > self._kept[zoom][1].size
        if whole and zoom >= _KEPT_ZOOM and largest and image.size <= _KEPT_PX:
            self._kept[zoom] = window, image, valid
        return image, valid

    def _recall(
        self, window: Window, zoom: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
        """Cut a window out of what is kept; None where that does not hold all of it."""
        known, image, valid = self._kept[zoom]
        row, col = window.row - known.row, window.col - known.col
        seen = window & self.grid.window
        if row % zoom or col % zoom or seen & known != seen:
            return None
        shape = -(-window.height // zoom), -(-window.width // zoom)
        wanted = Window(row=row // zoom, col=col // zoom, height=shape[0], width=shape[1])
        part = wanted & Window(row=0, col=0, height=image.shape[0], width=image.shape[1])
        target = replace(part, row=part.row - wanted.row, col=part.col - wanted.col).slices
        values, use = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        values[target], use[target] = image[part.slices], valid[part.slices]
        return values, use


def average(
    image: NDArray[np.float32], valid: NDArray[np.bool_], zoom: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Average ``zoom`` x ``zoom`` pixels over the valid ones; valid where half of them are."""
    if zoom == 1:
        return image, valid
    height, width = image.shape[0] // zoom, image.shape[1] // zoom
    shape = (height, zoom, width, zoom)
    count = valid.reshape(shape).sum((1, 3))
    total = np.where(valid, image, 0).reshape(shape).sum((1, 3), dtype=np.float64)
    use = 2 * count >= zoom * zoom
    mean = np.divide(total, count, out=np.zeros((height, width)), where=use)
    return mean.astype(np.float32), use
