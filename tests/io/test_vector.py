"""Outlines in, a GeoPackage out."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine

from changedet.core.errors import EnvironmentFault, InputError
from changedet.core.grid import Grid
from changedet.io.places import move_points
from changedet.io.vector import (
    Layer,
    append_features,
    read_own_parts,
    read_polygons,
    write_geopackage,
)

GRID = Grid(
    width=200, height=100, transform=Affine(0.5, 0, 3e5, 0, -0.5, 4e6), crs="EPSG:32637", unit_m=1.0
)
HOUSES = [shapely.box(3e5 + 10 * i, 4e6 - 20, 3e5 + 10 * i + 6, 4e6 - 12) for i in range(5)]
BOWTIE = shapely.Polygon(
    [(3e5 + 60 + x, 4e6 - 40 + y) for x, y in ((0, 0), (10, 10), (10, 0), (0, 10))]
)


def write(
    path: Path, shapes: list, *, driver: str = "GPKG", crs: str = "EPSG:32637", **columns
) -> Path:
    pyogrio.raw.write(
        path,
        geometry=np.array(shapely.to_wkb(np.array(shapes, dtype=object)), dtype=object),
        field_data=[np.array(column) for column in columns.values()],
        fields=list(columns),
        driver=driver,
        geometry_type="Unknown",
        crs=crs,
    )
    return path


def lonlat(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(
        shape,
        lambda xy: np.column_stack(
            move_points(xy[:, 0], xy[:, 1], source="EPSG:32637", target="OGC:CRS84")
        ),
    )


@pytest.mark.parametrize(
    ("driver", "suffix"), [("GPKG", ".gpkg"), ("GeoJSON", ".json"), ("FlatGeobuf", ".fgb")]
)
def test_formats_and_crs(tmp_path: Path, driver: str, suffix: str) -> None:
    shapes = [lonlat(house) for house in HOUSES]
    path = write(tmp_path / f"houses{suffix}", shapes, driver=driver, crs="EPSG:4326")
    outlines = read_polygons(path, grid=GRID, what="footprints")
    assert len(outlines) == 5
    areas = sorted(shapely.area(outlines.geometries))
    np.testing.assert_allclose(areas, 48.0, rtol=1e-3)


def test_odd_geometries_are_counted(tmp_path: Path) -> None:
    two = shapely.multipolygons([HOUSES[1], HOUSES[3]])
    far = shapely.box(0, 0, 5, 5)
    shapes = [HOUSES[0], two, BOWTIE, far, shapely.Polygon(), None, shapely.Point(3e5 + 5, 4e6 - 5)]
    path = write(tmp_path / "houses.gpkg", shapes, id=[7, 8, 9, 10, 11, 12, 13])
    outlines = read_polygons(path, grid=GRID, what="footprints")
    assert outlines.ids == (7, 8, "8-2", 9, "9-2")
    assert outlines.repaired == 1
    assert outlines.given == 7
    assert outlines.skipped["outside"] >= 1
    assert sum(outlines.skipped.values()) == 4
    assert set(shapely.get_type_id(outlines.geometries)) == {shapely.GeometryType.POLYGON}


def test_ids_that_are_not_unique_are_not_used(tmp_path: Path) -> None:
    path = write(tmp_path / "houses.gpkg", HOUSES, id=[1, 1, 2, 3, 4])
    assert read_polygons(path, grid=GRID, what="footprints").ids == (1, 2, 3, 4, 5)


def away(east: float, north: float) -> list[shapely.Geometry]:
    return [shapely.transform(house, lambda xy: xy + np.array([east, north])) for house in HOUSES]


MISPLACED = {
    "swapped degrees": (
        [shapely.transform(lonlat(h), lambda xy: xy[:, ::-1]) for h in HOUSES],
        "EPSG:4326",
        "axes look swapped.*longitude",
    ),
    "swapped metres": (
        [shapely.transform(h, lambda xy: xy[:, ::-1]) for h in HOUSES],
        "EPSG:32637",
        "axes look swapped",
    ),
    "metres said to be degrees": (HOUSES, "EPSG:4326", "is in degrees.*are not"),
    "another zone": (HOUSES, "EPSG:32601", "they lie at .*correct the CRS"),
    "another place": (away(5e4, 0), "EPSG:32637", "give outlines of this place"),
    "no area": ([shapely.Polygon()] * 5, "EPSG:32637", "none has an area"),
}


@pytest.mark.parametrize("case", MISPLACED)
def test_outlines_beside_the_image_are_an_error_with_its_cause(tmp_path: Path, case: str) -> None:
    shapes, crs, cause = MISPLACED[case]
    path = write(tmp_path / "houses.gpkg", shapes, crs=crs)
    with pytest.raises(InputError, match="0 of 5 polygons lie inside") as caught:
        read_polygons(path, grid=GRID, what="footprints")
    assert re.search(cause, str(caught.value))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "empty file"),
        (b'<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>', "format not allowed"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "format not allowed"),
        (b"PK\x03\x04", "format not allowed"),
        (b'{"type": "FeatureCollection", "features": [', "cannot be read|empty|no polygons"),
        (json.dumps({"type": "FeatureCollection", "features": []}).encode(), "empty|no polygons"),
        (b"SQLite format 3\0" + bytes(200), "no GeoPackage"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, fact: str) -> None:
    path = tmp_path / "houses.geojson"
    path.write_bytes(content)
    with pytest.raises(InputError, match=fact) as caught:
        read_polygons(path, grid=GRID, what="footprints")
    assert str(caught.value).startswith("footprints ")
    assert "\n" not in str(caught.value)


def test_truncated_geopackage_no_crs_and_no_georeference(tmp_path: Path) -> None:
    path = write(tmp_path / "houses.gpkg", HOUSES)
    with pytest.raises(InputError, match="no georeference"):
        read_polygons(path, grid=Grid(width=9, height=9), what="aoi")
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError, match="truncated"):
        read_polygons(path, grid=GRID, what="aoi")
    shape = write(tmp_path / "houses.shp", HOUSES, driver="ESRI Shapefile")
    assert len(read_polygons(shape, grid=GRID, what="aoi")) == 5
    shape.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="has no CRS"):
        read_polygons(shape, grid=GRID, what="aoi")


def test_geopackage_with_layers_columns_and_styles(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gpkg"
    path.write_bytes(b"an older file")
    style = "<qgis><b>&lt;b&gt;</b></qgis>"
    grades = np.array(["Destroyed", None, "Damaged", "x", "'; DROP TABLE buildings"], dtype=object)
    score = np.array([0.5, np.nan, 1.0, 0.0, 0.25])
    write_geopackage(
        path,
        [
            Layer(
                name="buildings",
                geometries=HOUSES,
                columns={"grade": grades, "score": score},
                qml=style,
            ),
            Layer(
                name="tie_points",
                geometries=[],
                columns={"col": np.zeros(0)},
                geometry_type="Point",
            ),
        ],
        crs="EPSG:32637",
    )
    names = [name for name, kind in pyogrio.list_layers(path) if kind]
    assert names == ["buildings", "tie_points"]
    meta, _, wkb, values = pyogrio.raw.read(path, layer="buildings")
    assert meta["crs"] == "EPSG:32637"
    assert shapely.equals(shapely.from_wkb(wkb), np.array(HOUSES, dtype=object)).all()
    columns = dict(zip(meta["fields"], values, strict=True))
    assert columns["grade"].tolist() == grades.tolist()
    np.testing.assert_array_equal(columns["score"], score)
    connection = sqlite3.connect(path)
    (qml,) = connection.execute("SELECT styleQML FROM layer_styles").fetchone()
    (default,) = connection.execute("SELECT useAsDefault FROM layer_styles").fetchone()
    connection.close()
    assert "&lt;b&gt;" in qml
    assert default == 1


def test_geopackage_in_pixels_and_a_missing_folder(tmp_path: Path) -> None:
    layer = Layer(name="changes", geometries=[shapely.box(0, 0, 2, 2)])
    write_geopackage(tmp_path / "a.gpkg", [layer], crs=None)
    assert pyogrio.read_info(tmp_path / "a.gpkg")["features"] == 1
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_geopackage(tmp_path / "no" / "a.gpkg", [layer], crs=None)
    with pytest.raises(ValueError, match="has 2 values"):
        Layer(name="x", geometries=[], columns={"a": np.zeros(2)})


def test_a_layer_comes_back_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "own.gpkg"
    squares = [shapely.box(k, 0, k + 1, 1) for k in range(12)]
    layer = Layer(
        name="cells",
        geometries=squares[:7],
        columns={"id": np.arange(7)},
        about="A town's cells",
    )
    more = Layer(name="cells", geometries=squares[7:], columns={"id": np.arange(7, 12)})
    write_geopackage(path, [layer], crs="EPSG:32637")
    append_features(path, more, crs="EPSG:32637")
    parts = list(read_own_parts(path, "cells", size=5))
    assert [len(shapes) for shapes, _ in parts] == [5, 5, 2]
    assert [number for _, columns in parts for number in columns["id"]] == list(range(12))
    assert [shape.bounds[0] for shapes, _ in parts for shape in shapes] == list(range(12))
    assert list(read_own_parts(path, "none")) == []
    connection = sqlite3.connect(path)
    try:
        (about,) = connection.execute(
            "SELECT description FROM gpkg_contents WHERE table_name = 'cells'"
        ).fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    finally:
        connection.close()
    assert about == "A town's cells"
    assert version == 10300


def test_a_table_has_no_shapes(tmp_path: Path) -> None:
    path = tmp_path / "own.gpkg"
    table = Layer(
        name="source",
        geometries=[None, None],
        columns={"name": np.array(["a", None], object), "gsd": np.array([0.5, np.nan])},
        geometry_type="None",
    )
    square = Layer(name="aoi", geometries=[shapely.box(0, 0, 1, 1)])
    write_geopackage(path, [table, square], crs="EPSG:4326")
    meta, _, shapes, values = pyogrio.raw.read(path, layer="source")
    assert meta["geometry_type"] is None
    assert shapes is None
    assert values[0].tolist() == ["a", None]
    assert np.isnan(values[1][1])
