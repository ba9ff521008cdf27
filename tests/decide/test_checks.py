"""The table of checks agrees with the findings, whatever these are."""

from __future__ import annotations

from itertools import product

import pytest

from changedet.core.errors import Finding
from changedet.decide.checks import NOTES, OWN_ROW, RULES, limits_of, list_checks
from changedet.decide.comparable import check_colours, check_plan, check_registration, check_seen
from changedet.decide.conditions import check_conditions, days_of_year_apart
from tests.report.spoken import HOLE
from tests.report.test_notes import computed, emitted

WORD = {"warn": "ok", "degrade": "degraded", "refuse": "refused"}
CODES = sorted({code for rule in RULES for code in rule.said} | {"a_new_reason"})


def finding(code: str, severity: str) -> Finding:
    return Finding(code=code, message=f"what {code} says", severity=severity)  # type: ignore[arg-type]


def by_code(findings: tuple[Finding, ...], facts: dict[str, float | None] | None = None) -> dict:
    return {check.code: check for check in list_checks(findings, facts or {})}


def test_nothing_known_is_unknown_everywhere() -> None:
    checks = list_checks((), {})
    assert len(checks) == len(RULES)
    assert {check.verdict for check in checks} == {"unknown"}
    assert all(check.value is None for check in checks)


@pytest.mark.parametrize(("code", "severity"), list(product(CODES, ["degrade", "refuse"])))
def test_every_finding_has_its_check(code: str, severity: str) -> None:
    facts = {rule.code: rule.ok for rule in RULES}
    checks = list_checks((finding(code, severity), finding("cloud", "warn")), facts)
    (hit,) = [check for check in checks if check.verdict != "ok"]
    assert (hit.verdict, hit.message) == (WORD[severity], f"what {code} says")


def test_every_finding_of_the_pipeline_belongs_to_a_check_or_is_a_named_note() -> None:
    """What can be said of a pair stands in its table; what is only told has its name on a list."""
    said = {code for _, code, _ in emitted() if HOLE not in code}
    said |= {code for code, _ in computed()} | {"aoi_geometry", "footprints_geometry"}
    assert {"identical", "no_overlap", "saturated", "hole", "sun_azimuth", "unlike"} <= said
    known = {code for rule in RULES for code in rule.said}
    assert said - {"busy"} - known == NOTES | OWN_ROW
    assert not known & (NOTES | OWN_ROW)
    assert known - said <= {"captions"}


def test_a_warning_is_told_and_changes_no_verdict() -> None:
    check = by_code((finding("few_tie_points", "warn"),), {"match": 0.1})["match"]
    assert (check.verdict, check.message) == ("ok", "what few_tie_points says")
    assert "a_new_reason" not in by_code((finding("a_new_reason", "warn"),))


def test_the_gravest_of_several_findings_counts() -> None:
    said = (finding("residual", "degrade"), finding("residual_too_large", "refuse"))
    assert by_code(said)["residual"].verdict == "refused"


def test_a_limit_of_the_user_is_shown() -> None:
    (check,) = (c for c in list_checks((), {}, refuse_at={"residual": 4.0}) if c.code == "residual")
    assert (check.limit_ok, check.limit_refuse) == (1.0, 4.0)


RESIDUALS = [(1.0, "ok"), (1.01, "degraded"), (1.5, "degraded"), (1.51, "refused")]
SEEN = [(1.0, "ok"), (0.5, "ok"), (0.49, "degraded"), (0.02, "degraded"), (0.019, "refused")]


@pytest.mark.parametrize(("value", "verdict"), RESIDUALS)
def test_the_residual_is_cut_at_the_limit_shown(value: float, verdict: str) -> None:
    said = check_registration(rmse_px=value, supported_share=1.0, most_px=1.5)
    assert by_code(said, {"residual": value})["residual"].verdict == verdict


@pytest.mark.parametrize(("value", "verdict"), SEEN)
def test_the_overlap_is_cut_at_the_limits_shown(value: float, verdict: str) -> None:
    said = check_seen(round(1000 * value), 1000)
    assert by_code(said, {"overlap": value})["overlap"].verdict == verdict


@pytest.mark.parametrize(
    ("code", "worse"),
    [
        ("sun_elevation_difference", 1),
        ("sun_elevation_least", -1),
        ("sun_azimuth_difference", 1),
        ("view_difference", 1),
        ("day_of_year", 1),
    ],
)
def test_light_view_and_season_are_cut_at_the_limits_shown(code: str, worse: int) -> None:
    ok, refuse = limits_of(code)
    steps = [(ok, "ok"), (ok + worse, "degraded")]
    if refuse is not None:
        steps += [(refuse, "degraded"), (refuse + worse, "refused")]
    for value, verdict in steps:
        facts = {code: value}
        assert by_code(check_conditions(facts), facts)[code].verdict == verdict, value


def test_the_season_alone_is_a_warning_up_to_45_days() -> None:
    assert check_conditions({"day_of_year": 20.0}) == ()
    (said,) = check_conditions({"day_of_year": 43.0})
    assert said.severity == "warn"
    assert "43 days" in said.message


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [
        ("2022-05-08", "2023-05-15", 7),
        ("2022-12-30", "2023-01-03", 7 - 3),
        ("2022-08-01", "2023-01-10", 162),
        ("2022", "2023-01-10", None),
        (None, "2023-01-10", None),
        ("None", "2023-01-10", None),
    ],
)
def test_days_of_the_year(before: str | None, after: str | None, days: float | None) -> None:
    assert days_of_year_apart(before, after) == days


def test_too_few_for_a_null_is_its_own_reason() -> None:
    said = check_plan(
        separable=False,
        built_pixels=100,
        samples=12,
        correlations={},
        colour=True,
        plants_judged=True,
    )
    checks = by_code(said, {"null": 12.0, "separation": 0.5})
    assert checks["null"].verdict == "degraded"
    assert checks["separation"].verdict == "ok"


@pytest.mark.parametrize(
    ("bands", "refused"),
    [((-0.56, -0.5), True), ((0.34, 0.31), True), ((0.41, 0.2), False), ((0.5, -0.9), False)],
)
def test_images_of_two_kinds_are_refused_where_no_band_goes_together(
    bands: tuple[float, ...], refused: bool
) -> None:
    found = check_colours(dict(zip(("red", "green"), bands, strict=True)))
    assert [(f.code, f.severity) for f in found] == [("unlike", "refuse")] * refused
    checks = by_code(found, {"radiometry": min(bands)})
    assert (checks["radiometry"].verdict == "refused") == refused
    assert checks["radiometry"].limit_refuse == 0.4
