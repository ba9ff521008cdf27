"""A STAC Item (1.1) of a result folder: what its files are, for catalogues and programs.

Extensions: Projection 2.0, Raster 2.0, Classification 2.0, Processing 1.2. The link to an input
bears its file name alone, not the folders of somebody's machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from changedet.report.gis.plain import file_name, is_day, iso, parse_date
from changedet.report.palette import CLASSES
from changedet.result import AreaRecord, ImageRecord, Record

_EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in (
        "projection/v2.0.0",
        "raster/v2.0.0",
        "classification/v2.0.0",
        "processing/v1.2.0",
    )
)
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_GEOTIFF = "image/tiff; application=geotiff"
_GPKG = "application/geopackage+sqlite3"
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class RasterFacts:
    """What a map is, as its file says.

    Parameters
    ----------
    dtype : str
        numpy's name of the data type.
    nodata : float or None
        NaN is told as ``nan``.
    scale : float
        Unit per digital number.
    bands : tuple of str
        Their descriptions.
    transform : tuple of float
        Six affine coefficients.
    shape : tuple of int
        Height and width, pixels.
    """

    dtype: str
    nodata: float | None
    scale: float
    bands: tuple[str, ...]
    transform: tuple[float, ...]
    shape: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a result lies.

    Parameters
    ----------
    geometry : mapping
        GeoJSON, WGS 84.
    bbox : sequence of float
        west, south, east, north.
    bounds : tuple of float
        left, bottom, right, top in the CRS of the grid.
    wkt : str
        The CRS of the grid as WKT 2.
    """

    geometry: Mapping[str, Any]
    bbox: Sequence[float]
    bounds: tuple[float, float, float, float]
    wkt: str


_MAPS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "aligned": ("Image after, on the grid of the image before", ("data", "visual"), _COG),
    "pixel_change": ("Evidence of spectral change, 0 to 1", ("data",), _COG),
    "structural_change": ("Evidence of structural change, 0 to 1", ("data",), _COG),
    "classes": ("The decision, by class", ("data",), _COG),
    "correspondence": (
        "Where each position of the image before lies in the image after",
        ("metadata",),
        _GEOTIFF,
    ),
}
_FILES: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("vectors", "../vectors.gpkg", "Buildings, changes, cells and tie points", ("data",), _GPKG),
    (
        "record",
        "../result.json",
        "The record: figures, checks, provenance",
        ("metadata",),
        "application/json",
    ),
    ("report", "../report.html", "The report", ("overview",), "text/html"),
    ("summary", "../summary.csv", "The figures as one row", ("data",), "text/csv"),
    ("preview", "../figures/before_after.png", "Both dates", ("thumbnail",), "image/png"),
    ("buildings", "./buildings.geojson", "Buildings", ("data",), "application/geo+json"),
    ("changes", "./changes.geojson", "Changed regions", ("data",), "application/geo+json"),
    ("cells", "./cells.geojson", "Cells", ("data",), "application/geo+json"),
    (
        "earth",
        "./town.kmz",
        "For Google Earth",
        ("visual",),
        "application/vnd.google-earth.kmz",
    ),
)


def make_item(
    record: Record,
    *,
    place: Place,
    maps: Mapping[str, RasterFacts],
    files: Sequence[str],
    credit: str = "",
) -> dict[str, Any]:
    """Return the Item as JSON values.

    Parameters
    ----------
    record : Record
        With a grid.
    place : Place
    maps : mapping of name to RasterFacts
        The maps that exist.
    files : sequence of str
        Paths from the item's folder of other files that exist.
    credit : str
        Of the imagery.
    """
    assets = {
        name: _map_asset(name, facts, *_MAPS[name]) for name, facts in maps.items() if name in _MAPS
    }
    assets |= {
        key: {"href": href, "title": title, "type": kind, "roles": list(roles)}
        for key, href, title, roles, kind in _FILES
        if href in files
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": _identifier(record),
        "geometry": place.geometry,
        "bbox": list(place.bbox),
        "properties": _properties(record, place, credit),
        "links": [_input_link(record.inputs.before), _input_link(record.inputs.after)],
        "assets": assets,
    }


