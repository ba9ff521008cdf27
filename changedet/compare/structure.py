"""Structural evidence: how alike two aligned images are in shape, whatever their light.

Every function takes two grey images of one grid and returns a map; nothing here knows files,
blocks or thresholds. Windows and searches are given in pixels; :func:`window_sizes` turns
metres into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.sliding import best_correlation, disc_shifts
from changedet.core.kernels import (
    blur,
    filled,
    gradients,
    strips,
    thinned,
    thinned_side,
    thinned_sigma,
)

__all__ = [
    "WindowSizes",
    "coherence",
    "contrast_structure",
    "disc_shifts",
    "double_angle",
    "orientation_similarity",
    "ssim",
    "window_sizes",
    "windowed_mean",
    "zncc",
]

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Floating = TypeVar("Floating", bound=np.floating)

NOMINAL_GSD_M = 0.7
"""Scale assumed for window sizes alone where an image has none: metre-scale imagery of towns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSizes:
    """Sizes in pixels of the windows that the structural measures use."""

    radius: int
    """Half side of the correlation window (4.5 m, at least 4 px)."""
    search: int
    """Largest shift tried between the dates: 7 m, for lean and residual; at least 2 px."""
    step: int
    """Step between the shifts tried (1.3 m, at least 1 px): similarity is smoother than that."""
    support: int
    """Half side of the window that gathers the evidence of one object (7 m, at least 3 px)."""

    @property
    def stride(self) -> int:
        """Pixels between the windows that are summed: some fifth of their side, a power of two.

        Narrow windows are summed at every pixel. What is compared must begin at a multiple of it
        on the grid.
        """
        return 4 if self.radius >= 8 else 1

    @property
    def fine_stride(self) -> int:
        """The same for the moments of a Gaussian: two where windows are 17 pixels or wider."""
        return max(1, self.stride // 2)

    @property
    def margin(self) -> int:
        """Pixels that a block must read beyond its core."""
        return 2 * self.radius + self.search + self.support + 12


def window_sizes(gsd_m: float | None, *, residual_px: float = 0.0) -> WindowSizes:
    """Turn metres into pixels.

    Parameters
    ----------
    gsd_m : float or None
        Ground sample distance; None takes :data:`NOMINAL_GSD_M`.
    residual_px : float
        90 % error of the co-registration, pixels; the search is never smaller.

    Returns
    -------
    WindowSizes
    """
    gsd = NOMINAL_GSD_M if gsd_m is None else gsd_m
    step = max(1, round(1.3 / gsd))
    # A tower of 27 m leans by 7 m between two views 15 degrees apart.
    reach = max(2, round(7.0 / gsd), min(8, int(np.ceil(residual_px))))
    return WindowSizes(
        radius=min(24, max(4, round(4.5 / gsd))),
        search=min(24, int(np.ceil(reach / step)) * step),
        step=step,
        support=min(32, max(3, round(7.0 / gsd))),
    )


def _box(image: NDArray[np.floating], radius: int) -> FloatArray:
    # OpenCV sums float32 images in float64, also where it returns float32: a float32 running sum
    # would depend on where a block begins.
    side = (2 * radius + 1, 2 * radius + 1)
    summed = cv2.boxFilter(image, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(summed, np.float32)


def windowed_mean(image: FloatArray, *, weight: FloatArray, radius: int) -> FloatArray:
    """Mean of ``image`` in a square window, weighted; 0 where all weights are 0.

    Parameters
    ----------
    image, weight : ndarray, shape (height, width)
        Values (finite wherever the weight is positive) and their weights, at least 0.
    radius : int
        Half side of the window, pixels.

    Returns
    -------
    ndarray of float32
    """
    if (weight == 1).all():
        return _box(np.asarray(image, np.float32), radius)
    mass = _box(weight, radius)
    given = np.asarray(image * weight, np.float32)
    # What is not used may be NaN, and stays so when it is multiplied by 0.
    cv2.patchNaNs(given, 0.0)
    total = _box(given, radius)
    total[mass <= 1e-6] = 0
    np.maximum(mass, np.float32(1e-6), out=mass)
    total /= mass
    return total


def _detrend(image: FloatArray, valid: BoolArray, radius: int) -> FloatArray:
    weight = valid.astype(np.float32)
    flat = image - windowed_mean(image, weight=weight, radius=radius)
    flat[~valid] = 0
    return flat


def zncc(
    before: FloatArray,
    after: FloatArray,
    *,
    valid: BoolArray | None = None,
    radius: int = 8,
    search: int = 0,
    step: int = 1,
    stride: int = 1,
) -> FloatArray:
    """Compute the best zero-mean normalised cross-correlation within a search disc.

    A building that leans the other way, or lies a pixel off, keeps a high value; one that is
    gone falls to what two unrelated places reach. Each pixel is taken relative to the mean
    of its own window, so that one box filter a shift is enough.

    Parameters
    ----------
    before, after : ndarray of float32, shape (height, width)
        Grey images on one grid.
    valid : ndarray of bool, optional
        True = use. Pixels that are not used count as featureless.
    radius : int
        Half side of the window, pixels.
    search, step : int
        Largest shift of AFTER and the step between shifts, pixels.
    stride : int
        Windows are summed at every ``stride``-th pixel and the result is interpolated.

    Returns
    -------
    ndarray of float32
        -1..1; 0 where a window has no contrast.

    References
    ----------
    Lewis 1995, Fast normalized cross-correlation; local search against relief displacement as
    in Theiler & Wohlberg 2012, doi:10.1109/TGRS.2011.2179660.
    """
    seen = np.ones(before.shape, bool) if valid is None else valid
    pair = (_detrend(before, seen, radius), _detrend(after, seen, radius))
    return best_correlation([pair], radius=radius, search=search, step=step, stride=stride)


def double_angle(
    image: FloatArray, valid: BoolArray, *, noise: float = 4.0
) -> tuple[FloatArray, FloatArray]:
    """Compute the gradient field with its angle doubled: a dark and a bright edge are one.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Grey.
    valid : ndarray of bool, shape (height, width)
        True = use.
    noise : float
        Gradient magnitude (grey levels a pixel) at which an edge has half its weight.

    Returns
    -------
    tuple of two ndarray of float32, shape (height, width)
        Cosine and sine of twice the angle, times the weight; 0 within 2 px of what is not valid.
    """
    dy, dx = gradients(image, sigma=0.8)
    inner = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8))
    for rows in strips(len(image)):
        down, right = dy[rows], dx[rows]
        across, along = right * right, down * down
        magnitude = np.sqrt(across + along)
        weight = magnitude + np.float32(noise)
        weight *= magnitude
        weight += np.float32(1e-6)
        np.divide(inner[rows], weight, out=weight)
        np.multiply(down, right, out=right)
        right *= np.float32(2)
        right *= weight
        np.subtract(across, along, out=down)
        down *= weight
    return dy, dx


