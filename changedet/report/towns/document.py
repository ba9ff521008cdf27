"""index.json: what a batch left, as frozen values.

The JSON Schema (``schema/index.schema.json``) is made from these classes; a test holds the two
together. A key is never renamed within a major version.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from typing import Any, Literal

from changedet.report.language import tell
from changedet.report.towns.entry import STATUSES, TownEntry, claimed, graded
from changedet.report.towns.totals import AreaTotal, box_of, sum_up
from changedet.result import AreaRecord, Buildings, IntervalKind, Part, Record

SCHEMA_VERSION = "1.0"


class Counts(Part):
    """Towns by status."""

    total: int
    ok: int
    """Compared, nothing to remark."""
    degraded: int
    """Compared, and to be used with care."""
    refused: int
    """Readable, but not comparable: no figures."""
    failed: int
    """Nothing was found because of an error: no figures."""


class Loss(Part):
    """A loss in one town."""

    before_ha: float | None
    """What was there before, hectares; None where no scale is known."""
    lost_ha: float | None
    """Central figure, hectares; None where no loss is claimed or no scale is known."""
    lost_share: float | None
    """Central figure, share of what was there before, 0..1; None where no loss is claimed."""
    low_ha: float | None
    """Lower end of the interval, hectares."""
    high_ha: float | None
    """Upper end of the interval, hectares."""
    low_share: float | None
    """Lower end of the interval, share of what was there before."""
    high_share: float | None
    """Upper end of the interval, share of what was there before."""
    interval_kind: IntervalKind
    """``model``: not a confidence interval."""
    separable: bool
    """False where the score could not be told from its null; then no loss is claimed."""


class Town(Part):
    """One town."""

    name: str
    """As the manifest has it."""
    folder: str
    """Of its result, relative to this file."""
    status: Literal["ok", "degraded", "refused", "failed"]
    exit_code: int
    """As of ``changedet run``."""
    reason: str
    """Why there are no figures, or why they need care, English; empty where all is well."""
    forced: bool
    """Judged not comparable and compared all the same: not to be published, in no total."""
    report: str | None
    """Address of its report, percent-encoded, relative to this file; None where there is none."""
    before_date: str | None
    """ISO 8601."""
    after_date: str | None
    """ISO 8601."""
    gsd_m: float | None
    """Metres."""
    built: Loss | None
    """Built area destroyed; None without figures."""
    vegetation: Loss | None
    """Vegetation lost; None without figures."""
    buildings_total: int | None
    """Outlines that were given; None without any."""
    buildings_destroyed: int | None
    """None where no outline has a grade."""
    not_observable_share: float | None
    """Share of the area that could not be judged, 0..1."""
    registration_rmse_px: float | None
    registration_rmse_m: float | None
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north, degrees WGS 84 (east beyond 180 where it crosses the antimeridian).
    None without a georeference; the town has then no geometry in summary.gpkg."""


class Total(Part):
    """A sum of hectares over towns."""

    towns: int
    """Towns in the sum: those that claim this loss in hectares."""
    area_ha: float
    low_ha: float
    """Sum of the lower ends; intervals of towns are not independent."""
    high_ha: float
    """Sum of the upper ends."""


class Sums(Part):
    """Sums over the towns that were compared, those by force left out."""

    towns_with_figures: int
    built: Total | None
    vegetation: Total | None
    buildings_destroyed: int | None
    buildings_towns: int
    """Towns in the sum of buildings."""
    same_ground: tuple[str, str] | None
    """Names of two towns on the same ground: then nothing is summed."""


class Index(Part):
    """index.json."""

    schema_version: str = SCHEMA_VERSION
    title: str
    """Of the batch."""
    counts: Counts
    totals: Sums
    towns: tuple[Town, ...]


def index_document(entries: Sequence[TownEntry], *, title: str = "") -> dict[str, Any]:
    """Return index.json: counts by status, totals and the key figures of each town, in order."""
    counted = Counter(entry.status for entry in entries)
    totals = sum_up(entries)
    index = Index(
        title=title,
        counts=Counts(total=len(entries), **{status: counted[status] for status in STATUSES}),
        totals=Sums(
            towns_with_figures=totals.with_figures,
            built=_total(totals.built),
            vegetation=_total(totals.vegetation),
            buildings_destroyed=totals.buildings_destroyed,
            buildings_towns=totals.buildings_towns,
            same_ground=totals.same_ground,
        ),
        towns=tuple(_town(entry) for entry in entries),
    )
    document: dict[str, Any] = index.model_dump(mode="json")
    return document


def to_json(document: dict[str, Any]) -> str:
    """Write a document with an indent and a final newline."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def build_index_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of index.json."""
    schema = Index.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_index_schema() -> dict[str, Any]:
    """Return the JSON Schema that ships with the package."""
    text = resources.files("changedet").joinpath("schema/index.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _total(total: AreaTotal | None) -> Total | None:
    if total is None:
        return None
    return Total(
        towns=total.towns,
        area_ha=round(total.area_ha, 4),
        low_ha=round(total.low_ha, 4),
        high_ha=round(total.high_ha, 4),
    )


def _town(entry: TownEntry) -> Town:
    record, box = entry.found, box_of(entry)
    registration = None if record is None else record.registration
    buildings = None if record is None else record.buildings
    return Town(
        name=entry.name,
        folder=entry.folder,
        status=entry.status,
        exit_code=entry.exit_code,
        reason=tell(entry.because),
        forced=entry.forced,
        report=None if record is None else entry.link("report.html"),
        **_circumstances(entry.record),
        built=_loss(record, "built", "destroyed"),
        vegetation=_loss(record, "vegetation", "lost"),
        buildings_total=None if buildings is None else buildings.total,
        buildings_destroyed=_destroyed(buildings),
        not_observable_share=None if record is None else record.not_observable_share,
        registration_rmse_px=None if registration is None else registration.rmse_px,
        registration_rmse_m=None if registration is None else registration.rmse_m,
        bounds=None if box is None else tuple(round(edge, 7) for edge in box),
    )


def _circumstances(record: Record | None) -> dict[str, Any]:
    """Return dates and pixel size: known of a refused town, too."""
    if record is None:
        return {"before_date": None, "after_date": None, "gsd_m": None}
    return {
        "before_date": record.inputs.before.date,
        "after_date": record.inputs.after.date,
        "gsd_m": None if record.grid is None else record.grid.gsd_m,
    }


def _loss(record: Record | None, name: str, verb: str) -> Loss | None:
    part: AreaRecord | None = None if record is None else getattr(record, name)
    if part is None:
        return None
    told = claimed(part)
    return Loss(
        before_ha=part.before_ha,
        lost_ha=getattr(part, f"{verb}_ha") if told else None,
        lost_share=getattr(part, f"{verb}_share") if told else None,
        low_ha=part.low_ha,
        high_ha=part.high_ha,
        low_share=part.low_share,
        high_share=part.high_share,
        interval_kind=part.interval_kind,
        separable=part.separable,
    )


def _destroyed(buildings: Buildings | None) -> int | None:
    return buildings.destroyed if buildings is not None and graded(buildings) else None
