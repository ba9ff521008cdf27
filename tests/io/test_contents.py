"""Files of outlines and points that would have OGR or PROJ do more than read them."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from rasterio.errors import CRSError

from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.places import parse_crs
from changedet.io.points import read_tie_points
from changedet.io.vector import read_polygons
from tests.serving import Server

GRID = Grid(
    width=200, height=100, transform=Affine(0.5, 0, 3e5, 0, -0.5, 4e6), crs="EPSG:32637", unit_m=1.0
)
HOUSE = shapely.box(3e5 + 10, 4e6 - 20, 3e5 + 16, 4e6 - 12)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.done.set()
    made.http.shutdown()
    made.http.server_close()


def write_geojson(path: Path, crs: str) -> Path:
    house = json.dumps({"type": "Feature", "properties": {"crs": "local", "link": "http://x"},
                        "geometry": shapely.geometry.mapping(HOUSE)})  # fmt: skip
    path.write_text(f'{{"type": "FeatureCollection", {crs} "features": [{house}]}}', "utf-8")
    return path


def write_geopackage(path: Path) -> Path:
    pyogrio.raw.write(path, geometry=np.array([shapely.to_wkb(HOUSE)], dtype=object), field_data=[],
                      fields=[], driver="GPKG", layer="houses", geometry_type="Polygon",
                      crs="EPSG:32637", dataset_options={"VERSION": "1.3"},
                      layer_options={"FID": "fid", "GEOMETRY_NAME": "geom"})  # fmt: skip
    return path


@pytest.mark.parametrize(
    "crs",
    [
        '"crs": {"type": "link", "properties": {"href": "%s/crs"}},',
        '"crs" : {"type": "URL", "properties": {"url": "%s/crs"}},',
        '"\\u0063rs": {"type": "l\\u0069nk", "properties": {"href": "%s/crs"}},',
        '"CRS": {"Type": "link", "properties": {"href": "%s/crs"}},',
        '"crs": /* */ {"type": "link", "properties": {"href": "%s/crs"}},',
        '"crs": {"type": "name", "type": "link", "properties": {"href": "%s/crs"}},',
        "'crs': {'type': 'link', 'properties': {'href': '%s/crs'}},",
    ],
)
def test_a_geojson_does_not_have_a_server_asked(tmp_path: Path, server: Server, crs: str) -> None:
    path = write_geojson(tmp_path / "houses.geojson", crs % server.address)
    with pytest.raises(InputError, match="its CRS is not given by name"):
        read_polygons(path, grid=GRID, what="footprints")
    assert server.asked == []


@pytest.mark.parametrize("before", [0, 2**24 - 40, 2**24 - 3])
def test_a_crs_across_pieces_is_seen(tmp_path: Path, before: int) -> None:
    blank = " " * before
    named = '"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32637"}},'
    path = write_geojson(tmp_path / "houses.geojson", blank + named)
    assert len(read_polygons(path, grid=GRID, what="footprints")) == 1
    write_geojson(
        path, blank + '"crs": {"type": "link", "properties": {"href": "http://[::1]:9/"}},'
    )
    with pytest.raises(InputError, match="not given by name"):
        read_polygons(path, grid=GRID, what="footprints")


_VIRTUAL = """
UPDATE sqlite_master SET rootpage = 0, sql = 'CREATE VIRTUAL TABLE houses USING
VirtualOGR(''/etc/passwd'')' WHERE name = 'houses'
"""
_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid FROM n"


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (f"ALTER TABLE houses RENAME TO kept; CREATE VIEW houses AS {_ENDLESS}", "is a view"),
        (f"PRAGMA writable_schema = ON; {_VIRTUAL}", "virtual table"),
        ("DROP TABLE gpkg_contents", "no such table"),
    ],
)  # fmt: skip
def test_a_geopackage_holds_rows_not_queries(tmp_path: Path, change: str, fact: str) -> None:
    path = write_geopackage(tmp_path / "houses.gpkg")
    assert len(read_polygons(path, grid=GRID, what="footprints")) == 1
    connection = sqlite3.connect(path)
    for (trigger,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    connection.executescript(change)
    connection.close()
    with pytest.raises(InputError, match=fact) as caught:
        read_polygons(path, grid=GRID, what="footprints")
    assert str(caught.value).isprintable()


def test_a_corner_that_is_no_number_spoils_its_polygon_alone(tmp_path: Path) -> None:
    """Bounds pass over NaN: the shape went on to GEOS, which cannot judge it."""
    path = write_geopackage(tmp_path / "houses.gpkg")
    corners = [(3e5 + 30, 4e6 - 30), (3e5 + 40, float("nan")), (3e5 + 40, 4e6 - 20)]
    flat = [number for corner in (*corners, corners[0]) for number in corner]
    broken = struct.pack("<BIII8d", 1, 3, 1, 4, *flat)
    header = b"GP\x00\x01" + (32637).to_bytes(4, "little")
    connection = sqlite3.connect(path)
    for (trigger,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    connection.execute("INSERT INTO houses (geom) VALUES (?)", (header + broken,))
    connection.execute("DROP TABLE rtree_houses_geom")
    connection.execute("DELETE FROM gpkg_extensions")
    connection.commit()
    connection.close()
    outlines = read_polygons(path, grid=GRID, what="footprints")
    assert len(outlines) == 1


def test_the_crs_of_tie_points_is_neither_an_address_nor_a_file(
    tmp_path: Path, server: Server
) -> None:
    secret = tmp_path / "secret.prj"
    secret.write_text(parse_crs("EPSG:32636").to_wkt(), "utf-8")
    rows = "".join(f"{3e5 + n},{4e6 - n * n},{n},{-n * n},1\n" for n in range(5))
    path = tmp_path / "a.points"
    for crs in (f"{server.address}/crs", str(secret), f"{secret}:1"):
        path.write_text(f"#CRS: {crs}\nmapX,mapY,sourceX,sourceY,enable\n{rows}", "utf-8")
        with pytest.raises(InputError, match="the CRS in its first line is not known"):
            read_tie_points(path, before=GRID, after=GRID)
    assert server.asked == []


@pytest.mark.parametrize(
    "text",
    ["EPSG:32637", "urn:ogc:def:crs:EPSG::32637", "OGC:CRS84", "+proj=utm +zone=37", "ESRI:102008"],
)
def test_forms_of_a_crs(text: str) -> None:
    known = parse_crs(text)
    assert parse_crs(known.to_wkt()) == known


def test_what_is_no_crs() -> None:
    for text in ("http://127.0.0.1:9/", "/etc/passwd", "a.prj", "", "EPSG:", "file:///etc/passwd"):
        with pytest.raises(CRSError):
            parse_crs(text)
