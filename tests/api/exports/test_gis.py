"""Files for a GIS, written from a result and read back by other programs' rules."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.crs import CRS
from rasterio.warp import transform as warp

from changedet import api
from changedet.api.exports import Kit, earth, ems, gis
from changedet.api.exports.placed import place_kit
from changedet.api.views import views_of_folder
from changedet.io import output
from changedet.report.gis.qgis import sources
from changedet.report.qml import LAYERS

KML = "{http://www.opengis.net/kml/2.2}"
GX = "{http://www.google.com/kml/ext/2.2}"


def kit_of(result: api.Result, **changes: Any) -> Kit:
    views = views_of_folder(result.folder, result.record)
    assert views is not None
    kit = Kit(
        folder=result.folder, target=result.folder, record=result.record, views=views, lang="en"
    )
    return replace(kit, **changes)


@pytest.fixture(scope="module")
def out(small_result: api.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder ``gis`` of a copy of the small result, with both exports."""
    folder = tmp_path_factory.mktemp("copied") / "out"
    shutil.copytree(small_result.folder, folder)
    for export in (gis, ems):
        export.write(kit_of(small_result, folder=folder, target=folder))
    return folder / "gis"


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_everything_written_is_listed_to_be_replaced(out: Path) -> None:
    names = {f"gis/{path.name}" for path in out.iterdir()}
    assert names <= set(output._PRODUCTS)
    assert {*gis.FILES, *ems.FILES} <= {path.name for path in out.iterdir()}


def test_a_known_place_comes_out_at_its_longitude_and_latitude(small_result: api.Result) -> None:
    grid = small_result.record.grid
    assert grid is not None
    there = grid.model_copy(update={"crs": "EPSG:32637"})
    record = small_result.record.model_copy(update={"grid": there})
    place = place_kit(kit_of(small_result, record=record))
    assert place is not None
    # the central meridian of zone 37 at the equator
    lon, lat = place.move(np.array([500_000.0]), np.array([0.0]))
    assert (round(float(lon[0]), 9), round(float(lat[0]), 9)) == (39, 0)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("buildings", "buildings"), ("changes", "changes"), ("cells", "grid_cells")],
)
def test_geojson_holds_the_layer_in_wgs84(out: Path, name: str, layer: str) -> None:
    found = read_json(out / f"{name}.geojson")
    package = out.parent / "vectors.gpkg"
    meta, _, shapes, _values = pyogrio.raw.read(package, layer=layer)
    assert len(found["features"]) == len(shapes) > 0
    assert set(found["features"][0]["properties"]) == set(meta["fields"])
    xs, ys = shapely.get_coordinates(shapely.from_wkb(shapes[0])).T
    lons, lats = warp(meta["crs"], "EPSG:4326", xs, ys)
    given = shapely.from_geojson(json.dumps(found["features"][0]["geometry"]))
    expected = (min(lons), min(lats), max(lons), max(lats))
    assert given.bounds == pytest.approx(expected, abs=1e-7)
    assert all(round(x, 7) == x for x in shapely.get_coordinates(given).ravel())
    west, south, east, north = found["bbox"]
    assert west < east
    assert south < north


def test_grades_in_geojson_are_those_of_the_record(out: Path, small_result: api.Result) -> None:
    found = read_json(out / "buildings.geojson")
    grades = [item["properties"]["grade"] for item in found["features"]]
    assert small_result.buildings is not None
    assert grades.count("Destroyed") == small_result.buildings.destroyed
    assert len(grades) == small_result.buildings.total


def test_the_kmz_holds_what_it_refers_to_and_every_building(
    out: Path, small_result: api.Result
) -> None:
    with zipfile.ZipFile(out / "town.kmz") as archive:
        root = ET.fromstring(archive.read("doc.kml"))  # noqa: S314
        hrefs = {item.text or "" for item in root.iter(f"{KML}href")}
        sizes = {name: Image.open(io.BytesIO(archive.read(name))).size for name in hrefs}
    views = kit_of(small_result).views
    assert sizes["files/before.jpg"] == sizes["files/classes.png"] == (views.width, views.height)
    assert max(sizes["files/before.jpg"]) <= 2048
    urls = [item.text or "" for item in root.iter(f"{KML}styleUrl")]
    assert small_result.buildings is not None
    assert sum(url.startswith("#g0-") for url in urls) == small_result.buildings.total
    assert any(url.startswith("#g1-") for url in urls)  # cells


