"""Decide: the rules of the second walk, and the grades of footprints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.core.options import RunOptions
from changedet.decide.comparable import MIN_CORRELATION
from changedet.decide.null import CENTRAL, HIGH, LOW, Null, fit_null
from changedet.decide.regions import minimum_pixels
from changedet.pipeline.apply import STEPS, Rules
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import CellGrid
from changedet.quantify.buildings import (
    DESTROYED,
    Assessment,
    FootprintSums,
    grade_buildings,
    why_not_analysed,
)
from changedet.quantify.built import COARSEST_M
from changedet.quantify.vegetation import SPREAD

PLACE_M = 200
"""Side of the cells over which the range of the share of destroyed buildings is taken, metres."""
MIN_BUILDINGS = 30
"""Footprints from which on the null is fitted on whole buildings instead of pixels."""


NEVER = {"low": STEPS + 1, "central": STEPS + 1, "high": STEPS + 1}
"""Cuts that no evidence reaches."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Grading:
    """Footprints graded; without footprints only the plan."""

    plan: Plan
    assessment: Assessment | None = None
    areas_m2: np.ndarray | None = None
    destroyed: dict[str, tuple[int, ...]] | None = None
    """Numbers of the destroyed footprints for low, central and high."""


def plants_judged(plan: Plan) -> bool:
    """Say whether plants and the rest can be told apart in this pair."""
    vegetation = plan.vegetation
    if vegetation is None:
        return False
    colours = [line.correlation for _, line in plan.lines]
    # Noise at the end of what is believable is no noise: haze, or a change of all the ground.
    steady = vegetation.spread < SPREAD[vegetation.index][1]
    return vegetation.separability >= 0.55 and min(colours) >= MIN_CORRELATION and steady


def is_built_seen(plan: Plan) -> bool:
    """Say whether the pixels are small enough to show whether a building stands."""
    return plan.gsd_m <= COARSEST_M


def make_rules(scene: Scene, grading: Grading, options: RunOptions) -> Rules:
    """Return what the second walk decides with."""
    area = scene.grid.pixel_area_m2
    seen = is_built_seen(grading.plan)
    return Rules(
        thresholds=_cuts(grading.plan.null) if seen else NEVER,
        min_built=minimum_pixels(options.decide.mmu_built_m2, area),
        min_plants=minimum_pixels(options.decide.mmu_vegetation_m2, area),
        cells=CellGrid.over(scene.grid),
        destroyed=grading.destroyed,
        plants_judged=plants_judged(grading.plan),
        gsd_m=grading.plan.gsd_m,
    )


def _cuts(null: Null) -> dict[str, int]:
    """Return the stored evidence from which on a pixel counts, for low, central and high."""
    never = NEVER["central"]

    def cut(posterior: float) -> int:
        # Evidence is stored in steps: what lies beyond the last of them is never reached.
        steps = null.threshold(posterior) * STEPS
        return never if steps > STEPS - 0.5 else int(np.ceil(steps))

    if not null.separable:
        return {"low": never, "central": never, "high": cut(HIGH)}
    return {"low": cut(LOW), "central": cut(CENTRAL), "high": cut(HIGH)}


def grade_footprints(scene: Scene, plan: Plan, sums: FootprintSums, options: RunOptions) -> Grading:
    """Grade the footprints, with a null fitted on them where they are enough."""
    if not scene.has_footprints:
        return Grading(plan=plan)
    unit = scene.grid.unit_m
    areas = None
    if unit is not None:
        areas = np.array([shape.area for shape in scene.footprints]) * unit * unit
    reason = why_not_analysed(sums, areas, min_area_m2=options.decide.min_footprint_m2)
    if not is_built_seen(plan):
        reason[:] = "pixels too large to see whether it stands"
    dissimilarity, drop = sums.mean("dissimilarity"), sums.mean("drop")
    seen = reason == ""
    null = plan.null
    if seen.sum() >= MIN_BUILDINGS:
        centres = np.array([shape.centroid.coords[0] for shape in scene.footprints])
        null = fit_null(dissimilarity[seen], drop[seen], place=_places(centres[seen], unit))
        plan = plan.with_null(null)
    evidence = null.evidence(dissimilarity, drop)
    probability = null.posterior(evidence)
    assessment = grade_buildings(
        probability,
        null.score(dissimilarity, drop),
        sums.mean("lost"),
        reason,
        hurt=null.hurt(dissimilarity, drop),
        separable=null.separable,
    )
    sure = {
        "low": (probability >= LOW) & null.separable,
        "central": assessment.grade == DESTROYED,
        "high": probability >= HIGH,
    }
    destroyed = {
        name: tuple(int(k) for k in np.flatnonzero(lost & seen)) for name, lost in sure.items()
    }
    return Grading(plan=plan, assessment=assessment, areas_m2=areas, destroyed=destroyed)


def _places(centres: np.ndarray, unit_m: float | None) -> np.ndarray:
    """Return the number of the cell of :data:`PLACE_M` that each footprint lies in."""
    cell = np.floor(centres * (unit_m or 1.0) / PLACE_M).astype(np.int64)
    return np.unique(cell, axis=0, return_inverse=True)[1].ravel()
