"""Scenarios: everything that a simulated town, its events and its two images are made with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from changedet.core.options import Options

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

BAND_SETS = {
    "pan": ("pan",),
    "rgb": ("red", "green", "blue"),
    "rgbn": ("red", "green", "blue", "nir"),
    "sentinel2": (
        "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08",
        "swir1", "swir2",
    ),
}  # fmt: skip
"""Bands of an image, in the order of the file (sentinel2: B2 B3 B4 B5 B6 B7 B8 B8A B11 B12)."""


class TownOptions(Options):
    """What stands where before the events; shares of the town's blocks add up to one at most."""

    slabs: Share = 0.28
    """Share of the blocks with apartment slabs."""
    works: Share = 0.06
    """Share of the blocks with industry."""
    schools: Share = 0.05
    """Share of the blocks with a school or a public building."""
    parks: Share = 0.06
    """Share of the blocks that are parks."""
    fields: Share = 0.08
    """Share of the blocks that are fields; the rest are private houses in gardens."""
    trees_per_ha: Annotated[float, Field(ge=0, le=300)] = 75.0
    """Crowns per hectare of town."""
    cars_per_ha: Annotated[float, Field(ge=0, le=100)] = 4.0
    """Parked and moving cars per hectare, drawn anew for each date."""
    river: bool = False
    """A river crosses the town."""
    railway: bool = True
    """A railway crosses the town."""

    @model_validator(mode="after")
    def _add_up(self) -> TownOptions:
        if self.slabs + self.works + self.schools + self.parks + self.fields > 1:
            raise ValueError("the shares of the blocks add up to more than 1")
        return self


class EventOptions(Options):
    """What happens between the dates."""

    prevalence: Annotated[float, Field(ge=0, le=0.95)] = 0.6
    """Share of the buildings that are destroyed."""
    range_m: Annotated[float, Field(ge=50, le=2000)] = 300.0
    """Distance over which the field of damage is alike, metres."""
    rubble: Share = 0.55
    """Share of the destroyed buildings that collapse; the rest burn out or are cleared."""
    cleared: Share = 0.12
    """Share of the destroyed buildings whose plot is cleared."""
    trees_lost: Share = 0.65
    """Share of the crowns that are gone, dead or charred."""
    ground_lost: Share = 0.45
    """Share of the green ground that is burnt or churned up."""
    craters_per_ha: Annotated[float, Field(ge=0, le=300)] = 12.0
    """Craters per hectare over the whole town, clustered as the damage is."""
    renewed: Share = 0.05
    """Share of the intact houses that get a new roof or a blue tarpaulin: change, not damage."""
    built_per_ha: Annotated[float, Field(ge=0, le=5)] = 0.15
    """New buildings per hectare: change, not damage."""
    weeds: Share = 0.3
    """Share of the ruins' ground that is overgrown."""
    puddles: Share = 0.0
    """Share of the bare and paved ground under puddles: no change of the town."""
    ploughed: Share = 0.5
    """Share of the fields that look otherwise than before."""


class SensorOptions(Options):
    """How one date was imaged."""

    date: str = "2022-05-08"
    """Written into the file."""
    bands: Literal["pan", "rgb", "rgbn", "sentinel2"] = "rgb"
    """Which bands the file has."""
    bits: Literal[8, 11] = 8
    """8 bits in ``uint8`` with a display curve, or 11 bits in ``uint16``, linear."""
    sun_azimuth: Annotated[float, Field(ge=0, le=360)] = 152.0
    """Where the sun stands, degrees clockwise from north."""
    sun_elevation: Annotated[float, Field(ge=10, le=90)] = 55.0
    """Degrees above the horizon."""
    off_nadir: Annotated[float, Field(ge=0, le=40)] = 4.0
    """View angle, degrees from the vertical: a wall leans by its height times the tangent."""
    view_azimuth: Annotated[float, Field(ge=0, le=360)] = 70.0
    """Direction in which high things lean in the image, degrees clockwise from north."""
    psf: Annotated[float, Field(ge=0.1, le=3)] = 0.55
    """Sigma of the point spread function, pixels of the image."""
    sharpen: Annotated[float, Field(ge=0, le=2)] = 0.3
    """Strength of the unsharp mask that products are delivered with."""
    snr: Annotated[float, Field(ge=5, le=1000)] = 85.0
    """Signal to noise ratio at a reflectance of 0.2."""
    gain: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    """Radiometric gain of red, green, blue and near infrared."""
    offset: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    """Radiometric offset of the same, reflectance."""
    gamma: Annotated[float, Field(ge=0.3, le=3)] = 1.0
    """Further exponent of the display curve."""
    haze: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Opacity of the haze in blue; less in the longer waves."""
    clouds: Share = 0.0
    """Share of the ground under cloud."""
    smoke_per_km2: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Smoke plumes per square kilometre."""
    leaf: Share = 1.0
    """State of the leaves: 0 bare, 1 full."""
    grass: Share = 0.9
    """State of the grass: 0 dry, 1 green."""
    snow: Share = 0.0
    """Share of the ground under snow."""
    jpeg: Annotated[int, Field(ge=10, le=100)] | None = None
    """Quality of a JPEG stage, None for none."""
    pansharpened: bool = True
    """Colour is four times coarser than brightness."""


class PlacementOptions(Options):
    """How AFTER's pixels lie against the ground; BEFORE's lie where they should."""

    shift_px: tuple[float, float] = (2.6, -1.8)
    """Columns and rows by which AFTER's content is off, AFTER pixels."""
    rotation_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0
    """Turn of AFTER's grid against BEFORE's about the middle, degrees."""
    scale: Annotated[float, Field(ge=0.3, le=4)] = 1.0
    """GSD of AFTER over that of BEFORE."""
    crop: Annotated[float, Field(ge=0.2, le=1)] = 1.0
    """AFTER shows the middle of BEFORE's extent: this share of its sides."""
    warp_px: Annotated[float, Field(ge=0, le=20)] = 0.4
    """Amplitude of a smooth warp, AFTER pixels (root mean square per axis)."""
    warp_length_m: Annotated[float, Field(ge=30)] = 180.0
    """Wavelength of the warp, metres."""
    terrain_px: Annotated[float, Field(ge=0, le=50)] = 0.3
    """Amplitude of the displacement by terrain along the line of sight, AFTER pixels."""
    georeferenced: bool = True
    """Write both images with a CRS; without it only the pixels are known."""
    footprint_shift_m: tuple[float, float] = (0.0, 0.0)
    """East and south by which the outlines in footprints.gpkg are off, metres."""


class Scenario(Options):
    """A town, its events, two sensors and how their images lie: what ``simulate`` makes."""

    preset: str = "bakhmut"
    """Which preset it began as."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """The same scenario with the same seed gives the same files."""
    width: Annotated[int, Field(ge=64, le=200_000)] = 1000
    """Columns of BEFORE."""
    height: Annotated[int, Field(ge=64, le=200_000)] = 1000
    """Rows of BEFORE."""
    gsd: Annotated[float, Field(ge=0.2, le=30)] = 0.5
    """Ground sample distance of BEFORE, metres."""
    town: TownOptions = TownOptions()
    """What stands where."""
    events: EventOptions = EventOptions()
    """What happens."""
    before: SensorOptions = SensorOptions()
    """How BEFORE was imaged."""
    after: SensorOptions = SensorOptions(date="2023-05-15")
    """How AFTER was imaged."""
    placement: PlacementOptions = PlacementOptions()
    """How AFTER lies."""
