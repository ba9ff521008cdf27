"""The checks of a pair as one table: what was measured, the limits, the verdict.

Findings decide: a check is refused or degraded exactly where a finding says so, and every finding
that does has its row. What the inputs do not tell is *unknown*, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from changedet.core.errors import Finding

Verdict = Literal["ok", "degraded", "refused", "unknown"]
Severity = Literal["warn", "degrade", "refuse"]
Facts = Mapping[str, float | None]
"""What was measured, by the code of its check; None or missing where it is not known."""

_GRAVEST: dict[str, int] = {"warn": 0, "degrade": 1, "refuse": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check of a pair."""

    code: str
    name: str
    value: float | None
    """None where it is not known, or where there is nothing to measure."""
    unit: str
    limit_ok: float | None
    """Up to here (from here on, where less is worse) all is well; None without a limit."""
    limit_refuse: float | None
    """Beyond it the pair is refused; None where it never is for this reason."""
    less_is_worse: bool
    verdict: Verdict
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One row of the table."""

    code: str
    name: str
    unit: str = ""
    ok: float | None = None
    refuse: float | None = None
    less_is_worse: bool = False
    said: tuple[str, ...] = ()
    """Codes of the findings that belong to it."""


RULES = (
    Rule(
        code="overlap", name="Area that both images show", unit="share", ok=0.5, refuse=0.02,
        less_is_worse=True, said=("little_seen", "small_overlap", "nothing_valid", "no_overlap"),
    ),
    Rule(
        code="match", name="Places where the images match", unit="share", ok=0.03, refuse=0.03,
        less_is_worse=True,
        said=("no_match", "no_texture", "implausible_model", "few_tie_points", "identical",
              "tie_points_alone", "one_georeference"),
    ),
    Rule(
        code="residual", name="Error of the co-registration", unit="px", ok=1.0, refuse=1.5,
        said=("residual_too_large", "residual"),
    ),
    Rule(
        code="gsd_ratio", name="Ratio of the pixel sizes", ok=1.5, refuse=3.0, said=("gsd_ratio",)
    ),
    Rule(
        code="sun_elevation_difference", name="Difference of the sun's elevation", unit="degrees",
        ok=10.0, refuse=25.0, said=("sun_elevation",),
    ),
    Rule(
        code="sun_elevation_least", name="Lower of the sun's elevations", unit="degrees", ok=30.0,
        refuse=20.0, less_is_worse=True, said=("low_sun",),
    ),
    Rule(
        code="sun_azimuth_difference", name="Difference of the sun's azimuth", unit="degrees",
        ok=20.0, said=("sun_azimuth",),
    ),
    Rule(
        code="view_difference", name="Difference of the view angles", unit="degrees", ok=10.0,
        said=("view_angle",),
    ),
    Rule(
        code="day_of_year", name="Difference in the course of the year (vegetation)", unit="days",
        ok=45.0, said=("season", "dates_swapped"),
    ),
    Rule(
        code="snow", name="Snow on either date", unit="share", ok=0.02, refuse=0.1, said=("snow",),
        ),
    Rule(
        code="cloud_smoke", name="Cloud and smoke", unit="share", ok=0.05, refuse=0.3,
        said=("cloud",),
    ),
    Rule(
        code="saturated", name="Where the sensor was saturated", unit="share", ok=0.05, refuse=0.3,
        said=("saturated",),
    ),
    Rule(
        code="radiometry", name="Correlation of the colours where nothing changed", ok=0.5,
        refuse=0.4, less_is_worse=True, said=("radiometry", "unlike"),
    ),
    Rule(
        code="pixel_size", name="Pixel size, for buildings", unit="m", ok=1.3,
        said=("too_coarse", "no_scale", "gsd_ignored"),
    ),
    Rule(
        code="null", name="Buildings or pixels that the null rests on", ok=30.0,
        less_is_worse=True, said=("no_null",),
    ),
    Rule(
        code="separation", name="Distance of destroyed from unchanged", unit="spreads", ok=2.3,
        less_is_worse=True, said=("not_separable", "nothing_built"),
    ),
    Rule(
        code="vegetation", name="Separability of vegetation", ok=0.55, less_is_worse=True,
        said=("vegetation_not_separable", "no_colour"),
    ),
    Rule(
        code="footprints", name="Edges along the footprints, standard errors above chance", ok=4.0,
        less_is_worse=True,
        said=("footprints_do_not_fit", "footprints_shifted", "footprints_geometry"),
    ),
    Rule(
        code="captions", name="Captions, logos, images side by side", unit="share", ok=0.0,
        refuse=0.1, said=("captions",),
    ),
)  # fmt: skip
"""After a table of proposed limits, with those that were measured here in their place."""


NOTES = frozenset(
    {"aoi_geometry", "constant_area", "georeference_unused", "hole", "not_looked_for", "palette"}
)
"""Codes of findings that only tell how an input was taken: no check of the pair."""
OWN_ROW = frozenset({"control"})
"""Codes that get a row only where they are found: the pair itself was not judged by them."""


def limits_of(code: str) -> tuple[float, float | None]:
    """Return where a check stops to be well, and where the pair is refused."""
    rule = next(rule for rule in RULES if rule.code == code)
    if rule.ok is None:
        raise ValueError(f"{code} has no limit")
    return rule.ok, rule.refuse


def list_checks(
    findings: Sequence[Finding], facts: Facts, *, refuse_at: Mapping[str, float] | None = None
) -> tuple[Check, ...]:
    """Put what was found and measured into the table.

    Parameters
    ----------
    findings : sequence of Finding
        All of the pair. One that refuses or degrades and belongs to no row gets its own.
    facts : mapping of str to float or None
        Values by the code of the check.
    refuse_at : mapping of str to float, optional
        Limits that the user chose, by the code of the check.

    Returns
    -------
    tuple of Check
        Every row, in the order of the table.
    """
    known = {code for rule in RULES for code in rule.said}
    others: dict[str, Finding] = {}
    for finding in findings:
        if finding.code not in known and finding.severity != "warn":
            others.setdefault(finding.code, finding)
    rows = [
        Rule(code=code, name=code.replace("_", " ").capitalize(), said=(code,)) for code in others
    ]
    chosen = refuse_at or {}
    rules = [replace(rule, refuse=chosen.get(rule.code, rule.refuse)) for rule in (*RULES, *rows)]
    return tuple(_judge(rule, findings, facts.get(rule.code)) for rule in rules)


def _judge(rule: Rule, findings: Sequence[Finding], value: float | None) -> Check:
    said = [finding for finding in findings if finding.code in rule.said]
    worst = max(said, key=lambda finding: _GRAVEST[finding.severity], default=None)
    verdict: Verdict
    if worst is not None and worst.severity != "warn":
        verdict = "refused" if worst.severity == "refuse" else "degraded"
    else:
        verdict = "unknown" if value is None else "ok"
    if worst is not None:
        message = worst.message
    else:
        message = "not known from the inputs" if value is None else "within the limit"
    return Check(
        code=rule.code,
        name=rule.name,
        value=value,
        unit=rule.unit,
        limit_ok=rule.ok,
        limit_refuse=rule.refuse,
        less_is_worse=rule.less_is_worse,
        verdict=verdict,
        message=message,
    )
