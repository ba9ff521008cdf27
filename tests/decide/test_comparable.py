from __future__ import annotations

import math
from typing import Any

import pytest

from changedet.core.errors import Finding
from changedet.decide.comparable import check_observable, check_plan, check_registration, check_seen


def found(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in findings]


@pytest.mark.parametrize(
    ("rmse", "supported", "expected"),
    [
        (0.3, 0.9, []),
        (1.6, 0.9, [("residual", "degrade")]),
        (0.3, 0.1, [("few_tie_points", "warn")]),
        (math.nan, 0.9, []),
        (1.9, 0.0, [("residual", "degrade"), ("few_tie_points", "warn")]),
    ],
)
def test_registration(rmse: float, supported: float, expected: list[tuple[str, str]]) -> None:
    assert found(check_registration(rmse_px=rmse, supported_share=supported)) == expected


@pytest.mark.parametrize(
    ("analysed", "inside", "expected"),
    [
        (0, 0, [("nothing_valid", "refuse")]),
        (0, 1000, [("nothing_valid", "refuse")]),
        (19, 1000, [("nothing_valid", "refuse")]),
        (20, 1000, [("little_seen", "degrade")]),
        (499, 1000, [("little_seen", "degrade")]),
        (500, 1000, []),
    ],
)
def test_what_both_dates_show(analysed: int, inside: int, expected: list[tuple[str, str]]) -> None:
    assert found(check_seen(analysed, inside)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"built_pixels": 0, "separable": False}, [("nothing_built", "warn")]),
        ({"separable": False}, [("not_separable", "degrade")]),
        ({"correlations": {"red": 0.9, "blue": 0.1}}, [("radiometry", "degrade")]),
        ({"correlations": {}}, []),
        ({"colour": False, "plants_judged": False}, [("no_colour", "warn")]),
        ({"plants_judged": False}, [("vegetation_not_separable", "degrade")]),
    ],
)
def test_the_plan(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    good = {
        "separable": True,
        "built_pixels": 5000,
        "correlations": {"red": 0.9},
        "colour": True,
        "plants_judged": True,
    }
    assert found(check_plan(**{**good, **changes})) == expected


def test_messages_say_what_and_how_much() -> None:
    (finding,) = check_plan(
        separable=True,
        built_pixels=1,
        correlations={"red": 0.9, "blue": 0.12},
        colour=True,
        plants_judged=True,
    )
    assert "blue" in finding.message
    assert "0.12" in finding.message
    assert "1.7 px" in check_registration(rmse_px=1.7, supported_share=1)[0].message


VEILS = [
    ({"cloud": 0.02, "smoke": 0.02}, {}),
    ({"cloud": 0.03, "smoke": 0.03}, {"cloud": "degrade"}),
    ({"cloud": 0.20, "smoke": 0.15}, {"cloud": "refuse"}),
    ({"snow": 0.019}, {}),
    ({"snow": 0.05}, {"snow": "degrade"}),
    ({"snow": 0.11}, {"snow": "refuse"}),
    ({"saturated": 0.10}, {"saturated": "degrade"}),
    ({"saturated": 0.31, "snow": 0.03}, {"saturated": "refuse", "snow": "degrade"}),
]


@pytest.mark.parametrize(("shares", "severities"), VEILS)
def test_what_hides_the_ground(shares: dict[str, float], severities: dict[str, str]) -> None:
    nothing = dict.fromkeys(("cloud", "smoke", "snow", "saturated"), 0.0)
    found = check_observable(nothing | shares, colour=True, thin_decided=True)
    assert {finding.code: finding.severity for finding in found} == severities


def test_what_could_not_be_looked_for_is_said() -> None:
    nothing = dict.fromkeys(("cloud", "smoke", "snow", "saturated"), 0.0)
    (grey,) = check_observable(nothing, colour=False, thin_decided=False)
    assert grey.severity == "warn"
    assert grey.message.startswith("smoke, snow, shadow could not")
    (season,) = check_observable(nothing, colour=True, thin_decided=False)
    assert season.message.startswith("smoke could not")
