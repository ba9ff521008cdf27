"""Pixel evidence: spectral differences of two aligned, normalised images, and indices.

Arrays have the shape (bands, height, width) unless it is said otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


def _steepness(image: FloatArray) -> FloatArray:
    """Squared gradient magnitude per band, squared values a pixel."""
    return np.stack(
        [
            cv2.Sobel(band, cv2.CV_32F, 1, 0, scale=1 / 8) ** 2
            + cv2.Sobel(band, cv2.CV_32F, 0, 1, scale=1 / 8) ** 2
            for band in image
        ]
    )


def gradient_z(
    before: FloatArray,
    after: FloatArray,
    *,
    noise: NDArray[np.floating],
    error_px: float | FloatArray,
    valid: BoolArray | None = None,
) -> FloatArray:
    """Compute differences in units of what noise and residual misregistration can explain.

    ``z = (after - before) / sqrt(noise^2 + error_px^2 * |gradient|^2)``: an edge that lies a
    fraction of a pixel off does not count as change, and the map keeps its resolution.

    Parameters
    ----------
    before, after : ndarray of float32, shape (bands, height, width)
        AFTER aligned and brought to BEFORE's radiometry.
    noise : ndarray, shape (bands,)
        Standard deviation of the difference where nothing changed and nothing is steep.
    error_px : float or ndarray, shape (height, width)
        Residual error of the co-registration per axis, pixels.
    valid : ndarray of bool, optional
        True = use; NaN is returned elsewhere.

    Returns
    -------
    ndarray of float32, shape (bands, height, width)
        Signed; negative = darker after.

    References
    ----------
    The variance of a difference under misregistration to first order; compare Theiler &
    Wohlberg 2012, doi:10.1109/TGRS.2011.2179660.
    """
    # The smoother of the two dates bounds what a shift alone can do.
    slope = np.minimum(_steepness(before), _steepness(after))
    scale = np.asarray(noise, np.float32)[:, None, None]
    shift = np.asarray(error_px, np.float32) ** 2 * slope
    z: FloatArray = (after - before) / np.sqrt(scale**2 + shift)
    if valid is not None:
        z = np.where(valid, z, np.float32(np.nan))
    return z


def cva(
    before: FloatArray,
    after: FloatArray,
    *,
    noise: NDArray[np.floating] | None = None,
    valid: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the change vector's length and direction.

    Parameters
    ----------
    before, after : ndarray of float32, shape (bands, height, width)
        AFTER aligned and brought to BEFORE's radiometry.
    noise : ndarray, shape (bands,), optional
        Scale of each band; 1 where it is not given.
    valid : ndarray of bool, optional
        True = use; NaN is returned elsewhere.

    Returns
    -------
    magnitude : ndarray of float32, shape (height, width)
        Root of the mean squared scaled difference over the bands.
    direction : ndarray of float32, shape (height, width)
        Radians: 0 = brighter in all bands, pi = darker in all, pi/2 = change of colour alone.

    References
    ----------
    Bovolo & Bruzzone 2007, doi:10.1109/TGRS.2006.885408; direction as in compressed CVA,
    Bovolo et al. 2012, doi:10.1109/TGRS.2011.2171493.
    """
    scale = np.ones(len(before)) if noise is None else np.asarray(noise, np.float64)
    difference = (after - before) / scale.astype(np.float32)[:, None, None]
    magnitude = np.sqrt(np.mean(np.square(difference), axis=0))
    length = magnitude * np.float32(np.sqrt(len(before)))
    cosine = difference.sum(axis=0) / (np.float32(np.sqrt(len(before))) * np.maximum(length, 1e-9))
    direction = np.arccos(np.clip(cosine, -1, 1))
    if valid is not None:
        magnitude = np.where(valid, magnitude, np.nan)
        direction = np.where(valid, direction, np.nan)
    return magnitude.astype(np.float32), direction.astype(np.float32)


def ndvi(red: FloatArray, nir: FloatArray) -> FloatArray:
    """Compute the normalised difference vegetation index, -1..1 (Tucker 1979)."""
    return np.asarray((nir - red) / np.maximum(np.abs(nir + red), 1e-6), np.float32)


def exg(red: FloatArray, green: FloatArray, blue: FloatArray) -> FloatArray:
    """Compute the excess green of the chromatic coordinates, -1..2.

    References
    ----------
    Woebbecke et al. 1995, doi:10.13031/2013.27838.
    """
    total = np.maximum(red + green + blue, 1e-6)
    return np.asarray((2 * green - red - blue) / total, np.float32)


def gli(red: FloatArray, green: FloatArray, blue: FloatArray) -> FloatArray:
    """Compute the green leaf index, -1..1.

    References
    ----------
    Louhaichi et al. 2001, doi:10.1080/10106040108542184.
    """
    total = np.maximum(2 * green + red + blue, 1e-6)
    return np.asarray((2 * green - red - blue) / total, np.float32)
