"""Built area before: a fixed linear score of compact, straight-edged, plantless structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.quantify.built_weights import COLOUR, GREY, Weights

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

LENGTHS_M = (3.0, 7.0, 11.0, 15.0, 19.0, 23.0, 27.0)
"""Lengths of the line elements: from a shed's side to beyond a slab's short side."""
BLOCK_M = (12.0, 30.0)
"""A roof is wider than the first in some direction and shorter than the second in all."""
ROOF_M = 1.5
"""Half side of the window that joins the pixels of one roof."""
QUARTER_M = 20.0
"""Half side of the window that tells a built-up quarter from open land."""
SHADOW_M = 8.0
"""How far beside a pixel the cast shadow of its building is looked for."""
LOWEST, HIGHEST = -1.2, 0.6
"""Bounds of the threshold, as logit: probabilities 0.23 and 0.65."""
FILL = 96
"""Grey level given to pixels without a value; edges against it are not counted."""
LEAST_PLANTS = -0.03
"""Excess green below which a pixel is no less a plant: a red roof, not false colour."""
_COLOUR_LEAD = 2.0
"""By how much colour may lift the logit above what structure alone says."""
_LOGIT_STEPS, _LOGIT_OFFSET = 20, 6
"""The logit as 8 bits, for a median: one step is 0.05, from -6 to 6.75."""


COARSEST_M = 1.3
"""GSD beyond which built area is not printed, metres. The mask finds too few buildings (on a drawn
town mapped over true area is 0.9 at 0.5 m, 1.0 at 1 m, 0.6 at 1.5 m and 0.1 at 3 m), and grades of
given outlines miss destruction (simulated town: found over true 0.99 at 1 m, 0.47 at 1.5 m, 0.39 at
2 m, 0.15 at 3 m)."""


def working_zoom(gsd_m: float) -> int:
    """Return the power of two that brings the GSD near 1 m, where roofs are still compact."""
    zoom = 1
    while zoom < 8 and gsd_m * zoom * 2 <= 1.2:
        zoom *= 2
    return zoom


def reach_px(gsd_m: float) -> int:
    """Return how far the built-up score looks around a pixel, in pixels of the grid."""
    zoom = working_zoom(gsd_m)
    gsd = gsd_m * zoom
    chains: tuple[int, ...] = (
        1 + _half(QUARTER_M, gsd),
        2 * max(_line(length, gsd, 0).shape[1] // 2 for length in LENGTHS_M) + _half(15.0, gsd),
        2 * (_line(BLOCK_M[1], gsd, 0).shape[1] // 2) + _half(ROOF_M, gsd),
        2 * (_disc(15.0, gsd).shape[0] // 2) + _half(ROOF_M, gsd),
        max(1, round(SHADOW_M / gsd)) + _half(2.0, gsd),
    )
    # Two for the median; four of the grid for the blur under the vegetation index.
    return int(zoom * (max(chains) + 2) + 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltPlan:
    """What turns the score of built area into a mask."""

    threshold: float
    """Score at and above which a pixel counts as built."""
    expected_share: float
    """Mean probability of the sample: the share of built area the score predicts."""


def plan_built(score: FloatArray) -> BuiltPlan:
    """Set the threshold where the mask is as large as the probabilities add up to.

    The score is a logit. Cutting it at 0 (probability one half) would lose most of a thinly
    built scene, whose buildings reach 0.3 in places and 0.8 in others. So the threshold is
    the quantile of the score that leaves the share which the mean probability predicts,
    but no lower than :data:`LOWEST`: below, there is nothing that looks built, and the sum
    of many small probabilities must not become a mask.

    Parameters
    ----------
    score : ndarray of float32, shape (n,)
        Sample of :func:`built_score`.
    """
    probability = 1 / (1 + np.exp(-score.astype(np.float64)))
    share = float(probability.mean())
    cut = float(np.quantile(score.astype(np.float64), 1 - share))
    return BuiltPlan(threshold=float(np.clip(cut, LOWEST, HIGHEST)), expected_share=share)


def built_score(
    visible: ByteArray, plants: FloatArray | None, valid: BoolArray, *, gsd_m: float
) -> FloatArray:
    """Score how much a pixel looks like a building, at the working zoom.

    The logit of a logistic regression with fixed, published coefficients
    (:mod:`changedet.quantify.built_weights`) on the cues of :func:`built_cues`, joined over
    single pixels by a median. It is a function of a bounded neighbourhood
    (:func:`reach_px`), whose sums are of integers, so the result does not depend on the
    block in which it is computed.

    Parameters
    ----------
    visible : ndarray of uint8, shape (bands, height, width)
        Visible bands on one scale; height and width multiples of :func:`working_zoom`.
    plants : ndarray of float32, shape (height, width), or None
        Excess green of red, green, blue (in this order in ``visible``); None without colour.
    valid : ndarray of bool, shape (height, width)
        True where the pixel has a value.
    gsd_m : float
        Ground sample distance, metres.

    Returns
    -------
    ndarray of float32, shape (height / zoom, width / zoom)
        Logit.
    """
    cues = built_cues(visible, plants, valid, gsd_m=gsd_m)
    score = weigh(cues, GREY)
    if plants is not None:
        # Colour alone must not make a building: there is false colour, and there is bare soil.
        score = np.minimum(weigh(cues, COLOUR), score + np.float32(_COLOUR_LEAD))
    steps = np.clip(np.rint((score + _LOGIT_OFFSET) * _LOGIT_STEPS), 0, 255).astype(np.uint8)
    side = 5 if gsd_m * working_zoom(gsd_m) < 1.3 else 3
    smooth = cv2.medianBlur(steps, side)
    return np.asarray(smooth / np.float32(_LOGIT_STEPS) - np.float32(_LOGIT_OFFSET), np.float32)


def weigh(cues: Mapping[str, FloatArray], weights: Weights) -> FloatArray:
    """Add up the cues with their weights, each limited to what the fit has seen."""
    score: FloatArray | None = None
    for name, (centre, spread, weight) in weights.cues.items():
        scaled = (cues[name] - np.float32(centre)) / np.float32(spread)
        part = np.clip(scaled, -3, 4) * np.float32(weight)
        score = part + np.float32(weights.offset) if score is None else score + part
    if score is None:
        raise ValueError("no weights")
    return score


def built_cues(
    visible: ByteArray, plants: FloatArray | None, valid: BoolArray, *, gsd_m: float
) -> dict[str, FloatArray]:
    """Measure the cues of :func:`built_score` at the working zoom; arguments as there."""
    zoom = working_zoom(gsd_m)
    gsd = gsd_m * zoom
    known = _sum_blocks(valid.astype(np.int32), zoom)
    count = np.maximum(known, 1)
    seen = 2 * known >= zoom * zoom
    total = [_sum_blocks(np.where(valid, band, 0).astype(np.int32), zoom) for band in visible]
    small = np.stack(
        [np.where(seen, (2 * band + count) // (2 * count), FILL) for band in total]
    ).astype(np.uint8)
    level = small.sum(axis=0, dtype=np.int32) * 16 // len(small)
    cues = _edge_cues(level.astype(np.int16), seen, gsd)
    cues |= _shape_cues(small.max(axis=0), 255 - small.min(axis=0), gsd)
    if plants is not None:
        index = np.where(valid, np.clip(np.rint(plants * 1000), -2000, 2000), 0)
        green = _sum_blocks(index.astype(np.int32), zoom) // count
        cues |= _colour_cues(small, green.astype(np.int16), gsd)
    return cues


def _edge_cues(level: NDArray[np.int16], seen: BoolArray, gsd: float) -> dict[str, FloatArray]:
    """Measure strength and order of edges; ``level`` in sixteenths of a grey level."""
    border = cv2.BORDER_REFLECT_101
    across = cv2.Sobel(level, cv2.CV_32F, 1, 0, borderType=border)
    down = cv2.Sobel(level, cv2.CV_32F, 0, 1, borderType=border)
    inner = cv2.erode(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # Sixteenths of a grey level a metre; a Sobel kernel weighs 8.
    scale = np.float32(1 / (8 * gsd)) * inner
    across, down = across * scale, down * scale
    strength = np.sqrt(across * across + down * down)
    safe = np.maximum(strength, np.float32(1e-3))
    cos2, sin2 = (across * across - down * down) / safe, 2 * across * down / safe
    cos4, sin4 = (cos2 * cos2 - sin2 * sin2) / safe, 2 * cos2 * sin2 / safe
    strong, cos2, sin2, cos4, sin4 = (_integer(x) for x in (strength, cos2, sin2, cos4, sin4))

    def order(cosine: NDArray[np.int16], sine: NDArray[np.int16], half_m: float) -> FloatArray:
        a, b = _mean(cosine, half_m, gsd), _mean(sine, half_m, gsd)
        length = np.sqrt(a * a + b * b)
        return np.asarray(length / (_mean(strong, half_m, gsd) + np.float32(16)), np.float32)

    share = _mean(inner.astype(np.int16), QUARTER_M, gsd)
    return {
        "edges": np.sqrt(_mean(strong, 6.0, gsd) / 16),
        "edges_quarter": np.sqrt(_mean(strong, QUARTER_M, gsd) / (16 * np.maximum(share, 0.05))),
        "right_angles": np.sqrt(order(cos4, sin4, 12.0)),
        "one_direction": np.sqrt(order(cos2, sin2, 6.0)),
    }


def _shape_cues(bright: ByteArray, dark: ByteArray, gsd: float) -> dict[str, FloatArray]:
    lines = {
        length: [_opened(bright, _line(length, gsd, 22.5 * k)) for k in range(8)]
        for length in (6.0, *BLOCK_M)
    }
    compact = cv2.subtract(np.minimum.reduce(lines[6.0]), np.maximum.reduce(lines[30.0]))
    # What a long line fits into in one direction, and a short one does not in another.
    long = cv2.subtract(np.maximum.reduce(lines[30.0]), np.minimum.reduce(lines[12.0]))
    small = cv2.subtract(_opened(dark, _disc(1.5, gsd)), _opened(dark, _disc(3.0, gsd)))
    wide = cv2.subtract(_opened(bright, _disc(10.0, gsd)), _opened(bright, _disc(15.0, gsd)))
    shaded = np.clip((60 - bright.astype(np.int16)) * 8, 0, 240).astype(np.int16)
    shadow = np.rint(_mean(shaded, 2.0, gsd)).astype(np.int16)
    away = max(1, round(SHADOW_M / gsd))
    beside = np.maximum.reduce(
        [_moved(shadow, a * away, b * away) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    )
    return {
        "compact_bright": _root(compact, ROOF_M, gsd),
        "long_bright": _root(long, ROOF_M, gsd),
        "wide_bright": _root(wide, ROOF_M, gsd),
        "small_dark": _root(small, ROOF_M, gsd),
        "dark_index_around": _root(_integer(16 * mbi(dark, gsd_m=gsd)), 15.0, gsd) / 4,
        "shadow_beside": (beside - shadow).astype(np.float32) / 240,
    }


def _colour_cues(small: ByteArray, green: NDArray[np.int16], gsd: float) -> dict[str, FloatArray]:
    red, middle, blue = (band.astype(np.int32) for band in small[:3])
    total = red + middle + blue + 30
    warm = ((red - blue) * 4000 // total).astype(np.int16)
    fresh = ((middle - red) * 4000 // total).astype(np.int16)
    here, around = _mean(warm, ROOF_M, gsd) / 4000, _mean(warm, QUARTER_M, gsd) / 4000
    return {
        "plants": np.maximum(_mean(green, ROOF_M, gsd) / 1000, np.float32(LEAST_PLANTS)),
        "green": _mean(fresh, ROOF_M, gsd) / 4000,
        "warm_around": around,
        "other_colour": np.sqrt(np.abs(here - around)),
    }


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
    total = np.zeros(brightness.shape, np.int32)
    for angle in (0.0, 45.0, 90.0, 135.0):
        previous = None
        for length_m in LENGTHS_M:
            top_hat = brightness - _opened(brightness, _line(length_m, gsd_m, angle))
            if previous is not None:
                total += np.asarray(cv2.absdiff(top_hat, previous), np.uint8)
            previous = top_hat
    return total.astype(np.float32) / np.float32(4 * (len(LENGTHS_M) - 1))


def _line(length_m: float, gsd_m: float, angle: float) -> ByteArray:
    half = max(1, round(length_m / gsd_m / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    step = np.arange(-2 * half, 2 * half + 1) / 2
    turn = np.deg2rad(angle)
    columns = np.rint(half + step * np.cos(turn)).astype(int)
    kernel[np.rint(half - step * np.sin(turn)).astype(int), columns] = 1
    return kernel


def _disc(radius_m: float, gsd_m: float) -> ByteArray:
    radius = max(1.0, radius_m / gsd_m)
    half = round(radius)
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    inside = rows * rows + columns * columns <= (radius + 0.3) ** 2
    return np.asarray(inside, np.uint8)


def _opened(image: ByteArray, kernel: ByteArray) -> ByteArray:
    opened = cv2.morphologyEx(image, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(opened, dtype=np.uint8)


def _half(half_m: float, gsd: float) -> int:
    return max(1, round(half_m / gsd))


def _mean(image: NDArray[np.int16], half_m: float, gsd: float) -> FloatArray:
    """Average over a square window; sums of integers do not depend on where they start."""
    side = 2 * _half(half_m, gsd) + 1
    return np.asarray(cv2.boxFilter(image, cv2.CV_32F, (side, side)), np.float32)


def _root(image: NDArray[np.generic], half_m: float, gsd: float) -> FloatArray:
    return np.sqrt(_mean(image.astype(np.int16), half_m, gsd))


def _integer(image: FloatArray) -> NDArray[np.int16]:
    return np.clip(np.rint(image), -32000, 32000).astype(np.int16)


def _moved(image: NDArray[np.int16], rows: int, columns: int) -> NDArray[np.int16]:
    """Shift an image, repeating its edge."""
    height, width = image.shape
    row = np.clip(np.arange(height) + rows, 0, height - 1)
    return image[np.ix_(row, np.clip(np.arange(width) + columns, 0, width - 1))]


def _sum_blocks(image: NDArray[np.int32], zoom: int) -> NDArray[np.int32]:
    if zoom == 1:
        return image
    height, width = image.shape
    blocks = image.reshape(height // zoom, zoom, width // zoom, zoom)
    return np.asarray(blocks.sum(axis=(1, 3), dtype=np.int32))
