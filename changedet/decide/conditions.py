"""Sun, view and season of the two dates, as far as files and options tell them."""

from __future__ import annotations

import datetime as dt

from changedet.core.errors import Finding
from changedet.decide.checks import Facts, Severity, limits_of

_SEASON_D = 20
"""Days in the course of the year from which on plants differ by themselves."""


def days_of_year_apart(before: str | None, after: str | None) -> float | None:
    """Return how far two dates lie apart in the course of a year, days; None where one is unknown.

    Examples
    --------
    >>> days_of_year_apart("2022-12-20", "2023-01-04T10:00:00")
    15.0
    """
    try:
        days = [
            dt.date.fromisoformat((text or "")[:10]).timetuple().tm_yday for text in (before, after)
        ]
    except ValueError:
        return None
    apart = abs(days[0] - days[1])
    return float(min(apart, 365 - apart))


def check_conditions(facts: Facts) -> tuple[Finding, ...]:
    """Judge light, view and season; what is not known says nothing.

    Parameters
    ----------
    facts : mapping of str to float or None
        ``sun_elevation_difference``, ``sun_elevation_least``, ``sun_azimuth_difference``,
        ``view_difference`` (degrees) and ``day_of_year`` (days apart).
    """
    said = {
        "sun_elevation_difference": (
            "sun_elevation",
            (
                "the sun stood {:.0f} degrees higher on one date than on the other: shadows "
                "differ; give images with a more similar sun"
            ),
        ),
        "sun_elevation_least": (
            "low_sun",
            (
                "the sun stood only {:.0f} degrees high on one date, so shadows hide much of the "
                "ground; give an image with a higher sun"
            ),
        ),
        "sun_azimuth_difference": (
            "sun_azimuth",
            (
                "the sun stood {:.0f} degrees farther round on one date: roofs and shadows change "
                "their brightness by themselves, and spectral change means less"
            ),
        ),
        "view_difference": (
            "view_angle",
            "the view angles differ by {:.0f} degrees: high buildings lean differently",
        ),
    }
    findings = []
    for row, (code, sentence) in said.items():
        value = facts.get(row)
        severity = None if value is None else _severity(row, value)
        if severity is not None:
            findings.append(Finding(code=code, message=sentence.format(value), severity=severity))
    return (*findings, *_check_season(facts.get("day_of_year")))


def _severity(row: str, value: float) -> Severity | None:
    ok, refuse = limits_of(row)
    sign = -1.0 if row == "sun_elevation_least" else 1.0
    if refuse is not None and sign * value > sign * refuse:
        return "refuse"
    return "degrade" if sign * value > sign * ok else None


def _check_season(days: float | None) -> tuple[Finding, ...]:
    if days is None or days <= _SEASON_D:
        return ()
    message = (
        f"the dates lie {days:.0f} days apart in the course of the year: of the vegetation lost or "
        "gained a part may be the season"
    )
    severity: Severity = "degrade" if days > limits_of("day_of_year")[0] else "warn"
    return (Finding(code="season", message=message, severity=severity),)
