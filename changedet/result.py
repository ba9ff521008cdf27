"""The record of a run: what result.json holds, as frozen values.

The JSON Schema beside this file (``schema/result.schema.json``) is made from these classes;
a test holds the two together. A key is never renamed within a major version.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from changedet.core.errors import InputError

SCHEMA_VERSION = "1.0"

CLASS_NAMES = (
    "not analysed",
    "no visible change",
    "built area destroyed",
    "vegetation lost",
    "other change",
    "vegetation gained",
)
"""Meaning of the codes of classes.tif, by code."""

CLASS_COLOURS = {
    0: (154, 154, 154),
    1: (228, 228, 228),
    2: (213, 94, 0),
    3: (240, 228, 66),
    4: (86, 180, 233),
    5: (0, 158, 115),
}
"""Colours of the classes: Okabe & Ito's, safe for colour-blind readers."""

Status = Literal["ok", "degraded", "refused"]
IntervalKind = Literal["model", "confidence_95"]


class Part(BaseModel):
    """Base of all parts of the record: frozen, no unknown keys, strict JSON numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class Note(Part):
    """A warning or the reason of a refusal."""

    code: str
    """Short machine-readable name."""
    message: str
    """One sentence for a reader: the fact and what follows from it."""


class Check(Part):
    """One check of whether the two images can be compared."""

    code: str
    """Short machine-readable name."""
    name: str
    """What was checked."""
    value: float | None
    """What was measured; None where the inputs do not tell it."""
    unit: str
    """Of the value and the limits; empty for a plain number."""
    limit_ok: float | None
    """Up to here (from here on, where less is worse) all is well."""
    limit_refuse: float | None
    """Beyond it the pair is refused; None where it never is for this reason."""
    less_is_worse: bool
    """Whether the limits are lower ones."""
    verdict: Literal["ok", "degraded", "refused", "unknown"]
    """Refused or degraded exactly where a refusal or a warning says so."""
    message: str
    """One sentence for a reader."""


class ImageRecord(Part):
    """One input image as it was understood."""

    path: str
    """As given by the user (credentials removed)."""
    sha256: str
    """Of the file's bytes."""
    date: str | None
    """Acquisition date, ISO 8601, where known."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bands: dict[str, int]
    """Band number by role, as used."""
    bands_from: str
    """Where the roles came from: option, description, colour interpretation or count."""
    dtype: str
    """Data type of the file."""
    crs: str | None
    """Coordinate reference system of the file, where it has one."""
    gsd_m: float | None
    """Ground sample distance, metres, where known."""


class Inputs(Part):
    """Both images."""

    before: ImageRecord
    after: ImageRecord


class GridRecord(Part):
    """The grid of all maps: BEFORE's, in metres."""

    crs: str | None
    """None without a georeference."""
    transform: tuple[float, float, float, float, float, float]
    """Affine coefficients a, b, c, d, e, f from pixel corner to CRS."""
    gsd_m: float | None
    """Metres; None where no scale is known."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    analysed_share: float | None
    """Share of the grid (or of the AOI in it) that was analysed, 0..1; None by ``register``."""


class Registration(Part):
    """How AFTER was brought onto BEFORE, and how well."""

    method: str
    """What found the coarse model and what refined it."""
    model: str
    """identity, shift, affine or affine+field."""
    tie_points: int
    """Places where a match was possible: enough valid pixels and a peak."""
    inliers: int
    """Matches that were believed."""
    rmse_px: float | None
    """Root mean square error of the model, estimated from left-out tie points, pixels."""
    rmse_m: float | None
    """The same in metres."""
    ce90_px: float | None
    """Radius that holds 90 % of the errors, estimated from left-out tie points, pixels."""
    ce90_m: float | None
    """The same in metres."""
    max_shift_px: float | None
    """Largest displacement found relative to the georeference (or to the pixel grid), pixels."""
    coarse_score: float | None
    """How far the support of the coarse model stands above chance, standard deviations."""
    supported_share: float | None
    """Share of the places where a match was possible whose match was believed, 0..1."""
    left_out_px: float | None = None
    """Root mean square distance of left-out tie points from the model, noise included, pixels."""
    backward_px: float | None = None
    """Median distance from the model where AFTER is looked for in BEFORE instead, pixels."""
    extrapolated_share: float | None = None
    """Share of the overlap with no believed tie point near: the model is extrapolated there."""


class Radiometry(Part):
    """Relative normalisation of one band: ``before = gain * after + offset``."""

    gain: float
    """Unitless."""
    offset: float
    """In BEFORE's digital numbers."""
    correlation: float
    """On the stable set, -1..1."""


class AreaRecord(Part):
    """Base of the two area parts."""

    before_ha: float | None
    """Mapped before, hectares; None where no scale is known."""
    before_share: float | None
    """Share of the analysed area that was mapped before, 0..1."""
    low_ha: float | None
    """Lower end of the interval of the loss, hectares."""
    high_ha: float | None
    """Upper end of the interval of the loss, hectares."""
    low_share: float | None
    """Lower end of the interval of the loss, as a share of what was there before."""
    high_share: float | None
    """Upper end of the interval of the loss, as a share of what was there before."""
    interval_kind: IntervalKind
    """``model``: threshold and nuisance band, not a confidence interval."""
    separable: bool
    """False where the score could not be told from its null; then no loss is claimed."""
    method: str
    """What was mapped and how, one sentence."""


class Built(AreaRecord):
    """Built area before, and what of it was destroyed."""

    destroyed_ha: float | None
    """Central figure, hectares."""
    destroyed_share: float | None
    """Central figure, share of the built area before, 0..1."""


