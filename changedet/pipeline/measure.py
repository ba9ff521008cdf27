"""Measures of one window: what fitting samples and what every block computes again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.indices import exg, ndvi
from changedet.compare.observable import SHADOW
from changedet.compare.pixel import gradient_z
from changedet.compare.radiometry import Line
from changedet.compare.structure import (
    WindowSizes,
    coherence,
    contrast_structure,
    orientation_similarity,
    windowed_mean,
    zncc,
)
from changedet.core.grid import Window
from changedet.io.shapes import burn
from changedet.pipeline.plan import Plan, Stretch
from changedet.pipeline.scene import Scene, visible_roles
from changedet.quantify.built import built_score, working_zoom

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_SMOOTH_PX = 1.0
"""Blur before indices and differences: chroma of JPEGs and pansharpened colour is coarse."""
_MIDDLE = np.float32(128)
"""Grey level of what is not seen in both dates."""
_DARK = 0.04
"""Share of the nominal maximum below which a colour index is only noise."""
_ERROR_CELL = 16
"""Pixels along the side of a cell that has one error of the co-registration."""
MOST_ERROR_PX = 2.0
"""Largest error along an axis that a difference is excused by, pixels."""
_NDVI_BARE, _NDVI_WEIGHT = 0.25, 20.0
"""NDVI above which a pixel is held for plants, and the loss of logit per unit above."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Pixels of one window of both dates."""

    before: FloatArray
    after: FloatArray
    valid_before: BoolArray
    valid_after: BoolArray
    inside: BoolArray
    codes: NDArray[np.uint8]
    """What hides each pixel, and whether it lies in shadow; see ``compare.observable``."""

    @property
    def hidden(self) -> BoolArray:
        """Saturated, or under cloud, smoke or snow in at least one date."""
        return (self.codes & ~np.uint8(SHADOW)) > 0

    @property
    def analysed(self) -> BoolArray:
        """Valid and visible in both dates and inside grid and AOI."""
        return self.valid_before & self.valid_after & self.inside & ~self.hidden

    def cut(self, place: tuple[slice, slice]) -> Pair:
        """Return a part of the window."""
        return Pair(
            self.before[(slice(None), *place)],
            self.after[(slice(None), *place)],
            self.valid_before[place],
            self.valid_after[place],
            self.inside[place],
            self.codes[place],
        )


def inset(pair: Pair, cut: int) -> Pair:
    """Return the pixels of a window that is ``cut`` pixels smaller on every side."""
    if cut == 0:
        return pair
    inner = (slice(cut, -cut), slice(cut, -cut))
    return Pair(
        pair.before[:, *inner],
        pair.after[:, *inner],
        pair.valid_before[inner],
        pair.valid_after[inner],
        pair.inside[inner],
        pair.codes[inner],
    )


def read_pair(scene: Scene, window: Window) -> Pair:
    """Read one window of both dates, AFTER on the grid."""
    before, valid_before = scene.read_before(window)
    after, valid_after = scene.read_after(window)
    return Pair(before, after, valid_before, valid_after, scene.inside(window), scene.codes(window))


def relit(pair: Pair, plan: Plan, window: Window) -> Pair:
    """Return the pair of a window with AFTER in BEFORE's field of light, where there is one."""
    if plan.light is None:
        return pair
    factor = plan.light.factor(
        np.arange(window.col, window.stop_col)[None, :],
        np.arange(window.row, window.stop_row)[:, None],
    )
    return replace(pair, after=pair.after * factor)


def grey(values: FloatArray, roles: tuple[str, ...], wanted: tuple[str, ...]) -> FloatArray:
    """Return the mean of the wanted bands."""
    total = np.array(values[roles.index(wanted[0])], np.float32)
    for role in wanted[1:]:
        total += values[roles.index(role)]
    total /= np.float32(len(wanted))
    return total


def grey_pair(
    scene: Scene, pair: Pair, stretch: tuple[Stretch, Stretch], before_blur: float
) -> tuple[FloatArray, FloatArray]:
    """Return the grey images of both dates on one scale, about 0..255."""
    before = grey(pair.before, scene.before.roles, visible_roles(scene.before))
    after = grey(pair.after, scene.after.roles, visible_roles(scene.after))
    before, after = stretch[0].apply(before), stretch[1].apply(after)
    if before_blur > 0:
        before = np.asarray(cv2.GaussianBlur(before, (0, 0), before_blur), np.float32)
    # What only one date shows must not look like an edge that the other has lost.
    unseen = ~(pair.valid_before & pair.valid_after & ~pair.hidden)
    before[unseen] = _MIDDLE
    after[unseen] = _MIDDLE
    return before, after


