"""``--export gis``: GeoJSON, a KMZ for Google Earth, a QGIS project and a STAC Item."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from changedet.api.exports import Kit
from changedet.api.exports.earth import QUALITY, make_earth
from changedet.api.exports.placed import Placed, place_kit
from changedet.api.exports.project import project_layers
from changedet.io.output import faults, write_file
from changedet.io.raster import describe_own
from changedet.io.vector import own_layers
from changedet.pipeline.outputs import grid_outline
from changedet.report.gis.geojson import bounds_of, box_of, on_globe, write_features
from changedet.report.gis.kml import make_kmz
from changedet.report.gis.plain import xml_text
from changedet.report.gis.qgis import Crs, make_qgz
from changedet.report.gis.stac import Place, RasterFacts, item_text, make_item
from changedet.report.language import phrase, tell
from changedet.report.pictures import encode_jpeg, shown

FILES = {
    "buildings.geojson": "gis-file-buildings",
    "changes.geojson": "gis-file-changes",
    "cells.geojson": "gis-file-cells",
    "town.kmz": "gis-file-kmz",
    "town.qgz": "gis-file-qgz",
    "before.jpg": "gis-file-before",
    "item.json": "gis-file-stac",
}
"""What is written, and the phrase that says what it is."""
_LAYERS = {"buildings": "buildings", "changes": "changes", "cells": "grid_cells"}
_IDS = {"buildings": "id", "cells": "id", "changes": None}


def write(kit: Kit) -> None:
    """Write the files of the folder ``gis``; without a georeference only why there are none."""
    folder = kit.target / "gis"
    folder.mkdir(parents=True, exist_ok=True)
    place = place_kit(kit)
    if place is None:
        _write_readme(folder, kit, None)
        return
    _write_geojson(folder, place)
    before = encode_jpeg(shown(kit.views.before, kit.views.valid), quality=QUALITY)
    write_file(folder / "before.jpg", before)
    _write_world(folder / "before.jpg.aux.xml", place)
    write_file(folder / "town.kmz", make_kmz(make_earth(place, notes(place))))
    write_file(
        folder / "town.qgz",
        make_qgz(
            project_layers(place),
            title=kit.record.title,
            notes=notes(place),
            crs=Crs(authid=place.crs if place.crs.startswith("EPSG:") else "", wkt=place.wkt),
            extent=place.grid.bounds,
        ),
    )
    _write_item(folder, place)
    _write_readme(folder, kit, place)


def notes(place: Placed) -> tuple[str, ...]:
    """Return what has to be said with the result wherever it goes."""
    record, kit = place.kit.record, place.kit
    before, after = record.inputs.before.date, record.inputs.after.date
    lines = []
    if before and after:
        lines.append(place.say("gis-dates", before=before, after=after))
    lines.append(place.say("gis-note"))
    if kit.credit:
        lines.append(place.say("gis-credit", credit=kit.credit))
    lines.append(place.say("gis-made-with", software=f"changedet {record.provenance.version}"))
    return tuple(lines)


def _write_geojson(folder: Path, place: Placed) -> None:
    record = place.kit.record
    about = {
        "title": record.title,
        "before_date": record.inputs.before.date,
        "after_date": record.inputs.after.date,
        "software": f"changedet {record.provenance.version}",
        "credit": place.kit.credit or None,
        "note": place.say("gis-note"),
    }
    held = own_layers(place.layers)
    for name, layer in _LAYERS.items():
        if layer not in held:
            continue
        pieces = write_features(
            place.parts(layer), place.move, name=name, about=about, id_column=_IDS[name]
        )
        path = folder / f"{name}.geojson"
        with faults(path), path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)


def _write_world(path: Path, place: Placed) -> None:
    """Say where the decimated image lies, in the file that GDAL looks for beside it."""
    t = place.kit.views.grid.transform
    root = ET.Element("PAMDataset")
    ET.SubElement(root, "SRS").text = xml_text(place.wkt)
    ET.SubElement(root, "GeoTransform").text = ", ".join(
        repr(float(value)) for value in (t.c, t.a, t.b, t.f, t.d, t.e)
    )
    # GDAL looks at the first node alone: a declaration would be in its way
    write_file(path, ET.tostring(root, encoding="unicode") + "\n")


def _write_item(folder: Path, place: Placed) -> None:
    kit, grid = place.kit, place.grid
    outline = np.array([grid_outline(grid)], dtype=object)
    shapes = on_globe(outline, place.move)
    maps = {
        path.stem: RasterFacts(**describe_own(path))
        for path in sorted((kit.folder / "maps").glob("*.tif"))
    }
    candidates = ("vectors.gpkg", "result.json", "report.html", "summary.csv")
    files = [f"../{name}" for name in candidates if _has(kit, name)]
    if _has(kit, "figures/before_after.png"):
        files.append("../figures/before_after.png")
    files += [f"./{path.name}" for path in sorted(folder.iterdir())]
    item = make_item(
        kit.record,
        place=Place(
            geometry=shapes[0].__geo_interface__,
            bbox=box_of(bounds_of(shapes)) or (),
            bounds=grid.bounds,
            wkt=place.wkt,
        ),
        maps=maps,
        files=files,
        credit=kit.credit,
    )
    write_file(folder / "item.json", item_text(item))


def _has(kit: Kit, name: str) -> bool:
    # a run writes its record last
    late = name in {"result.json", "report.html"}
    return late or (kit.folder / name).is_file() or (kit.target / name).is_file()


def _write_readme(folder: Path, kit: Kit, place: Placed | None) -> None:
    def say(key: str, **args: str) -> str:
        return tell(phrase(key, **args), kit.lang)

    lines = [say("gis-readme-title", title=kit.record.title), ""]
    if place is None:
        lines += [say("gis-readme-none"), "", *FILES]
    else:
        lines += [*notes(place), "", say("gis-readme-crs", crs=place.crs), ""]
        written = {path.name for path in folder.iterdir()}
        lines += [f"{name}: {say(key)}" for name, key in FILES.items() if name in written]
        if "buildings.geojson" in written and not place.has_buildings:
            lines += ["", f"buildings.geojson: {say('gis-regions')}"]
    write_file(folder / "README.txt", "\n".join(lines) + "\n")
