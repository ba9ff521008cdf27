"""What the report says: the record as sentences and rows, without any markup.

Page, PDF and terminal take their words from here, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

from changedet.report import amounts
from changedet.report.language import Joined, Phrase, Text, phrase
from changedet.report.notes import note_text, reason_text, remedy
from changedet.result import AreaRecord, Buildings, Canopy, Cell, Note, Record, Vegetation

NO_CLAIM = Phrase("no-claim")

CAVEATS = tuple(
    Phrase(f"caveat-{name}") for name in ("hidden", "field", "veils", "causes", "program")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How far the result may be trusted, for the top of the page."""

    kind: str
    """ok, degraded, forced or refused."""
    title: Text
    text: Text
    reasons: tuple[tuple[Text, Text], ...]
    """Sentences of the reasons, each with a remedy ("" where none is needed)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure to be seen at a glance."""

    label: Text
    value: Text
    detail: Text
    interval: Text
    low: float | None = None
    """Ends and middle of the interval as shares 0..1, for a small bar; None for no bar."""
    high: float | None = None
    middle: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the table of figures."""

    name: Text
    area: Text
    share: Text
    interval_area: Text = ""
    interval_share: Text = ""
    note: Text = ""


def _interval(part: AreaRecord) -> Text:
    """Say the interval of a loss with its kind."""
    kind = Phrase(f"interval-{part.interval_kind.replace('_', '-')}")
    shares = amounts.percent_range(part.low_share, part.high_share)
    if part.low_ha is None or part.high_ha is None:
        return phrase("interval", kind=kind, range=shares)
    both = Joined((amounts.hectare_range(part.low_ha, part.high_ha), shares), ", ")
    return phrase("interval", kind=kind, range=both)


def _sentence(part: AreaRecord, name: str, ha: float | None, share: float | None) -> Text:
    """Say one loss with its interval, or that there is none to be told."""
    if part.before_share == 0:
        return Phrase(f"{name}-none-before")
    if not part.separable:
        return phrase(f"{name}-not-separable", interval=_interval(part))
    if share is None:
        return Phrase(f"{name}-no-figure")
    if ha is None or part.before_ha is None:
        return phrase(f"{name}-lost-share", share=amounts.percent(share), interval=_interval(part))
    return phrase(
        f"{name}-lost",
        area=amounts.hectares(ha),
        before=amounts.hectares(part.before_ha),
        share=amounts.percent(share),
        interval=_interval(part),
    )


def _canopy_sentence(green: Vegetation) -> tuple[Text, ...]:
    """Say what of the vegetation lost is trees and shrubs, or why that is not said."""
    canopy = green.canopy
    if canopy is None or not green.separable:
        return ()
    if canopy.reason:
        return (phrase("canopy-no-figure-because", reason=_reason(canopy)),)
    return (_sentence(canopy, "canopy", canopy.lost_ha, canopy.lost_share),)


def _reason(canopy: Canopy) -> Text:
    return reason_text(canopy.reason)


def _ungraded(counted: Buildings) -> bool:
    """Say whether no outline got a grade: then 0 destroyed is no finding."""
    return counted.total is not None and counted.not_analysed == counted.total


def headline(record: Record) -> tuple[Text, ...]:
    """Return the result in a few sentences, each true on its own.

    Parameters
    ----------
    record : Record
        Of any status; a refused one gives no figure.
    """
    if record.status == "refused":
        return (Phrase("headline-refused"),)
    said: list[Text] = []
    if (built := record.built) is not None:
        said.append(_sentence(built, "built", built.destroyed_ha, built.destroyed_share))
    if (green := record.vegetation) is not None:
        said.append(_sentence(green, "vegetation", green.lost_ha, green.lost_share))
        said.extend(_canopy_sentence(green))
    if (counted := record.buildings) is not None and counted.total is not None:
        if _ungraded(counted):
            said.append(phrase("headline-ungraded", total=counted.total))
        else:
            said.append(
                phrase(
                    "headline-buildings",
                    destroyed=counted.destroyed or 0,
                    damaged=counted.damaged or 0,
                    total=counted.total,
                )
            )
    if record.not_observable_share is not None:
        share = amounts.percent(record.not_observable_share)
        said.append(phrase("headline-hidden", share=share, why=_hidden(record)))
    return tuple(said)


def _hidden(record: Record) -> Text:
    """Say why a part of the area could not be judged, most of it first."""
    if (seen := record.observable) is None:
        return Phrase("hidden-outside")
    shares = {
        "hidden-cloud": seen.cloud_share,
        "hidden-smoke": seen.smoke_share,
        "hidden-snow": seen.snow_share,
        "hidden-saturated": seen.saturated_share,
        "hidden-outside": seen.outside_share,
    }
    found = sorted(((part, why) for why, part in shares.items() if part), reverse=True)
    parts = [Joined((Phrase(why), amounts.percent(part))) for part, why in found]
    return Joined(tuple(parts), ", ") if parts else Phrase("hidden-nothing")


def verdict(record: Record) -> Verdict:
    """Return the banner of the page."""
    if record.status == "refused":
        kind, reasons = "refused", tuple((note_text(n), remedy(n)) for n in record.refusals)
    elif record.refusals:
        kind, reasons = "forced", _reasons(record.refusals + record.warnings)
    elif record.status == "degraded":
        kind, reasons = "degraded", _reasons(record.warnings)
    else:
        kind, reasons = "ok", ()
    text: Text = Phrase(f"banner-{kind}-text")
    if kind == "ok" and record.warnings:
        text = Joined((text, phrase("banner-warnings", number=len(record.warnings))))
    return Verdict(kind=kind, title=Phrase(f"banner-{kind}"), text=text, reasons=reasons)


def _reasons(notes: tuple[Note, ...]) -> tuple[tuple[Text, Text], ...]:
    return tuple((note_text(note), "") for note in notes)


def tiles(record: Record) -> tuple[Tile, ...]:
    """Return the figures that one should see first; none where the pair was refused."""
    if record.status == "refused":
        return ()
    found: list[Tile] = []
    if (built := record.built) is not None:
        found.append(_loss_tile(built, "built-lost", built.destroyed_ha, built.destroyed_share))
    if (green := record.vegetation) is not None:
        found.append(_loss_tile(green, "vegetation-lost", green.lost_ha, green.lost_share))
    if (counted := record.buildings) is not None and counted.total:
        found.append(
            Tile(
                label=Phrase("name-buildings-destroyed"),
                value=amounts.count(None if _ungraded(counted) else counted.destroyed),
                detail=phrase(
                    "tile-buildings", total=counted.total, ungraded=counted.not_analysed or 0
                ),
                interval="",
            )
        )
    found.append(
        Tile(
            label=Phrase("name-hidden"),
            value=amounts.percent(record.not_observable_share),
            detail=phrase("tile-hidden", why=_hidden(record)),
            interval="",
        )
    )
    return tuple(found)


def _loss_tile(part: AreaRecord, name: str, ha: float | None, share: float | None) -> Tile:
    interval, middle = _interval(part), share
    value: Text
    detail: Text
    if part.before_share == 0:
        value, detail, middle, interval = Phrase("none"), Phrase("none-before"), None, ""
    elif not part.separable:
        value, detail, middle = NO_CLAIM, Phrase("not-separable"), None
    elif ha is None:
        value, detail = amounts.percent(share), Phrase("tile-no-scale")
    else:
        value = amounts.hectares(ha)
        before = amounts.hectares(part.before_ha)
        detail = phrase("tile-share", share=amounts.percent(share), before=before)
    return Tile(
        label=Phrase(f"name-{name}"),
        value=value,
        detail=detail,
        interval=interval,
        low=part.low_share,
        high=part.high_share,
        middle=middle,
    )


def figures_table(record: Record) -> tuple[Row, ...]:
    """Return all figures as rows; none where the pair was refused."""
    if record.status == "refused":
        return ()
    rows: list[Row] = []
    if (built := record.built) is not None:
        rows.append(_before_row("built-before", built))
        rows.append(_loss_row("built-lost", built, built.destroyed_ha, built.destroyed_share))
    if (green := record.vegetation) is not None:
        rows.append(_before_row("vegetation-before", green))
        rows.append(_loss_row("vegetation-lost", green, green.lost_ha, green.lost_share))
        gained = amounts.hectares(green.gained_ha)
        rows.append(_row("vegetation-gained", area=gained, share=amounts.UNKNOWN))
        rows.extend(_plant_rows(green))
    if record.grid is not None:
        rows.append(_share_row("analysed", record.grid.analysed_share))
    rows.append(_share_row("hidden", record.not_observable_share))
    if (seen := record.observable) is not None:
        rows += [
            _share_row(f"hidden-{name}", part)
            for name, part in (
                ("cloud", seen.cloud_share),
                ("smoke", seen.smoke_share),
                ("snow", seen.snow_share),
                ("saturated", seen.saturated_share),
                ("outside", seen.outside_share),
                ("shadow", seen.shadow_share),
            )
        ]
    return tuple(rows)


def _plant_rows(green: Vegetation) -> tuple[Row, ...]:
    """Return canopy, condition, burns and fields, as far as they were measured."""
    rows = []
    if (canopy := green.canopy) is not None:
        if canopy.reason:
            why = _reason(canopy)
            rows.append(_row("canopy-lost", area=NO_CLAIM, share=NO_CLAIM, note=why))
        else:
            rows.append(_before_row("canopy-before", canopy))
            rows.append(_loss_row("canopy-lost", canopy, canopy.lost_ha, canopy.lost_share))
    if green.condition_share is not None:
        share = amounts.percent(green.condition_share)
        rows.append(_row("condition", area="", share=share, note=Phrase("note-condition")))
    for name, area in (("burnt", green.burnt_ha), ("fields", green.fields_changed_ha)):
        if area is not None:
            note = Phrase(f"note-{name}")
            rows.append(_row(name, area=amounts.hectares(area), share=amounts.UNKNOWN, note=note))
    return tuple(rows)


def _row(name: str, *, area: Text, share: Text, note: Text = "") -> Row:
    return Row(name=Phrase(f"name-{name}"), area=area, share=share, note=note)


def _share_row(name: str, share: float | None) -> Row:
    return _row(name, area="", share=amounts.percent(share), note=Phrase("note-of-area"))


def _before_row(name: str, part: AreaRecord) -> Row:
    return _row(
        name,
        area=amounts.hectares(part.before_ha),
        share=amounts.percent(part.before_share),
        note=Phrase("note-of-analysed"),
    )


def _loss_row(name: str, part: AreaRecord, ha: float | None, share: float | None) -> Row:
    return Row(
        name=Phrase(f"name-{name}"),
        area=amounts.hectares(ha) if part.separable else NO_CLAIM,
        share=amounts.percent(share) if part.separable else NO_CLAIM,
        interval_area=amounts.hectare_range(part.low_ha, part.high_ha),
        interval_share=amounts.percent_range(part.low_share, part.high_share),
        note=Phrase("note-of-before" if part.separable else "not-separable"),
    )


def cell_fields(record: Record) -> tuple[tuple[str, str, Text], ...]:
    """Return what can be said by cell: field of the share, field of the area, title.

    A loss that is not separable from its null is not told by cell either.
    """
    fields: list[tuple[str, str, Text]] = []
    if record.built is not None and record.built.separable:
        fields.append(("built_destroyed_share", "built_destroyed_ha", Phrase("name-built-lost")))
    if record.vegetation is not None and record.vegetation.separable:
        fields.append(
            ("vegetation_lost_share", "vegetation_lost_ha", Phrase("name-vegetation-lost"))
        )
    return tuple(fields) if record.status != "refused" else ()


def worst_cells(record: Record, share: str, area: str, *, most: int) -> tuple[Cell, ...]:
    """Return the cells with the largest loss: by area where a scale is known, else by share."""

    def size(cell: Cell) -> tuple[float, float]:
        return getattr(cell, area) or 0.0, getattr(cell, share) or 0.0

    known = [cell for cell in record.cells or () if getattr(cell, share)]
    return tuple(sorted(known, key=size, reverse=True)[:most])


def interval_note(record: Record) -> Text:
    """Say what the intervals of this record are."""
    parts = [part for part in (record.built, record.vegetation) if part is not None]
    sampled = any(part.interval_kind == "confidence_95" for part in parts)
    return Phrase("intervals-confidence-95" if sampled else "intervals-model")
