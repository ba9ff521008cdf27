"""Figures with their units, as phrases: rounded to what they are worth when they are told."""

from __future__ import annotations

import math

from changedet.report.language import Number, Phrase, Text, phrase

UNKNOWN = Phrase("not-known")


def count(value: int | None) -> Text:
    """Return a count, told in full with thousands separators."""
    return UNKNOWN if value is None else value


def percent(share: float | None) -> Text:
    r"""Return a share 0..1 as a percentage.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> tell(percent(0.1234)).replace("\N{NO-BREAK SPACE}", " ")
    '12.3 %'
    """
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return phrase("percent", share=Number(share * 100, decimals=2))


def percent_range(low: float | None, high: float | None) -> Text:
    """Return an interval of shares."""
    if low is None or high is None:
        return UNKNOWN
    return phrase(
        "percent-range", low=Number(low * 100, decimals=2), high=Number(high * 100, decimals=2)
    )


def hectares(area: float | None) -> Text:
    """Return an area in hectares."""
    return UNKNOWN if area is None else phrase("hectares", area=Number(area, decimals=3))


def hectare_range(low: float | None, high: float | None) -> Text:
    """Return an interval in hectares."""
    if low is None or high is None:
        return UNKNOWN
    return phrase("hectare-range", low=Number(low, decimals=3), high=Number(high, decimals=3))


def measure(value: float | None, unit: Text, *, digits: int = 3) -> Text:
    """Return a number with its unit, such as ``phrase("unit-metres")`` or ``"px"``."""
    return UNKNOWN if value is None else phrase("measure", value=Number(value, digits), unit=unit)
