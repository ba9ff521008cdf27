from __future__ import annotations

import itertools
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


@pytest.mark.parametrize("name", qml.LAYERS)
@pytest.mark.parametrize("lang", ["en", "uk"])
def test_every_layer_has_symbols_for_all_that_it_names(name, lang):
    renderer = qml.LAYERS[name](lang).find("renderer-v2")
    symbols = [item.get("name") for item in renderer.findall("symbols/symbol")]
    parts = renderer.findall("categories/category") + renderer.findall("ranges/range")
    assert symbols == [str(number) for number in range(max(1, len(parts)))]
    assert [item.get("symbol") for item in parts] == symbols[: len(parts)]


def test_cells_are_coloured_in_steps_without_gaps():
    ranges = qml.cells_style().findall("renderer-v2/ranges/range")
    limits = [(float(item.get("lower")), float(item.get("upper"))) for item in ranges]
    assert limits[0][0] == 0
    assert limits[-1][1] == 1
    assert all(one[1] == two[0] for one, two in itertools.pairwise(limits))
    colours = [qml.cell_colour(low) for low, _ in limits]
    assert len(set(colours)) == len(limits)
    assert qml.cell_colour(1.0) == colours[-1]


def test_evidence_runs_from_nothing_to_one():
    items = qml.evidence_style().findall(".//item")
    assert [float(items[0].get("value")), float(items[-1].get("value"))] == [0, 1]
    assert [items[0].get("alpha"), items[-1].get("alpha")] == ["0", "255"]


def test_an_image_is_stretched_alike_in_all_bands():
    found = qml.image_style((100, 900), (3, 2, 1)).find("pipe/rasterrenderer")
    assert [found.get(f"{name}Band") for name in ("red", "green", "blue")] == ["3", "2", "1"]
    assert [item.text for item in found.iter("maxValue")] == ["900"] * 3
    grey = qml.image_style(None, (1,)).find("pipe/rasterrenderer")
    assert grey.get("grayBand") == "1"
    assert grey.find("contrastEnhancement") is None


def test_labels_are_told_in_the_language():
    labels = [item.get("label") for item in qml.buildings_style("uk").iter("category")]
    values = [item.get("value") for item in qml.buildings_style("uk").iter("category")]
    assert labels[0] == "Зруйновано"
    assert values == [style.name for style in GRADES]