def similarity(
    before: FloatArray, after: FloatArray, valid: BoolArray, sizes: WindowSizes
) -> FloatArray:
    """Sum three views of how alike two grey images are; their weights are in decision 0001."""
    search = {
        "radius": sizes.radius,
        "search": sizes.search,
        "step": sizes.step,
        "stride": sizes.stride,
    }
    total = zncc(before, after, valid=valid, **search)
    total += orientation_similarity(before, after, valid=valid, **search)
    contrast = contrast_structure(
        before, after, sigma=max(1.5, sizes.radius / 3), stride=sizes.fine_stride
    )
    contrast *= np.float32(0.5)
    total += contrast
    return total


def order_drop(
    before: FloatArray, after: FloatArray, valid: BoolArray, sizes: WindowSizes
) -> FloatArray:
    """Coherence before minus after."""
    first, second = (
        coherence(image, valid=valid, radius=sizes.radius, stride=sizes.fine_stride)
        for image in (before, after)
    )
    first -= second
    return first


def supported(image: FloatArray, built: BoolArray, valid: BoolArray, radius: int) -> FloatArray:
    """Gather a measure over one object: built pixels from built ones, the rest from all."""
    return np.where(built, gather(image, built & valid, radius), gather(image, valid, radius))


def gather(image: FloatArray, use: BoolArray, radius: int) -> FloatArray:
    """Gather a measure from what is to be used around each pixel; 0 where that is nothing."""
    return windowed_mean(image, weight=use.astype(np.float32), radius=radius)


def vegetation_index(
    index: str, values: FloatArray, roles: tuple[str, ...], white: float
) -> FloatArray:
    """Compute the index of one date from lightly blurred bands; NaN where it is too dark."""

    def band(role: str) -> FloatArray:
        blurred = cv2.GaussianBlur(values[roles.index(role)], (0, 0), _SMOOTH_PX)
        return np.asarray(blurred, np.float32)

    if index == "ndvi":
        red, nir = band("red"), band("nir")
        dark = red + nir < 2 * _DARK * white
        return np.where(dark, np.float32(np.nan), ndvi(red, nir))
    red, green, blue = band("red"), band("green"), band("blue")
    dark = red + green + blue < 3 * _DARK * white
    return np.where(dark, np.float32(np.nan), exg(red, green, blue))


def measure_built(scene: Scene, pair: Pair, stretch: Stretch, gsd_m: float) -> FloatArray:
    """Score how much BEFORE looks built up, as a logit, at full resolution."""
    roles = scene.before.roles
    coloured = {"red", "green", "blue"} <= set(roles)
    wanted = ("red", "green", "blue") if coloured else visible_roles(scene.before)
    visible = np.stack([pair.before[roles.index(role)] for role in wanted])
    eight_bit = np.clip(np.rint(stretch.apply(visible)), 0, 255).astype(np.uint8)
    plants = None
    if coloured:
        plants = np.nan_to_num(vegetation_index("exg", pair.before, roles, scene.white))
    zoom = working_zoom(gsd_m)
    height, width = pair.valid_before.shape
    # The last blocks end with the image, wherever that is; what they lack there is not valid.
    more = ((0, -height % zoom), (0, -width % zoom))
    small = built_score(
        np.pad(eight_bit, ((0, 0), *more)),
        None if plants is None else np.pad(plants, more),
        np.pad(pair.valid_before, more),
        gsd_m=gsd_m,
    )
    score = small.repeat(zoom, axis=0).repeat(zoom, axis=1)[:height, :width]
    if scene.before_index == "ndvi":
        # Near infrared tells green roofs from green plants, which colour cannot.
        ndvi_before = np.nan_to_num(vegetation_index("ndvi", pair.before, roles, scene.white))
        score = score - np.float32(_NDVI_WEIGHT) * np.maximum(ndvi_before - _NDVI_BARE, 0)
    return score


def find_built(
    scene: Scene, pair: Pair, plan: Plan, window: Window, *, score: FloatArray | None = None
) -> BoolArray:
    """Mark what was built before: the footprints where there are any, else the score.

    ``score`` is that of :func:`measure_built`, where it is known already.
    """
    if scene.has_footprints:
        near = scene.footprints_near(window)
        shapes = tuple(scene.footprints[number] for number in near)
        if not shapes:
            return np.zeros(window.shape, bool)
        return burn(shapes, scene.grid.crop(window))
    if plan.built is None:
        raise ValueError("a plan without footprints needs a plan for built area")
    if score is None:
        score = measure_built(scene, pair, plan.stretch[0], plan.gsd_m)
    return np.asarray((score >= plan.built.threshold) & pair.valid_before)