def test_images_of_the_kmz_lie_on_the_corners_of_the_grid(
    out: Path, small_result: api.Result
) -> None:
    with zipfile.ZipFile(out / "town.kmz") as archive:
        root = ET.fromstring(archive.read("doc.kml"))  # noqa: S314
    text = root.find(f".//{GX}LatLonQuad/{KML}coordinates")
    assert text is not None
    corners = [tuple(map(float, item.split(",")[:2])) for item in (text.text or "").split()]
    grid = small_result.record.grid
    assert grid is not None
    left, top, side = grid.transform[2], grid.transform[5], grid.width * grid.transform[0]
    xs, ys = [left, left + side, left + side, left], [top - side, top - side, top, top]
    lons, lats = warp(grid.crs, "EPSG:4326", xs, ys)
    np.testing.assert_allclose(corners, np.stack([lons, lats], axis=1), atol=1e-8)


def test_only_the_gravest_buildings_go_to_google_earth(
    small_result: api.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earth, "MOST", 3)
    place = place_kit(kit_of(small_result))
    assert place is not None
    (group, *_) = earth.make_earth(place, ()).groups
    assert sum(len(inner.shapes) for inner in group.groups) == 3
    assert "Destroyed" in group.groups[0].name
    assert small_result.buildings is not None
    assert group.name.endswith(f"(3 / {small_result.buildings.total})")


def test_a_mirrored_grid_is_turned_over(small_result: api.Result) -> None:
    kit = kit_of(small_result)
    grid = kit.views.grid
    t = grid.transform
    flipped = replace(grid, transform=type(t)(t.a, t.b, t.c, t.d, -t.e, t.f + t.e * grid.height))
    views = replace(
        kit.views,
        grid=flipped,
        **{
            name: getattr(kit.views, name)[::-1].copy()
            for name in ("before", "after", "valid", "classes")
        },
    )
    upright, turned = (place_kit(kit), place_kit(replace(kit, views=views)))
    assert upright is not None
    assert turned is not None
    one, two = earth.make_earth(upright, ()), earth.make_earth(turned, ())
    for first, second in zip(one.overlays, two.overlays, strict=True):
        np.testing.assert_allclose(first.corners, second.corners, atol=1e-12)
    # the classes are without loss: the same picture
    assert one.overlays[0].data == two.overlays[0].data


def test_the_project_refers_to_files_of_the_result(out: Path) -> None:
    with zipfile.ZipFile(out / "town.qgz") as archive:
        text = archive.read("town.qgs").decode("utf-8")
    paths = list(sources(text))
    assert len(paths) == 11
    for path in paths:
        assert not Path(path).is_absolute()
        assert (out / path).is_file(), path
    layers = {str(row[0]) for row in pyogrio.list_layers(out.parent / "vectors.gpkg")}
    for element in ET.fromstring(text).iter("datasource"):  # noqa: S314
        name = (element.text or "").partition("|layername=")[2]
        assert not name or name in layers


def test_every_layer_of_the_package_has_a_style(out: Path) -> None:
    connection = sqlite3.connect(out.parent / "vectors.gpkg")
    try:
        rows = connection.execute(
            "SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault"
        ).fetchall()
    finally:
        connection.close()
    styles = dict(rows)
    assert set(styles) == set(LAYERS)
    for text in styles.values():
        assert ET.fromstring(text).find("renderer-v2") is not None  # noqa: S314


def test_the_image_before_has_its_place(out: Path, small_result: api.Result) -> None:
    grid = kit_of(small_result).views.grid
    with rasterio.open(out / "before.jpg") as file:
        assert file.transform.almost_equals(grid.transform)
        assert file.crs == rasterio.crs.CRS.from_user_input(grid.crs)


def test_the_item_is_stac_and_its_assets_exist(out: Path) -> None:
    item = read_json(out / "item.json")
    pystac.Item.from_dict({**item, "stac_extensions": []}, preserve_dict=True).validate()
    late = {"record", "report"}  # a run writes them last
    for name, asset in item["assets"].items():
        assert name in late or (out / asset["href"]).is_file(), name
    assert {"classes", "vectors", "buildings", "earth"} <= set(item["assets"])
    assert "/" not in item["links"][0]["href"]