def item_text(item: Mapping[str, Any]) -> str:
    """Return the Item as a JSON document with a final newline."""
    return json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _identifier(record: Record) -> str:
    """Return a name that tells results apart: the title, and what was compared."""
    title = _UNSAFE.sub("-", record.title).strip("-.")[:80] or "changedet"
    return f"{title}-{record.inputs.before.sha256[:8]}-{record.inputs.after.sha256[:8]}"


def _properties(record: Record, place: Place, credit: str) -> dict[str, Any]:
    made = record.provenance
    found: dict[str, Any] = {
        "title": record.title or "changedet",
        "description": _description(record),
        **_times(record),
        "processing:software": {"changedet": made.version, **made.software},
        "processing:version": made.version,
        "processing:lineage": (
            "The image after was brought onto the image before, both were compared for spectral "
            "and structural change, and the evidence was decided against its distribution where "
            "nothing happened. Automatic, not validated in the field."
        ),
    }
    if (started := parse_date(made.started)) is not None:
        found["created"] = iso(started)
    if record.grid is not None:
        grid = record.grid
        code = grid.crs if re.fullmatch(r"[A-Z]+:\d+", grid.crs or "") else None
        found |= {
            "proj:code": code,
            "proj:bbox": list(place.bounds),
            "proj:shape": [grid.height, grid.width],
            "proj:transform": list(grid.transform),
        }
        if code is None:
            found["proj:wkt2"] = place.wkt
        if grid.gsd_m is not None:
            found["gsd"] = grid.gsd_m
    if credit:
        found["providers"] = [{"name": credit, "roles": ["licensor"]}]
    return found


def _description(record: Record) -> str:
    parts = ["Change between two images of one place."]
    if (built := record.built) is not None:
        parts.append(_loss("Built area destroyed", built, built.destroyed_ha))
    if (plants := record.vegetation) is not None:
        parts.append(_loss("Vegetation lost", plants, plants.lost_ha))
    return " ".join(parts)


def _loss(name: str, area: AreaRecord, loss: float | None) -> str:
    if area.before_ha is None:
        return f"{name}: not measured in this pair."
    if not area.separable:
        return f"{name}: cannot be told from no change in this pair."
    if loss is None or area.low_ha is None or area.high_ha is None:
        return f"{name}: no hectares are known."
    return f"{name}: {loss:g} ha ({area.low_ha:g} to {area.high_ha:g} ha, {area.interval_kind})."


def _times(record: Record) -> dict[str, Any]:
    """Return the dates as STAC wants them: a range, or a moment where one is not known."""
    before, after = record.inputs.before.date, record.inputs.after.date
    first, last = parse_date(before), parse_date(after)
    if first is not None and last is not None:
        if is_day(after):
            last += timedelta(days=1, seconds=-1)
        first, last = min(first, last), max(first, last)
        return {"datetime": None, "start_datetime": iso(first), "end_datetime": iso(last)}
    known = last or first or parse_date(record.provenance.started)
    if known is None:
        raise ValueError("the record has no time of its own")
    # a time is required: without dates it is that of the work
    return {"datetime": iso(known)}


def _map_asset(
    name: str, facts: RasterFacts, title: str, roles: tuple[str, ...], kind: str
) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "href": f"../maps/{name}.tif",
        "title": title,
        "type": kind,
        "roles": list(roles),
        "data_type": facts.dtype,
        "proj:shape": list(facts.shape),
        "proj:transform": list(facts.transform),
    }
    if facts.nodata is not None:
        asset["nodata"] = "nan" if facts.nodata != facts.nodata else _number(facts.nodata)
    if facts.scale != 1:
        asset |= {"raster:scale": facts.scale, "raster:offset": 0.0}
    if facts.bands:
        asset["bands"] = [
            {"name": band or f"band {number}"} for number, band in enumerate(facts.bands, start=1)
        ]
    if name == "classes":
        asset["roles"].append("classification")
        asset["classification:classes"] = [
            {
                "value": style.code,
                "name": style.name.lower().replace(" ", "-"),
                "title": style.name,
                "description": style.name,
                "color_hint": style.colour.lstrip("#").upper(),
                "nodata": style.code == 0,
            }
            for style in CLASSES
        ]
    return asset


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _input_link(image: ImageRecord) -> dict[str, str]:
    name = file_name(image.path) or "image"
    address = image.path if re.match(r"https?://", image.path) else quote(name)
    return {
        "rel": "derived_from",
        "href": address,
        "title": name,
        "changedet:sha256": image.sha256,
    }
