"""Canopy (trees and shrubs) apart from grass: greener and rougher than the grass of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.kernels import without_nan

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

WEIGHTS = {"exg": (-1.7, 2.1, 1.5, -0.4, 3.8), "ndvi": (-0.6, 2.75, 3.7, -1.8, 5.0)}
"""Of log brightness, log texture, index and index around, over those of grass; and a constant.
A logistic regression on simulated towns (decision 0008)."""
UNIT = {"exg": 0.03, "ndvi": 0.08}
"""Unit in which the index is counted, about the spread of the index of grass."""
CUTS = {"low": -0.2, "central": -0.8, "high": -1.6}
"""Score from which on a plant is canopy."""
ROUGHEST_GRASS = 0.05
"""Texture over brightness up to which the smoothest plants of a scene can be grass."""
COARSEST_M = 0.75
"""Largest pixels in which the texture of a crown is that of its clumps of leaves, metres."""
LEAST_SHARE = 0.02
"""Share of the plants below which next to nothing was told to be canopy: then it was not told."""
LEAST_SAMPLES = 200
"""Samples of grass without which canopy is not told from it."""

_DETAIL_M, _AROUND_M, _TEXTURE_M = 0.5, 1.5, 1.5
_CROWN_M = 1.0
"""Radius of the smallest crown: thinner things are edges and shadows, metres."""


class Features(NamedTuple):
    """What canopy is told by; arrays of shape (height, width)."""

    level: FloatArray
    """Brightness, lightly smoothed."""
    texture: FloatArray
    """Standard deviation of the detail of some metre."""
    green: FloatArray
    """Vegetation index, lightly smoothed."""
    around: FloatArray
    """The same, further smoothed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CanopyPlan:
    """The grass of the scene, from which canopy differs; or why it cannot be told."""

    grass_index: float = 0.0
    grass_level: float = 1.0
    reason: str = "no vegetation index"
    """Why canopy is not told from grass; empty where it is."""

    @property
    def told(self) -> bool:
        """Whether canopy can be told from grass."""
        return not self.reason

    def score(self, features: Features, index: str) -> FloatArray:
        """Return the logit of canopy, for plants."""
        weights, unit = WEIGHTS[index], UNIT[index]
        level = np.float32(max(self.grass_level, 1e-6))
        total = np.full(features.level.shape, weights[4], np.float32)
        part = np.empty_like(total)

        def add(weight: float) -> None:
            np.multiply(part, np.float32(weight), out=part)
            np.add(total, part, out=total)

        for weight, image, least, bounds in (
            (weights[0], features.level, np.float32(1), (-2, 1)),
            (weights[1], features.texture, np.float32(1e-3) * level, None),
        ):
            np.maximum(image, least, out=part)
            np.divide(part, level, out=part)
            np.log(part, out=part)
            if bounds is not None:
                np.clip(part, *bounds, out=part)
            add(weight)
        for weight, image in ((weights[2], features.green), (weights[3], features.around)):
            np.subtract(image, np.float32(self.grass_index), out=part)
            np.divide(part, np.float32(unit), out=part)
            np.clip(part, -4, 4, out=part)
            add(weight)
        return total


NO_CANOPY = CanopyPlan()


def measure_canopy(brightness: NDArray[np.int32], index: FloatArray, *, gsd_m: float) -> Features:
    """Measure what canopy is told by.

    Parameters
    ----------
    brightness : ndarray of int32, shape (height, width)
        Mean of the visible bands, 0 to some thousands.
    index : ndarray of float32
        NaN counts as 0.
    gsd_m : float
        Ground sample distance, metres.
    """

    def blurred(image: FloatArray, metres: float) -> FloatArray:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), metres / gsd_m), np.float32)

    bright = brightness.astype(np.float32)
    level = blurred(bright, _DETAIL_M)
    detail = level - blurred(bright, 2 * _DETAIL_M)
    side = 2 * round(_TEXTURE_M / gsd_m) + 1
    # Whole numbers, which OpenCV sums in float64: exact, wherever a block begins.
    np.multiply(detail, detail, out=detail)
    np.rint(detail, out=detail)
    total = cv2.boxFilter(detail, cv2.CV_32F, (side, side), normalize=False)
    texture = np.asarray(total, np.float32)
    texture /= np.float32(side**2)
    np.sqrt(texture, out=texture)
    known = without_nan(index, 0.0)
    np.clip(known, -0.1, 1, out=known)
    return Features(
        level=level,
        texture=texture,
        green=blurred(known, _DETAIL_M),
        around=blurred(known, _AROUND_M),
    )


