"""Decide: the rules of the second walk, and the grades of footprints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from changedet.core.grades import POSSIBLE_RATE
from changedet.core.options import RunOptions
from changedet.decide.chance import join_match
from changedet.decide.comparable import MIN_CORRELATION
from changedet.decide.interval import simulate_area
from changedet.decide.null import (
    CENTRAL,
    HIGH,
    LOST_SIMILARITY,
    LOST_WHOLE,
    LOW,
    STRAY_WHOLE,
    Null,
    fit_null,
)
from changedet.decide.regions import local_prior, minimum_pixels
from changedet.decide.threshold import select_discoveries
from changedet.pipeline.apply import STEPS, Rules
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import CellGrid
from changedet.quantify.buildings import (
    DAMAGED,
    DESTROYED,
    POSSIBLY,
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
    false_discovery: dict[str, float] = field(default_factory=dict)
    """Expected share of unchanged buildings in each grade, by the null."""
    interval_px: NDArray[np.int64] | None = None
    """Low and high of the destroyed area of each cell, and last of all, by repeats of the decision,
    pixels, shape (2, cells + 1); None without them."""


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
    null, interval = plan.null, None
    if seen.sum() >= MIN_BUILDINGS:
        centres = np.array([shape.centroid.coords[0] for shape in scene.footprints])
        dissimilarity = join_match(dissimilarity, sums.match, plan.chance_match)
        whole = plan.chance_match is not None
        null = fit_null(
            dissimilarity[seen],
            drop[seen],
            place=_places(centres[seen], unit),
            lost=LOST_WHOLE if whole else LOST_SIMILARITY,
            stray=STRAY_WHOLE,
            held=_held(plan, whole=whole),
            expected=plan.expected,
        )
        plan = plan.with_null(null)
        measures = (dissimilarity[seen], drop[seen])
        interval = _interval(scene, plan, measures, sums=sums, seen=seen, null=null)
    evidence = null.evidence(dissimilarity, drop)
    probability = null.posterior(evidence)
    if options.decide.neighbours and seen.sum() >= MIN_BUILDINGS:
        metres = unit or plan.gsd_m / scene.grid.res
        around = local_prior(probability[seen], centres[seen] * metres, prior=null.prior)
        probability[seen] = null.posterior(evidence[seen], around)
    hurt = null.hurt(dissimilarity, drop)
    possible = np.zeros(hurt.size, bool)
    possible[seen] = select_discoveries(1 - hurt[seen], POSSIBLE_RATE)
    assessment = grade_buildings(
        probability,
        null.score(dissimilarity, drop),
        sums.mean("lost"),
        reason,
        hurt=hurt,
        possible=possible,
        similarity=-dissimilarity,
        order_loss=(drop - null.drop_centre) / null.drop_spread,
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
    return Grading(
        plan=plan,
        assessment=assessment,
        areas_m2=areas,
        destroyed=destroyed,
        interval_px=interval,
        false_discovery={
            grade.lower().replace(" ", "_"): round(
                float(1 - hurt[assessment.grade == grade].mean()), 4
            )
            for grade in (DESTROYED, DAMAGED, POSSIBLY)
            if assessment.count(grade)
        },
    )


def _held(plan: Plan, *, whole: bool) -> Null | None:
    """Return what the control pair holds, on the scale of the measures that are graded."""
    if plan.control is None:
        return None
    return plan.control.objects if whole else plan.control.pixels


def _interval(
    scene: Scene,
    plan: Plan,
    measures: tuple[np.ndarray, np.ndarray],
    *,
    sums: FootprintSums,
    seen: np.ndarray,
    null: Null,
) -> NDArray[np.int64]:
    """Repeat the decision under what it does not know; see ``Grading.interval_px``."""
    centres = np.array([shape.centroid.coords[0] for shape in scene.footprints])
    cells = CellGrid.over(scene.grid)
    at = np.array([scene.grid.colrow(x, y) for x, y in centres])
    group = cells.number(at[:, 0], at[:, 1])
    # What is counted is what both dates show: of a building at the rim, a part.
    grown = np.array([shape.buffer(scene.footprint_margin).area for shape in scene.footprints])
    own = np.array([shape.area for shape in scene.footprints])
    pixels = sums.analysed * np.minimum(own / grown, 1.0)
    interval = simulate_area(
        *measures,
        pixels[seen],
        null,
        place=_places(centres[seen], scene.grid.unit_m),
        noise=plan.noise_of_objects,
        group=group[seen],
        unjudged=np.asarray(
            np.bincount(group[~seen], weights=pixels[~seen], minlength=cells.rows * cells.cols),
            np.float64,
        ),
    )
    return np.rint(interval).astype(np.int64)


def _places(centres: np.ndarray, unit_m: float | None) -> np.ndarray:
    """Return the number of the cell of :data:`PLACE_M` that each footprint lies in."""
    cell = np.floor(centres * (unit_m or 1.0) / PLACE_M).astype(np.int64)
    return np.unique(cell, axis=0, return_inverse=True)[1].ravel()
