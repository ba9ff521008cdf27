"""Apply: every block once for the evidence, once more for regions of decided pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from changedet.compare.observable import CLOUD, SATURATED, SHADOW, SMOKE, SNOW
from changedet.core.blocks import Block
from changedet.core.grid import Window
from changedet.decide.regions import drop_small
from changedet.io.raster import read_own
from changedet.io.shapes import burn, burn_each
from changedet.pipeline.evidence import as_evidence, change_reach_px, measure_change
from changedet.pipeline.matched import Greys, match_footprints
from changedet.pipeline.measure import (
    Pair,
    find_built,
    grey_pair,
    order_drop,
    read_pair,
    relit,
    similarity,
    supported,
)
from changedet.pipeline.plan import Plan
from changedet.pipeline.plants import (
    BARED,
    BUILT,
    BURNT,
    CANOPY,
    CANOPY_CENTRAL,
    CANOPY_HIGH,
    CANOPY_LOW,
    FARMED,
    GAINED,
    LOST_CENTRAL,
    LOST_HIGH,
    LOST_LOW,
    PLANTS,
    WEAKER,
    find_plants,
)
from changedet.pipeline.plants import near_px as plants_near_px
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import CellGrid, Tally
from changedet.quantify.buildings import FootprintSums
from changedet.quantify.floor import count_beside, lean_reach_px

ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

NODATA = 255
STEPS = 250
"""Evidence 0..1 is stored as 0..250."""

# Bits of the state raster beside those of plants, from which the second walk decides.
ANALYSED, INSIDE = 1, 8

NO_CHANGE, DESTROYED, VEGETATION_LOST, OTHER, VEGETATION_GAINED = 1, 2, 3, 4, 5
"""Codes of classes.tif; 0 is not analysed."""

HIDDEN = {"saturated": SATURATED, "cloud": CLOUD, "smoke": SMOKE, "snow": SNOW}
"""Codes of what hides the ground, by the names under which it is counted."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockMaps:
    """What one block hands back: small types, its core only."""

    window: Window
    aligned: NDArray[np.generic]
    """AFTER on the grid, shape (bands, height, width), dtype of AFTER."""
    pixel: ByteArray
    structural: ByteArray
    state: ByteArray
    plants: ByteArray
    """Bits of fields, canopy and the state of plants."""
    sums: FootprintSums


