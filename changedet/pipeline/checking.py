"""Checking: what is known of a pair, at whatever stage it stopped, as the table of its checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from changedet.core.errors import Finding
from changedet.core.options import RunOptions
from changedet.decide.checks import list_checks
from changedet.decide.conditions import check_conditions, days_of_year_apart
from changedet.io.raster import Raster
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import Tally, share
from changedet.quantify.built import COARSEST_M
from changedet.register.alignment import Alignment
from changedet.result import Check

Facts = dict[str, float | None]


def image_facts(before: Raster, after: Raster, options: RunOptions) -> Facts:
    """Return what the files and the options tell."""
    first, second = before.viewing, after.viewing
    elevations = first.sun_elevation, second.sun_elevation
    lowest = [value for value in elevations if value is not None]
    turn = _apart(first.sun_azimuth, second.sun_azimuth)
    dates = str(options.before_date or before.date), str(options.after_date or after.date)
    sizes = before.grid.gsd_m, after.grid.gsd_m
    ratio = None
    if sizes[0] and sizes[1]:
        ratio = max(sizes[0] / sizes[1], sizes[1] / sizes[0])
    return {
        "gsd_ratio": ratio,
        "sun_elevation_difference": _apart(*elevations),
        "sun_elevation_least": min(lowest, default=None),
        "sun_azimuth_difference": None if turn is None else min(turn, 360 - turn),
        "view_difference": _apart(first.off_nadir, second.off_nadir),
        "day_of_year": days_of_year_apart(*dates),
        "pixel_size": before.grid.gsd_m,
    }


def check_images(before: Raster, after: Raster, options: RunOptions) -> tuple[Finding, ...]:
    """Judge what the files and the options tell of light, view and season."""
    return check_conditions(image_facts(before, after, options))


def alignment_facts(alignment: Alignment) -> Facts:
    """Return what the co-registration measured."""
    worst = alignment.rmse_px
    if alignment.refused:
        # what a refusal rests on: see changedet.register.verdict
        worst = max(worst, alignment.left_out_px / 1.5)
    return {
        "match": alignment.supported_share,
        "residual": worst,
    }


def observed_facts(scene: Scene) -> Facts:
    """Return what hides the ground."""
    if scene.observed is None:
        return {}
    shares = scene.observed.shares
    return {
        "cloud_smoke": shares["cloud"] + shares["smoke"],
        "snow": shares["snow"] if scene.observed.colour else None,
        "saturated": shares["saturated"],
    }


def early_facts(scene: Scene, options: RunOptions) -> Facts:
    """Return what is known before the fit."""
    return {
        **image_facts(scene.before, scene.after, options),
        **alignment_facts(scene.alignment),
        **observed_facts(scene),
    }


def least_correlation(plan: Plan) -> float | None:
    """Return the least correlation of a band where nothing changed."""
    return min((line.correlation for _, line in plan.lines), default=None)


def pair_facts(
    scene: Scene, plan: Plan, tally: Tally, options: RunOptions, *, edges: float | None = None
) -> Facts:
    """Return everything that the checks of a pair that was compared are about.

    ``edges`` says how far edges run along the footprints, in standard errors above chance.
    """
    built = plan.gsd_m <= COARSEST_M and tally.total("built") > 0
    vegetation = plan.vegetation
    return {
        **early_facts(scene, options),
        "footprints": edges,
        "overlap": share(tally.total("analysed"), tally.total("inside")),
        "radiometry": least_correlation(plan),
        "null": float(plan.null.samples) if built else None,
        "separation": plan.null.separation if built else None,
        "vegetation": None if vegetation is None else vegetation.separability,
    }


def checks_record(
    findings: Sequence[Finding], facts: Facts, options: RunOptions, *, compares: bool = True
) -> tuple[Check, ...]:
    """Return the table of the checks for result.json; ``compares``: more than aligned."""
    known = {
        code: round(value, 4)
        for code, value in facts.items()
        if value is not None and math.isfinite(value)
    }
    most = options.coregistration.max_residual_px
    chosen = {"residual": min(most, options.decide.max_residual_px) if compares else most}
    checks = list_checks(findings, known, refuse_at=chosen)
    return tuple(Check(**asdict(check)) for check in checks)


def _apart(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else abs(first - second)
