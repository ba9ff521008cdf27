"""Fit: a bounded sample of fixed tiles, independent of the blocks, becomes the plan."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from changedet.compare.radiometry import Line, fit_line
from changedet.compare.structure import NOMINAL_GSD_M, WindowSizes, window_sizes
from changedet.core.blocks import Block, blocks
from changedet.core.errors import NotComparable
from changedet.core.grid import Grid
from changedet.core.spread import spread
from changedet.decide.null import NO_NULL, Chance, fit_chance, fit_null
from changedet.decide.threshold import otsu
from changedet.io.raster import read_window
from changedet.pipeline import plants
from changedet.pipeline.measure import (
    MOST_ERROR_PX,
    Pair,
    change_z,
    find_built,
    grey_pair,
    local_error,
    measure_built,
    normalise,
    order_drop,
    read_pair,
    similarity,
    spectral_bands,
    supported,
    vegetation_index,
)
from changedet.pipeline.plan import Plan, ScoreHistogram, Stretch
from changedet.pipeline.plants import PlantSample
from changedet.pipeline.scene import Scene, visible_roles
from changedet.quantify.built import BuiltPlan, plan_built, reach_px
from changedet.quantify.vegetation import VegetationPlan, plan_vegetation

Scalar = TypeVar("Scalar", bound=np.generic)

TILE_PX = 512
MAX_TILES = 24
STRIDE_PX = 4
STABLE_SHARE = 0.3
"""Share of the samples, the most alike in structure, that counts as stable."""
MIN_SAMPLES = 500


@dataclass(frozen=True, slots=True, eq=False)
class TileSample:
    """Samples of one tile: every fourth pixel that both dates show, n of them."""

    before: NDArray[np.float32]
    """Shape (bands, n)."""
    after: NDArray[np.float32]
    """Shape (bands, n), not normalised."""
    alike: NDArray[np.float32]
    """Similarity gathered over all pixels of the support, shape (n,)."""
    index_before: NDArray[np.float32]
    """Vegetation index, shape (n,); NaN without one."""
    on_built: NDArray[np.bool_]
    """Shape (n,)."""
    similarity: NDArray[np.float32]
    """Gathered over built pixels, shape (built samples,)."""
    drop: NDArray[np.float32]
    """Loss of coherence, gathered over built pixels, shape (built samples,)."""
    place: NDArray[np.int64]
    """Which 64th of the tile they are from, shape (built samples,)."""
    chance: NDArray[np.float32]
    """Similarity to unrelated places, shape (built samples of all directions,)."""


def overview_zoom(grid: Grid, *, most: int = 1024) -> int:
    """Return the whole zoom-out at which the grid has at most ``most`` pixels a side."""
    return max(1, -(-max(grid.shape) // most))


def fit_stretch(scene: Scene) -> tuple[Stretch, Stretch]:
    """Find the grey range of both dates from overviews of the whole images."""
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


def pick_tiles(grid: Grid, seen: NDArray[np.bool_], zoom: int, margin: int) -> list[Block]:
    """Pick at most :data:`MAX_TILES` tiles, evenly over those that both dates cover.

    Parameters
    ----------
    seen : ndarray of bool
        Overview of what both dates cover, ``zoom`` grid pixels a pixel.
    """
    tiles = list(blocks(grid, size=TILE_PX, margin=margin))

    def covered(tile: Block) -> float:
        core = tile.core
        part = seen[
            core.row // zoom : -(-core.stop_row // zoom),
            core.col // zoom : -(-core.stop_col // zoom),
        ]
        return float(part.mean()) * core.height * core.width if part.size else 0.0

    shares = np.array([covered(tile) for tile in tiles])
    least = min(0.3 * TILE_PX * TILE_PX, 0.5 * float(shares.max(initial=0)))
    good = [tile for tile, share in zip(tiles, shares, strict=True) if share > max(least, 0)]
    if len(good) <= MAX_TILES:
        return good
    step = np.linspace(0, len(good) - 1, MAX_TILES)
    return [good[round(k)] for k in step]


def sample_built(
    tile: Block, *, scene: Scene, stretch: Stretch, gsd_m: float
) -> NDArray[np.float32]:
    """Sample the score of built area in one tile, shape (n,)."""
    before, valid = scene.read_before(tile.padded)
    nothing = np.zeros(tile.padded.shape, bool)
    pair = Pair(before, before, valid, nothing, scene.inside(tile.padded))
    score = measure_built(scene, pair, stretch, gsd_m)[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    use = (pair.valid_before & pair.inside)[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    return np.asarray(score[use])


def fit_built(
    scene: Scene, tiles: list[Block], stretch: Stretch, gsd_m: float, executor: Executor | None
) -> BuiltPlan:
    """Fit the threshold of the built-up score on BEFORE."""
    job = partial(sample_built, scene=scene, stretch=stretch, gsd_m=gsd_m)
    score = np.concatenate(list(spread(job, tiles, executor=executor)))
    if score.size < MIN_SAMPLES:
        raise NotComparable(
            "too few valid pixels in common to judge anything", code="nothing_valid"
        )
    return plan_built(score)


def sample_tile(tile: Block, *, scene: Scene, plan: Plan) -> TileSample:
    """Measure one tile and keep every fourth pixel."""
    pair = read_pair(scene, tile.padded)
    valid = pair.analysed
    before, after = grey_pair(scene, pair, plan.stretch, plan.before_blur)
    built = find_built(scene, pair, plan, tile.padded)
    support = plan.sizes.support
    alike = similarity(before, after, valid, plan.sizes)
    drop = order_drop(before, after, valid, plan.sizes)
    picked = _Picker(tile, valid)
    on_built = picked(built)
    _, bands_before, bands_after = spectral_bands(scene, pair)
    plants = np.full(valid.shape, np.nan, np.float32)
    if scene.index is not None:
        plants = vegetation_index(scene.index, pair.before, scene.before.roles, scene.white)
    return TileSample(
        before=np.stack([picked(band) for band in bands_before]),
        after=np.stack([picked(band) for band in bands_after]),
        alike=picked(supported(alike, np.zeros_like(valid), valid, support)),
        index_before=picked(plants),
        on_built=on_built,
        similarity=picked(supported(alike, built, valid, support))[on_built],
        drop=picked(supported(drop, built, valid, support))[on_built],
        place=picked(_eighths(valid.shape, tile))[on_built],
        chance=_chance(tile, (before, after), valid=valid, built=built, plan=plan),
    )


def _eighths(shape: tuple[int, int], tile: Block) -> NDArray[np.int64]:
    """Return the number of the square, of the 64 of a tile's core, that each pixel lies in."""
    rows = (np.arange(shape[0]) - tile.margin).clip(0, TILE_PX - 1) * 8 // TILE_PX
    cols = (np.arange(shape[1]) - tile.margin).clip(0, TILE_PX - 1) * 8 // TILE_PX
    return np.asarray(rows[:, None] * 8 + cols[None, :], np.int64)