def compute_block(block: Block, *, scene: Scene, plan: Plan) -> BlockMaps:
    """Compute the evidence of one block; nothing here depends on where blocks are cut."""
    pair = read_pair(scene, block.padded)
    analysed = pair.analysed
    trim = block.trim
    aligned = _to_dtype(pair.after[(slice(None), *trim)], pair.valid_after[trim], scene)
    if not analysed.any():
        return _empty(block, pair, aligned, scene)
    pair = relit(pair, plan, block.padded)
    before, after = grey_pair(scene, pair, plan.stretch, plan.before_blur)
    built = find_built(scene, pair, plan, block.padded)
    greys = (before, after, analysed)
    evidence = _evidence(block, pair, greys, built, scene=scene, plan=plan)
    near = block.narrowed(plants_near_px(plan.gsd_m))
    place = block.place_of(near)
    state, plants = find_plants(scene, plan, pair, built & analysed, place=place)
    state, plants = state[near.trim], plants[near.trim]
    for mask, bit in ((analysed, ANALYSED), (pair.inside, INSIDE), (built & analysed, BUILT)):
        state |= np.where(mask[trim], bit, 0).astype(np.uint8)
    sums = FootprintSums.zero(len(scene.footprints))
    measures = {"dissimilarity": evidence.alike, "drop": evidence.drop}
    masks = _sum_footprints(
        sums,
        scene,
        block,
        analysed=analysed[trim],
        codes=pair.codes[trim],
        measures=measures,
        structural=evidence.structural,
    )
    match_footprints(sums, scene, plan, block, greys, masks=masks)
    return BlockMaps(
        window=block.core,
        aligned=aligned,
        pixel=evidence.pixel,
        structural=evidence.structural,
        state=state,
        plants=plants,
        sums=sums,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """Of the core of one block."""

    alike: NDArray[np.float32]
    """Dissimilarity of single windows, standardised."""
    drop: NDArray[np.float32]
    structural: ByteArray
    pixel: ByteArray


def _evidence(
    block: Block, pair: Pair, greys: Greys, built: BoolArray, *, scene: Scene, plan: Plan
) -> _Evidence:
    """Compute evidence on no more of the margin than each of its measures reaches."""
    analysed = pair.analysed[block.trim]
    wide = block.narrowed(plan.sizes.margin)
    place = block.place_of(wide)
    before, after, seen = greys[0][place], greys[1][place], greys[2][place]
    alike = plan.chance.standardise(similarity(before, after, seen, plan.sizes))
    drop = order_drop(before, after, seen, plan.sizes)
    object_ = wide.narrowed(plan.sizes.support)
    place = wide.place_of(object_)
    roofs, seen = built[block.place_of(object_)], seen[place]
    support = plan.sizes.support
    structural = plan.null.evidence(
        *(supported(part[place], roofs, seen, support)[object_.trim] for part in (alike, drop))
    )
    near = block.narrowed(change_reach_px(plan.gsd_m))
    change = measure_change(scene, pair.cut(block.place_of(near)), plan, near.padded)[near.trim]
    return _Evidence(
        alike[wide.trim],
        drop[wide.trim],
        _quantise(structural, analysed),
        _quantise(as_evidence(change, plan), analysed),
    )


def warp_block(block: Block, *, scene: Scene) -> tuple[Window, NDArray[np.generic]]:
    """Return AFTER on the grid in one block, in its own data type."""
    values, valid = scene.read_after(block.padded)
    return block.core, _to_dtype(values, valid, scene)


def _empty(block: Block, pair: Pair, aligned: NDArray[np.generic], scene: Scene) -> BlockMaps:
    inside, codes = pair.inside[block.trim], pair.codes[block.trim]
    nothing = np.full(block.core.shape, NODATA, np.uint8)
    sums = FootprintSums.zero(len(scene.footprints))
    unseen = np.zeros(block.core.shape, bool)
    zero = np.zeros(block.core.shape, np.float32)
    measures = {"dissimilarity": zero, "drop": zero}
    _sum_footprints(
        sums, scene, block, analysed=unseen, codes=codes, measures=measures, structural=nothing
    )
    state = np.where(inside, INSIDE, 0).astype(np.uint8)
    bare = np.zeros(block.core.shape, np.uint8)
    return BlockMaps(block.core, aligned, nothing, nothing, state, bare, sums)


def _quantise(evidence: NDArray[np.floating], analysed: BoolArray) -> ByteArray:
    whole = np.rint(np.nan_to_num(evidence) * STEPS).clip(0, STEPS)
    return np.where(analysed, whole, NODATA).astype(np.uint8)


def _to_dtype(values: NDArray[np.float32], valid: BoolArray, scene: Scene) -> NDArray[np.generic]:
    dtype = np.dtype(scene.aligned_dtype)
    if dtype.kind == "f":
        return np.where(valid, values, np.nan).astype(dtype)
    info = np.iinfo(dtype)
    # The lowest value says nodata; what is seen begins one above it.
    whole = np.rint(values).clip(info.min + 1, info.max)
    return np.where(valid, whole, info.min).astype(dtype)


def _sum_footprints(
    sums: FootprintSums,
    scene: Scene,
    block: Block,
    *,
    analysed: BoolArray,
    codes: ByteArray,
    measures: dict[str, NDArray[np.float32]],
    structural: ByteArray,
) -> dict[int, tuple[Window, BoolArray]]:
    """Add the pixels of footprints, in place; return the masks of those that lie in the core."""
    masks = {}
    veiled = np.isin(codes & ~np.uint8(SHADOW), (CLOUD, SMOKE))
    white = np.isin(codes & ~np.uint8(SHADOW), (SNOW, SATURATED))
    core = block.core
    numbers = scene.footprints_near(core, margin=scene.footprint_margin)
    grown = [scene.footprints[number].buffer(scene.footprint_margin) for number in numbers]
    boxes = [scene.pixels_of(shape.bounds) for shape in grown]
    parts = [whole & core for whole in boxes]
    burnt = burn_each(grown, scene.grid, parts)
    for number, whole, part, inside in zip(numbers, boxes, parts, burnt, strict=True):
        if not part.height or not part.width:
            continue
        if part == whole:
            masks[number] = whole, inside
        local = (
            slice(part.row - core.row, part.stop_row - core.row),
            slice(part.col - core.col, part.stop_col - core.col),
        )
        sums.add_footprint(
            number,
            inside,
            analysed[local],
            {name: measure[local] for name, measure in measures.items()},
            structural[local] > STEPS // 2,
            veiled=veiled[local],
            white=white[local],
        )
    return masks


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What the second walk decides with."""

    thresholds: dict[str, int]
    """Structural evidence (0..250) for low, central, high; above 250 = never."""
    min_built: int
    min_plants: int
    cells: CellGrid
    destroyed: dict[str, tuple[int, ...]] | None
    """Numbers of the destroyed footprints for low, central, high; None without footprints."""
    plants_judged: bool
    gsd_m: float = 1.0
    """Scale for widths, metres; nominal where the pair has none."""

    @property
    def margin(self) -> int:
        """Pixels to read beyond a block so that regions do not depend on it."""
        return max(self.min_built + lean_reach_px(self.gsd_m), self.min_plants)


@dataclass(frozen=True, slots=True, eq=False)
class BlockDecision:
    """Classes and counts of one block."""

    window: Window
    classes: ByteArray
    tally: Tally


def decide_block(
    block: Block, *, scene: Scene, rules: Rules, paths: dict[str, str]
) -> BlockDecision:
    """Turn the evidence of one block into classes and pixel counts."""
    state = read_own(paths["state"], block.padded)[0]
    structural = read_own(paths["structural"], block.padded, outside=NODATA)[0]
    pixel = read_own(paths["pixel"], block.padded, outside=NODATA)[0]
    analysed = (state & ANALYSED) > 0
    built = (state & BUILT) > 0
    destroyed = _destroyed(block, scene, rules, built, structural)
    inside = (state & INSIDE) > 0
    marked = {"inside": inside, "analysed": analysed, "built": built}
    codes = scene.codes(block.padded)
    marked["shadow"] = analysed & ((codes & SHADOW) > 0)
    for name, code in HIDDEN.items():
        marked[name] = inside & ~analysed & ((codes & ~np.uint8(SHADOW)) == code)
    for name, gone in destroyed.items():
        marked[f"built_{name}"] = gone & built
    lost = {}
    for name, bit in (("low", LOST_LOW), ("central", LOST_CENTRAL), ("high", LOST_HIGH)):
        lost[name] = drop_small((state & bit) > 0, min_pixels=rules.min_plants)
        marked[f"vegetation_{name}"] = lost[name]
    plants = read_own(paths["plants"], block.padded)[0]
    for name, bit in (
        ("canopy_low", CANOPY_LOW), ("canopy_central", CANOPY_CENTRAL),
        ("canopy_high", CANOPY_HIGH), ("canopy", CANOPY),
    ):  # fmt: skip
        marked[name] = drop_small((plants & bit) > 0, min_pixels=rules.min_plants)
    marked["farmed"], marked["burnt"] = (plants & FARMED) > 0, (plants & BURNT) > 0
    marked["bared"] = (plants & BARED) > 0
    marked["weaker"] = ((plants & WEAKER) > 0) & ~lost["central"]
    standing = built & ~destroyed["central"]
    place = {"window_row": block.padded.row, "window_col": block.padded.col}
    beside = count_beside(lost["central"], standing, gsd_m=rules.gsd_m, **place)
    for number, hidden in enumerate(beside):
        marked[f"beside_{number}"] = hidden
    gained = drop_small((state & GAINED) > 0, min_pixels=rules.min_plants)
    marked["vegetation"], marked["gained"] = (state & PLANTS) > 0, gained
    other = drop_small((pixel > STEPS // 2) & (pixel != NODATA), min_pixels=rules.min_plants)
    classes = np.zeros(state.shape, np.uint8)
    for decided, code in (
        (analysed, NO_CHANGE),
        ((other | marked["farmed"]) & analysed, OTHER),
        (gained & rules.plants_judged, VEGETATION_GAINED),
        (lost["central"] & rules.plants_judged, VEGETATION_LOST),
        (marked["built_central"], DESTROYED),
    ):
        classes[decided] = code
    core = {name: pixels[block.trim] for name, pixels in marked.items()}
    tally = Tally.of(core, cells=rules.cells, window=block.core)
    return BlockDecision(block.core, classes[block.trim], tally)


def _destroyed(
    block: Block, scene: Scene, rules: Rules, built: BoolArray, structural: ByteArray
) -> dict[str, BoolArray]:
    if rules.destroyed is None:
        judged = built & (structural != NODATA)
        return {
            name: drop_small(judged & (structural >= cut), min_pixels=rules.min_built)
            for name, cut in rules.thresholds.items()
        }
    near = set(scene.footprints_near(block.padded))
    grid = scene.grid.crop(block.padded)
    # Most are destroyed by all three cuts: each is burnt once, with those that share its cuts.
    cuts: dict[int, list[str]] = {}
    for name, numbers in rules.destroyed.items():
        for number in near.intersection(numbers):
            cuts.setdefault(number, []).append(name)
    found = {name: np.zeros(built.shape, bool) for name in rules.destroyed}
    for names in {tuple(names) for names in cuts.values()}:
        alike = sorted(number for number, cut in cuts.items() if tuple(cut) == names)
        burnt = burn(tuple(scene.footprints[number] for number in alike), grid)
        for name in names:
            found[name] |= burnt
    return found
