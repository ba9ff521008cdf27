"""Plants of one window: what is vegetation and canopy; what is lost, gained, farmed, worse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.kernels import without_nan
from changedet.pipeline.measure import Pair, index_after, vegetation_index
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify import canopy as trees
from changedet.quantify import floor, open_ground
from changedet.quantify.canopy import CUTS, measure_canopy, plan_canopy
from changedet.quantify.vegetation import (
    BURNT_DNBR,
    LOSS_SPREADS,
    VegetationPlan,
    pale_reach_px,
    tolerant_maximum,
)

ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
Scalar = TypeVar("Scalar", bound=np.generic)

# Bits of the state raster that speak of plants.
BUILT, PLANTS = 2, 4
LOST_LOW, LOST_CENTRAL, LOST_HIGH, GAINED = 16, 32, 64, 128

# Bits of the raster of plants.
FARMED, CANOPY, CANOPY_LOW, CANOPY_CENTRAL, CANOPY_HIGH, WEAKER, BURNT = 1, 2, 4, 8, 16, 32, 64
BARED = 128
"""Fields that were green and are not: by the work done on them, or lost as what lies around."""

_LOSSES = (("low", LOST_LOW), ("central", LOST_CENTRAL), ("high", LOST_HIGH))
_CANOPY_LOSSES = (("low", CANOPY_LOW), ("central", CANOPY_CENTRAL), ("high", CANOPY_HIGH))

_BLUR_PX = 5
"""Reach of the blur of the index itself."""
RIM_M = 3.0
"""Rim of what is seen in which canopy is not told, metres."""
LEVEL = 1000.0
"""Whole numbers that the brightness of the upper end of BEFORE's stretch is counted in."""
HALVED = {"low": 0.35, "central": 0.5, "high": 0.6}
"""Part of its index that a crown which is gone keeps at most."""
STRUCTURE = {"low": 0.2, "central": 0.1, "high": 0.0}
"""Change of the logarithm of brightness (twice that of texture) that a lost crown leaves."""


class Pick(Protocol):
    """Takes the same samples out of any image."""

    def __call__(self, image: NDArray[Scalar], /) -> NDArray[Scalar]:
        """Return samples, shape (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PlantSample:
    """What the plan of the plants is fitted on: of a whole window, or of samples, shape (n,)."""

    index_after: FloatArray
    level: FloatArray
    texture: FloatArray
    green: FloatArray
    """Index before, lightly smoothed."""
    field: BoolArray
    """On smooth open ground."""

    def thin(self, picked: Pick) -> PlantSample:
        """Return samples of a whole window."""
        return PlantSample(
            index_after=picked(self.index_after),
            level=picked(self.level),
            texture=picked(self.texture),
            green=picked(self.green),
            field=picked(self.field),
        )


def reach_px(gsd_m: float) -> int:
    """Return how far plants look around a pixel, in pixels of the grid."""
    return max(_BLUR_PX + open_ground.reach_px(gsd_m), near_px(gsd_m))


def near_px(gsd_m: float) -> int:
    """Return how far all but open ground looks around a pixel, in pixels of the grid."""
    return _BLUR_PX + max(pale_reach_px(gsd_m) + 4, trees.reach_px(gsd_m))


def brightness_scale(plan: Plan) -> float:
    """Return what brings BEFORE's visible bands to whole numbers of about a thousand."""
    high = plan.stretch[0].high
    return LEVEL / high if high > 0 else 1.0


def measure_brightness(scene: Scene, pair: Pair, plan: Plan) -> tuple[IntArray, IntArray]:
    """Return the visible light of both dates in whole numbers, AFTER brought to BEFORE."""
    shared = scene.shared_roles
    visible = tuple(role for role in ("red", "green", "blue") if role in shared) or shared
    lines = dict(plan.lines)
    scale = np.float32(brightness_scale(plan))
    before = sum(pair.before[scene.before.roles.index(role)] for role in visible)
    after = sum(
        lines[role].apply(pair.after[scene.after.roles.index(role)]).clip(0) for role in visible
    )
    share = scale / np.float32(len(visible))

    def whole(total: FloatArray) -> IntArray:
        return np.asarray(np.rint(np.clip(total * share, 0, 8 * LEVEL)), np.int32)

    return whole(np.asarray(before)), whole(np.asarray(after))


def sample_plants(scene: Scene, pair: Pair, plan: Plan) -> PlantSample:
    """Measure in a whole window what the plan of the plants is fitted on."""
    first, second = measure_brightness(scene, pair, plan)
    index = vegetation_index(scene.index or "", pair.before, scene.before.roles, scene.white)
    features = measure_canopy(first, index, gsd_m=plan.gsd_m)
    field, _ = open_ground.find_open_ground(
        first, second, pair.analysed, gsd_m=plan.gsd_m, plants_level=0.0
    )
    return PlantSample(
        index_after=index_after(scene, pair, plan),
        level=features.level,
        texture=features.texture,
        green=features.green,
        field=field,
    )


