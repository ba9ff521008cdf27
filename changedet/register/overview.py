"""Reading AFTER the way a model lays it on BEFORE, and small overviews of both dates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window
from changedet.core.kernels import (
    BoolArray,
    double_angle,
    fill_invalid,
    gradients,
    sample_at,
    sample_valid,
    shrink_valid,
)
from changedet.register.lattice import Chain, FloatArray, Mapping
from changedet.register.reader import Reader

Image = tuple[NDArray[np.float32], BoolArray]


def read_warped(
    reader: Reader, mapping: Mapping | Chain, area: Window, *, zoom: int, order: int
) -> Image:
    """Read AFTER as it lies on ``area`` of BEFORE, at a zoom-out.

    AFTER is read at the whole zoom-out next below the ratio of the pixel sizes, so that
    sampling it does not alias.

    Parameters
    ----------
    reader : Reader
        AFTER.
    mapping : Mapping or Chain
        BEFORE (or base) positions to AFTER positions, full-resolution pixels.
    area : Window
        In level pixels (full-resolution pixels divided by ``zoom``).
    zoom, order : int
        Level of ``area``; degree of the interpolation (1 or 3).

    Returns
    -------
    image, valid : ndarray
        Of the shape of ``area``.
    """
    rows = (np.arange(area.row, area.stop_row)[:, None] + 0.5) * zoom - 0.5
    cols = (np.arange(area.col, area.stop_col)[None] + 0.5) * zoom - 0.5
    at_col, at_row = mapping.at(cols, rows)
    factor = max(1, math.floor(mapping.scale * zoom + 0.1))
    source = _around(at_col, at_row, factor) & reader.grid.window.pad(4 * factor)
    if 0 in source.shape:
        return np.zeros(area.shape, np.float32), np.zeros(area.shape, np.bool_)
    image, valid = reader.read(source, factor)
    at_col = (at_col - source.col + 0.5) / factor - 0.5
    at_row = (at_row - source.row + 0.5) / factor - 0.5
    use = sample_valid(valid, at_col, at_row, margin=1.5)
    out = sample_at(fill_invalid(image, valid), at_col, at_row, order=order, fill=0.0)
    return np.where(use, out, 0), use


def _around(cols: FloatArray, rows: FloatArray, factor: int) -> Window:
    """Bounding window of positions, with room for interpolation, aligned to the zoom-out."""
    room = 4 * factor
    left, top = (int((p.min() - room) // factor) * factor for p in (cols, rows))
    right, bottom = (int((p.max() + room) // factor + 1) * factor for p in (cols, rows))
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def measure_contrast(image: NDArray[np.float32], valid: BoolArray, *, sigma: float) -> float:
    """Median gradient length of an image; 0 where nothing is valid."""
    down, right = gradients(fill_invalid(image, valid), sigma=sigma)
    use = shrink_valid(valid, 1 + math.ceil(2 * sigma))
    return float(np.median(np.hypot(down, right)[use])) if use.any() else 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Overview:
    """A whole date, small.

    Parameters
    ----------
    image, valid : ndarray
        Finite grey values, and where to use them.
    zoom : int
        Full-resolution pixels per overview pixel.
    row, col : int
        Full-resolution position of its upper left corner.
    """

    image: NDArray[np.float32]
    valid: BoolArray
    zoom: int
    row: int = 0
    col: int = 0

    @property
    def to_full(self) -> FloatArray:
        """3 x 3 matrix from overview positions to full-resolution ones."""
        half = (self.zoom - 1) / 2
        return np.array(
            [[self.zoom, 0, half + self.col], [0, self.zoom, half + self.row], [0, 0, 1]], float
        )

    def field(self, *, sigma: float = 1.2) -> NDArray[np.complex64]:
        """Double-angle gradient field."""
        contrast = measure_contrast(self.image, self.valid, sigma=sigma)
        filled = fill_invalid(self.image, self.valid)
        return double_angle(filled, self.valid, contrast=contrast, sigma=sigma)


def overview_of(reader: Reader, *, size: int) -> Overview:
    """Read a whole image with at most ``size`` pixels on its longer side."""
    zoom = -(-max(reader.grid.shape) // size)
    image, valid = reader.read(reader.grid.window, zoom)
    return Overview(image=image, valid=valid, zoom=zoom)


def overview_through(reader: Reader, base: Mapping, *, area: Window, zoom: int) -> Overview:
    """Read AFTER as its georeference lays it on ``area`` (full resolution) of BEFORE's plane."""
    level = Window(
        row=area.row // zoom,
        col=area.col // zoom,
        height=-(-area.height // zoom),
        width=-(-area.width // zoom),
    )
    image, valid = read_warped(reader, base, level, zoom=zoom, order=1)
    return Overview(image=image, valid=valid, zoom=zoom, row=level.row * zoom, col=level.col * zoom)