class _Picker:
    """Takes the same samples out of every map of a tile."""

    def __init__(self, tile: Block, use: NDArray[np.bool_]) -> None:
        self.tile = tile
        self.use = self._thin(use)

    def _thin(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        return image[self.tile.trim][::STRIDE_PX, ::STRIDE_PX]

    def __call__(self, image: NDArray[Scalar]) -> NDArray[Scalar]:
        return np.asarray(self._thin(image)[self.use])


def _chance(
    tile: Block,
    greys: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    valid: NDArray[np.bool_],
    built: NDArray[np.bool_],
    plan: Plan,
) -> NDArray[np.float32]:
    """Compare with AFTER moved by 50 m, two ways: the similarity that means nothing."""
    before, after = greys
    sizes = plan.sizes
    away = max(round(50 / plan.gsd_m), 3 * (sizes.radius + sizes.search))
    found = []
    for shift in ((away, away // 2), (-(away // 2), away)):
        seen = valid & np.roll(valid, shift, (0, 1))
        alike = similarity(before, np.roll(after, shift, (0, 1)), seen, sizes)
        gathered = supported(alike, built, seen, sizes.support)
        found.append(_Picker(tile, seen & built)(gathered))
    return np.concatenate(found)


def sample_change(
    tile: Block, *, scene: Scene, plan: Plan
) -> tuple[NDArray[np.float32], PlantSample | None]:
    """Measure z and the plants of one tile, where sample_tile sampled."""
    pair = read_pair(scene, tile.padded)
    picked = _Picker(tile, pair.analysed)
    _, before, after = spectral_bands(scene, pair)
    error = local_error(scene, tile.padded, plan)
    z = change_z(before, normalise(after, plan.lines), plan, valid=pair.analysed, error_px=error)
    if scene.index is None:
        return picked(z), None
    return picked(z), plants.sample_plants(scene, pair, plan).thin(picked)


def fit_plan(
    scene: Scene, *, executor: Executor | None = None
) -> tuple[Plan, tuple[ScoreHistogram, ...]]:
    """Fit everything that the blocks apply.

    Parameters
    ----------
    scene : Scene
        With its alignment.
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
    stretch = fit_stretch(scene)
    gsd_m = scene.grid.gsd_m or NOMINAL_GSD_M
    error = _known_error(scene)
    sizes = window_sizes(scene.grid.gsd_m, residual_px=error)
    margin = block_margin(sizes, gsd_m, built=not scene.has_footprints)
    zoom = overview_zoom(scene.grid)
    tiles = pick_tiles(scene.grid, scene.overview_seen(zoom), zoom, margin)
    if not tiles:
        raise NotComparable("the images have no valid pixel in common", code="nothing_valid")
    built = None
    if not scene.has_footprints:
        built = fit_built(scene, tiles, stretch[0], gsd_m, executor)
    plan = Plan(
        gsd_m=gsd_m,
        sizes=sizes,
        error_px=_axis_error(error),
        ce90_px=error,
        stretch=stretch,
        before_blur=_matching_blur(scene),
        built=built,
        chance=Chance(centre=0.0, spread=1.0),
        null=NO_NULL,
        lines=(),
        noise=(),
        change_scale=1.0,
        vegetation=None,
    )
    job = partial(sample_tile, scene=scene, plan=plan)
    samples = list(spread(job, tiles, executor=executor))
    plan = _with_null(plan, samples)
    plan = _with_radiometry(scene, plan, samples)
    job_change = partial(sample_change, scene=scene, plan=plan)
    changes = list(spread(job_change, tiles, executor=executor))
    return _with_change(scene, plan, samples, changes)


def block_margin(sizes: WindowSizes, gsd_m: float, *, built: bool) -> int:
    """Pixels that a block reads beyond its core, a multiple of 8 (the built-up zoom divides it)."""
    reach = max(sizes.margin, reach_px(gsd_m) if built else 0, plants.reach_px(gsd_m))
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


def _with_null(plan: Plan, samples: list[TileSample]) -> Plan:
    chance_sample = np.concatenate([sample.chance for sample in samples])
    if chance_sample.size < MIN_SAMPLES // 10:
        return plan
    chance = fit_chance(chance_sample)
    place = np.concatenate([sample.place + 64 * number for number, sample in enumerate(samples)])
    null = fit_null(
        chance.standardise(np.concatenate([sample.similarity for sample in samples])),
        np.concatenate([sample.drop for sample in samples]),
        place=place,
    )
    return replace(plan, chance=chance, null=null)


def stable_samples(samples: list[TileSample]) -> NDArray[np.bool_]:
    """Mark the samples that are most alike in structure, over all tiles."""
    alike = np.concatenate([sample.alike for sample in samples])
    if alike.size < MIN_SAMPLES:
        raise NotComparable(
            "too few valid pixels in common to judge anything", code="nothing_valid"
        )
    return np.asarray(alike >= np.quantile(alike, 1 - STABLE_SHARE))


def _with_radiometry(scene: Scene, plan: Plan, samples: list[TileSample]) -> Plan:
    stable = stable_samples(samples)
    roles = scene.shared_roles or ("grey",)
    lines: list[tuple[str, Line]] = []
    noise: list[float] = []
    for number, role in enumerate(roles):
        before = np.concatenate([sample.before[number] for sample in samples])[stable]
        after = np.concatenate([sample.after[number] for sample in samples])[stable]
        line = fit_line(before, after)
        lines.append((role, line))
        rest = before - line.apply(after)
        spread_of = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        # Never below what 8-bit rounding leaves.
        noise.append(max(spread_of, scene.white / 255 * 0.5))
    return replace(plan, lines=tuple(lines), noise=tuple(noise))


def _with_change(
    scene: Scene,
    plan: Plan,
    samples: list[TileSample],
    changes: list[tuple[NDArray[np.float32], PlantSample | None]],
) -> tuple[Plan, tuple[ScoreHistogram, ...]]:
    stable = stable_samples(samples)
    z = np.concatenate([z for z, _ in changes])
    plan = replace(plan, change_scale=max(float(np.quantile(z[stable], 0.99)), 1.0))
    found = [sample for _, sample in changes if sample is not None]
    if scene.index is not None and found:
        plan = replace(plan, vegetation=_fit_vegetation(scene.index, plan, samples, found, stable))
    return plan, _histograms(plan, samples, z, stable)


def _fit_vegetation(
    index: str,
    plan: Plan,
    samples: list[TileSample],
    found: list[PlantSample],
    stable: NDArray[np.bool_],
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
    )


def _histograms(
    plan: Plan, samples: list[TileSample], z: NDArray[np.float32], stable: NDArray[np.bool_]
) -> tuple[ScoreHistogram, ...]:
    edges = np.linspace(0, 1, 51)
    s = plan.chance.standardise(np.concatenate([sample.similarity for sample in samples]))
    drop = np.concatenate([sample.drop for sample in samples])
    score = plan.null.evidence(s, drop)
    unchanged = plan.null.expected_unchanged(edges)
    change = z * z / (z * z + plan.change_scale**2)
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
