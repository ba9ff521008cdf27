"""The checks of a pair, and what was done to its footprints, as rows of words."""

from __future__ import annotations

from dataclasses import dataclass

from changedet.report import words
from changedet.result import Check, Record

VERDICTS = {
    "ok": "passed",
    "degraded": "claims less",
    "refused": "refused",
    "unknown": "not known",
}
"""What a verdict is called on the page; colour says nothing that these do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRow:
    """One line of the table of checks."""

    name: str
    value: str
    limit: str
    verdict: str
    kind: str
    """ok, degraded, refused or unknown: for the style alone."""
    message: str


def check_rows(record: Record) -> tuple[CheckRow, ...]:
    """Return every check, refused and degraded ones first, unknown ones last."""
    order = ("refused", "degraded", "ok", "unknown")
    checks = sorted(record.checks, key=lambda check: order.index(check.verdict))
    return tuple(
        CheckRow(
            name=words.plain(check.name, limit=120),
            value=_amount(check.value, check.unit),
            limit=_limit(check),
            verdict=VERDICTS[check.verdict],
            kind=check.verdict,
            message=words.plain(check.message),
        )
        for check in checks
    )


def _amount(value: float | None, unit: str) -> str:
    if unit == "share":
        return words.percent(value)
    return words.measure(value, words.plain(unit, limit=20)) if unit else words.number(value)


def _limit(check: Check) -> str:
    if check.limit_ok is None:
        return words.NA
    bound, beyond = ("at least", "below") if check.less_is_worse else ("at most", "above")
    said = f"{bound} {_cut(check.limit_ok, check.unit)}"
    if check.limit_refuse is None:
        return said
    return f"{said}; refused {beyond} {_cut(check.limit_refuse, check.unit)}"


def _cut(limit: float, unit: str) -> str:
    """Write a limit as it was set, without digits that say nothing."""
    if unit == "share":
        return f"{limit * 100:g}{words.NBSP}%"
    return f"{limit:g}{words.NBSP}{words.plain(unit, limit=20)}" if unit else f"{limit:g}"


def footprint_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """Return rows of name and value: how the footprints lie on the image before."""
    if (found := record.footprints) is None:
        return ()
    east, north = found.shift_m_median
    given, aligned = (words.number(score) for score in (found.edges_given, found.edges_aligned))
    return (
        ("Polygons in the file", words.count(found.given)),
        ("Outlines analysed", words.count(found.analysed)),
        ("Polygons repaired", words.count(found.repaired)),
        ("Outlines moved onto the roofs", words.percent(found.aligned_share)),
        ("Median shift", f"{east:+.1f} m east, {north:+.1f} m north"),
        ("Shift that one in ten exceeds", words.measure(found.shift_m_p90, "m")),
        ("Edges run along the outlines (0 as by chance, 1 all)", f"{given} given, {aligned} moved"),
    )
