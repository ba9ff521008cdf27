"""Hostile and huge files of outlines: what is read of them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine

from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.vector import read_polygons

GRID = Grid(
    width=200, height=100, transform=Affine(0.5, 0, 3e5, 0, -0.5, 4e6), crs="EPSG:32637", unit_m=1.0
)
FEATURE = '{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[RING]]}}'
HOUSES = shapely.box(3e5 + 10 * np.arange(5), 4e6 - 20, 3e5 + 10 * np.arange(5) + 6, 4e6 - 12)


def write(path: Path, shapes: Any, layer: str = "houses", crs: str = "EPSG:32637") -> Path:
    pyogrio.raw.write(
        path, geometry=np.array(shapely.to_wkb(shapes), dtype=object), layer=layer, driver="GPKG",
        field_data=[np.arange(len(shapes))], fields=["id"], geometry_type="Polygon", crs=crs,
    )  # fmt: skip
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_polygons(path, grid=GRID, what="footprints")
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    return text


def test_only_what_lies_near_the_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = np.random.default_rng(1).uniform(1e4, 2e6, (2, 30_000))
    far = shapely.box(3e5 + x, 4e6 + y, 3e5 + x + 9, 4e6 + y + 9)
    path = write(tmp_path / "country.gpkg", np.concatenate([far, HOUSES]))
    rows: list[int] = []
    read = pyogrio.raw.read

    def count(*args: Any, **wishes: Any) -> Any:
        found = read(*args, **wishes)
        rows.append(len(found[1]))
        return found

    monkeypatch.setattr(pyogrio.raw, "read", count)
    outlines = read_polygons(path, grid=GRID, what="footprints")
    assert rows == [5]
    assert (len(outlines), outlines.given, outlines.skipped["outside"]) == (5, 30_005, 30_000)


@pytest.mark.parametrize("text", [
    '{"type":"FeatureCollection","features":[' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]}",
    '{"type":"Feature","geometry":{"type":"Polygon","coordinates":' + "[" * 200_000 + "]" * 200_000
    + "}}",
    FEATURE.replace("RING", ",".join(["[NaN,NaN]"] * 4)),
    FEATURE.replace("RING", "[1e999,1],[2,2],[3,1],[1e999,1]"),
    "{" + '"a":1,' * 100_000,
])  # fmt: skip
def test_json_that_is_deep_cut_or_no_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "houses.geojson"
    path.write_text(text)
    assert refused(path).startswith(f"footprints {path}")


def test_a_vertex_that_is_no_number_costs_its_polygon_alone(tmp_path: Path) -> None:
    with np.errstate(invalid="ignore"):
        broken = shapely.Polygon([(3e5 + 60, 4e6 - 30), (np.nan, 4e6 - 20), (3e5 + 70, 4e6 - 30)])
    path = write(tmp_path / "houses.gpkg", [*HOUSES, broken])
    outlines = read_polygons(path, grid=GRID, what="footprints")
    assert len(outlines) == 5
    assert outlines.given == 6
    assert outlines.skipped["invalid"] + outlines.skipped["empty"] == 1


def test_parquet_is_not_opened_whatever_its_name(tmp_path: Path) -> None:
    for name in ("houses.parquet", "houses.gpkg", "houses.geojson"):
        path = tmp_path / name
        path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
        assert "format not allowed (unknown content)" in refused(path)


def test_the_name_of_a_layer_is_no_code(tmp_path: Path) -> None:
    layer = 'x"; DROP TABLE gpkg_contents;--<b>\x1b[31m'
    path = write(tmp_path / "houses.gpkg", HOUSES, layer)
    assert len(read_polygons(path, grid=GRID, what="footprints")) == 5
    assert [name for name, _ in pyogrio.list_layers(path)] == [layer]
    empty = write(tmp_path / "empty.gpkg", HOUSES[:0], layer)
    assert "is empty" in refused(empty)


def test_outlines_of_another_place_are_never_no_damage(tmp_path: Path) -> None:
    """Every way to miss the image is an error: no count of buildings comes of it."""
    swapped = shapely.transform(HOUSES, lambda xy: xy[:, ::-1])
    cases = ((HOUSES, "EPSG:32638"), (HOUSES, "EPSG:4326"), (swapped, "EPSG:32637"))
    for number, (shapes, crs) in enumerate(cases):
        path = write(tmp_path / f"{number}.gpkg", shapes, crs=crs)
        assert "0 of 5 polygons lie inside the before image" in refused(path)
