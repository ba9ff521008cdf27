"""The result in the terms of the Copernicus EMS and of UNOSAT: layers and tables as values.

Names of layers and fields are those of the vector packages of Copernicus EMS Rapid Mapping
(manual, chapter *Vector package*: https://emergency.copernicus.eu/mapping/book/export/html/138109).
Fields whose content this program cannot know hold the words that the packages have for it, and
fields of our own are told apart in docs/gis.md. Beside them stand UNOSAT's points and its cells
with visible damage (rapid damage building assessment).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.report.gis.plain import file_name, is_day, parse_date
from changedet.result import AreaRecord, ImageRecord, Record

METHOD = "Automatic extraction"
NOT_VALIDATED = "Automatic extraction from two satellite images; not validated."

GRADES = {
    "Destroyed": ("Destroyed", 1, "Destroyed"),
    "Damaged": ("Damaged", 2, "Severely or moderately damaged"),
    "Possibly damaged": ("Possibly damaged", 4, "Possibly damaged"),
    "No visible damage": ("No visible damage", 6, "No visible damage"),
    "Not analysed": ("Not Analysed", 0, ""),
}
"""By our grade: ``damage_gra``, UNOSAT's class and its words. UNOSAT's 2 (severe) and 3 (moderate)
are one grade here and bear the 2."""
_DAMAGED = ("Destroyed", "Damaged", "Possibly damaged")
_SURE = ("Destroyed", "Damaged")
_UNKNOWN, _NOT_APPLICABLE = "Unknown", "997-Not Applicable"
BEFORE, AFTER, OUTLINES = 1, 2, 3
"""``src_id`` of the images and of the building outlines."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """A layer, or a table without shapes.

    Parameters
    ----------
    name : str
    kind : str
        ``Polygon``, ``MultiPolygon``, ``Point`` or ``None``.
    shapes : sequence
        Longitude and latitude; of None in a table.
    columns : mapping
        One array for each field.
    about : str
        What it is.
    """

    name: str
    kind: str
    shapes: Sequence[Any] | NDArray[np.object_]
    columns: Mapping[str, NDArray[Any]]
    about: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Found:
    """What the layers are made from; all shapes in longitude and latitude.

    Parameters
    ----------
    buildings, cells, aoi, images : ndarray of shapely geometries
        ``images`` holds the outlines of BEFORE and AFTER.
    building_columns, cell_columns : mapping
        Columns of the layers *buildings* and *grid_cells*.
    given : bool
        True where the buildings are outlines that somebody gave; otherwise they are regions.
    separable : bool
        False where destroyed could not be told from unchanged: then no cell claims anything.
    """

    buildings: NDArray[np.object_]
    building_columns: Mapping[str, NDArray[Any]]
    cells: NDArray[np.object_]
    cell_columns: Mapping[str, NDArray[Any]]
    aoi: NDArray[np.object_]
    images: NDArray[np.object_]
    given: bool
    separable: bool = True


def make_tables(record: Record, found: Found) -> tuple[Table, ...]:
    """Return all layers and tables of the package."""
    cells = _cells(found)
    return (
        _built_up(found),
        *((_points(record, found),) if found.given else ()),
        cells,
        _area(record, found),
        _footprints(found),
        _source(record, found),
        _summary(record, cells),
    )


def _words(*values: object) -> NDArray[np.object_]:
    return np.array(values, dtype=object)


def _same(value: object, count: int) -> NDArray[np.object_]:
    column = np.empty(count, dtype=object)
    column[:] = value
    return column


def _grade_column(grades: NDArray[Any], part: int) -> NDArray[Any]:
    found = [GRADES[str(grade)][part] for grade in grades]
    return np.array(found, dtype=np.int32 if part == 1 else object)


def _built_up(found: Found) -> Table:
    columns, count = found.building_columns, len(found.buildings)
    grades = columns.get("grade", np.zeros(0, object))
    return Table(
        name="builtUpA",
        kind="Polygon",
        shapes=found.buildings,
        columns={
            "obj_type": _same(_UNKNOWN, count),
            "name": _same(_UNKNOWN, count),
            "info": _same(_NOT_APPLICABLE, count),
            "damage_gra": _grade_column(grades, 0),
            "det_method": _same(METHOD, count),
            "notation": _same("Building" if found.given else "Built-up region", count),
            "or_src_id": np.full(count, OUTLINES if found.given else BEFORE, np.int32),
            "dmg_src_id": np.full(count, AFTER, np.int32),
            "unosat_cls": _grade_column(grades, 1),
            "unosat_dmg": _grade_column(grades, 2),
            "bld_id": columns.get("id", np.zeros(0, object)),
            "area_m2": columns.get("area_m2", np.zeros(0)),
            "prob_dest": columns.get("probability", np.zeros(0)),
            "not_anal": columns.get("reason", np.zeros(0, object)),
        },
        about="C1 built-up. "
        + ("" if found.given else "Regions taken for built, no single buildings. ")
        + NOT_VALIDATED,
    )


def _points(record: Record, found: Found) -> Table:
    """Return UNOSAT's points: one in each building with damage."""
    grades = found.building_columns["grade"]
    chosen = np.isin(grades.astype(str), _DAMAGED)
    count = int(chosen.sum())
    moment = parse_date(record.inputs.after.date)
    day = None if moment is None else moment.date().isoformat()
    return Table(
        name="unosat_points",
        kind="Point",
        shapes=shapely.point_on_surface(found.buildings[chosen]),
        columns={
            "Main_Damage_Site_Class": _grade_column(grades[chosen], 1),
            "Damage_Words": _grade_column(grades[chosen], 2),
            "SensorDate": _same(day, count),
            "FieldValidation": _same("Not yet field validated", count),
            "bld_id": found.building_columns["id"][chosen],
        },
        about="One point in each building with damage, UNOSAT's classes. " + NOT_VALIDATED,
    )