def test_the_same_result_gives_the_same_bytes(out: Path, small_result: api.Result, tmp_path: Path):
    for export in (gis, ems):
        export.write(kit_of(small_result, target=tmp_path))
    for path in sorted(out.iterdir()):
        if path.name != "ems.gpkg":  # a GeoPackage bears the time of its last change
            assert path.read_bytes() == (tmp_path / "gis" / path.name).read_bytes(), path.name


def test_the_package_of_ems_terms_counts_as_the_record(out: Path, small_result: api.Result) -> None:
    package = out / "ems.gpkg"
    names = {str(row[0]) for row in pyogrio.list_layers(package)}
    expected = {"builtUpA", "unosat_points", "rdba_500m", "areaOfInterestA", "imageFootprintA"}
    assert names == {*expected, "source", "summary"}
    meta, _, _, values = pyogrio.raw.read(package, layer="builtUpA")
    grades = dict(zip(meta["fields"], values, strict=True))["damage_gra"].tolist()
    assert small_result.buildings is not None
    assert grades.count("Destroyed") == small_result.buildings.destroyed
    assert meta["crs"] == "EPSG:4326"
    text = (out / "ems-README.txt").read_text("utf-8")
    assert "not validated" in text


def test_across_the_antimeridian_no_box_spans_the_globe(
    small_result: api.Result, tmp_path: Path
) -> None:
    """The same result, on a meridian that lets its middle lie at 180 degrees."""
    grid = small_result.record.grid
    assert grid is not None
    t, half = grid.transform, grid.width // 2
    (lon,), _ = warp(grid.crs, "EPSG:4326", [t[2] + half * t[0]], [t[5] + half * t[4]])
    meridian = 180 - (lon - 39)
    there = CRS.from_proj4(
        f"+proj=tmerc +lat_0=0 +lon_0={meridian:.9f} +k=0.9996 +x_0=500000 +ellps=WGS84"
    )
    assert grid.crs == "EPSG:32637"  # of the meridian 39 E
    record = small_result.record.model_copy(
        update={"grid": grid.model_copy(update={"crs": there.to_wkt()})}
    )
    for export in (gis, ems):
        export.write(kit_of(small_result, record=record, target=tmp_path))
    out = tmp_path / "gis"
    for name in ("buildings.geojson", "changes.geojson", "cells.geojson", "item.json"):
        west, south, east, north = read_json(out / name)["bbox"]
        assert 179.99 < west < 180, name
        assert -180 < east < -179.99, name
        assert 0 < north - south < 0.01, name
    with zipfile.ZipFile(out / "town.kmz") as archive:
        root = ET.fromstring(archive.read("doc.kml"))  # noqa: S314
    quads = [item.text or "" for item in root.iterfind(f".//{GX}LatLonQuad/{KML}coordinates")]
    rings = [item.text or "" for item in root.iterfind(f".//{KML}LinearRing/{KML}coordinates")]
    assert len(quads) == 3
    assert len(rings) > small_result.record.buildings.total
    for text in (*quads, *rings):
        assert np.ptp([float(item.split(",")[0]) for item in text.split()]) < 0.01
    views = views_of_folder(small_result.folder, record)
    assert views is not None
    assert views.lonlat is not None
    assert np.ptp(views.lonlat[..., 0]) < 0.01
    for layer in ("builtUpA", "rdba_500m", "areaOfInterestA", "imageFootprintA"):
        info = pyogrio.read_info(out / "ems.gpkg", layer=layer, force_total_bounds=True)
        west, _, east, _ = info["total_bounds"]
        assert 179.99 < west < 180 < east < 180.01, layer


@pytest.mark.parametrize("lang", ["en", "uk"])
def test_without_a_georeference_the_reason_is_all_there_is(
    small_result: api.Result, tmp_path: Path, lang: str
) -> None:
    assert small_result.record.grid is not None
    grid = small_result.record.grid.model_copy(update={"crs": None})
    record = small_result.record.model_copy(update={"grid": grid})
    for export in (gis, ems):
        export.write(kit_of(small_result, record=record, target=tmp_path, lang=lang))
    written = {path.name for path in (tmp_path / "gis").iterdir()}
    assert written == {"README.txt", "ems-README.txt"}
    word = {"en": "no georeference", "uk": "не має географічної прив’язки"}[lang]
    for name in written:
        assert word in (tmp_path / "gis" / name).read_text("utf-8")


