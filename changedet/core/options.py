"""Options: every wish a user can state, with its unit and its default, in one place.

Command line, TOML file, environment and notebook all build the same :class:`RunOptions`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from changedet.core.redaction import without_secrets

EXPORTS = ("pdf", "pictures", "gis", "ems", "tiles")
"""What can be written beside a result."""
BAND_ROLES = (
    "red", "green", "blue", "nir", "pan", "coastal", "yellow", "rededge", "swir1", "swir2"
)  # fmt: skip
"""Roles that a band can be given; ``pan`` is a panchromatic or grey band."""


class Options(BaseModel):
    """Base of all option values: frozen, unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RegisterOptions(Options):
    """How AFTER is brought onto BEFORE."""

    window: Annotated[int, Field(ge=32, le=256)] = 64
    """Side of a tie point's correlation window, pixels; up to twice that where few stand out."""
    spacing: Annotated[int, Field(ge=8, le=1024)] = 32
    """Least distance between tie points at full resolution, pixels."""
    max_nodes: Annotated[int, Field(ge=100, le=1_000_000)] = 16_384
    """Most tie points over the image; the spacing grows until they fit."""
    max_offset_m: Annotated[float, Field(gt=0)] = 300.0
    """Largest shift believed between two georeferenced images, metres."""
    max_residual_px: Annotated[float, Field(gt=0)] = 2.0
    """RMSE at left-out tie points above which the pair is refused, pixels."""


class DecideOptions(Options):
    """How evidence becomes a decision."""

    mmu_built_m2: Annotated[float, Field(ge=0)] = 10.0
    """Smallest mapped region of destroyed built area, square metres."""
    mmu_vegetation_m2: Annotated[float, Field(ge=0)] = 10.0
    """Smallest mapped region of vegetation change, square metres (about one crown)."""
    min_footprint_m2: Annotated[float, Field(ge=0)] = 20.0
    """Footprints below this area are slivers and are not analysed, square metres."""
    neighbours: bool = False
    """Let the buildings within some 100 m have a say in a building's prior; else each is alone."""
    max_residual_px: Annotated[float, Field(gt=0)] = 1.5
    """The same above which no area is claimed, though the images could be aligned, pixels."""
    align_footprints: bool = True
    """Move footprints onto the roofs in BEFORE where its edges show by how much."""


class RunOptions(Options):
    """Everything that ``changedet run`` takes beside the two images."""

    gsd: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Ground sample distance of BEFORE, metres; only for images without a georeference."""
    footprints: Path | None = None
    """Building outlines of before the event (GeoPackage, GeoJSON, FlatGeobuf, Shapefile)."""
    aoi: Path | None = None
    """Polygon(s) outside of which nothing is analysed."""
    control_before: Path | None = None
    """BEFORE of a pair where nothing happened: the null is measured on it. Same sensor, season."""
    control_after: Path | None = None
    """AFTER of that pair."""
    tie_points: Path | None = None
    """Tie points to start the co-registration from (QGIS ``.points``, or CSV in pixels)."""
    title: Annotated[str, Field(max_length=200)] | None = None
    """Heading of the report."""
    credit: Annotated[str, Field(max_length=200)] | None = None
    """Credit line of the imagery, as its owner asks for it: stands on the pictures."""
    before_date: dt.date | None = None
    """Acquisition date of BEFORE."""
    after_date: dt.date | None = None
    """Acquisition date of AFTER."""
    bands: dict[str, Annotated[int, Field(ge=1)]] | None = None
    """Band numbers by role, for both images: ``red=1,green=2,blue=3,nir=4``."""
    force: bool = False
    """Go on where the pair was judged not comparable."""
    allow_driver: tuple[str, ...] = ()
    """Further GDAL raster drivers that may open an input."""
    allow_host: tuple[str, ...] = ()
    """Hosts in a private network that http(s) addresses of images may name."""
    block_size: Annotated[int, Field(ge=128, le=8192, multiple_of=64)] = 1024
    """Side of a block, pixels; the result does not depend on it."""
    jobs: Annotated[int, Field(ge=1, le=256)] = 1
    """Blocks computed at the same time."""
    scheduler: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(None, repr=False)
    """Dask scheduler on whose workers a command computes; in Python give ``executor=`` instead."""
    lang: Literal["en", "uk"] = "en"
    """Language in which the report opens, of its pictures and of all that is exported."""
    export: tuple[Literal["pdf", "pictures", "gis", "ems", "tiles"], ...] = ()
    """What is written beside the result: a PDF, pictures for publication, files for a GIS, a layer
    in Copernicus EMS and UNOSAT terms, a page with tiles down to the source's pixels."""
    coregistration: RegisterOptions = RegisterOptions()
    """Options of the co-registration."""
    decide: DecideOptions = DecideOptions()
    """Options of the decision."""

    @model_validator(mode="after")
    def _whole_control(self) -> RunOptions:
        if (self.control_before is None) != (self.control_after is None):
            raise ValueError("a control is a pair: give control_before and control_after")
        return self

    @field_serializer("scheduler", when_used="json-unless-none")
    def _hide_secrets(self, value: str) -> str:
        return without_secrets(value)

    @field_validator("title", "credit")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        """Take out what would move the cursor of whoever prints it."""
        if value is None:
            return None
        return "".join(c for c in " ".join(value.split()) if c.isprintable())

    @field_validator("export", mode="before")
    @classmethod
    def _parse_export(cls, value: object) -> object:
        return parse_exports(value) if isinstance(value, str) else value

    @field_validator("bands", mode="before")
    @classmethod
    def _parse_bands(cls, value: object) -> object:
        return parse_bands(value) if isinstance(value, str) else value

    @field_validator("bands")
    @classmethod
    def _known_roles(cls, value: dict[str, int] | None) -> dict[str, int] | None:
        unknown = sorted(set(value or {}) - set(BAND_ROLES))
        if unknown:
            raise ValueError(f"unknown band role {unknown[0]!r}; known: {', '.join(BAND_ROLES)}")
        if value is not None and not value:
            raise ValueError("give at least one band, such as red=1,green=2,blue=3")
        return value


def parse_exports(text: str) -> tuple[str, ...]:
    """Read ``pdf,gis`` or ``all`` into names of exports, each once, in their order.

    Raises
    ------
    ValueError
        Where a name is not known.

    Examples
    --------
    >>> parse_exports("gis,pdf")
    ('pdf', 'gis')
    """
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [name for name in names if name not in (*EXPORTS, "all")]
    if unknown or not names:
        raise ValueError(f"exports are {', '.join(EXPORTS)} or all")
    return EXPORTS if "all" in names else tuple(name for name in EXPORTS if name in names)


def parse_bands(text: str) -> dict[str, int]:
    """Read ``red=1,green=2`` into a dictionary of band numbers by role.

    Raises
    ------
    ValueError
        Where the text has another form.

    Examples
    --------
    >>> parse_bands("red=3,nir=4")
    {'red': 3, 'nir': 4}
    """
    bands: dict[str, int] = {}
    for part in text.split(","):
        role, sign, number = (piece.strip().lower() for piece in part.partition("="))
        if not (role and sign and number.isdecimal()) or role in bands:
            raise ValueError(f"bands are written red=1,green=2,blue=3,nir=4, not {text!r}")
        bands[role] = int(number)
    return bands