def _cells(found: Found) -> Table:
    """Return the cells with counts of buildings, and whether damage is visible in them."""
    number = len(found.cells)
    counts = {grade: np.zeros(number, np.int32) for grade in GRADES}
    if found.given and number:
        cell = _cell_of(found.buildings, found.cells)
        grades = found.building_columns["grade"].astype(str)
        for grade in GRADES:
            inside = cell[(grades == grade) & (cell >= 0)]
            counts[grade] = np.bincount(inside, minlength=number).astype(np.int32)
    columns = found.cell_columns
    if found.given:
        analysed = np.sum([counts[grade] for grade in GRADES if grade != "Not analysed"], axis=0)
        hit = np.sum([counts[grade] for grade in _DAMAGED], axis=0)
        sure = np.sum([counts[grade] for grade in _SURE], axis=0) > 0
        share = np.where(analysed > 0, hit / np.maximum(analysed, 1), np.nan)
        visible = np.where(analysed > 0, sure.astype(float), np.nan)
        fields = {
            f"bld_{name}": counts[grade]
            for name, grade in zip(("dest", "dmg", "poss", "nvd", "na"), GRADES, strict=True)
        }
    else:
        low = columns.get("built_low_ha", np.zeros(number)).astype(float)
        share = columns.get("built_destroyed_share", np.zeros(number)).astype(float)
        visible = np.where(np.isfinite(share), (low > 0).astype(float), np.nan)
        fields = {}
    if not found.separable:
        share, visible = np.full(number, np.nan), np.full(number, np.nan)
    nothing = np.full(number, np.nan)
    return Table(
        name="rdba_500m",
        kind="Polygon",
        shapes=found.cells,
        columns={
            "cell_id": columns.get("id", np.zeros(0, object)),
            "visible_dmg": visible,
            "dmg_share": share,
            **fields,
            "built_ha": columns.get("built_before_ha", nothing),
            "dest_ha": columns.get("built_destroyed_ha", nothing),
            "analysed": columns.get("analysed_share", nothing),
            "det_method": _same(METHOD, number),
        },
        about=(
            "Cells of 500 m (cut at the rim of the images) with visible damage: "
            + (
                "1 where a building in it is Destroyed or Damaged; dmg_share is that of Destroyed, "
                "Damaged and Possibly damaged among the analysed buildings. "
                if found.given
                else "1 where the interval of the built area destroyed lies above 0; dmg_share is "
                "that of the built area. "
            )
            + NOT_VALIDATED
        ),
    )