def orientation_similarity(
    before: FloatArray,
    after: FloatArray,
    *,
    valid: BoolArray | None = None,
    radius: int = 8,
    search: int = 0,
    step: int = 1,
    stride: int = 1,
    noise: float = 4.0,
) -> FloatArray:
    """Compute the best correlation of double-angle gradient fields within a search disc.

    Edges count by their direction, not by their sign or strength: a roof facet that turns
    from bright to dark under another sun keeps its edges.

    Parameters
    ----------
    before, after : ndarray of float32, shape (height, width)
        Grey images on one grid.
    valid : ndarray of bool, optional
        True = use.
    radius, search, step, stride : int
        As in :func:`zncc`, pixels.
    noise : float
        Gradient magnitude (grey levels a pixel) at which an edge has half its weight.

    Returns
    -------
    ndarray of float32
        -1..1; 0 where a window has no edges.

    References
    ----------
    Double-angle representation: Granlund 1978, doi:10.1016/0146-664X(78)90039-2.
    """
    seen = np.ones(before.shape, bool) if valid is None else valid
    fields = list(
        zip(
            double_angle(before, seen, noise=noise),
            double_angle(after, seen, noise=noise),
            strict=True,
        )
    )
    return best_correlation(fields, radius=radius, search=search, step=step, stride=stride)


