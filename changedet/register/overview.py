"""Reading AFTER the way a model lays it on BEFORE, and small overviews of both dates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window
from changedet.core.kernels import (
    BoolArray,
    blur,
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
    for positions, start in ((at_col, source.col), (at_row, source.row)):
        np.subtract(positions, start - 0.5, out=positions)  # in place: they are large
        np.divide(positions, factor, out=positions)
        np.subtract(positions, 0.5, out=positions)
    use = sample_valid(valid, at_col, at_row, margin=1.5)
    out = sample_at(fill_invalid(image, valid), at_col, at_row, order=order, fill=0.0)
    if not use.all():
        out[~use] = 0
    return out, use


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


_COLLAR_PX = 9
"""Least width of a collar, overview pixels; thinner things are roads and shadows."""

_LEAST_COLLAR = 0.02  # of an image; bright roofs and deep shadow at the edge are less
_LEAST_LEFT = 0.1
_MOST_OVERLAY = 0.25


def drop_collar(image: NDArray[np.float32], valid: BoolArray) -> BoolArray:
    """Mark as invalid what is black or white and flat from the edge of an image inwards.

    Rotated, mosaicked and framed images often fill what they do not show with a colour instead of
    a declared nodata value. The outline of that filling is the strongest edge of the image, and
    it has nothing to do with the ground. Water and deep shadow at the edge go with it: they hold
    nothing that could be matched.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        Grey values.
    valid : ndarray of bool, shape (height, width)
        True = use.

    Returns
    -------
    ndarray of bool, shape (height, width)
        ``valid`` without the collar; ``valid`` itself where next to nothing would be left.
    """
    if not valid.any():
        return valid
    low, high = (float(v) for v in np.percentile(image[valid], (0.1, 99.9)))
    near = 0.02 * (high - low)
    if near <= 0:
        return valid
    left = valid
    for same in (image <= low + near, image >= high - near):
        collar = _from_the_edge(same | ~valid) & same & valid
        if collar.sum() >= _LEAST_COLLAR * collar.size:
            # three pixels more: the outline is blurred, and codecs ring beside it
            left = left & ~(cv2.dilate(collar.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)
    return left if left.sum() >= _LEAST_LEFT * valid.sum() else valid


def _from_the_edge(flat: BoolArray) -> BoolArray:
    """Keep what is wide enough and connected with the edge of the image."""
    side = _COLLAR_PX
    wide = np.pad(flat.astype(np.uint8), side, mode="edge")
    wide = np.asarray(cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((side, side))), np.uint8)
    parts = cv2.connectedComponents(np.pad(wide, 1, constant_values=1), connectivity=4)[1]
    edge: BoolArray = parts[side + 1 : -side - 1, side + 1 : -side - 1] == parts[0, 0]
    return edge


def overview_zoom(longest: int, size: int) -> int:
    """Return the zoom-out of an overview with about ``size`` pixels on its longer side.

    At most that many up to four times as long; beyond, the nearest of 6, 8, 12, 24, 48 ...: the
    levels of half, a quarter ... of these are averages of one another, and read together.

    Examples
    --------
    >>> [overview_zoom(length, 700) for length in (500, 2000, 5000, 10_000)]
    [1, 3, 8, 12]
    """
    least = -(-longest // size)
    if least <= 4:
        return least
    nice = [6, 8, 12]
    while nice[-1] < least:
        nice.append(2 * nice[-1])
    return min(nice, key=lambda zoom: abs(math.log(zoom / least)))


def overview_of(reader: Reader, *, size: int) -> Overview:
    """Read a whole image with about ``size`` pixels on its longer side."""
    zoom = overview_zoom(max(reader.grid.shape), size)
    image, valid = reader.read(reader.grid.window, zoom)
    return Overview(image=image, valid=drop_collar(image, valid), zoom=zoom)


def overview_through(reader: Reader, base: Mapping, *, area: Window, zoom: int) -> Overview:
    """Read AFTER as its georeference lays it on ``area`` (full resolution) of BEFORE's plane."""
    level = Window(
        row=area.row // zoom,
        col=area.col // zoom,
        height=-(-area.height // zoom),
        width=-(-area.width // zoom),
    )
    image, valid = read_warped(reader, base, level, zoom=zoom, order=1)
    return Overview(
        image=image,
        valid=drop_collar(image, valid),
        zoom=zoom,
        row=level.row * zoom,
        col=level.col * zoom,
    )


def warp_overview(
    moving: Overview, fixed: Overview, affine: FloatArray
) -> tuple[NDArray[np.float32], BoolArray]:
    """Lay ``moving`` on ``fixed`` under a hypothesis, bilinearly."""
    full = np.vstack([affine, [0, 0, 1]])
    inner = (np.linalg.inv(moving.to_full) @ full @ fixed.to_full)[:2]
    mapping = Mapping(affine=inner)
    height, width = fixed.image.shape
    cols, rows = mapping.at(np.arange(width)[None], np.arange(height)[:, None])
    image = fill_invalid(moving.image, moving.valid)
    if mapping.scale > 1.3:  # several moving pixels to one: keep them from aliasing
        image = blur(image, 0.4 * mapping.scale)
    valid = sample_valid(moving.valid, cols, rows, margin=1.5)
    return np.where(valid, sample_at(image, cols, rows, order=1, fill=0.0), 0), valid


def find_overlay(fixed: Overview, moving: Overview) -> BoolArray:
    """Find what both dates show alike to the grey value at the same pixels: logos, captions.

    Ground is never alike to a tenth of its own texture, unless the dates lie on each other as
    they are; so ask this only where they do not.

    Returns
    -------
    ndarray of bool, shape of ``fixed``
        True on the overlay; nowhere where it would be a quarter of the image or more.
    """
    other, seen = warp_overview(moving, fixed, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    image = fill_invalid(fixed.image, fixed.valid)
    side = (9, 9)
    level, square = cv2.blur(image, side), cv2.blur(image * image, side)
    texture = np.sqrt(np.maximum(square - level * level, 0))
    least = measure_contrast(fixed.image, fixed.valid, sigma=1.0)
    alike = (cv2.blur(np.abs(image - other), side) <= 0.1 * texture) & (texture > least)
    alike &= fixed.valid & seen
    wide = cv2.dilate(alike.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    overlay: BoolArray = wide if wide.mean() < _MOST_OVERLAY else np.zeros_like(wide)
    return overlay
