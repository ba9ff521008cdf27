"""Where the null comes from: a control pair, the scene itself, or BEFORE beside itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from changedet.core.blocks import Block
from changedet.core.errors import NotComparable
from changedet.decide.chance import fit_chance, join_match
from changedet.decide.interval import Noise
from changedet.decide.null import fit_null, fit_unchanged
from changedet.pipeline.matched import (
    Greys,
    Measures,
    chance_matches,
    measure_disturbed,
    measure_objects,
    tile_objects,
)
from changedet.pipeline.measure import gather, similarity
from changedet.pipeline.plan import Control, Plan
from changedet.pipeline.scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

TILE_PX = 512
"""Side of the tiles of the fit, pixels."""
MIN_CHANCE = 50
"""Samples at unrelated places below which there is no scale of similarity."""
MIN_MATCHES = 20
"""Objects tried elsewhere, below which none is looked for as a whole."""
MIN_CONTROL = 20
"""Buildings that a control pair must show: half of them decide where the unchanged lie."""
FEW = 10
"""Disturbed objects, below which nothing is learnt from them."""
DISTURBED_TILES = 2
"""Tiles that measure their objects disturbed too: it costs as much as all the rest of a tile."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectSample:
    """Objects of one tile."""

    measured: Measures
    """As they are."""
    chance: FloatArray
    """Similarity as a whole at unrelated places, shape (m,)."""
    disturbed: Measures | None
    """In AFTER moved by the error of the alignment and noised; None in most tiles."""
    synthetic: Measures | None
    """In BEFORE moved and noised; None in most tiles."""


def _away(plan: Plan) -> tuple[tuple[int, int], ...]:
    """Return the two ways, some 50 m, by which AFTER is moved to a place that means nothing."""
    sizes = plan.sizes
    away = max(round(50 / plan.gsd_m), 3 * (sizes.radius + sizes.search))
    return (away, away // 2), (-(away // 2), away)


def sample_chance(
    tile: Block,
    greys: Greys,
    built: BoolArray,
    picked: Callable[[FloatArray], FloatArray],
    *,
    plan: Plan,
    cut: int,
) -> FloatArray:
    """Compare with AFTER moved away: the similarity that means nothing, on built area.

    Tiles take turns in the way that AFTER is moved. What lies within ``cut`` pixels of their rim
    is moved, but not compared: ``picked`` takes samples of what is left.
    """
    before, after, valid = greys
    shifts = _away(plan)
    shift = shifts[(tile.core.row + tile.core.col) // TILE_PX % len(shifts)]
    inner = (slice(cut, valid.shape[0] - cut), slice(cut, valid.shape[1] - cut))
    seen = (valid & np.roll(valid, shift, (0, 1)))[inner]
    elsewhere = np.roll(after, shift, (0, 1))[inner]
    alike = similarity(before[inner], elsewhere, seen, plan.sizes)
    shown = seen & built[inner]
    gathered = gather(alike, shown, plan.sizes.support)
    values = picked(np.where(shown, gathered, np.float32(np.nan)))
    return values[np.isfinite(values)]


def sample_objects(
    scene: Scene,
    plan: Plan,
    tile: Block,
    greys: Greys,
    *,
    built: BoolArray,
    maps: tuple[FloatArray, FloatArray],
    disturb: bool,
    wholes: bool,
) -> ObjectSample:
    """Measure the objects of one tile; ``maps`` are windowed similarity and loss of order."""
    objects = tile_objects(scene, plan, tile, built, greys[2]) if wholes else []
    also = bool(objects) and disturb
    return ObjectSample(
        measured=measure_objects(objects, greys, maps, plan=plan),
        chance=chance_matches(objects, greys, _away(plan), plan=plan),
        disturbed=measure_disturbed(objects, greys, plan=plan, synthetic=False) if also else None,
        synthetic=measure_disturbed(objects, greys, plan=plan, synthetic=True) if also else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """What all tiles say of built area: n windows, m windows elsewhere, and objects."""

    similarity: FloatArray
    """Shape (n,)."""
    drop: FloatArray
    """Loss of order, shape (n,)."""
    place: NDArray[np.int64]
    """Which place of the scene they are from, shape (n,)."""
    chance: FloatArray
    """Similarity to unrelated places, shape (m,)."""
    objects: list[ObjectSample]
    """One a tile."""


def _with_chance(plan: Plan, samples: Samples) -> Plan:
    plan = replace(plan, chance=fit_chance(samples.chance))
    matches = np.concatenate([sample.chance for sample in samples.objects])
    if matches.size >= MIN_MATCHES:
        plan = replace(plan, chance_match=fit_chance(matches))
    return plan


def with_null(plan: Plan, samples: Samples, *, control: Control | None) -> Plan:
    """Fit the scales of chance and the null of windows; keep what the grading of objects needs."""
    if samples.chance.size < MIN_CHANCE:
        return plan
    plan = _with_chance(plan, samples)
    null = fit_null(
        plan.chance.standardise(samples.similarity),
        samples.drop,
        place=samples.place,
        held=None if control is None else control.pixels,
    )
    synthetic = standardised(
        Measures.joined([sample.synthetic for sample in samples.objects if sample.synthetic]), plan
    )
    return replace(
        plan,
        null=null,
        control=control,
        expected=fit_unchanged(*synthetic) if synthetic[0].size >= FEW else None,
        noise_of_objects=_noise(samples.objects, plan),
    )


def standardised(measures: Measures, plan: Plan) -> tuple[NDArray[np.float64], FloatArray]:
    """Turn measures of objects into dissimilarity (in spreads of chance) and loss of order."""
    windowed = plan.chance.standardise(measures.similarity)
    return join_match(windowed, measures.match, plan.chance_match), measures.drop


def _noise(objects: list[ObjectSample], plan: Plan) -> Noise:
    """Return how far the measures of objects move when AFTER is disturbed."""
    both = [(one.measured, one.disturbed) for one in objects if one.disturbed is not None]
    if not both:
        return Noise()
    as_is, drop = standardised(Measures.joined([one for one, _ in both]), plan)
    moved, moved_drop = standardised(Measures.joined([one for _, one in both]), plan)
    if as_is.size < FEW:
        return Noise()
    return Noise(
        dissimilarity=float(np.clip(_robust(moved - as_is), 0.05, 1.0)),
        drop=float(np.clip(_robust(moved_drop - drop), 0.002, 0.06)),
    )


def _robust(difference: NDArray[np.floating]) -> float:
    """Return the root mean square of a difference, from its median size."""
    return 1.4826 * float(np.median(np.abs(difference)))


def measure_control(plan: Plan, samples: Samples, *, name: str) -> Control:
    """Turn the samples of a control pair into the null of another pair.

    Raises
    ------
    NotComparable
        Where the control shows too little built area to learn from.
    """
    joined = Measures.joined([sample.measured for sample in samples.objects])
    seen = samples.chance.size >= MIN_CHANCE and joined.similarity.size >= MIN_CONTROL
    if seen:
        plan = _with_chance(plan, samples)
    if not seen or plan.chance_match is None:
        raise NotComparable(
            f"the control pair {name} shows only {joined.similarity.size} buildings: give one with "
            f"{MIN_CONTROL} or more, or leave --control out",
            code="control",
        )
    return Control(
        pixels=fit_unchanged(plan.chance.standardise(samples.similarity), samples.drop),
        objects=fit_unchanged(*standardised(joined, plan)),
        name=name,
    )
