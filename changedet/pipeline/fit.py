"""Fit: a bounded sample of fixed tiles, independent of the blocks, becomes the plan."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from changedet.compare.radiometry import Light, Line, fit_light, fit_line, pick_stable
from changedet.compare.structure import NOMINAL_GSD_M, WindowSizes, window_sizes
from changedet.core.blocks import Block
from changedet.core.errors import NotComparable
from changedet.core.spread import spread
from changedet.decide.chance import Chance
from changedet.decide.interval import Noise
from changedet.decide.null import NO_NULL
from changedet.decide.threshold import fit_change_cut, otsu
from changedet.io.raster import read_window
from changedet.pipeline import plants
from changedet.pipeline.evidence import (
    as_evidence,
    change_reach_px,
    invariant_samples,
    plan_chroma,
)
from changedet.pipeline.measure import (
    MOST_ERROR_PX,
)
from changedet.pipeline.nulls import (
    DISTURBED_TILES,
    Samples,
    measure_control,
    with_null,
)
from changedet.pipeline.plan import Control, Plan, ScoreHistogram, Stretch
from changedet.pipeline.plants import PlantSample
from changedet.pipeline.scene import Scene, visible_roles
from changedet.pipeline.tiles import (
    Kept,
    TileSample,
    overview_zoom,
    pick_tiles,
    sample_built,
    sample_change,
    sample_tile,
)
from changedet.quantify.built import BuiltPlan, plan_built, reach_px
from changedet.quantify.vegetation import VegetationPlan, plan_vegetation

Scalar = TypeVar("Scalar", bound=np.generic)

MIN_SAMPLES = 500
SEEN_PX = 256
"""Most pixels a side of the map from which tiles are picked: enough to tell a tile's share."""
LIGHT_EXTENT_M = 1000.0
"""Shorter side of a scene from which on light may have a field: half of it, its smallest feature,
is ten times the longest usual building."""
LIGHT_SAMPLES = 100
"""Stable samples that a tile must have to be fitted."""
LEAST_CHANGE = 2.0
"""Noise that differs from place to place is not change: evidence 0.5 asks for twice the noise."""


def fit_stretch(scene: Scene) -> tuple[Stretch, Stretch]:
    """Find the grey range of both dates from overviews of the whole images.

    Where much is hidden, from the cells that are not: cloud would take the upper end for itself.
    """
    if scene.observed is not None and scene.observed.levels is not None:
        pairs = zip((scene.before, scene.after), scene.observed.levels, strict=True)
        before, after = (
            Stretch(low=low * raster.white, high=max(high, low + 1e-3) * raster.white)
            for raster, (low, high) in pairs
        )
        return before, after
    found = []
    for raster in (scene.before, scene.after):
        zoom = overview_zoom(raster.grid)
        values, valid = read_window(
            raster, raster.grid.window, roles=visible_roles(raster), zoom=zoom
        )
        if not valid.any():
            raise NotComparable(
                f"{raster.name} has no valid pixel: it is empty or nodata throughout",
                code="nothing_valid",
            )
        level = values.mean(axis=0)[valid]
        low, high = (float(p) for p in np.percentile(level, [1, 99]))
        if not high > low:
            raise NotComparable(
                f"{raster.name} is constant: nothing can be compared", code="no_texture"
            )
        found.append(Stretch(low=low, high=high))
    return found[0], found[1]


def fit_built(
    scene: Scene,
    tiles: list[Block],
    stretch: Stretch,
    gsd_m: float,
    executor: Executor | None,
    *,
    kept: Kept,
) -> BuiltPlan:
    """Fit the threshold of the built-up score on BEFORE."""
    job = partial(sample_built, scene=scene, stretch=stretch, gsd_m=gsd_m, kept=kept)
    score = np.concatenate(list(spread(job, tiles, executor=executor)))
    if score.size < MIN_SAMPLES:
        raise NotComparable(
            "too few valid pixels in common to judge anything", code="nothing_valid"
        )
    return plan_built(score)