def coherence(
    image: FloatArray,
    *,
    valid: BoolArray | None = None,
    radius: int = 8,
    noise: float = 4.0,
    stride: int = 1,
) -> FloatArray:
    """Compute the energy-weighted coherence of the structure tensor: order of the edges.

    1 where all edges of a neighbourhood run in one direction (roof ridges, walls), towards 0
    where they run in all (rubble, crowns of trees, noise).

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Grey.
    valid : ndarray of bool, optional
        True = use.
    radius : int
        Half side of the window over which it is averaged, pixels.
    noise : float
        Gradient magnitude (grey levels a pixel) below which edges count little.
    stride : {1, 2}
        With 2 the tensor of the gradients, which are those of single pixels, is smoothed and
        gathered over every second pixel, and the result is interpolated.

    Returns
    -------
    ndarray of float32
        0..1.

    References
    ----------
    Bigun & Granlund 1987; Jähne, Digital Image Processing, 2005, section 13.3.
    """
    seen = np.ones(image.shape, bool) if valid is None else valid
    dy, dx = gradients(image, sigma=1.0)
    inner = cv2.erode(seen.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.float32)
    whole = bool(inner.all())
    if not whole:
        dx, dy = dx * inner, dy * inner
    xx, yy, xy = (
        blur(thinned(part, stride), thinned_sigma(2.0, stride))
        for part in (dx * dx, dy * dy, dx * dy)
    )
    energy = xx + yy
    np.subtract(xx, yy, out=xx)
    order = np.sqrt(xx * xx + 4 * xy * xy)
    order /= energy + np.float32(0.1 * noise * noise)
    weight = energy if whole else energy * thinned(inner, stride)
    mean = windowed_mean(order, weight=weight, radius=thinned_side(radius, stride) // 2)
    return np.clip(filled(mean, stride, image.shape), 0, 1)


def _gaussian(image: NDArray[Floating], sigma: float) -> NDArray[Floating]:
    reach = int(3.5 * sigma + 0.5)
    side = (2 * reach + 1, 2 * reach + 1)
    smooth = cv2.GaussianBlur(image, side, sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(smooth, image.dtype)


def _moments(
    before: NDArray[np.floating], after: NDArray[np.floating], sigma: float
) -> tuple[NDArray[np.float64], ...]:
    one, two = before.astype(np.float64), after.astype(np.float64)
    mean_one, mean_two = _gaussian(one, sigma), _gaussian(two, sigma)
    return (
        mean_one,
        mean_two,
        _gaussian(one * one, sigma) - mean_one * mean_one,
        _gaussian(two * two, sigma) - mean_two * mean_two,
        _gaussian(one * two, sigma) - mean_one * mean_two,
    )


def contrast_structure(
    before: FloatArray,
    after: FloatArray,
    *,
    data_range: float = 255.0,
    sigma: float = 1.5,
    stride: int = 1,
) -> FloatArray:
    """Compute SSIM's contrast-structure term: SSIM without the luminance, which is light.

    Parameters
    ----------
    before, after : ndarray, shape (height, width)
        Grey, radiometrically normalised.
    data_range : float
        Distance between the darkest and the brightest possible value.
    sigma : float
        Of the Gaussian window, pixels.
    stride : {1, 2}
        With 2 the moments of single pixels are smoothed at every second pixel, and the result is
        interpolated; for a ``sigma`` of 2 and more.

    Returns
    -------
    ndarray of float32
        -1..1; 1 = the same.

    References
    ----------
    Wang et al. 2004, doi:10.1109/TIP.2003.819861.
    """
    # Centred, or the variance would be a small difference of large squares in float32.
    middle = np.float32(data_range / 2)
    one, two = before - middle, after - middle
    total = one + two
    narrow = thinned_sigma(sigma, stride)

    def mean(image: FloatArray) -> FloatArray:
        return _gaussian(thinned(image, stride), narrow)

    # The variances are needed as their sum alone, and that of the sum of both tells the product.
    level_one, level_two = mean(one), mean(two)
    np.multiply(one, one, out=one)
    np.multiply(two, two, out=two)
    one += two
    both = mean(one) - level_one * level_one - level_two * level_two
    level_one += level_two
    np.multiply(total, total, out=total)
    cross = mean(total) - level_one * level_one - both
    c2 = np.float32((0.03 * data_range) ** 2)
    similarity = (cross + c2) / (np.maximum(both, 0) + c2)
    return np.clip(filled(similarity, stride, before.shape), -1, 1)


def ssim(
    before: FloatArray, after: FloatArray, *, data_range: float = 255.0, sigma: float = 1.5
) -> FloatArray:
    """Compute the map of the structural similarity index with a Gaussian window.

    The same figures as ``skimage.metrics.structural_similarity(gaussian_weights=True,
    use_sample_covariance=False, full=True)``, in a fraction of its time.

    Parameters
    ----------
    before, after : ndarray, shape (height, width)
        Grey.
    data_range : float
        Distance between the darkest and the brightest possible value.
    sigma : float
        Of the Gaussian window, pixels.

    Returns
    -------
    ndarray of float32
        -1..1; 1 = the same.

    References
    ----------
    Wang et al. 2004, doi:10.1109/TIP.2003.819861.
    """
    mean_one, mean_two, var_one, var_two, cross = _moments(before, after, sigma)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    light = (2 * mean_one * mean_two + c1) / (mean_one**2 + mean_two**2 + c1)
    return np.asarray(light * (2 * cross + c2) / (var_one + var_two + c2), np.float32)
