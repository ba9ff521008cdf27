"""Fields and water: large, smooth places, where a change of colour is no loss of vegetation."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.quantify.built import COARSEST_M, working_zoom

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int32]

SMOOTH = 0.12
"""Standard deviation over the mean of the brightness, within 9 m, up to which ground is smooth."""
WINDOW_M = 4.5
"""Half the side of that window, metres."""
GAP_M = 2.5
"""Half the width of a gap in smooth ground that does not end a field (a row, a track), metres."""
FIELD_M = 30.0
"""Least width of a field; lawns, plots and courts are narrower, metres."""
WATER_M = 9.0
"""Least width of a river or a pond, metres."""
WATER_LEVEL = 0.75
"""Brightness, over the median of the plants, below which smooth ground is water."""


def is_measured(gsd_m: float) -> bool:
    """Say whether the pixels are small enough to tell fields by their smoothness.

    In larger pixels a wood is as smooth as a field.
    """
    return gsd_m <= COARSEST_M


def reach_px(gsd_m: float) -> int:
    """Return how far :func:`find_open_ground` looks around a pixel, in pixels of the grid."""
    if not is_measured(gsd_m):
        return 0
    zoom = working_zoom(gsd_m)
    window, gap, field, water = _cells(gsd_m)
    return zoom * (2 * window + 2 * gap + 2 * (max(field, water) // 2) + 1)


def _cells(gsd_m: float) -> tuple[int, int, int, int]:
    cell = gsd_m * working_zoom(gsd_m)
    window, gap = max(1, int(WINDOW_M / cell)), max(1, int(GAP_M / cell))
    field, water = (2 * round(width / cell / 2) + 1 for width in (FIELD_M, WATER_M))
    return window, gap, field, water


def find_open_ground(
    before: IntArray, after: IntArray, valid: BoolArray, *, gsd_m: float, plants_level: float
) -> tuple[BoolArray, BoolArray]:
    """Mark fields that are smooth at both dates, and water.

    A field is ploughed, sown and reaped as one; what is torn up by shells, or overgrown, is not
    smooth any more and is none here. Burnt stubble is as smooth as a ploughed field: two images
    do not tell them apart.

    Parameters
    ----------
    before, after : ndarray of int32, shape (height, width)
        Brightness on one scale, AFTER brought to BEFORE's radiometry, 0 to some thousands.
        The first pixel lies on a whole cell of :func:`working_zoom` pixels.
    valid : ndarray of bool
        True = use.
    gsd_m : float
        Ground sample distance, metres.
    plants_level : float
        Median brightness of plants before: water is darker.

    Returns
    -------
    field : ndarray of bool
        At least :data:`FIELD_M` wide before; smooth after.
    water : ndarray of bool
        At least :data:`WATER_M` wide, smooth and dark before; colour alone takes it for plants.
    """
    nothing = np.zeros(valid.shape, bool)
    if not is_measured(gsd_m):
        return nothing, nothing
    zoom = working_zoom(gsd_m)
    window, gap, wide, broad = _cells(gsd_m)
    first, second, seen = (_coarse(image, zoom) for image in (before, after, valid))
    known = seen == zoom * zoom
    # Beyond what is seen a field may go on: there it is neither smooth nor rough.
    judged = _morph(known, window, cv2.MORPH_ERODE)
    smooth, level = _smooth(first, window)
    smooth &= judged
    sure = _morph(smooth, gap, cv2.MORPH_CLOSE)
    closed = _morph(smooth | ~judged, gap, cv2.MORPH_CLOSE)
    open_before = _morph(closed, wide // 2, cv2.MORPH_OPEN) & sure
    around = _morph(open_before, window, cv2.MORPH_DILATE)
    field = open_before & (_smooth(second, window)[0] | ~judged)
    field = _morph(field, window, cv2.MORPH_DILATE) & around & known
    limit = WATER_LEVEL * plants_level * zoom * zoom
    water = _morph(smooth & (level < limit), broad // 2, cv2.MORPH_OPEN)
    water = _morph(water, window, cv2.MORPH_DILATE) & (first < 1.15 * limit) & known
    return _fine(field, zoom, valid.shape), _fine(water, zoom, valid.shape)


def _coarse(image: NDArray[np.generic], zoom: int) -> NDArray[np.int64]:
    """Sum cells; what the last of them lack counts nothing."""
    height, width = image.shape
    more = (-height % zoom, -width % zoom)
    if any(more):
        image = np.pad(image, ((0, more[0]), (0, more[1])))
    # Whole rows first, then whole columns: strided sums of four are several times slower.
    rows = _sum(image.astype(np.int32).reshape(-1, zoom, image.shape[1]).swapaxes(0, 1))
    return _sum([rows[:, k::zoom] for k in range(zoom)]).astype(np.int64)


def _sum(parts: Sequence[NDArray[np.int32]] | NDArray[np.int32]) -> NDArray[np.int32]:
    """Add up arrays of one shape, none of which is altered."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _smooth(cells: NDArray[np.int64], window: int) -> tuple[BoolArray, NDArray[np.float64]]:
    """Mark where the brightness hardly varies; sums of whole numbers are exact in any block."""
    side = 2 * window + 1
    values = cells.astype(np.float64)
    total = cv2.boxFilter(values, cv2.CV_64F, (side, side), normalize=False)
    square = cv2.boxFilter(values * values, cv2.CV_64F, (side, side), normalize=False)
    number = float(side * side)
    # std < SMOOTH * mean, without a root: n * sum(x^2) - sum(x)^2 < (SMOOTH * sum(x))^2.
    smooth = (number * square - total * total) < (SMOOTH * total) ** 2
    return np.asarray(smooth), np.asarray(total / number)


def _morph(mask: BoolArray, radius: int, what: int) -> BoolArray:
    side = 2 * radius + 1
    # A disc fits into the corners of a field, however that lies.
    shape = cv2.MORPH_ELLIPSE if what == cv2.MORPH_OPEN else cv2.MORPH_RECT
    kernel = cv2.getStructuringElement(shape, (side, side))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), what, kernel) > 0)


def _fine(cells: BoolArray, zoom: int, shape: tuple[int, int]) -> BoolArray:
    return cells.repeat(zoom, axis=0).repeat(zoom, axis=1)[: shape[0], : shape[1]]