def spectral_bands(scene: Scene, pair: Pair) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Pick the bands both dates share, or their grey images; fine pixels lightly blurred."""
    shared = scene.shared_roles
    if shared:
        before = np.stack([pair.before[scene.before.roles.index(role)] for role in shared])
        after = np.stack([pair.after[scene.after.roles.index(role)] for role in shared])
    else:
        shared = ("grey",)
        before = grey(pair.before, scene.before.roles, visible_roles(scene.before))[None]
        after = grey(pair.after, scene.after.roles, visible_roles(scene.after))[None]
    if scene.is_multispectral:
        # A street of 30 m pixels is one pixel wide.
        return shared, before, after
    return shared, _blurred(before, pair.valid_before), _blurred(after, pair.valid_after)


def _blurred(image: FloatArray, valid: BoolArray) -> FloatArray:
    """Blur each band over its valid pixels alone: what is missing must not darken its edge."""
    weight = cv2.GaussianBlur(valid.astype(np.float32), (0, 0), _SMOOTH_PX)
    weight = np.maximum(weight, np.float32(1e-3))
    masked = np.where(valid, image, np.float32(0))
    return np.stack([cv2.GaussianBlur(band, (0, 0), _SMOOTH_PX) / weight for band in masked])


def normalise(after: FloatArray, lines: tuple[tuple[str, Line], ...]) -> FloatArray:
    """Bring every band of AFTER to BEFORE's radiometry."""
    return np.stack([line.apply(band) for (_, line), band in zip(lines, after, strict=True)])


def change_z(
    before: FloatArray,
    after: FloatArray,
    plan: Plan,
    *,
    valid: BoolArray,
    error_px: float | FloatArray,
) -> FloatArray:
    """Return the root mean square over the bands of the gradient-aware z, over some 1.5 m."""
    z = gradient_z(before, after, noise=np.array(plan.noise), error_px=error_px)
    return root_mean_square(z, valid=valid, radius=max(1, round(1.5 / plan.gsd_m)))


def root_mean_square(z: FloatArray, *, valid: BoolArray, radius: int) -> FloatArray:
    """Return the root mean square over bands and a window; ``z`` is used up.

    Parameters
    ----------
    z : ndarray of float32, shape (bands, height, width)
        Values above 100 count as 100.
    valid : ndarray of bool, shape (height, width)
        True = use.
    radius : int
        Half side of the window, pixels.
    """
    np.multiply(z, z, out=z)
    squared = z[0]
    for band in z[1:]:
        squared += band
    squared /= np.float32(len(z))
    np.minimum(squared, np.float32(1e4), out=squared)
    mean = windowed_mean(squared, weight=valid.astype(np.float32), radius=radius)
    # A running sum may leave -1e-9 where both dates are the same.
    np.maximum(mean, np.float32(0), out=mean)
    return np.sqrt(mean, out=mean)


def local_error(scene: Scene, window: Window, plan: Plan) -> FloatArray:
    """Return the residual of the co-registration along an axis where ``window`` lies, pixels.

    That of the plan where tie points are near, and growing away from them. It is the same within
    cells of the whole grid, so that it does not depend on how that is cut into blocks.
    """
    top, left = window.row // _ERROR_CELL, window.col // _ERROR_CELL
    rows = np.arange(top, -(-window.stop_row // _ERROR_CELL))
    cols = np.arange(left, -(-window.stop_col // _ERROR_CELL))
    at = [(index + 0.5) * _ERROR_CELL - 0.5 for index in (cols, rows)]
    grown = scene.alignment.growth_px(at[0][None], at[1][:, None])
    cells = np.minimum(np.hypot(plan.error_px, grown), MOST_ERROR_PX).astype(np.float32)
    whole = cells.repeat(_ERROR_CELL, 0).repeat(_ERROR_CELL, 1)
    down, right = window.row - top * _ERROR_CELL, window.col - left * _ERROR_CELL
    return whole[down : down + window.height, right : right + window.width]


def index_after(scene: Scene, pair: Pair, plan: Plan) -> FloatArray:
    """Compute the vegetation index of AFTER, brought to BEFORE's radiometry first."""
    if scene.index is None:
        raise ValueError("the pair has no vegetation index")
    lines = dict(plan.lines)
    roles = scene.shared_roles
    bands = [lines[role].apply(pair.after[scene.after.roles.index(role)]).clip(0) for role in roles]
    return vegetation_index(scene.index, np.stack(bands), roles, scene.white)