def fit_plan(
    scene: Scene, *, control: Control | None = None, executor: Executor | None = None
) -> tuple[Plan, tuple[ScoreHistogram, ...]]:
    """Fit everything that the blocks apply.

    Parameters
    ----------
    scene : Scene
        With its alignment.
    control : Control, optional
        What was measured on a pair where nothing happened; it then is the null.
    executor : concurrent.futures.Executor, optional
        Tiles are measured on it.

    Returns
    -------
    plan : Plan
    histograms : tuple of ScoreHistogram
        Scores beside their nulls, for the report.

    Raises
    ------
    NotComparable
        Where too little is valid in both dates.
    """
    plan, tiles, samples, kept = _sample(scene, executor, wholes=scene.has_footprints)
    plan = with_null(plan, _windows(samples), control=control)
    stable = stable_samples(samples)
    plan = _with_radiometry(scene, plan, samples, tiles, stable)
    changes = _changes(scene, plan, tiles, executor, kept)
    return _with_change(scene, plan, samples, changes, stable)


def _changes(
    scene: Scene, plan: Plan, tiles: list[Block], executor: Executor | None, kept: Kept
) -> list[tuple[NDArray[np.float32], PlantSample | None]]:
    job = partial(sample_change, scene=scene, plan=plan, kept=kept)
    return list(spread(job, tiles, executor=executor))


def fit_control(scene: Scene, *, name: str, executor: Executor | None = None) -> Control:
    """Measure a pair where nothing happened, for the null of another pair.

    Parameters
    ----------
    scene : Scene
        Of the control pair.
    name : str
        What the record calls it.
    """
    plan, tiles, samples, kept = _sample(scene, executor, wholes=True)
    made = measure_control(plan, _windows(samples), name=name)
    if scene.index is None:
        return made
    stable = stable_samples(samples)
    plan = _with_radiometry(scene, plan, samples, tiles, stable)
    found = [
        sample for _, sample in _changes(scene, plan, tiles, executor, kept) if sample is not None
    ]
    seen = _fit_vegetation(scene.index, plan, samples, found, stable, control=name)
    return made if seen is None else replace(made, floor=seen.floor)


def _windows(samples: list[TileSample]) -> Samples:
    """Join the samples of all tiles."""
    return Samples(
        similarity=np.concatenate([sample.similarity for sample in samples]),
        drop=np.concatenate([sample.drop for sample in samples]),
        chance=np.concatenate([sample.chance for sample in samples]),
        place=np.concatenate([one.place + 64 * number for number, one in enumerate(samples)]),
        objects=[sample.objects for sample in samples],
    )


