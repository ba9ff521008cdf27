from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import shapely

from changedet.report.gis.kml import Earth, Group, Look, Overlay, Shape, make_kml, make_kmz

KML = "{http://www.opengis.net/kml/2.2}"
GX = "{http://www.google.com/kml/ext/2.2}"
EVIL = '<script>alert("1")</script> $[id] & \x00'
CORNERS = ((37.0, 48.0), (37.5, 48.0), (37.5, 48.25), (37.0, 48.25))


@pytest.fixture
def earth():
    hole = [(0.2, 0.2), (0.4, 0.2), (0.4, 0.4), (0.2, 0.2)]
    square = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [hole])
    shapes = [
        Shape(name=EVIL, shape=square, rows=[("Reason", EVIL)]),
        Shape(
            name="two",
            shape=shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]),
            rows=[],
        ),
    ]
    inner = Group(name="Destroyed", look=Look(line="#d55e00", width=2, fill=90), shapes=shapes)
    return Earth(
        title=EVIL,
        notes=[EVIL],
        images="Images",
        overlays=[
            Overlay(
                name="Before",
                href="files/before.jpg",
                data=b"jpeg",
                corners=CORNERS,
                span=("2022-05-08", "2023-05-15"),
            )
        ],
        groups=[Group(name="Buildings", groups=[inner])],
        span=("2023-05-15", None),
        legend_name="Legend",
        legend=b"png",
    )


def parse(earth):
    return ET.fromstring(make_kml(earth))  # noqa: S314


def test_an_overlay_lies_at_its_corners_from_the_lower_left_on(earth):
    overlay = parse(earth).find(f".//{KML}GroundOverlay")
    text = overlay.find(f"{GX}LatLonQuad/{KML}coordinates").text
    assert [tuple(map(float, item.split(",")[:2])) for item in text.split()] == list(CORNERS)
    assert overlay.find(f"{KML}Icon/{KML}href").text == "files/before.jpg"
    assert overlay.find(f"{KML}TimeSpan/{KML}begin").text == "2022-05-08"
    assert overlay.find(f"{KML}TimeSpan/{KML}end").text == "2023-05-15"


def test_attributes_are_text_in_names_and_balloons(earth):
    mark = parse(earth).find(f".//{KML}Placemark")
    assert mark.find(f"{KML}name").text == EVIL.replace("\x00", "")
    balloon = mark.find(f"{KML}description").text
    assert "<script" not in balloon
    assert "&lt;script&gt;" in balloon
    assert "$[" not in balloon


def test_a_polygon_keeps_its_holes_and_its_parts(earth):
    marks = parse(earth).findall(f".//{KML}Placemark")
    polygon = marks[0].find(f"{KML}Polygon")
    ring = polygon.find(f"{KML}outerBoundaryIs/{KML}LinearRing/{KML}coordinates").text
    assert ring.split()[:2] == ["0.0,0.0,0", "1.0,0.0,0"]
    assert len(polygon.findall(f"{KML}innerBoundaryIs")) == 1
    assert len(marks[1].findall(f"{KML}MultiGeometry/{KML}Polygon")) == 2


def test_folders_nest_and_every_style_that_is_asked_for_is_there(earth):
    root = parse(earth)
    names = [item.find(f"{KML}name").text for item in root.iter(f"{KML}Folder")]
    assert names == ["Images", "Buildings", "Destroyed"]
    styles = {f"#{item.get('id')}" for item in root.iter(f"{KML}Style")}
    assert {item.text for item in root.iter(f"{KML}styleUrl")} <= styles
    line = root.find(f".//{KML}LineStyle/{KML}color").text
    assert line == "ff005ed5"  # alpha, blue, green, red


def test_a_group_that_is_off_hides_its_polygons(earth):
    (group,) = earth.groups
    off = replace(group, groups=[replace(group.groups[0], visible=False)])
    marks = parse(replace(earth, groups=[off])).findall(f".//{KML}Placemark")
    assert {mark.find(f"{KML}visibility").text for mark in marks} == {"0"}


def test_the_archive_is_the_same_each_time_and_holds_what_is_referred_to(earth):
    data = make_kmz(earth)
    assert data == make_kmz(earth)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        assert archive.namelist()[0] == "doc.kml"
        assert archive.testzip() is None
    assert {item.text for item in parse(earth).iter(f"{KML}href")} <= names
