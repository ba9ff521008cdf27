"""Figures of a town as cells of a table and bars of a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from changedet.report import amounts, content
from changedet.report.language import Number, Phrase, Text, phrase
from changedet.report.towns.entry import TownEntry, claimed, graded
from changedet.result import AreaRecord, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """An interval as percentages of the width of a scale."""

    low: float
    high: float
    middle: float | None
    """None where no loss is claimed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossCell:
    """A loss of one town in the table and the plot."""

    area: Text
    area_range: Text = ""
    share: Text = ""
    share_range: Text = ""
    bar: Bar | None = None
    """On the scale from 0 to all that was there."""
    plot: Bar | None = None
    """On the scale of hectares of all towns."""
    told: bool = False
    """Whether a loss is claimed; without, both are words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A scale of hectares from 0."""

    end: float
    ticks: tuple[tuple[float, Text], ...]
    """Percentage of the width, and number."""


def loss_cell(part: AreaRecord | None, verb: str, axis: Axis | None) -> LossCell:
    """Put one loss into words, as the report of the town does."""
    if part is None or (part.before_share is None and part.low_share is None):
        return LossCell(area=Phrase("towns-not-measured"))
    if part.before_share == 0:
        return LossCell(area=Phrase("towns-nothing-before"))
    told = claimed(part)
    area, share = (getattr(part, f"{verb}_{unit}") if told else None for unit in ("ha", "share"))
    known = part.low_ha is not None and part.high_ha is not None
    return LossCell(
        area=content.NO_CLAIM
        if not told
        else Phrase("towns-no-scale")
        if area is None
        else amounts.hectares(area),
        area_range=amounts.hectare_range(part.low_ha, part.high_ha) if known else "",
        share=content.NO_CLAIM if not told else amounts.percent(share),
        share_range=amounts.percent_range(part.low_share, part.high_share),
        bar=_bar(part.low_share, part.high_share, share, 1.0),
        plot=None if axis is None else _bar(part.low_ha, part.high_ha, area, axis.end),
        told=told,
    )


def _bar(low: float | None, high: float | None, middle: float | None, end: float) -> Bar | None:
    if low is None or high is None:
        return None
    return Bar(
        low=_part(low, end),
        # A bar of no width would not be seen.
        high=max(_part(high, end), min(100.0, _part(low, end) + 0.6)),
        middle=None if middle is None else _part(middle, end),
    )


def _part(value: float, end: float) -> float:
    return round(min(max(value / end, 0.0), 1.0) * 100, 2)


def buildings_cell(record: Record) -> tuple[Text, Text]:
    """Return how many buildings were destroyed, and of how many."""
    counted = record.buildings
    if counted is None or counted.total is None:
        return amounts.UNKNOWN, ""
    destroyed = counted.destroyed if graded(counted) else None
    return amounts.count(destroyed), phrase("towns-of", total=counted.total)


def rmse_cell(record: Record) -> tuple[Text, Text]:
    """Return the error of the co-registration in pixels and, where a scale is known, metres."""
    fit = record.registration
    if fit is None or fit.rmse_px is None:
        return amounts.UNKNOWN, ""
    metres = amounts.measure(fit.rmse_m, Phrase("unit-metres"), digits=2)
    pixels = amounts.measure(fit.rmse_px, Phrase("unit-pixels"), digits=2)
    return pixels, "" if fit.rmse_m is None else metres


def find_axis(entries: Sequence[TownEntry], name: str) -> Axis | None:
    """Return the scale that holds all intervals; None where there are no hectares."""
    parts = [getattr(entry.found, name) for entry in entries if entry.found is not None]
    ends = [part.high_ha for part in parts if part is not None and part.high_ha]
    if not ends:
        return None
    end = max(ends) * 1.04
    power = 10.0 ** math.floor(math.log10(end))
    step = next(k * power for k in (0.1, 0.2, 0.5, 1, 2, 5) if end / (k * power) <= 4.5)
    steps = range(math.floor(end / step) + 1)
    ticks = [(round(k * step / end * 100, 2), _tick(k * step)) for k in steps]
    return Axis(end=end, ticks=tuple(ticks))


def _tick(value: float) -> Text:
    """Return a round number without zeros that say nothing."""
    return Number(value, digits=len(f"{value:.6g}".replace(".", "").strip("0")) or 1)