def fit_plants(
    plan: Plan,
    vegetation: VegetationPlan,
    *,
    samples: list[PlantSample],
    index_before: FloatArray,
    alike: FloatArray,
    on_built: BoolArray,
    control: str = "",
) -> VegetationPlan:
    """Add to the plan of the vegetation its floor and the grass that canopy is told from.

    Parameters
    ----------
    plan : Plan
        With its similarity to unrelated places.
    vegetation : VegetationPlan
        Threshold, shift and noise.
    samples : list of PlantSample
        By tile.
    index_before, alike, on_built : ndarray, shape (n,)
        Of the same samples.
    control : str
        Name of the pair where it is one in which nothing happened.
    """
    later = np.concatenate([sample.index_after for sample in samples])
    field = np.concatenate([sample.field for sample in samples])
    green = vegetation.is_vegetation(index_before) & ~on_built
    if not green.any():
        return vegetation
    level = np.concatenate([sample.level for sample in samples])
    vegetation = replace(
        vegetation,
        brightness=brightness_scale(plan),
        plants_level=float(np.median(level[green])),
        canopy=plan_canopy(
            level[green & ~field],
            np.concatenate([sample.texture for sample in samples])[green & ~field],
            np.concatenate([sample.green for sample in samples])[green & ~field],
            gsd_m=plan.gsd_m,
        ),
    )
    seen = green & ~field & np.isfinite(later)
    before = index_before[seen].astype(float)
    moved = (later - index_before)[seen].astype(float) - vegetation.shift
    if control:
        source = f"the control pair {control}"
        counted = floor.count_floor(before, moved, falls_to=vegetation.falls_to, source=source)
        return replace(vegetation, floor=counted)
    season = floor.fit_season(
        before,
        moved,
        # Dissimilarity in spreads: what is most alike is most negative.
        -plan.chance.standardise(alike[seen]).astype(float),
        falls_to=vegetation.falls_to,
    )
    return replace(vegetation, floor=season)


def find_plants(
    scene: Scene,
    plan: Plan,
    pair: Pair,
    built: BoolArray,
    *,
    place: tuple[slice, slice] = (slice(None), slice(None)),
) -> tuple[ByteArray, ByteArray]:
    """Return the bits of state and plants of one window, or of a part of it.

    ``place`` is the part that is wanted with :func:`near_px` around it; the rest of the window
    only tells how wide open ground is.
    """
    state, plants = np.zeros((2, *built[place].shape), np.uint8)
    vegetation = plan.vegetation
    if scene.index is None or vegetation is None:
        return state, plants
    first, second = measure_brightness(scene, pair, plan)
    analysed = pair.analysed
    field, water = (
        ground[place]
        for ground in open_ground.find_open_ground(
            first, second, analysed, gsd_m=plan.gsd_m, plants_level=water_level(vegetation)
        )
    )
    pair, built, analysed = pair.cut(place), built[place], analysed[place]
    first, second = first[place], second[place]
    before = vegetation_index(scene.index, pair.before, scene.before.roles, scene.white)
    after = index_after(scene, pair, plan)
    known = ~np.isnan(before) & ~np.isnan(after) & analysed & ~built
    if scene.index != "ndvi":
        # Near infrared knows water anyway; colour takes it for plants.
        known &= ~water
    crowns = _Crowns(vegetation, first, second, before, after, plan.gsd_m)
    before, after = without_nan(before, -9.0), without_nan(after, -9.0)
    green = known & vegetation.is_vegetation(before)
    # At the rim of what is seen the brightness falls to nothing, which is no texture.
    crowns.seen = _inner(analysed, plan.gsd_m)
    canopy = crowns.find(green, "central")
    field &= ~canopy
    known &= ~_mark_farmed(vegetation, before, after, field & known, plants)
    green &= known
    after_near = tolerant_maximum(after, gsd_m=plan.gsd_m, error_px=plan.ce90_px)
    before_near = tolerant_maximum(before, gsd_m=plan.gsd_m, error_px=plan.ce90_px)
    losses = {
        name: vegetation.lost(before, after_near, spreads=LOSS_SPREADS[name]) & ~built
        for name, _ in _LOSSES
    }
    for name in ("central", "high"):
        # A field is pale or green as a whole, by the work that is done on it.
        losses[name] = losses[name] | ~field & vegetation.pale_lost(
            before, after, lost=losses[name], figure=name, gsd_m=plan.gsd_m
        )
    losses = {name: lost & known for name, lost in losses.items()}
    losses["high"] |= losses["central"]
    green |= losses["central"]
    _set(state, green, PLANTS)
    for name, bit in _LOSSES:
        _set(state, losses[name], bit)
    gained = vegetation.gained(before_near, after, spreads=LOSS_SPREADS["central"])
    _set(state, known & gained, GAINED)
    _set(plants, vegetation.weaker(before, after_near) & known & ~losses["high"], WEAKER)
    burnt = _burnt(scene, plan, pair)
    if burnt is not None:
        _set(plants, burnt & green, BURNT)
    if vegetation.canopy.told:
        _set(plants, canopy & known, CANOPY)
        for name, bit in _CANOPY_LOSSES:
            _set(plants, crowns.lost(green, after_near, losses[name], name), bit)
    return state, plants


