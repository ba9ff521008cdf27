"""Comparable? What the walk measured becomes findings: say it, claim less, or stop."""

from __future__ import annotations

import math

from changedet.core.errors import Finding
from changedet.decide.checks import limits_of
from changedet.decide.null import MIN_SAMPLES

MIN_CORRELATION, _UNLIKE = limits_of("radiometry")
"""Of the stable set, below which AFTER's colours cannot be brought to BEFORE's. Good real pairs
have 0.57 (haze) to 0.88, simulated towns 0.8 and more: 0.6 would refuse what is sound. Where no
band has 0.4 the images are of two kinds: a radar's speckle over the same town has 0.34 and would
make all of it destroyed, infrared beside colour 0.05 and -0.35, a negative -0.56."""
_MOST_RESIDUAL, _ = limits_of("residual")
_LEAST_SEEN, _NOTHING_SEEN = limits_of("overlap")

VEILED, SNOWED = (0.05, 0.30), (0.02, 0.10)
"""Shares of the area under cloud and smoke, and under snow: degraded from the first on, refused
beyond the second."""


def check_registration(
    *, rmse_px: float, supported_share: float, most_px: float = math.inf
) -> tuple[Finding, ...]:
    """Judge the residual at left-out tie points and how much of the scene has them.

    Parameters
    ----------
    rmse_px : float
        Residual, pixels.
    supported_share : float
        Of the places tried, 0..1.
    most_px : float
        Residual above which the pair is not compared; images may be laid on each other with more.
        Towns under haze, noise and a blur of three pixels had 1.5 to 1.7, and were found two to
        five times too destroyed; ordinary simulated ones have 0.2 to 0.5.
    """
    findings = []
    if math.isfinite(rmse_px) and rmse_px > most_px:
        findings.append(
            Finding(
                code="residual_too_large",
                message=f"the model is {rmse_px:.1f} pixels off, by tie points left out of its "
                f"fit; at most {most_px:g} are accepted",
                severity="refuse",
            )
        )
    elif math.isfinite(rmse_px) and rmse_px > _MOST_RESIDUAL:
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


def check_observable(
    shares: dict[str, float], *, colour: bool, thin_decided: bool
) -> tuple[Finding, ...]:
    """Judge what hides the ground.

    Parameters
    ----------
    shares : dict
        Share of the area, 0..1, by ``cloud``, ``smoke``, ``snow`` and ``saturated``.
    colour : bool
        Whether snow and shadow could be told: both dates have red, green and blue.
    thin_decided : bool
        Whether smoke could be told.
    """
    kinds = (
        ("cloud", "cloud or smoke hides", shares["cloud"] + shares["smoke"], VEILED),
        ("snow", "snow covers", shares["snow"], SNOWED),
        ("saturated", "the sensor was saturated over", shares["saturated"], VEILED),
    )
    findings = []
    for code, hides, part, (some, most) in kinds:
        if part < some:
            continue
        refuse = part > most
        findings.append(
            Finding(
                code=code,
                message=f"{hides} {part:.0%} of the area in one of the dates"
                + (
                    f" (at most {most:.0%}): give an image of a clearer day"
                    if refuse
                    else ": it was left out, and figures hold for the rest"
                ),
                severity="refuse" if refuse else "degrade",
            )
        )
    blind = []
    if not thin_decided:
        blind.append("smoke")
    if not colour:
        blind += ["snow", "shadow"]
    if blind:
        why = "the dates' colours do not go together" if colour else "one grey band does not tell"
        findings.append(
            Finding(
                code="not_looked_for",
                message=f"{', '.join(blind)} could not be looked for ({why}): where there is "
                "any, it is taken for ground",
                severity="warn",
            )
        )
    return tuple(findings)


def check_colours(correlations: dict[str, float]) -> tuple[Finding, ...]:
    """Refuse images of two kinds: a negative, radar or thermal infrared beside colours.

    Parameters
    ----------
    correlations : dict of str to float
        By band, -1..1, where nothing changed.
    """
    best = max(correlations.values(), default=1.0)
    if _UNLIKE is None or best >= _UNLIKE:
        return ()
    return (
        Finding(
            code="unlike",
            message="bright and dark of the two images do not go together in any band, even where "
            f"nothing changed (correlation {best:.2f}): a negative, radar or another kind of "
            "image; give two of the same kind",
            severity="refuse",
        ),
    )


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
