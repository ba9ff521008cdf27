"""What a batch leaves beside the folders of its towns."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pyogrio
import pytest
import rasterio
import shapely

from changedet import api
from changedet.api import index
from changedet.api.index import FILES, PICTURE_BYTES, write_index
from changedet.core.errors import EnvironmentFault
from changedet.io.output import extend
from changedet.report.index import TownEntry
from changedet.report.pictures import decode
from changedet.report.summary import town_columns
from changedet.report.towns.document import read_index_schema
from changedet.result import Record, read_record

NAME = '=Місто <b>"1"</b>'


@pytest.fixture(scope="module")
def batch(
    small_result: api.Result, refused_result: api.Result, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder with one town compared, one refused and one failed, and its index."""
    folder = tmp_path_factory.mktemp("batch")
    small_result.save(folder / "a town")
    refused_result.save(folder / "snow")
    write_index(folder, towns(), title="East", lang="uk")
    return folder


def towns() -> list[TownEntry]:
    return [
        TownEntry(name=NAME, folder="a town", status="ok"),
        TownEntry(name="Snow", folder="snow", status="refused", exit_code=4),
        TownEntry(name="Gone", folder="gone", status="failed", exit_code=3, reason="no file"),
    ]


def test_four_files_and_nothing_else(batch: Path) -> None:
    assert {path.name for path in batch.iterdir()} == {*FILES, "a town", "snow"}


