"""``--export ems``: a GeoPackage in the terms of the Copernicus EMS and of UNOSAT."""

from __future__ import annotations

from pathlib import Path

from changedet.api.exports import Kit
from changedet.api.exports.placed import Placed, place_kit
from changedet.io.output import write_file
from changedet.io.vector import Layer, write_geopackage
from changedet.report.gis.ems import GRADES, Found, Table, make_tables
from changedet.report.language import phrase, tell

FILES = ("ems.gpkg", "ems-README.txt")


def write(kit: Kit) -> None:
    """Write ``gis/ems.gpkg`` and what has to be known of it."""
    folder = kit.target / "gis"
    folder.mkdir(parents=True, exist_ok=True)
    place = place_kit(kit)
    tables: tuple[Table, ...] = ()
    if place is not None and place.has_classes:
        tables = make_tables(kit.record, _found(place))
        layers = [
            Layer(
                name=table.name,
                geometries=table.shapes,
                columns=table.columns,
                geometry_type=table.kind,
                about=table.about,
            )
            for table in tables
        ]
        write_geopackage(folder / "ems.gpkg", layers, crs="EPSG:4326")
    _write_readme(folder / "ems-README.txt", kit, place, tables)


def _found(place: Placed) -> Found:
    buildings, building_columns = place.read("buildings", cut=False)
    cells, cell_columns = place.read("grid_cells", cut=False)
    built = place.kit.record.built
    return Found(
        buildings=buildings,
        building_columns=building_columns,
        cells=cells,
        cell_columns=cell_columns,
        aoi=place.read("aoi", cut=False)[0],
        images=place.read("source", cut=False)[0],
        given=place.has_buildings,
        separable=built is not None and built.separable,
    )


def _write_readme(path: Path, kit: Kit, place: Placed | None, tables: tuple[Table, ...]) -> None:
    def say(key: str, **args: str) -> str:
        return tell(phrase(key, **args), kit.lang)

    lines = [say("ems-readme-title", title=kit.record.title), "", say("ems-readme-not"), ""]
    if place is None:
        lines.append(say("ems-readme-none"))
    elif not place.has_classes:
        lines.append(say("ems-readme-register"))
    else:
        lines += [f"ems.gpkg: {say('ems-readme-file')}", ""]
        lines += [f"  {table.name}: {table.about}" for table in tables]
        if not place.has_buildings:
            lines += ["", say("ems-readme-regions")]
        lines += ["", say("ems-readme-words"), ""]
        lines += [f"  {ems} = {number} {words}".rstrip() for ems, number, words in GRADES.values()]
    write_file(path, "\n".join(lines) + "\n")