def reach_px(gsd_m: float) -> int:
    """Return how far the canopy looks around a pixel, in pixels of the grid."""
    blur = int(np.ceil(4 * max(2 * _DETAIL_M, _AROUND_M) / gsd_m)) + 1
    crown = max(1, round(_CROWN_M / gsd_m))
    return blur + round(_TEXTURE_M / gsd_m) + 4 * crown + round(_TEXTURE_M / gsd_m)


def plan_canopy(
    level: NDArray[np.floating],
    texture: NDArray[np.floating],
    index: NDArray[np.floating],
    *,
    gsd_m: float,
) -> CanopyPlan:
    """Find the grass of a scene among samples of its plants: the smoothest third.

    Parameters
    ----------
    level, texture, index : ndarray, shape (n,)
        :class:`Features` of plants before, fields and built ground left out.
    gsd_m : float
        Ground sample distance, metres.
    """
    if gsd_m > COARSEST_M:
        return CanopyPlan(
            reason=f"in pixels of more than {COARSEST_M:g} m crowns are not told from grass"
        )
    if level.size < LEAST_SAMPLES:
        return CanopyPlan(reason="too few plants to tell crowns from grass")
    smooth = texture / np.maximum(level, 1)
    limit = float(np.quantile(smooth, 0.35))
    if limit > ROUGHEST_GRASS:
        return CanopyPlan(reason="no smooth green ground with which crowns could be compared")
    grass = smooth <= max(limit, 0.03)
    return CanopyPlan(
        grass_index=float(np.median(index[grass])),
        grass_level=float(np.median(level[grass])),
        reason="",
    )


def find_canopy(score: FloatArray, plants: BoolArray, *, cut: float, gsd_m: float) -> BoolArray:
    """Mark canopy among plants: the score above a cut, no thinner than a small crown."""
    found = (plants & (score > np.float32(cut))).astype(np.uint8)
    radius = max(1, round(_CROWN_M / gsd_m))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, kernel)
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel) > 0)


def measure_difference(before: Features, after: Features, *, gsd_m: float) -> FloatArray:
    """Measure how brightness or texture changed, as they do where a crown and its shadow went.

    Parameters
    ----------
    before, after : Features
        AFTER's on BEFORE's scale.
    gsd_m : float
        Ground sample distance, metres.

    Returns
    -------
    ndarray of float32
        Change of the logarithm of the brightness, or half that of the texture: the larger one.
    """
    side = 2 * round(0.5 * _TEXTURE_M / gsd_m) + 1

    def change(first: FloatArray, second: FloatArray) -> FloatArray:
        ratio = np.maximum(second, np.float32(1))
        ratio /= np.maximum(first, np.float32(1))
        np.log(ratio, out=ratio)
        # In thousandths, as whole numbers: see measure_canopy.
        ratio *= np.float32(1000)
        np.rint(ratio, out=ratio)
        total = cv2.boxFilter(ratio, cv2.CV_32F, (side, side), normalize=False)
        np.abs(total, out=ratio)
        ratio *= np.float32(1e-3 / side**2)
        return ratio

    brighter = change(before.level, after.level)
    smoother = np.float32(0.5) * change(before.texture, after.texture)
    return np.asarray(np.maximum(brighter, smoother))