def test_the_document_is_valid_and_says_what_the_record_says(batch: Path) -> None:
    document = json.loads((batch / "index.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(read_index_schema()).validate(document)
    assert document["counts"] == {
        "total": 3,
        "ok": 1,
        "degraded": 0,
        "refused": 1,
        "failed": 1,
    } or (document["counts"]["degraded"] == 1)
    record = read_record(batch / "a town" / "result.json")
    counts = {"total": 3, "ok": 0, "degraded": 0, "refused": 1, "failed": 1, record.status: 1}
    assert document["counts"] == counts
    town, snow, gone = document["towns"]
    assert record.built is not None
    assert town["built"]["lost_ha"] == record.built.destroyed_ha
    assert town["report"] == "a%20town/report.html"
    assert town["status"] == record.status
    assert snow["status"] == "refused"
    assert snow["reason"]
    assert gone["reason"] == "no file"


def test_the_outline_is_where_the_image_is(batch: Path) -> None:
    document = json.loads((batch / "index.json").read_text("utf-8"))
    with rasterio.open(batch / "a town" / "maps" / "classes.tif") as file:
        box = rasterio.warp.transform_bounds(file.crs, "OGC:CRS84", *file.bounds)
    assert document["towns"][0]["bounds"] == pytest.approx(box, abs=1e-6)


def test_the_table_has_a_row_for_each_town(batch: Path) -> None:
    text = (batch / "summary.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(text.decode("utf-8-sig").splitlines()))
    assert [row["name"] for row in rows] == ["'" + NAME, "Snow", "Gone"]
    assert tuple(rows[0]) == town_columns()
    with (batch / "a town" / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        (single,) = csv.DictReader(file)
    for name, value in single.items():
        assert rows[0][name] == value
    assert rows[1]["built_destroyed_ha"] == rows[2]["built_destroyed_ha"] == ""


def test_the_layer_opens_styled_with_all_figures(batch: Path) -> None:
    path = batch / "summary.gpkg"
    assert [name for name, _ in pyogrio.list_layers(path)] == ["towns", "layer_styles"]
    meta, _, shapes, values = pyogrio.raw.read(path, layer="towns")
    assert meta["crs"] == "EPSG:4326"
    columns = dict(zip(meta["fields"], values, strict=True))
    assert tuple(columns) == town_columns()
    geometries = shapely.from_wkb(shapes)
    document = json.loads((batch / "index.json").read_text("utf-8"))
    assert geometries[0].is_valid
    assert geometries[0].bounds == pytest.approx(document["towns"][0]["bounds"], abs=1e-6)
    assert geometries[2] is None
    record = read_record(batch / "a town" / "result.json")
    assert record.built is not None
    assert columns["built_destroyed_ha"][0] == record.built.destroyed_ha
    assert columns["reason"][2] == "no file"
    base = sqlite3.connect(path)
    (row,) = base.execute("SELECT f_table_name, styleQML, useAsDefault FROM layer_styles")
    base.close()
    assert row[0] == "towns"
    assert "RuleRenderer" in row[1]
    assert row[2] == 1


def test_the_page_has_a_small_map_and_the_language(batch: Path) -> None:
    html = (batch / "index.html").read_text("utf-8")
    assert '<html lang="uk">' in html
    assert html.count('src="data:image/jpeg') == 1
    assert "&lt;b&gt;" in html
    assert 'href="a%20town/report.html"' in html


def test_again_is_the_same_and_nothing_stays(batch: Path) -> None:
    before = {name: (batch / name).read_bytes() for name in FILES if name != "summary.gpkg"}
    write_index(batch, towns(), title="East", lang="uk")
    assert {name: (batch / name).read_bytes() for name in before} == before
    assert not (batch / ".work").exists()


def test_small_maps_are_small(small_result: api.Result) -> None:
    picture = index.small_map(small_result.folder, small_result.record)
    assert picture is not None
    assert picture[:3] == b"\xff\xd8\xff"
    assert len(picture) <= PICTURE_BYTES


def test_a_loss_that_is_not_claimed_is_not_painted(small_result: api.Result) -> None:
    record = small_result.record
    assert record.built is not None
    assert record.vegetation is not None

    def orange(record: Record) -> int:
        picture = decode(index.small_map(small_result.folder, record) or b"").astype(int)
        return int((picture[..., 0] - picture[..., 2] > 120).sum())

    green = record.vegetation.model_copy(update={"separable": False})
    built = record.built.model_copy(update={"separable": False})
    alone = record.model_copy(update={"vegetation": green})
    assert orange(alone) > 20
    assert orange(alone.model_copy(update={"built": built})) == 0


def test_a_town_whose_result_is_gone_or_damaged_is_said_to_have_failed(
    batch: Path, tmp_path: Path
) -> None:
    shutil.copytree(batch / "a town", tmp_path / "a town")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "result.json").write_text("{}")
    (tmp_path / "file").write_text("x")
    shutil.rmtree(tmp_path / "a town" / "maps")
    made = [
        TownEntry(name="A", folder="a town", status="ok"),
        *(TownEntry(name=name, folder=name, status="ok") for name in ("none", "bad", "file")),
    ]
    write_index(tmp_path, made, title="", lang="en")
    document = json.loads((tmp_path / "index.json").read_text("utf-8"))
    assert document["counts"]["failed"] == 3
    assert [town["status"] for town in document["towns"][1:]] == ["failed"] * 3
    assert all("result" in town["reason"] or "irectory" in town["reason"]
               for town in document["towns"][1:])  # fmt: skip
    # Without maps there is no small one, and everything else.
    assert 'src="data:image/jpeg' not in (tmp_path / "index.html").read_text("utf-8")


def test_without_a_georeference_there_is_no_geometry(
    small_result: api.Result, tmp_path: Path
) -> None:
    grid = small_result.record.grid
    assert grid is not None
    bare = small_result.record.model_copy(update={"grid": grid.model_copy(update={"crs": None})})
    entry = TownEntry(name="A", folder="a", status="ok", record=bare)
    write_index(tmp_path, [entry], title="", lang="en")
    _, _, shapes, _ = pyogrio.raw.read(tmp_path / "summary.gpkg", layer="towns")
    assert shapes[0] is None
    document = json.loads((tmp_path / "index.json").read_text("utf-8"))
    assert document["towns"][0]["bounds"] is None
    assert "overview" not in (tmp_path / "index.html").read_text("utf-8").split("</style>")[1]


def test_the_outline_is_that_of_the_aoi(small_result: api.Result, tmp_path: Path) -> None:
    from changedet.io.vector import Layer, write_geopackage

    record = small_result.record
    assert record.grid is not None
    left, top = record.grid.transform[2], record.grid.transform[5]
    asked = shapely.box(left + 20, top - 80, left + 60, top - 30)
    write_geopackage(
        tmp_path / "vectors.gpkg", [Layer(name="aoi", geometries=[asked])], crs=record.grid.crs
    )
    wished = record.provenance.model_copy(update={"options": {"aoi": "a.gpkg"}})
    ring = index._outline(tmp_path, record.model_copy(update={"provenance": wished}))
    assert ring is not None
    box = rasterio.warp.transform_bounds(record.grid.crs, "OGC:CRS84", *asked.bounds)
    assert shapely.Polygon(ring).bounds == pytest.approx(box, abs=2e-6)
    whole = index._outline(tmp_path, record)
    assert whole is not None
    assert shapely.Polygon(whole).area > 4 * shapely.Polygon(ring).area


def test_no_town_at_all_is_an_index(tmp_path: Path) -> None:
    write_index(tmp_path / "new", [], title="", lang="en")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(FILES)


def test_an_error_leaves_the_old_index_whole(
    batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_index(tmp_path, towns()[2:], title="old", lang="en")
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: Any, **__: Any) -> None:
        raise EnvironmentFault("the disk is full")

    monkeypatch.setattr(index, "write_geopackage", full)
    with pytest.raises(EnvironmentFault, match="full"):
        write_index(tmp_path, towns()[2:], title="new", lang="en")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_the_document_comes_last_and_an_old_one_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.json").write_text("old")
    moved: list[tuple[str, bool]] = []
    replace_file = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved.append((target.name, (tmp_path / "index.json").exists()))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    with extend(tmp_path, last="index.json") as staged:
        for name in ("index.html", "index.json", "summary.csv", "z.gpkg"):
            (staged / name).write_text("new")
    # the old one is set aside, and only then do the others come
    assert moved[0] == ("index.json", True)
    assert [name for name, _ in moved[1:]] == ["index.html", "summary.csv", "z.gpkg", "index.json"]
    assert not any(there for _, there in moved[1:])


def test_memory_holds_figures_alone(small_result: api.Result, tmp_path: Path) -> None:
    """A town more costs its figures, small map and rows: not its cells, options and tables."""
    record = small_result.record
    (tmp_path / "t").mkdir()
    assert record.cells is not None
    long = record.model_copy(update={"cells": record.cells * (4000 // len(record.cells))})
    (tmp_path / "t" / "result.json").write_text(long.to_json(), "utf-8")
    entry = TownEntry(name="A", folder="t", status="ok")

    def peak(count: int) -> int:
        tracemalloc.start()
        write_index(
            tmp_path, [replace(entry, name=f"T{k}") for k in range(count)], title="", lang="en"
        )
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    few, more = peak(2), peak(12)
    assert (more - few) / 10 < 0.2e6
    assert few > 2e6  # one long record is more than ten short ones


def test_after_a_signal_no_map_is_made(batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch / "a town", tmp_path / "a town")
    write_index(tmp_path, towns()[:1], title="", lang="en", small_maps=False)
    assert 'src="data:image/jpeg' not in (tmp_path / "index.html").read_text("utf-8")
    own = index.small_map(tmp_path / "a town", read_record(tmp_path / "a town" / "result.json"))
    given = replace(towns()[0], thumbs=own)
    write_index(tmp_path, [given], title="", lang="en", small_maps=False)
    assert 'src="data:image/jpeg' in (tmp_path / "index.html").read_text("utf-8")


def test_records_that_are_given_are_not_read(small_result: api.Result, tmp_path: Path) -> None:
    record: Record = small_result.record
    entry = TownEntry(name="A", folder="nowhere", status="ok", record=record, thumbs=None)
    write_index(tmp_path, [entry], title="", lang="en")
    document = json.loads((tmp_path / "index.json").read_text("utf-8"))
    assert document["towns"][0]["status"] == record.status
