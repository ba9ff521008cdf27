from __future__ import annotations

import json
import re

import pystac
import pytest

from changedet.report.gis.stac import Place, RasterFacts, item_text, make_item

SQUARE = [[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.1], [10.0, 50.0]]
PLACE = Place(
    geometry={"type": "Polygon", "coordinates": [SQUARE]},
    bbox=[10.0, 50.0, 10.1, 50.1],
    bounds=(1.0, 2.0, 3.0, 4.0),
    wkt='PROJCRS["own"]',
)
FACTS = RasterFacts(
    dtype="uint8",
    nodata=255.0,
    scale=0.004,
    bands=("evidence",),
    transform=(0.5, 0.0, 1.0, 0.0, -0.5, 4.0),
    shape=(4, 5),
)
MAPS = {
    "classes": RasterFacts(
        dtype="uint8", nodata=0.0, scale=1.0, bands=("class",), transform=(1,) * 6, shape=(4, 5)
    ),
    "pixel_change": FACTS,
    "correspondence": RasterFacts(
        dtype="float64",
        nodata=float("nan"),
        scale=1.0,
        bands=("column", ""),
        transform=(1,) * 6,
        shape=(2, 2),
    ),
}


def item_of(record, **wishes):
    files = ["../vectors.gpkg", "./cells.geojson"]
    return make_item(record, place=PLACE, maps=MAPS, files=files, **wishes)


def with_dates(record, before, after):
    images = (
        image.model_copy(update={"date": date})
        for image, date in ((record.inputs.before, before), (record.inputs.after, after))
    )
    inputs = dict(zip(("before", "after"), images, strict=True))
    return record.model_copy(update={"inputs": record.inputs.model_copy(update=inputs)})


@pytest.mark.parametrize(
    ("before", "after"),
    [("2022-05-08", "2023-05-15T08:45:00"), (None, "2023-05-15"), (None, None)],
)
def test_it_is_an_item_of_stac(record, before, after):
    item = json.loads(item_text(item_of(with_dates(record, before, after), credit="Owner")))
    # the schemas of the core come with pystac; those of the extensions are on the web
    found = pystac.Item.from_dict({**item, "stac_extensions": []}, preserve_dict=True)
    assert [name for name in found.validate() if name.endswith("item.json")]


def test_a_range_of_dates_takes_the_place_of_a_moment(record):
    properties = item_of(with_dates(record, "2022-05-08", "2023-05-15"))["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2022-05-08T00:00:00Z"
    assert properties["end_datetime"] == "2023-05-15T23:59:59Z"


def test_without_dates_the_time_of_the_work_stands_in(record):
    properties = item_of(with_dates(record, None, None))["properties"]
    assert properties["datetime"] == properties["created"]
    assert "start_datetime" not in properties


def test_assets_are_relative_and_say_what_their_values_mean(record):
    assets = item_of(record)["assets"]
    assert set(assets) == {*MAPS, "vectors", "cells"}
    assert assets["pixel_change"]["href"] == "../maps/pixel_change.tif"
    assert assets["pixel_change"]["raster:scale"] == 0.004
    assert assets["pixel_change"]["nodata"] == 255
    assert assets["correspondence"]["nodata"] == "nan"
    assert assets["correspondence"]["bands"] == [{"name": "column"}, {"name": "band 2"}]
    assert assets["pixel_change"]["proj:shape"] == [4, 5]


def test_classes_follow_the_extension(record):
    # its rules: https://github.com/stac-extensions/classification, version 2.0
    classes = item_of(record)["assets"]["classes"]["classification:classes"]
    assert [item["value"] for item in classes] == [0, 1, 2, 3, 4, 5]
    for item in classes:
        assert re.fullmatch(r"[0-9A-Za-z_-]+", item["name"])
        assert re.fullmatch(r"[0-9A-F]{6}", item["color_hint"])
    assert classes[2]["color_hint"] == "D55E00"


def test_inputs_are_named_without_folders(record):
    image = record.inputs.before.model_copy(update={"path": "/home/me/a b.tif"})
    inputs = record.inputs.model_copy(update={"before": image})
    link = item_of(record.model_copy(update={"inputs": inputs}))["links"][0]
    assert link["rel"] == "derived_from"
    assert link["href"] == "a%20b.tif"
    assert link["changedet:sha256"] == image.sha256


def test_a_crs_without_a_code_is_told_in_full(record):
    grid = record.grid.model_copy(update={"crs": "PROJCS[...]"})
    properties = item_of(record.model_copy(update={"grid": grid}))["properties"]
    assert properties["proj:code"] is None
    assert properties["proj:wkt2"] == 'PROJCRS["own"]'


def test_a_loss_that_cannot_be_told_is_not_told(record):
    built = record.built.model_copy(update={"separable": False})
    text = item_of(record.model_copy(update={"built": built}))["properties"]["description"]
    assert "Built area destroyed: cannot be told" in text
    assert f"{record.built.destroyed_ha:g} ha" not in text