def test_regions_are_exported_as_such(small_run: Any, tmp_path: Path) -> None:
    """Without footprints nothing is called a building."""
    record, folder = small_run.record, tmp_path / "out"
    shutil.copytree(small_run.folder, folder)
    (folder / "figures").mkdir(exist_ok=True)
    side = 384
    picture = Image.fromarray(np.full((side, side, 3), 90, np.uint8))
    picture.save(folder / "figures" / "before.png")
    views = views_of_folder(folder, record)
    assert views is not None
    kit = Kit(folder=folder, target=tmp_path, record=record, views=views, lang="en")
    for export in (gis, ems):
        export.write(kit)
    assert "no single buildings" in (tmp_path / "gis" / "README.txt").read_text("utf-8")
    names = {str(row[0]) for row in pyogrio.list_layers(tmp_path / "gis" / "ems.gpkg")}
    assert "unosat_points" not in names


def test_co_registration_alone_has_images_and_tie_points(small_files: Any, tmp_path: Path) -> None:
    found = api.register(small_files.before, small_files.after, output=tmp_path / "out")
    folder = tmp_path / "out"
    views = views_of_folder(folder, found.record)
    assert views is not None
    kit = Kit(folder=folder, target=folder, record=found.record, views=views, lang="en")
    for export in (gis, ems):
        export.write(kit)
    names = {path.name for path in (folder / "gis").iterdir()}
    assert not names & {"buildings.geojson", "changes.geojson", "cells.geojson", "ems.gpkg"}
    with zipfile.ZipFile(folder / "gis" / "town.qgz") as archive:
        paths = list(sources(archive.read("town.qgs").decode("utf-8")))
    assert sorted(paths) == [
        "../maps/aligned.tif",
        "../vectors.gpkg",
        "../vectors.gpkg",
        "./before.jpg",
    ]
    with zipfile.ZipFile(folder / "gis" / "town.kmz") as archive:
        assert set(archive.namelist()) == {"doc.kml", "files/before.jpg", "files/after.jpg"}
    assert "not compared" in (folder / "gis" / "ems-README.txt").read_text("utf-8")


def _qgis() -> str | None:
    """Return a Python that knows QGIS."""
    for python in ("/usr/bin/python3",):
        if Path(python).is_file():
            code = subprocess.run(
                [python, "-c", "import qgis.core"], capture_output=True, check=False
            ).returncode
            if code == 0:
                return python
    return None


_READ = """
import json, sys
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
project = QgsProject.instance()
told = {"read": project.read(sys.argv[1] + "/gis/town.qgz"), "crs": project.crs().authid()}
told["layers"] = {
    key: [layer.isValid(), layer.crs().authid(), type(layer.renderer()).__name__]
    for key, layer in project.mapLayers().items()
}
told["alone"] = {
    name: type(QgsVectorLayer(sys.argv[1] + "/vectors.gpkg|layername=" + name, name, "ogr")
               .renderer()).__name__
    for name in ("buildings", "changes", "grid_cells", "tie_points", "source")
}
print("TOLD" + json.dumps(told))
app.exitQgis()
"""


def test_qgis_opens_the_project_and_takes_the_styles(
    out: Path, small_result: api.Result, tmp_path: Path
) -> None:
    python = _qgis()
    if python is None:
        pytest.skip("QGIS is not installed")
    environment = {
        **{key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ},
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [python, "-c", _READ, str(out.parent)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("TOLD")]
    told = json.loads(line.removeprefix("TOLD"))
    assert small_result.record.grid is not None
    crs = small_result.record.grid.crs
    assert told["read"]
    assert told["crs"] == crs
    assert len(told["layers"]) == 11
    assert all(valid and authid == crs for valid, authid, _ in told["layers"].values())
    kinds = {key.removeprefix("changedet_"): kind for key, (_, _, kind) in told["layers"].items()}
    assert kinds["classes"] == "QgsPalettedRasterRenderer"
    assert kinds["pixel_change"] == "QgsSingleBandPseudoColorRenderer"
    assert kinds["grid_cells"] == told["alone"]["grid_cells"] == "QgsGraduatedSymbolRenderer"
    for name in ("buildings", "changes", "tie_points", "source"):
        assert kinds[name] == told["alone"][name] == "QgsCategorizedSymbolRenderer"
