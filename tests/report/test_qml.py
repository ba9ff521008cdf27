from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from changedet.report import qml
from changedet.report.palette import CHANGES, CLASSES, GRADES


def parse(text):
    return ET.fromstring(text)  # noqa: S314


def test_classes_have_all_codes_and_hide_only_what_is_no_change():
    entries = parse(qml.classes_qml()).findall(".//paletteEntry")
    assert [int(item.get("value")) for item in entries] == [0, 1, 2, 3, 4, 5]
    assert [item.get("alpha") for item in entries] == ["0", "0", "255", "255", "255", "255"]
    assert [item.get("color") for item in entries] == [style.colour for style in CLASSES]


@pytest.mark.parametrize(
    ("text", "attribute", "values"),
    [
        (qml.buildings_qml(), "grade", [style.name for style in GRADES]),
        (qml.changes_qml(), "class", [str(style.code) for style in CHANGES]),
        (qml.changes_qml(attribute="code"), "code", [str(style.code) for style in CHANGES]),
    ],
)
def test_each_value_has_its_symbol(text, attribute, values):
    root = parse(text)
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == attribute
    categories = renderer.findall("categories/category")
    assert [item.get("value") for item in categories] == values
    symbols = {item.get("name") for item in renderer.findall("symbols/symbol")}
    assert {item.get("symbol") for item in categories} == symbols


def test_the_document_type_is_that_of_qgis():
    assert qml.classes_qml().startswith("<!DOCTYPE qgis")