class Canopy(AreaRecord):
    """Trees and shrubs before, and what of them was lost; None with a reason where not told."""

    lost_ha: float | None
    """Central figure, hectares."""
    lost_share: float | None
    """Central figure, share of the canopy before, 0..1."""
    reason: str
    """Why there are no figures; empty where there are."""


class Vegetation(AreaRecord):
    """All green cover before, and what of it was lost."""

    lost_ha: float | None
    """Central figure, hectares; what season and view make vanish is taken off."""
    lost_share: float | None
    """Central figure, share of the vegetation before, 0..1."""
    gained_ha: float | None
    """Vegetation after where there was none, hectares."""
    canopy: Canopy | None = None
    """Trees and shrubs alone; part of the vegetation."""
    burnt_ha: float | None = None
    """Vegetation before whose burn ratio fell; None without shortwave infrared."""
    condition_share: float | None = None
    """Share of the vegetation still green that lost a quarter of its index or more, 0..1."""
    fields_changed_ha: float | None = None
    """Fields that changed as a whole, by farm work or by the event: class 4 on the map. Of those
    that became bare, ``lost_ha`` counts the part that was lost around them."""


class Buildings(Part):
    """Counts by grade; all None where no footprints were given."""

    total: int | None
    destroyed: int | None
    damaged: int | None
    possibly_damaged: int | None
    no_visible_damage: int | None
    not_analysed: int | None


class Footprints(Part):
    """The outlines that were given, and how they were laid onto the image before."""

    given: int
    """Polygons in the file."""
    analysed: int
    """Outlines that got a grade."""
    repaired: int
    """Polygons that were invalid and were made valid."""
    shift_m_median: tuple[float, float]
    """Median shift along the axes of the grid, to the east and to the north, metres."""
    shift_m_p90: float
    """Length that one shift in ten exceeds, metres."""
    aligned_share: float
    """Share of the outlines that were moved, 0..1."""
    edges_given: float | None
    """How well edges of the image before run along the outlines as given: 1 perfectly, 0 as by
    chance; None where it was not looked at."""
    edges_aligned: float | None
    """The same along the outlines as they were judged."""


class Cell(Part):
    """The same shares in one cell of 500 m (or of 500 pixels without a scale)."""

    id: str
    """Row and column of the cell, ``r003c012``."""
    bounds: tuple[float, float, float, float]
    """left, bottom, right, top in CRS units."""
    analysed_share: float
    built_before_ha: float | None
    built_destroyed_ha: float | None
    built_destroyed_share: float | None
    built_low_ha: float | None = None
    """Lower end of the interval of the destroyed built area, hectares."""
    built_high_ha: float | None = None
    """Upper end of that interval, hectares."""
    vegetation_before_ha: float | None
    vegetation_lost_ha: float | None
    vegetation_lost_share: float | None
    vegetation_low_ha: float | None = None
    """Lower end of the interval of the lost vegetation, hectares."""
    vegetation_high_ha: float | None = None
    """Upper end of that interval, hectares."""


class Observable(Part):
    """Why a part of the area could not be seen; shares of the grid (or of the AOI in it), 0..1."""

    saturated_share: float
    """At the largest value in all bands, over some 10 m, in at least one date."""
    cloud_share: float
    """Under cloud in at least one date."""
    smoke_share: float | None
    """Under smoke or thick haze in at least one date; None where that cannot be told."""
    snow_share: float | None
    """Under snow in one date; None where that cannot be told."""
    shadow_share: float | None
    """In shadow in at least one date; analysed all the same. None where that cannot be told."""
    outside_share: float
    """Outside of an image, or without data."""


class Figure(Part):
    """A picture of the report."""

    file: str
    """Path inside the result folder."""
    alt: str
    """Text alternative, English."""
    alts: dict[str, str] = {}
    """Text alternative by language: ``en``, ``uk``."""


class Provenance(Part):
    """What made this result."""

    version: str
    options: dict[str, Any]
    command: str
    started: str
    """ISO 8601, UTC."""
    seconds: float
    """Wall time."""
    peak_mb: float
    """Peak resident memory of the process, MB (10^6 bytes)."""
    software: dict[str, str]
    """Versions of the libraries that computed it."""
    files: dict[str, str] = {}
    """SHA-256 of the further files that were given, by their option (footprints, aoi, ...)."""


class Record(Part):
    """result.json."""

    schema_version: str = SCHEMA_VERSION
    status: Status
    title: str
    warnings: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()
    checks: tuple[Check, ...] = ()
    inputs: Inputs
    grid: GridRecord | None = None
    registration: Registration | None = None
    radiometry: dict[str, Radiometry] | None = None
    thresholds: dict[str, Any] | None = None
    null: dict[str, Any] | None = None
    built: Built | None = None
    vegetation: Vegetation | None = None
    buildings: Buildings | None = None
    footprints: Footprints | None = None
    cells: tuple[Cell, ...] | None = None
    not_observable_share: float | None = None
    """What was not analysed: 1 minus ``grid.analysed_share``; ``observable`` says why."""
    observable: Observable | None = None
    figures: tuple[Figure, ...] = ()
    provenance: Provenance

    def to_json(self) -> str:
        """Return the record as an indented JSON document with a final newline."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def read_record(path: Path) -> Record:
    """Read a result.json.

    Raises
    ------
    InputError
        Where the file is missing or is not a result of this schema's major version.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a folder that changedet wrote") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: not a changedet result ({place}: {first['msg']})") from None


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of :class:`Record`."""
    schema = Record.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_schema() -> dict[str, Any]:
    """Return the JSON Schema that ships with the package."""
    text = resources.files("changedet").joinpath("schema/result.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
