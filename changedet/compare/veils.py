"""Measures of a veil: how one date looks in windows, and shapes of masks, on cells of some 2 m."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.structure import windowed_mean

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class VeilSizes:
    """Half sides of the windows, cells."""

    dark: int
    """Of the dark channel: 5 m."""
    detail: int
    """Over which detail is gathered: 8 m."""
    fine: float
    """Sigma of the blur that detail is the difference from: 5 m."""
    open: int
    """Of the opening: what is narrower than 14 m (some 200 m2) is no veil, what is wider grows
    back."""
    white: int
    """Of the opening of saturated areas: 10 m wide."""
    rim: int
    """In which the outline of a veil is judged: 30 m."""


def veil_sizes(cell_m: float) -> VeilSizes:
    """Turn metres into cells, at least one and no more than the margin allows."""

    def cells(metres: float, least: int, most: int) -> int:
        return int(np.clip(round(metres / cell_m), least, most))

    return VeilSizes(
        dark=cells(5, 1, 4),
        detail=cells(8, 1, 6),
        fine=float(np.clip(5 / cell_m, 0.8, 4)),
        open=cells(6, 1, 4),
        white=cells(4, 1, 3),
        rim=cells(30, 2, 18),
    )


def dark_channel(image: FloatArray, valid: BoolArray, sizes: VeilSizes) -> FloatArray:
    """Least value of all bands in a window, then its mean: the dark channel."""
    least = np.where(valid, image.min(axis=0), np.float32(9)).astype(np.float32)
    side = 2 * sizes.dark + 1
    eroded = cv2.erode(least, np.ones((side, side), np.uint8), borderValue=9.0)
    use = (eroded < 9).astype(np.float32)
    return windowed_mean(np.asarray(eroded, np.float32), weight=use, radius=sizes.dark)


def chroma(image: FloatArray, valid: BoolArray, sizes: VeilSizes) -> FloatArray:
    """Mean of the difference between the brightest and the darkest band."""
    spread = image.max(axis=0) - image.min(axis=0)
    return windowed_mean(spread, weight=valid.astype(np.float32), radius=sizes.dark)


def detail(grey: FloatArray, valid: BoolArray, sizes: VeilSizes) -> FloatArray:
    """Root mean square of what is finer than some 10 m."""
    weight = cv2.GaussianBlur(valid.astype(np.float32), (0, 0), sizes.fine)
    wide = cv2.GaussianBlur(np.where(valid, grey, np.float32(0)), (0, 0), sizes.fine)
    fine = np.where(valid, grey - wide / np.maximum(weight, np.float32(1e-3)), np.float32(0))
    mean = windowed_mean(fine * fine, weight=valid.astype(np.float32), radius=sizes.detail)
    return np.sqrt(np.maximum(mean, 0))


def steps(grey: FloatArray, valid: BoolArray) -> FloatArray:
    """Difference of the neighbours on both sides, the larger of the two axes: over two cells.

    An edge inside a cell shows whole; 0 beside what is not valid.
    """
    filled = np.where(valid, grey, np.float32(np.nan))
    found = np.zeros_like(grey)
    for ahead, behind, middle in (
        (np.s_[2:], np.s_[:-2], np.s_[1:-1]),
        (np.s_[:, 2:], np.s_[:, :-2], np.s_[:, 1:-1]),
    ):
        step = np.abs(np.nan_to_num(filled[ahead] - filled[behind]))
        found[middle] = np.maximum(found[middle], step)
    return found


def split(values: FloatArray) -> float:
    """Return the threshold of Otsu (1979, doi:10.1109/TSMC.1979.4310076)."""
    counts, edges = np.histogram(values, bins=128)
    centre = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * centre)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return float(edges[1:][int(np.argmax(np.nan_to_num(apart)))])


def _disc(radius: int) -> ByteArray:
    side = np.arange(-radius, radius + 1)
    return np.asarray(side[:, None] ** 2 + side**2 <= (radius + 0.3) ** 2, np.uint8)


def grown(mask: BoolArray, radius: int) -> BoolArray:
    """Grow a mask by a disc."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(radius)) > 0)


def shrunk(mask: BoolArray, radius: int) -> BoolArray:
    """Shrink a mask by a disc; beyond the array everything is marked."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disc(radius)) > 0)


def opened(mask: BoolArray, radius: int) -> BoolArray:
    """Drop what is narrower than a disc."""
    return grown(shrunk(mask, radius), radius)


def closed(mask: BoolArray, radius: int) -> BoolArray:
    """Fill what is narrower than a disc."""
    return shrunk(grown(mask, radius), radius)