def water_level(vegetation: VegetationPlan) -> float:
    """Return the brightness that water is darker than: of grass, or of all plants."""
    grass = vegetation.canopy
    return grass.grass_level if grass.told else vegetation.plants_level


def _inner(seen: BoolArray, gsd_m: float) -> BoolArray:
    side = 2 * max(1, round(RIM_M / gsd_m)) + 1
    return np.asarray(cv2.erode(seen.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _set(bits: ByteArray, mask: BoolArray, bit: int) -> None:
    np.bitwise_or(bits, mask.view(np.uint8) * np.uint8(bit), out=bits)


def _mark_farmed(
    vegetation: VegetationPlan,
    before: FloatArray,
    after: FloatArray,
    field: BoolArray,
    plants: ByteArray,
) -> BoolArray:
    """Mark and return what was ploughed, sown or reaped: fields whose index changed."""
    spreads = LOSS_SPREADS["high"]
    lost = vegetation.lost(before, after, spreads=spreads)
    farmed = field & (lost | vegetation.gained(before, after, spreads=spreads))
    _set(plants, farmed, FARMED)
    _set(plants, farmed & vegetation.is_vegetation(before) & lost, BARED)
    return np.asarray(farmed)


@dataclass(slots=True, eq=False)
class _Crowns:
    """Canopy of one window at both dates."""

    vegetation: VegetationPlan
    first: IntArray
    second: IntArray
    before: FloatArray
    after: FloatArray
    gsd_m: float
    here: FloatArray = field(init=False)
    """Index before; 0 where it is not known."""
    score: FloatArray | None = None
    different: FloatArray | None = None
    seen: BoolArray | None = None

    def __post_init__(self) -> None:
        """Fill what is not known."""
        self.here = without_nan(self.before, 0.0)

    def find(self, green: BoolArray, figure: str) -> BoolArray:
        """Mark canopy before among plants; none where it cannot be told."""
        told = self.vegetation.canopy
        if not told.told:
            return np.zeros(green.shape, bool)
        if self.score is None:
            before = measure_canopy(self.first, self.before, gsd_m=self.gsd_m)
            after = measure_canopy(self.second, self.after, gsd_m=self.gsd_m)
            self.score = told.score(before, self.vegetation.index)
            self.different = trees.measure_difference(before, after, gsd_m=self.gsd_m)
        inner = green if self.seen is None else green & self.seen
        return trees.find_canopy(self.score, inner, cut=CUTS[figure], gsd_m=self.gsd_m)

    def lost(
        self, green: BoolArray, after_near: FloatArray, lost: BoolArray, figure: str
    ) -> BoolArray:
        """Mark canopy that lost its colour and looks different: brighter, darker or smoother."""
        canopy = self.find(green, figure)
        if self.different is None:
            return canopy
        halved = after_near - np.float32(self.vegetation.shift) < HALVED[figure] * self.here
        different = self.different > STRUCTURE[figure]
        return np.asarray(canopy & (lost | halved) & different)


def _burnt(scene: Scene, plan: Plan, pair: Pair) -> BoolArray | None:
    """Mark where the normalised burn ratio fell; None without shortwave infrared.

    Without it char is a dark, colourless pixel, and so is a shadow or a wet field.
    """
    if not has_burn_ratio(scene):
        return None
    lines = dict(plan.lines)

    def ratio(values: list[FloatArray]) -> FloatArray:
        near, short = (value.clip(0) for value in values)
        return np.asarray((near - short) / np.maximum(near + short, 1e-6), np.float32)

    roles = ("nir", "swir2")
    before = ratio([pair.before[scene.before.roles.index(role)] for role in roles])
    after = ratio([lines[role].apply(pair.after[scene.after.roles.index(role)]) for role in roles])
    return np.asarray(before - after > BURNT_DNBR)


def has_burn_ratio(scene: Scene) -> bool:
    """Say whether both dates have the bands of the normalised burn ratio."""
    return {"nir", "swir2"} <= set(scene.shared_roles)
