"""Vegetation before and after: one index, one threshold, and the change beyond its noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

RANGE = {"ndvi": (0.15, 0.45), "exg": (0.03, 0.12)}
"""Where the threshold between plants and the rest may lie, by index."""
SPREAD = {"ndvi": (0.03, 0.15), "exg": (0.015, 0.06)}
"""Least and most believable noise of a difference of the index."""
FLOOR = {"ndvi": 0.02, "exg": 0.05}
"""Share of the vegetation by which the figure moves with season and light alone."""
MISSED = {"ndvi": 0.03, "exg": 0.12}
"""Share of the loss that the index does not show: pale grass that was hardly green before."""
TOLERANCE_M = 1.5
"""Bound of :func:`tolerant_maximum`: about half the radius of a crown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VegetationPlan:
    """What turns the index of both dates into plants, loss and gain."""

    index: str
    """``ndvi`` or ``exg``."""
    threshold: float
    """Index at and above which a pixel is vegetation; the same for both dates."""
    shift: float
    """Median difference of the index (after minus before) where nothing changed."""
    spread: float
    """Robust standard deviation of that difference."""
    separability: float
    """Otsu's eta of the index before."""

    def is_vegetation(self, index: FloatArray) -> BoolArray:
        """Mark vegetation; NaN is not."""
        return np.asarray(np.nan_to_num(index, nan=-9.0) >= self.threshold)

    def lost(self, before: FloatArray, after: FloatArray, *, spreads: float) -> BoolArray:
        """Mark vegetation of before that is none any more.

        Parameters
        ----------
        before, after : ndarray of float32, shape (height, width)
            Index; AFTER made tolerant by :func:`tolerant_maximum`.
        spreads : float
            Drop of the index that is asked for, in units of its noise.
        """
        drop = before - (after - np.float32(self.shift))
        gone = (after - np.float32(self.shift)) < self.threshold - 0.5 * self.spread
        return np.asarray(self.is_vegetation(before) & gone & (drop > spreads * self.spread))

    def gained(self, before: FloatArray, after: FloatArray, *, spreads: float) -> BoolArray:
        """Mark vegetation of after where there was none; BEFORE made tolerant."""
        rise = (after - np.float32(self.shift)) - before
        new = (after - np.float32(self.shift)) >= self.threshold + 0.5 * self.spread
        none_before = before < self.threshold
        return np.asarray(new & none_before & (rise > spreads * self.spread))


def tolerant_maximum(index: FloatArray, *, gsd_m: float, error_px: float) -> FloatArray:
    """Take the largest index as near as the residual shift reaches: plants there still stand.

    Parameters
    ----------
    index : ndarray of float32, shape (height, width)
        NaN counts as no vegetation.
    gsd_m : float
        Ground sample distance, metres.
    error_px : float
        90 % error of the co-registration, pixels; a fraction of one grants nothing, or every loss
        would shrink by a pixel all around, and more than :data:`TOLERANCE_M` is not granted,
        or every clearing would shrink by it.
    """
    known = np.nan_to_num(index, nan=-9.0).astype(np.float32)
    reach = min(round(TOLERANCE_M / gsd_m), int(error_px))
    if reach < 1:
        return known
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(known, kernel), np.float32)


def plan_vegetation(
    index: str,
    *,
    threshold: float,
    separability: float,
    stable_difference: NDArray[np.floating],
) -> VegetationPlan:
    """Make the plan from the scene's own threshold and the noise on its stable pixels.

    Parameters
    ----------
    index : {"ndvi", "exg"}
        Which index it is.
    threshold, separability : float
        Otsu's, of the index before; the threshold is held inside :data:`RANGE`.
    stable_difference : ndarray, shape (n,)
        Index after minus before on the least changed pixels.
    """
    shift, spread = 0.0, SPREAD[index][1]
    if stable_difference.size >= 50:
        shift = float(np.median(stable_difference))
        spread = 1.4826 * float(np.median(np.abs(stable_difference - shift)))
    low, high = RANGE[index]
    return VegetationPlan(
        index=index,
        threshold=min(max(threshold, low), high),
        shift=float(np.clip(shift, -0.1, 0.1)),
        spread=min(max(spread, SPREAD[index][0]), SPREAD[index][1]),
        separability=separability,
    )