def _cell_of(buildings: NDArray[np.object_], cells: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the number of the cell in which each building stands; -1 beyond all of them."""
    points = shapely.point_on_surface(buildings)
    who, where = shapely.STRtree(cells).query(points, predicate="intersects")
    found = np.full(len(buildings), -1, np.intp)
    # on a border the first cell counts, so that no building counts twice
    found[who[::-1]] = where[::-1]
    return found


def _area(record: Record, found: Found) -> Table:
    return Table(
        name="areaOfInterestA",
        kind="MultiPolygon",
        shapes=found.aoi,
        columns={
            "locality": _same(record.title, len(found.aoi)),
            "map_type": _same("Grading", len(found.aoi)),
        },
        about="A1 area of interest.",
    )


def _footprints(found: Found) -> Table:
    count = len(found.images)
    return Table(
        name="imageFootprintA",
        kind="Polygon",
        shapes=found.images,
        columns={
            "obj_type": _same("Image Footprint", count),
            "or_src_id": np.array([BEFORE, AFTER][:count], np.int32),
        },
        about="A2 image footprints: the outline of each image on the grid of the image before.",
    )


def _source(record: Record, found: Found) -> Table:
    rows = [
        _image_row(BEFORE, record.inputs.before, "Pre-event"),
        _image_row(AFTER, record.inputs.after, "Post-event"),
    ]
    if found.given:
        name = file_name(str(record.provenance.options.get("footprints") or "")) or "outlines given"
        rows.append((OUTLINES, name, None, None, None, "Not applicable"))
    names = ("src_id", "source_nam", "src_date", "source_tm", "sensor_gsd", "eventphase")
    columns = dict(zip(names, (_words(*values) for values in zip(*rows, strict=True)), strict=True))
    return Table(
        name="source",
        kind="None",
        shapes=[None] * len(rows),
        columns={**columns, "src_id": columns["src_id"].astype(np.int32)},
        about="A0 source: images and outlines; src_id is what or_src_id and dmg_src_id refer to.",
    )


def _image_row(number: int, image: ImageRecord, phase: str) -> tuple[Any, ...]:
    moment = parse_date(image.date)
    day = None if moment is None else moment.strftime("%d/%m/%Y")
    time = None if moment is None or is_day(image.date) else moment.strftime("T%H:%M:%SZ")
    gsd = None if image.gsd_m is None else f"{image.gsd_m:.3g} m"
    return number, file_name(image.path), day, time, gsd, phase


def _interval(area: AreaRecord, what: str) -> str:
    if area.before_ha is None:
        return "not measured in this pair"
    if not area.separable:
        return f"{what} cannot be told from no change in this pair: no loss is claimed"
    return f"low and high: {area.interval_kind} interval of {what}"


def _summary(record: Record, cells: Table) -> Table:
    """Return the figures of the record in the columns of a summary table."""
    rows: list[dict[str, Any]] = []
    if (counts := record.buildings) is not None and counts.total is not None:
        rows.append(
            {
                "category": "Buildings",
                "unit": "No.",
                "destroyed": counts.destroyed,
                "damaged": counts.damaged,
                "poss_dmg": counts.possibly_damaged,
                "no_visible": counts.no_visible_damage,
                "not_anal": counts.not_analysed,
                "total": counts.total,
            }
        )
    if (built := record.built) is not None:
        rows.append(
            {
                "category": "Built-up area",
                "unit": "ha",
                "destroyed": built.destroyed_ha,
                "total": built.before_ha,
                "low": built.low_ha,
                "high": built.high_ha,
                "note": _interval(built, "destroyed"),
            }
        )
    if (plants := record.vegetation) is not None:
        rows.append(
            {
                "category": "Vegetation lost",
                "unit": "ha",
                "destroyed": plants.lost_ha,
                "total": plants.before_ha,
                "low": plants.low_ha,
                "high": plants.high_ha,
                "note": _interval(plants, "lost"),
            }
        )
    visible = cells.columns["visible_dmg"]
    if judged := int(np.isfinite(visible).sum()):
        rows.append(
            {
                "category": "Cells of 500 m with visible damage",
                "unit": "No.",
                "damaged": float(np.nansum(visible)),
                "total": judged,
                "note": "destroyed or damaged; total: cells in which something was judged",
            }
        )
    numbers = ("destroyed", "damaged", "poss_dmg", "no_visible", "not_anal", "total", "low", "high")
    columns: dict[str, NDArray[Any]] = {
        name: _words(*(row.get(name) for row in rows)) for name in ("category", "unit")
    }
    for name in numbers:
        given = [np.nan if row.get(name) is None else float(row[name]) for row in rows]
        columns[name] = np.array(given, float)
    columns["det_method"] = _same(METHOD, len(rows))
    columns["note"] = _words(*(row.get("note") for row in rows))
    return Table(
        name="summary",
        kind="None",
        shapes=[None] * len(rows),
        columns=columns,
        about="Summary table: the figures of result.json. " + NOT_VALIDATED,
    )
