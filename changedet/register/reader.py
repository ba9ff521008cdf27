"""What co-registration reads: one grey image, any window, at any whole zoom-out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid, Window

_STRIP = 256  # lines of an array that are turned to float at a time


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
