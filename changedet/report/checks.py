"""The checks of a pair, and what was done to its footprints, as rows for every language."""

from __future__ import annotations

from dataclasses import dataclass

from changedet.report import amounts, words
from changedet.report.language import LANGUAGES, Joined, Number, Phrase, Retold, Text, keys, phrase
from changedet.report.retold import number_of, retell
from changedet.result import Check, Record

VERDICTS = {name: Phrase(f"verdict-{name}") for name in ("ok", "degraded", "refused", "unknown")}
"""What a verdict is called on the page; colour says nothing that these do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRow:
    """One line of the table of checks; each text can be told in every language."""

    name: Text
    value: Text
    limit: Text
    verdict: Text
    kind: str
    """ok, degraded, refused or unknown: for the style alone."""
    message: Text


def check_rows(record: Record) -> tuple[CheckRow, ...]:
    """Return every check, refused and degraded ones first, unknown ones last."""
    order = ("refused", "degraded", "ok", "unknown")
    checks = sorted(record.checks, key=lambda check: order.index(check.verdict))
    return tuple(
        CheckRow(
            name=_name(check),
            value=_amount(check.value, check.unit),
            limit=_limit(check),
            verdict=VERDICTS[check.verdict],
            kind=check.verdict,
            message=retell(check.message, "said-"),
        )
        for check in checks
    )


def _known(key: str) -> bool:
    return key in keys(LANGUAGES[0])


def _name(check: Check) -> Text:
    name, key = words.plain(check.name, limit=120), f"check-{check.code}"
    return Retold(name, Phrase(key)) if _known(key) else name


def _with_unit(value: Text, unit: str) -> Text:
    if not unit:
        return value
    if unit == "degrees":
        return phrase("check-degrees", value=value)
    key = f"check-unit-{unit}"
    name = Phrase(key) if _known(key) else words.plain(unit, limit=20)
    return phrase("measure", value=value, unit=name)


def _amount(value: float | None, unit: str) -> Text:
    if unit == "share":
        return amounts.percent(value)
    return amounts.UNKNOWN if value is None else _with_unit(Number(value), unit)


def _limit(check: Check) -> Text:
    if check.limit_ok is None:
        return amounts.UNKNOWN
    key = f"limit-{'at-least' if check.less_is_worse else 'at-most'}"
    ok = _cut(check.limit_ok, check.unit)
    if check.limit_refuse is None:
        return phrase(key, ok=ok)
    return phrase(f"{key}-refused", ok=ok, refuse=_cut(check.limit_refuse, check.unit))


def _cut(limit: float, unit: str) -> Text:
    """Write a limit as it was set, without digits that say nothing."""
    if unit == "share":
        return phrase("percent", share=number_of(f"{limit * 100:g}"))
    return _with_unit(number_of(f"{limit:g}"), unit)


def footprint_rows(record: Record) -> tuple[tuple[Text, Text], ...]:
    """Return rows of name and value: how the footprints lie on the image before."""
    if (found := record.footprints) is None:
        return ()
    east, north = (_signed(metres) for metres in found.shift_m_median)
    edges = phrase(
        "footprints-edges-value",
        given=Number(found.edges_given),
        aligned=Number(found.edges_aligned),
    )
    rows: tuple[tuple[str, Text], ...] = (
        ("given", found.given),
        ("analysed", found.analysed),
        ("repaired", found.repaired),
        ("moved", amounts.percent(found.aligned_share)),
        ("shift", phrase("footprints-shift-value", east=east, north=north)),
        ("shift-p90", amounts.measure(found.shift_m_p90, Phrase("unit-metres"))),
        ("edges", edges),
    )
    return tuple((Phrase(f"footprints-{name}"), text) for name, text in rows)


def _signed(metres: float) -> Text:
    said = f"{metres:+.1f}"
    value = number_of(said)
    return Retold(said, Joined(("+", value), "") if said.startswith("+") else value)
