from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

from changedet.report import qml
from changedet.report.gis.qgis import Crs, LayerGroup, ProjectLayer, make_qgs, make_qgz, sources

CRS = Crs(authid="EPSG:32637", wkt='PROJCRS["WGS 84 / UTM zone 37N"]')


def layer(key, kind="raster", source="../maps/classes.tif"):
    style = qml.classes_style() if kind == "raster" else qml.buildings_style()
    return ProjectLayer(key=key, name="<b>A</b>\x01", source=source, kind=kind, style=style)


GROUPS = (
    LayerGroup(
        name="Result",
        layers=(layer("changedet_buildings", "Polygon", "../vectors.gpkg|layername=buildings"),),
    ),
    LayerGroup(name="Maps & more", layers=(layer("changedet_classes"),)),
)


def project(title="Town"):
    return make_qgs(GROUPS, title=title, notes=["note"], crs=CRS, extent=(0, 1, 2, 3))


def test_layers_stand_in_the_tree_in_the_order_of_the_map():
    root = ET.fromstring(project())  # noqa: S314
    tree = [item.get("id") for item in root.iter("layer-tree-layer")]
    held = [item.text for item in root.findall("projectlayers/maplayer/id")]
    order = [item.get("id") for item in root.findall("layerorder/layer")]
    assert tree == held == order == ["changedet_buildings", "changedet_classes"]


def test_qgis_keeps_the_ids_of_layers():
    # it replaces those of ten characters and fewer
    root = ET.fromstring(project())  # noqa: S314
    assert all(len(item.text) > 10 for item in root.findall("projectlayers/maplayer/id"))


def test_paths_are_relative_and_the_project_says_so():
    text = project()
    assert list(sources(text)) == ["../vectors.gpkg", "../maps/classes.tif"]
    root = ET.fromstring(text)  # noqa: S314
    assert root.find("properties/Paths/Absolute").text == "false"
    assert root.find("projectCrs/spatialrefsys/authid").text == "EPSG:32637"


def test_each_layer_has_its_renderer():
    root = ET.fromstring(project())  # noqa: S314
    vector, raster = root.findall("projectlayers/maplayer")
    assert vector.find("renderer-v2").get("attr") == "grade"
    assert raster.find("pipe/rasterrenderer").get("type") == "paletted"


def test_names_are_text_and_the_archive_is_the_same_each_time():
    root = ET.fromstring(project("<i>\x02Town"))  # noqa: S314
    assert root.find("title").text == "<i>Town"
    assert root.find("projectlayers/maplayer/layername").text == "<b>A</b>"
    wishes = {"title": "Town", "notes": [], "crs": CRS, "extent": (0.0, 1.0, 2.0, 3.0)}
    data = make_qgz(GROUPS, **wishes)
    assert data == make_qgz(GROUPS, **wishes)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["town.qgs"]
