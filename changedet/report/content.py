"""What the report says: the record as sentences and rows, without any markup.

Page, PDF and terminal take their words from here, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

from changedet.report import words
from changedet.result import AreaRecord, Buildings, Cell, Note, Record, Vegetation

NOT_SEPARABLE = "not separable from what happens where nothing changed"

REMEDIES = {
    "no_overlap": "Check that both files show the same place and that both have the right CRS.",
    "nothing_valid": "Check nodata, masks and the area of interest: no pixel is valid in both.",
    "no_texture": "Use images with visible detail; check that no band is constant or saturated.",
    "no_match": "Check that both files show the same place in the same season and sensor type.",
    "implausible_model": "Check the georeference and the pixel size; crop both to the same place.",
    "cloud": "Give images of clearer days, or leave the place out with an area of interest.",
    "snow": "Give two images without snow, of the same season.",
    "saturated": "Give images that are not overexposed, such as the unstretched product.",
    "residual_too_large": "Use images with a similar view angle, or orthorectify both first.",
}
"""What to do about a refusal, where its own sentence may be too short for it."""

CAVEATS = (
    "Damage not visible from above is not counted.",
    "Not validated in the field.",
    "Thin haze, black smoke and clouds that both dates show at one place are not told from ground.",
    "Changes of any cause are seen: demolition, building work and harvest are changes too.",
    "Mapped by a program from two images; nobody has checked single buildings.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How far the result may be trusted, for the top of the page."""

    kind: str
    """ok, degraded, forced or refused."""
    title: str
    text: str
    reasons: tuple[tuple[str, str], ...]
    """Sentences of the reasons, each with a remedy ("" where none is known)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure to be seen at a glance."""

    label: str
    value: str
    detail: str
    interval: str
    low: float | None = None
    """Ends and middle of the interval as shares 0..1, for a small bar; None for no bar."""
    high: float | None = None
    middle: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the table of figures."""

    name: str
    area: str
    share: str
    interval_area: str = ""
    interval_share: str = ""
    note: str = ""


def _interval_word(part: AreaRecord) -> str:
    return "model interval" if part.interval_kind == "model" else "95 % confidence interval"


def _interval(part: AreaRecord) -> str:
    shares = words.percent_range(part.low_share, part.high_share)
    if part.low_ha is None or part.high_ha is None:
        return shares
    return f"{words.hectare_range(part.low_ha, part.high_ha)}, {shares}"


def _sentence(part: AreaRecord, what: str, lost: str, ha: float | None, share: float | None) -> str:
    """Say one loss with its interval, or that there is none to be told."""
    kind = _interval_word(part)
    if part.before_share == 0:
        return f"{what}: none was mapped before, so none could be lost."
    if not part.separable:
        return (
            f"{what}: the change is {NOT_SEPARABLE}, so no loss is claimed"
            f" ({kind} {_interval(part)})."
        )
    if share is None:
        return f"{what}: no figure could be computed."
    if ha is None or part.before_ha is None:
        return (
            f"{words.percent(share)} of the {what.lower()} is mapped as {lost}"
            f" ({kind} {_interval(part)}); no scale is known, so there are no hectares."
        )
    return (
        f"{words.hectares(ha)} of {words.hectares(part.before_ha)} of {what.lower()}"
        f" ({words.percent(share)}) is mapped as {lost} ({kind} {_interval(part)})."
    )


def _canopy_sentence(green: Vegetation) -> tuple[str, ...]:
    """Say what of the vegetation lost is trees and shrubs, or why that is not said."""
    canopy = green.canopy
    if canopy is None or not green.separable:
        return ()
    if canopy.reason:
        return (f"Canopy (trees and shrubs): no figure, because {words.plain(canopy.reason)}.",)
    return (_sentence(canopy, "Canopy", "lost", canopy.lost_ha, canopy.lost_share),)


def _ungraded(counted: Buildings) -> bool:
    """Say whether no outline got a grade: then 0 destroyed is no finding."""
    return counted.total is not None and counted.not_analysed == counted.total


def headline(record: Record) -> tuple[str, ...]:
    """Return the result in a few sentences, each true on its own.

    Parameters
    ----------
    record : Record
        Of any status; a refused one gives no figure.
    """
    if record.status == "refused":
        return ("These two images were not compared, so there are no figures.",)
    said: list[str] = []
    if (built := record.built) is not None:
        said.append(
            _sentence(built, "Built area", "destroyed", built.destroyed_ha, built.destroyed_share)
        )
    if (green := record.vegetation) is not None:
        said.append(_sentence(green, "Vegetation", "lost", green.lost_ha, green.lost_share))
        said.extend(_canopy_sentence(green))
    if (counted := record.buildings) is not None and counted.total is not None:
        total = words.count(counted.total)
        if _ungraded(counted):
            said.append(f"None of {total} buildings could be graded.")
        else:
            said.append(
                f"{words.count(counted.destroyed)} of {total} buildings are"
                f" graded destroyed and {words.count(counted.damaged)} damaged."
            )
    if record.not_observable_share is not None:
        said.append(
            f"{words.percent(record.not_observable_share)} of the area could not be judged"
            f" ({_hidden(record)})."
        )
    return tuple(said)


def _hidden(record: Record) -> str:
    """Say why a part of the area could not be judged, most of it first."""
    if (seen := record.observable) is None:
        return "no data, or outside of an image"
    shares = {
        "cloud": seen.cloud_share,
        "smoke or haze": seen.smoke_share,
        "snow": seen.snow_share,
        "saturated": seen.saturated_share,
        "no data, or outside of an image": seen.outside_share,
    }
    found = sorted(((part, why) for why, part in shares.items() if part), reverse=True)
    return ", ".join(f"{why} {words.percent(part)}" for part, why in found) or "all was seen"


def verdict(record: Record) -> Verdict:
    """Return the banner of the page."""
    if record.status == "refused":
        return Verdict(
            kind="refused",
            title="Refused: these images must not be compared",
            text="No area is given, here or in any other file of this result. The reasons:",
            reasons=tuple((words.plain(n.message), _remedy(n)) for n in record.refusals),
        )
    if record.refusals:
        return Verdict(
            kind="forced",
            title="Not reliable: compared by force",
            text="This pair was judged not comparable and went on because --force was given."
            " Do not publish these figures. The reasons:",
            reasons=_reasons(record.refusals + record.warnings),
        )
    if record.status == "degraded":
        return Verdict(
            kind="degraded",
            title="Use with care: this result claims less than usual",
            text="The comparison went on, but not all of it can be relied on. The reasons:",
            reasons=_reasons(record.warnings),
        )
    number = len(record.warnings)
    noted = f" {number} warning{'s' if number > 1 else ''} further down." if number else ""
    return Verdict(
        kind="ok",
        title="The two images could be compared",
        text=f"All checks that could be made were passed.{noted}",
        reasons=(),
    )


def _reasons(notes: tuple[Note, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((words.plain(note.message), "") for note in notes)


def _remedy(note: Note) -> str:
    return REMEDIES.get(
        note.code, "Look at both images with “changedet info”, then give better ones."
    )


def tiles(record: Record) -> tuple[Tile, ...]:
    """Return the figures that one should see first; none where the pair was refused."""
    if record.status == "refused":
        return ()
    found: list[Tile] = []
    if (built := record.built) is not None:
        found.append(
            _loss_tile(built, "Built area destroyed", built.destroyed_ha, built.destroyed_share)
        )
    if (green := record.vegetation) is not None:
        found.append(_loss_tile(green, "Vegetation lost", green.lost_ha, green.lost_share))
    if (counted := record.buildings) is not None and counted.total:
        found.append(
            Tile(
                label="Buildings destroyed",
                value=words.count(None if _ungraded(counted) else counted.destroyed),
                detail=f"of {words.count(counted.total)} buildings,"
                f" {words.count(counted.not_analysed)} of them not analysed",
                interval="",
            )
        )
    found.append(
        Tile(
            label="Could not be judged",
            value=words.percent(record.not_observable_share),
            detail=f"of the area: {_hidden(record)}",
            interval="",
        )
    )
    return tuple(found)


def _loss_tile(part: AreaRecord, label: str, ha: float | None, share: float | None) -> Tile:
    interval = f"{_interval_word(part)} {_interval(part)}"
    if part.before_share == 0:
        value, detail, middle, interval = "none", "none was mapped before", None, ""
    elif not part.separable:
        value, detail, middle = "no claim", NOT_SEPARABLE, None
    elif ha is None:
        value, detail, middle = words.percent(share), "of what stood before; no scale known", share
    else:
        value, middle = words.hectares(ha), share
        detail = f"{words.percent(share)} of {words.hectares(part.before_ha)} before"
    return Tile(
        label=label,
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
        rows.append(_before_row("Built area before", built))
        rows.append(
            _loss_row("Built area destroyed", built, built.destroyed_ha, built.destroyed_share)
        )
    if (green := record.vegetation) is not None:
        rows.append(_before_row("Vegetation before", green))
        rows.append(_loss_row("Vegetation lost", green, green.lost_ha, green.lost_share))
        rows.append(
            Row(name="Vegetation gained", area=words.hectares(green.gained_ha), share=words.NA)
        )
        rows.extend(_plant_rows(green))
    if record.grid is not None:
        rows.append(_share_row("Analysed", record.grid.analysed_share))
    rows.append(_share_row("Could not be judged", record.not_observable_share))
    if (seen := record.observable) is not None:
        rows += [
            _share_row(name, part)
            for name, part in (
                ("… under cloud", seen.cloud_share),
                ("… under smoke or thick haze", seen.smoke_share),
                ("… under snow", seen.snow_share),
                ("… saturated", seen.saturated_share),
                ("… outside of an image, or no data", seen.outside_share),
                ("In shadow (analysed all the same)", seen.shadow_share),
            )
        ]
    return tuple(rows)


def _plant_rows(green: Vegetation) -> tuple[Row, ...]:
    """Return canopy, condition, burns and fields, as far as they were measured."""
    rows = []
    if (canopy := green.canopy) is not None:
        if canopy.reason:
            text = words.plain(canopy.reason)
            rows.append(Row(name="Canopy lost", area="no claim", share="no claim", note=text))
        else:
            rows.append(_before_row("Canopy before", canopy))
            rows.append(_loss_row("Canopy lost", canopy, canopy.lost_ha, canopy.lost_share))
    if green.condition_share is not None:
        share = words.percent(green.condition_share)
        note = "share of the vegetation that stands: greener before by a quarter or more"
        rows.append(Row(name="Vegetation in worse condition", area="", share=share, note=note))
    for name, area, note in (
        ("Vegetation burnt", green.burnt_ha, "by the burn ratio of the infrared bands"),
        (
            "Fields changed",
            green.fields_changed_ha,
            "by farm work or the event: other change",
        ),
    ):
        if area is not None:
            rows.append(Row(name=name, area=words.hectares(area), share=words.NA, note=note))
    return tuple(rows)


def _share_row(name: str, share: float | None) -> Row:
    return Row(name=name, area="", share=words.percent(share), note="share of the area asked for")


def _before_row(name: str, part: AreaRecord) -> Row:
    return Row(
        name=name,
        area=words.hectares(part.before_ha),
        share=words.percent(part.before_share),
        note="share of the analysed area",
    )


def _loss_row(name: str, part: AreaRecord, ha: float | None, share: float | None) -> Row:
    return Row(
        name=name,
        area=words.hectares(ha) if part.separable else "no claim",
        share=words.percent(share) if part.separable else "no claim",
        interval_area=words.hectare_range(part.low_ha, part.high_ha),
        interval_share=words.percent_range(part.low_share, part.high_share),
        note="share of what was there before" if part.separable else NOT_SEPARABLE,
    )


def cell_fields(record: Record) -> tuple[tuple[str, str, str], ...]:
    """Return what can be said by cell: field of the share, field of the area, title.

    A loss that is not separable from its null is not told by cell either.
    """
    fields = []
    if record.built is not None and record.built.separable:
        fields.append(("built_destroyed_share", "built_destroyed_ha", "Built area destroyed"))
    if record.vegetation is not None and record.vegetation.separable:
        fields.append(("vegetation_lost_share", "vegetation_lost_ha", "Vegetation lost"))
    return tuple(fields) if record.status != "refused" else ()


def worst_cells(record: Record, share: str, area: str, *, most: int) -> tuple[Cell, ...]:
    """Return the cells with the largest loss: by area where a scale is known, else by share."""

    def size(cell: Cell) -> tuple[float, float]:
        return getattr(cell, area) or 0.0, getattr(cell, share) or 0.0

    known = [cell for cell in record.cells or () if getattr(cell, share)]
    return tuple(sorted(known, key=size, reverse=True)[:most])


def interval_note(record: Record) -> str:
    """Say what the intervals of this record are."""
    parts = [part for part in (record.built, record.vegetation) if part is not None]
    if any(part.interval_kind == "confidence_95" for part in parts):
        return (
            "Intervals: 95 % confidence intervals from a labelled sample. If the sampling were"
            " repeated many times, 95 of 100 such intervals would hold the true area."
        )
    return (
        "Intervals: model intervals. They say how far a figure moves when the threshold and the"
        " disturbances (light, view angle, registration error) move within reason. A model"
        " interval is not a confidence interval: that needs a sample checked by people."
    )
