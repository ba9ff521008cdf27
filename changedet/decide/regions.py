"""Regions: connected pixels of one decision, and the smallest that is mapped."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

BoolArray = NDArray[np.bool_]
_AT_ONCE = 2000  # buildings whose neighbours are held in memory at the same time

MAX_REGION_PX = 512
"""Upper bound of a minimum mapping unit in pixels; bounds the margin that a block needs."""


def minimum_pixels(mmu_m2: float, pixel_area_m2: float | None) -> int:
    """Turn a minimum mapping unit into pixels, at least 4.

    Parameters
    ----------
    mmu_m2 : float
        Square metres.
    pixel_area_m2 : float or None
        None where no scale is known: 12 pixels, about 6 m2 of metre-scale imagery.
    """
    if pixel_area_m2 is None:
        return 12
    return int(min(MAX_REGION_PX, max(4, np.ceil(mmu_m2 / pixel_area_m2 - 1e-9))))


def drop_small(decided: BoolArray, *, min_pixels: int) -> BoolArray:
    """Remove 8-connected regions of fewer than ``min_pixels`` pixels.

    Of a region that reaches the border of the array only the part inside is counted. With a
    margin of ``min_pixels`` around the core of a block that makes no difference to the core:
    a region that touches both has at least that many pixels in between.

    Parameters
    ----------
    decided : ndarray of bool, shape (height, width)
        True = belongs to a region.
    min_pixels : int
        Smallest region kept.

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> import numpy as np
    >>> drop_small(np.array([[True, False, True, True]]), min_pixels=2)
    array([[False, False,  True,  True]])
    """
    if min_pixels <= 1 or not decided.any():
        return decided
    # Labels alone, counted where there are any: OpenCV's statistics take four times as long.
    _, labels = cv2.connectedComponents(decided.astype(np.uint8), connectivity=8)
    set_ = np.flatnonzero(decided)
    label = labels.ravel()[set_]
    small = np.bincount(label) < min_pixels
    kept = decided.copy(order="C")
    kept.reshape(-1)[set_[small[label]]] = False
    return kept


def local_prior(
    probability: NDArray[np.floating],
    places: NDArray[np.floating],
    *,
    prior: float,
    range_m: float = 100.0,
    worth: float = 3.0,
) -> NDArray[np.float64]:
    """Estimate the share of destroyed buildings around each building, itself left out.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Of each building on its own evidence.
    places : ndarray, shape (n, 2)
        Where they stand, metres.
    prior : float
        Share over the whole town, which counts as ``worth`` buildings.
    range_m : float
        Standard deviation of the Gaussian weight of distance, metres.
    worth : float
        See ``prior``.

    Returns
    -------
    ndarray, shape (n,)
    """
    tree, count = cKDTree(places), len(probability)
    total, lost = np.full(count, worth), np.full(count, worth * prior)
    for begin in range(0, count, _AT_ONCE):
        some = np.arange(begin, min(begin + _AT_ONCE, count))
        near = cKDTree(places[some]).sparse_distance_matrix(
            tree, 2.5 * range_m, output_type="coo_matrix"
        )
        weight = np.exp(-0.5 * (near.data / range_m) ** 2) * (some[near.row] != near.col)
        total[some] += np.bincount(near.row, weights=weight, minlength=some.size)
        lost[some] += np.bincount(
            near.row, weights=weight * np.asarray(probability)[near.col], minlength=some.size
        )
    return np.asarray(lost / total)
