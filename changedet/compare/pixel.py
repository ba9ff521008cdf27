"""Pixel evidence: spectral differences of two aligned, normalised images.

Arrays have the shape (bands, height, width) unless it is said otherwise. Index differences are in
:mod:`changedet.compare.indices`, canonical variates in :mod:`changedet.compare.irmad`; their
functions can be had from here too.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.indices import bsi, exg, gli, nbr, ndbi, ndvi
from changedet.compare.irmad import IrMad, TailFit, fit_irmad, fit_tail
from changedet.core.kernels import filled, thinned, thinned_side

__all__ = [
    "IrMad",
    "TailFit",
    "bsi",
    "chroma_ratios",
    "cva",
    "exg",
    "fit_irmad",
    "fit_tail",
    "gli",
    "gradient_z",
    "guided_mean",
    "nbr",
    "ndbi",
    "ndvi",
]

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


def _steepness(band: FloatArray) -> FloatArray:
    """Squared gradient magnitude of one band, squared values a pixel."""
    across = cv2.Sobel(band, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(band, cv2.CV_32F, 0, 1, scale=1 / 8)
    np.multiply(across, across, out=across)
    np.multiply(down, down, out=down)
    return np.asarray(np.add(across, down, out=across), np.float32)


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
    noise : ndarray, shape (bands,) or (bands, height, width)
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
    scale = np.asarray(noise, np.float32) ** 2
    shift = np.asarray(error_px, np.float32) ** 2
    z = np.empty(before.shape, np.float32)
    for out, one, two, own in zip(z, before, after, scale, strict=True):
        # The smoother of the two dates bounds what a shift alone can do.
        spread = _steepness(one)
        np.minimum(spread, _steepness(two), out=spread)
        spread *= shift
        spread += own
        np.sqrt(spread, out=spread)
        np.subtract(two, one, out=out)
        np.divide(out, spread, out=out)
        if valid is not None:
            out[~valid] = np.nan
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


def chroma_ratios(visible: FloatArray, *, floor: float) -> FloatArray:
    """Compute the log-ratios of red to green and of blue to green: colour without its light.

    A shadow or another sun multiplies all three bands and leaves the ratios; a new surface
    seldom does.

    Parameters
    ----------
    visible : ndarray of float32, shape (3, ...)
        Red, green, blue; negative values count as 0.
    floor : float
        Positive, digital numbers; added to every band: below it there is too little light for
        a colour.

    Returns
    -------
    ndarray of float32, shape (2, ...)
        0 = grey.

    Examples
    --------
    >>> import numpy as np
    >>> rgb = np.array([[90.0], [40.0], [40.0]], np.float32)
    >>> bool(np.allclose(chroma_ratios(rgb, floor=10), [[np.log(2)], [0]]))
    True
    """
    red, green, blue = np.log(np.maximum(visible, 0) + np.float32(floor))
    return np.stack([red - green, blue - green])


def guided_mean(
    image: FloatArray,
    guides: Sequence[FloatArray],
    *,
    valid: BoolArray,
    radius: int,
    edge: float,
    stride: int = 1,
) -> FloatArray:
    """Smooth a map within objects, not across the edges that a guide shows.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        What is to be smoothed.
    guides : sequence of ndarray of float32, shape (height, width)
        Grey images; the mean over them is returned: an edge counts that either date shows.
    valid : ndarray of bool
        True = use; what is not used neither gives nor gets a value (0).
    radius : int
        Half side of the windows, pixels; the result reaches twice as far.
    edge : float
        Contrast of a guide, in its grey levels, from which on an edge is kept.
    stride : int
        Windows are summed at every ``stride``-th pixel, of the products of all pixels; the lines
        of the windows are interpolated, and put to every pixel of the guide.

    Returns
    -------
    ndarray of float32

    References
    ----------
    He, Sun & Tang 2013, Guided image filtering, doi:10.1109/TPAMI.2012.213; windows at fewer
    pixels: He & Sun 2015, Fast guided filter, arXiv:1505.00996.
    """
    whole = bool(valid.all())
    weight = valid.astype(np.float32)
    reach = thinned_side(radius, stride) // 2
    seen = thinned(weight, stride)
    share = np.reciprocal(np.maximum(_box(seen, reach), np.float32(1e-3)))

    def masked(values: FloatArray) -> FloatArray:
        return values if whole else np.where(valid, values, np.float32(0))

    def mean(values: FloatArray) -> FloatArray:
        return _box(values, reach) * share

    image = masked(image)
    given = mean(thinned(image, stride))
    total = np.zeros(image.shape, np.float32)
    levels = np.zeros(given.shape, np.float32)
    for guide in guides:
        # Centred, or the variance would be a small difference of large squares in float32.
        grey = masked(guide - np.float32(128))
        level = mean(thinned(grey, stride))
        cross = mean(thinned(grey * image, stride)) - level * given
        spread = np.maximum(mean(thinned(grey * grey, stride)) - level * level, np.float32(0))
        slope = np.asarray(cross / (spread + np.float32(edge * edge)), np.float32)
        levels += mean((given - slope * level) * seen)
        grey *= filled(mean(slope * seen), stride, image.shape)
        total += grey
    total += filled(levels, stride, image.shape)
    total *= np.float32(1 / len(guides))
    return masked(total)


def _box(image: NDArray[np.floating], radius: int) -> FloatArray:
    # OpenCV sums float32 images in float64, also where it returns float32.
    side = (2 * radius + 1, 2 * radius + 1)
    summed = cv2.boxFilter(image, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(summed, np.float32)
