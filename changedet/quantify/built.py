"""Built area before: found in the image by compact bright and dark structures, less plants."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

LENGTHS_M = (3.0, 7.0, 11.0, 15.0, 19.0, 23.0, 27.0)
"""Lengths of the line elements: from a shed's side to beyond a slab's short side."""
SMOOTH_M = 2.0
"""Half side of the window that joins the pixels of one roof."""


def working_zoom(gsd_m: float) -> int:
    """Return the power of two that brings the GSD near 1 m, where roofs are still compact."""
    zoom = 1
    while zoom < 8 and gsd_m * zoom * 2 <= 1.2:
        zoom *= 2
    return zoom


def reach_px(gsd_m: float) -> int:
    """Return how far the built-up score looks around a pixel, in pixels of the grid."""
    return int(np.ceil((LENGTHS_M[-1] + SMOOTH_M) / gsd_m)) + 4 * working_zoom(gsd_m)


def mbi(brightness: ByteArray, *, gsd_m: float) -> FloatArray:
    """Compute the morphological building index of an 8-bit image.

    Mean over four directions of the differences between white top-hats of growing line
    length: high on bright structures that are compact in every direction. The top-hat uses
    plain linear openings, without the reconstruction of the original: then the result at a
    pixel depends on a bounded neighbourhood only, and so not on the block it is computed in.

    Parameters
    ----------
    brightness : ndarray of uint8, shape (height, width)
        Largest of the visible bands; for dark roofs 255 minus the smallest.
    gsd_m : float
        Ground sample distance of this array, metres.

    Returns
    -------
    ndarray of float32
        Grey levels.

    References
    ----------
    Huang & Zhang 2012, doi:10.1109/JSTARS.2011.2168195.
    """
    total = np.zeros(brightness.shape, np.float32)
    for angle in (0, 45, 90, 135):
        previous = None
        for length_m in LENGTHS_M:
            opened = cv2.morphologyEx(
                brightness,
                cv2.MORPH_OPEN,
                _line(length_m / gsd_m, angle),
                borderType=cv2.BORDER_REFLECT_101,
            )
            top_hat = brightness - opened
            if previous is not None:
                total += cv2.absdiff(top_hat, previous)
            previous = top_hat
    return total / np.float32(4 * (len(LENGTHS_M) - 1))


def _line(length_px: float, angle: int) -> ByteArray:
    diagonal = angle in (45, 135)
    side = max(3, round(length_px / (np.sqrt(2) if diagonal else 1))) | 1
    kernel = np.zeros((side, side), np.uint8)
    if diagonal:
        np.fill_diagonal(kernel if angle == 135 else kernel[:, ::-1], 1)
    else:
        kernel[(side // 2, slice(None)) if angle == 0 else (slice(None), side // 2)] = 1
    return kernel


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltPlan:
    """What turns the raw measures of built area into one score and a mask."""

    bright: tuple[float, float]
    """Median and robust spread of the index of bright structures."""
    dark: tuple[float, float]
    """The same of dark structures."""
    plants: tuple[float, float] | None
    """The same of the vegetation index; None without colour."""
    threshold: float
    """Score above which a pixel counts as built."""

    def score(self, measures: FloatArray) -> FloatArray:
        """Combine the measures of :func:`built_measures` into one score, in spreads."""
        bright = _scaled(measures[0], self.bright)
        if self.plants is None:
            # Without colour dark structures are as often crowns of trees as roofs.
            return bright
        dark = _scaled(measures[1], self.dark)
        return 0.5 * (bright + dark) - _scaled(measures[2], self.plants)


def _scaled(values: FloatArray, scale: tuple[float, float]) -> FloatArray:
    return np.clip((values - np.float32(scale[0])) / np.float32(scale[1]), -2, 4)


def robust_scale(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return median and 1.4826 times the median absolute deviation (never 0)."""
    centre = float(np.median(values))
    return centre, max(1.4826 * float(np.median(np.abs(values - centre))), 1e-3)


def built_measures(visible: ByteArray, plants: FloatArray | None, *, gsd_m: float) -> FloatArray:
    """Compute the raw measures of built area at the working zoom.

    Parameters
    ----------
    visible : ndarray of uint8, shape (bands, height, width)
        Visible bands, height and width multiples of :func:`working_zoom`.
    plants : ndarray of float32, shape (height, width), or None
        Vegetation index.
    gsd_m : float
        Ground sample distance, metres.

    Returns
    -------
    ndarray of float32, shape (3, height / zoom, width / zoom)
        Index of bright structures, of dark structures, vegetation index; each smoothed.
    """
    zoom = working_zoom(gsd_m)
    small = np.stack([_shrink(band, zoom) for band in visible])
    gsd = gsd_m * zoom
    side = 2 * max(1, round(SMOOTH_M / gsd)) + 1
    layers = [
        mbi(small.max(axis=0), gsd_m=gsd),
        mbi(255 - small.min(axis=0), gsd_m=gsd),
        np.zeros(small.shape[1:], np.float32) if plants is None else _shrink(plants, zoom),
    ]
    return np.stack([cv2.blur(layer, (side, side)) for layer in layers])


def _shrink(band: NDArray[np.generic], zoom: int) -> NDArray[np.generic]:
    if zoom == 1:
        return band
    height, width = band.shape
    mean = band.reshape(height // zoom, zoom, width // zoom, zoom).mean(axis=(1, 3))
    rounded = np.rint(mean) if band.dtype == np.uint8 else mean
    return np.asarray(rounded.astype(band.dtype))