def _sample(
    scene: Scene, executor: Executor | None, *, wholes: bool
) -> tuple[Plan, list[Block], list[TileSample], Kept]:
    """Begin a plan with what one image says, and measure the tiles with it.

    ``wholes``: also look for objects as wholes, which the grading of footprints needs.
    """
    stretch = fit_stretch(scene)
    gsd_m = scene.grid.gsd_m or NOMINAL_GSD_M
    error = _known_error(scene)
    sizes = window_sizes(scene.grid.gsd_m, residual_px=error)
    margin = block_margin(sizes, gsd_m, built=not scene.has_footprints)
    zoom = overview_zoom(scene.grid, most=SEEN_PX)
    tiles = pick_tiles(scene.grid, scene.overview_seen(zoom), zoom, margin)
    if not tiles:
        raise NotComparable("the images have no valid pixel in common", code="nothing_valid")
    kept = Kept(scene, tiles)
    built = None
    if not scene.has_footprints:
        built = fit_built(scene, tiles, stretch[0], gsd_m, executor, kept=kept)
    plan = Plan(
        gsd_m=gsd_m,
        sizes=sizes,
        error_px=_axis_error(error),
        ce90_px=error,
        stretch=stretch,
        before_blur=_matching_blur(scene),
        built=built,
        chance=Chance(centre=0.0, spread=1.0),
        chance_match=None,
        control=None,
        expected=None,
        noise_of_objects=Noise(),
        null=NO_NULL,
        lines=(),
        light=None,
        noise=(),
        change_scale=1.0,
        vegetation=None,
    )
    some = tuple(tiles[:: -(-len(tiles) // DISTURBED_TILES)])
    job = partial(sample_tile, scene=scene, plan=plan, kept=kept, disturbed=some, wholes=wholes)
    samples = list(spread(job, tiles, executor=executor))
    return plan, tiles, samples, kept


def block_margin(sizes: WindowSizes, gsd_m: float, *, built: bool) -> int:
    """Pixels that a block reads beyond its core, a multiple of 8 (the built-up zoom divides it)."""
    reach = max(
        sizes.margin,
        change_reach_px(gsd_m),
        plants.reach_px(gsd_m),
        reach_px(gsd_m) if built else 0,
    )
    return -(-reach // 8) * 8


def _known_error(scene: Scene) -> float:
    """CE90 at left-out tie points; 1 px where there were none to leave out."""
    ce90 = scene.alignment.ce90_px
    return float(ce90) if np.isfinite(ce90) else 1.0


def _axis_error(ce90_px: float) -> float:
    # CE90 of a circular normal error is 2.146 standard deviations of one axis.
    return float(np.clip(ce90_px / 2.146, 0.15, MOST_ERROR_PX))


def _matching_blur(scene: Scene) -> float:
    coarser = scene.after_pixel
    return 0.5 * float(np.sqrt(coarser**2 - 1)) if coarser > 1.2 else 0.0


def stable_samples(samples: list[TileSample]) -> NDArray[np.bool_]:
    """Mark the samples that are most alike in structure, over all tiles."""
    alike = np.concatenate([sample.alike for sample in samples])
    if alike.size < MIN_SAMPLES:
        raise NotComparable(
            "too few valid pixels in common to judge anything", code="nothing_valid"
        )
    before, after = (
        np.concatenate([getattr(sample, date) for sample in samples], axis=1)
        for date in ("before", "after")
    )
    return pick_stable(alike, before, after)


def _with_radiometry(
    scene: Scene,
    plan: Plan,
    samples: list[TileSample],
    tiles: list[Block],
    stable: NDArray[np.bool_],
) -> Plan:
    before = np.concatenate([sample.before for sample in samples], axis=1)
    after = np.concatenate([sample.after for sample in samples], axis=1)
    irmad = None
    if scene.is_multispectral:
        irmad, stable = invariant_samples(before, after)
    roles = scene.shared_roles or ("grey",)
    fitted = [fit_line(x[stable], y[stable]) for x, y in zip(before, after, strict=True)]
    place = np.repeat(np.arange(len(samples)), [sample.alike.size for sample in samples])
    light = _fit_light(scene, fitted, (before[:, stable], after[:, stable]), place[stable], tiles)
    if light is not None:
        middles = np.array([_middle(tile) for tile in tiles])
        after = after * light.factor(middles[:, 0], middles[:, 1])[place]
    lines: list[tuple[str, Line]] = []
    noise: list[float] = []
    for number, role in enumerate(roles):
        line = fitted[number]
        if light is not None:
            line = fit_line(before[number, stable], after[number, stable])
        lines.append((role, line))
        rest = before[number, stable] - line.apply(after[number, stable])
        spread_of = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        # Never below what 8-bit rounding leaves.
        noise.append(max(spread_of, scene.white / 255 * 0.5))
    chroma = plan_chroma(scene, plan, before, after, stable)
    return replace(
        plan, lines=tuple(lines), light=light, noise=tuple(noise), chroma=chroma, irmad=irmad
    )


def _middle(tile: Block) -> tuple[float, float]:
    core = tile.core
    return core.col + (core.width - 1) / 2, core.row + (core.height - 1) / 2


def _fit_light(
    scene: Scene,
    lines: list[Line],
    bands: tuple[NDArray[np.float32], NDArray[np.float32]],
    place: NDArray[np.int64],
    tiles: list[Block],
) -> Light | None:
    """Fit the field of light to the stable samples of each tile; None in small scenes."""
    extent = scene.grid.gsd_m and min(scene.grid.shape) * scene.grid.gsd_m
    if not extent or extent < LIGHT_EXTENT_M:
        return None
    before, after = bands
    wanted = [(x - line.offset) / line.gain for x, line in zip(before, lines, strict=True)]
    floor = 0.1 * np.median(after)
    ratio = np.mean(
        np.log((np.maximum(wanted, 0) + floor) / (np.maximum(after, 0) + floor)), axis=0
    )
    known = [number for number in range(len(tiles)) if np.sum(place == number) >= LIGHT_SAMPLES]
    middles = np.array([_middle(tiles[number]) for number in known]).reshape(-1, 2)
    medians = np.array([np.median(ratio[place == number]) for number in known])
    return fit_light(medians, middles[:, 0], middles[:, 1])


def _with_change(
    scene: Scene,
    plan: Plan,
    samples: list[TileSample],
    changes: list[tuple[NDArray[np.float32], PlantSample | None]],
    stable: NDArray[np.bool_],
) -> tuple[Plan, tuple[ScoreHistogram, ...]]:
    change = np.concatenate([measured for measured, _ in changes])
    if scene.is_multispectral:
        cut = fit_change_cut(change)
        plan = replace(plan, change_scale=max(cut.value, LEAST_CHANGE), change_cut=cut)
    else:
        plan = replace(
            plan, change_scale=max(float(np.quantile(change[stable], 0.99)), LEAST_CHANGE)
        )
    found = [sample for _, sample in changes if sample is not None]
    if scene.index is not None and found:
        vegetation = _fit_vegetation(scene.index, plan, samples, found, stable)
        measured = None if plan.control is None else plan.control.floor
        if vegetation is not None and measured is not None:
            vegetation = replace(vegetation, floor=measured)
        plan = replace(plan, vegetation=vegetation)
    return plan, _histograms(plan, samples, change, stable)


def _fit_vegetation(
    index: str,
    plan: Plan,
    samples: list[TileSample],
    found: list[PlantSample],
    stable: NDArray[np.bool_],
    *,
    control: str = "",
) -> VegetationPlan | None:
    before = np.concatenate([sample.index_before for sample in samples])
    later = np.concatenate([sample.index_after for sample in found])
    known = np.isfinite(before)
    if known.sum() < MIN_SAMPLES:
        return None
    split = otsu(before[known])
    vegetation = plan_vegetation(
        index,
        threshold=split.balanced,
        separability=split.separability,
        stable_difference=(later - before)[stable & known & np.isfinite(later)],
        bare=split.low_centre,
    )
    return plants.fit_plants(
        plan,
        vegetation,
        samples=found,
        index_before=before,
        alike=np.concatenate([sample.alike for sample in samples]),
        on_built=np.concatenate([sample.on_built for sample in samples]),
        control=control,
    )


def _histograms(
    plan: Plan, samples: list[TileSample], measured: NDArray[np.float32], stable: NDArray[np.bool_]
) -> tuple[ScoreHistogram, ...]:
    edges = np.linspace(0, 1, 51)
    s = plan.chance.standardise(np.concatenate([sample.similarity for sample in samples]))
    drop = np.concatenate([sample.drop for sample in samples])
    score = plan.null.evidence(s, drop)
    unchanged = plan.null.expected_unchanged(edges)
    change = as_evidence(measured, plan)
    return (
        ScoreHistogram(
            name="structural",
            label="structural evidence on built area",
            edges=edges,
            counts=np.histogram(score, edges)[0].astype(float),
            null_counts=unchanged,
            threshold=plan.thresholds["central"],
        ),
        ScoreHistogram(
            name="pixel",
            label="evidence of spectral change",
            edges=edges,
            counts=np.histogram(change, edges)[0].astype(float),
            null_counts=np.histogram(change[stable], edges)[0].astype(float),
            threshold=0.5,
        ),
    )
