"""Comparable? What the walk measured becomes findings: say it, claim less, or stop."""

from __future__ import annotations

import math

from changedet.core.errors import Finding
from changedet.decide.checks import limits_of
from changedet.decide.null import MIN_SAMPLES

MIN_CORRELATION, _ = limits_of("radiometry")
"""Of the stable set, below which AFTER's colours cannot be brought to BEFORE's."""
_MOST_RESIDUAL, _ = limits_of("residual")
_LEAST_SEEN, _NOTHING_SEEN = limits_of("overlap")


def check_registration(*, rmse_px: float, supported_share: float) -> tuple[Finding, ...]:
    """Judge the residual at left-out tie points and how much of the scene has them."""
    findings = []
    if math.isfinite(rmse_px) and rmse_px > _MOST_RESIDUAL:
        findings.append(
            Finding(
                code="residual",
                message=f"the images agree to {rmse_px:.1f} px only: edges may show as change",
                severity="degrade",
            )
        )
    if supported_share < 0.15:
        findings.append(
            Finding(
                code="few_tie_points",
                message=f"only {supported_share:.0%} of the places tried have a believed tie "
                "point; elsewhere the alignment is extrapolated",
                severity="warn",
            )
        )
    return tuple(findings)


def check_seen(analysed: int, inside: int) -> tuple[Finding, ...]:
    """Judge how much of the grid (or the AOI) both dates show, from pixel counts."""
    part = analysed / inside if inside else 0.0
    if _NOTHING_SEEN is not None and part < _NOTHING_SEEN:
        return (
            Finding(
                code="nothing_valid",
                message=f"both images show only {part:.1%} of the area: give images that overlap, "
                "or an AOI inside both",
                severity="refuse",
            ),
        )
    if part < _LEAST_SEEN:
        return (
            Finding(
                code="little_seen",
                message=f"both images show only {part:.0%} of the area; figures hold for that part",
                severity="degrade",
            ),
        )
    return ()


def check_plan(
    *,
    separable: bool,
    built_pixels: int | None,
    samples: int = MIN_SAMPLES,
    correlations: dict[str, float],
    colour: bool,
    plants_judged: bool,
) -> tuple[Finding, ...]:
    """Judge what the fit found: whether destroyed and unchanged, lost and kept are apart."""
    findings = []
    if built_pixels is None:
        findings.append(
            Finding(
                code="too_coarse",
                message="the pixels are too large to see whether buildings stand: built area was "
                "not measured; give images of 1.3 m or finer",
                severity="degrade",
            )
        )
    elif not built_pixels:
        findings.append(
            Finding(
                code="nothing_built",
                message="the before image shows no built area; give --footprints if there is any",
                severity="warn",
            )
        )
    elif samples < MIN_SAMPLES:
        findings.append(
            Finding(
                code="no_null",
                message=f"only {samples} buildings or built pixels are seen, too few to know what "
                f"they look like where nothing happened ({MIN_SAMPLES} are needed): no destroyed "
                "area is claimed",
                severity="degrade",
            )
        )
    elif not separable:
        findings.append(
            Finding(
                code="not_separable",
                message="destroyed buildings cannot be told from unchanged ones on this pair "
                "(light, view, detail or alignment differ too much): no destroyed area is claimed, "
                "the interval includes 0",
                severity="degrade",
            )
        )
    worst = min(correlations, key=lambda role: correlations[role], default=None)
    if worst is not None and correlations[worst] < MIN_CORRELATION:
        findings.append(
            Finding(
                code="radiometry",
                message=f"the {worst} bands of the dates hardly go together even where "
                f"nothing changed (correlation {correlations[worst]:.2f}): colours tell little",
                severity="degrade",
            )
        )
    if not colour:
        findings.append(
            Finding(
                code="no_colour",
                message="vegetation was not measured: both images need red, green and blue, or red "
                "and near infrared",
                severity="warn",
            )
        )
    elif not plants_judged:
        findings.append(
            Finding(
                code="vegetation_not_separable",
                message="vegetation cannot be told from the rest on this pair: no loss is claimed",
                severity="degrade",
            )
        )
    return tuple(findings)
