"""Simulated towns on disk: deterministic, whole, and with a truth that adds up."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

import changedet as cd
from changedet.simulate.scene import VEGETATION

FILES = {
    "before.tif",
    "after.tif",
    "footprints.gpkg",
    "truth.json",
    "truth_buildings.tif",
    "truth_classes.tif",
    "truth_correspondence.tif",
    "truth_vegetation.tif",
}
SIZE: dict[str, Any] = {"width": 600, "height": 300, "seed": 5}


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> cd.Simulation:
    """Return a town of more than one chunk."""
    return cd.simulate(tmp_path_factory.mktemp("simulated") / "town", **SIZE)


def outlines(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray], str | None]:
    meta, _, shapes, values = pyogrio.raw.read(folder / "footprints.gpkg")
    return shapely.from_wkb(shapes), dict(zip(meta["fields"], values, strict=True)), meta["crs"]


def test_the_folder_holds_what_is_promised(town: cd.Simulation) -> None:
    assert {path.name for path in town.folder.iterdir()} == FILES
    assert json.loads((town.folder / "truth.json").read_text("utf-8")) == town.truth
    assert town.before.is_file()
    assert town.after.is_file()
    assert town.footprints.is_file()
    with rasterio.open(town.before) as file:
        assert (file.width, file.height, file.count) == (600, 300, 3)
        assert file.res == (0.5, 0.5)
        assert file.crs.to_epsg() == 32637
        assert file.tags()["TIFFTAG_DATETIME"].startswith("2022:05:08")


def test_the_same_seed_gives_the_same_files_on_any_executor(
    town: cd.Simulation, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as executor:
        again = cd.simulate(tmp_path / "again", executor=executor, **SIZE)
    assert again.truth == town.truth
    for name in FILES:
        if name.endswith(".tif"):
            np.testing.assert_array_equal(read(again.folder / name), read(town.folder / name))
    first, second = outlines(town.folder), outlines(again.folder)
    assert (first[0] == second[0]).all()
    for name, column in first[1].items():
        np.testing.assert_array_equal(column, second[1][name])


def test_another_seed_gives_another_town(town: cd.Simulation, tmp_path: Path) -> None:
    other = cd.simulate(tmp_path / "other", width=64, height=64, seed=6)
    before = read(other.before).astype(float)
    assert np.abs(before - read(town.before)[:, :64, :64]).mean() > 5


def test_hectares_are_the_sums_of_the_pixels(town: cd.Simulation) -> None:
    pixel = 0.25 / 1e4
    area, truth = town.truth["hectares"], town.truth
    classes = read(town.folder / "truth_classes.tif")
    vegetation = read(town.folder / "truth_vegetation.tif")
    numbers = read(town.folder / "truth_buildings.tif")
    for code in range(6):
        found = float((classes == code).sum()) * pixel
        assert truth["class_hectares"][str(code)] == pytest.approx(found, abs=1e-5)
    for code, name in VEGETATION.items():
        found = float((vegetation == code).sum()) * pixel
        assert truth["vegetation_hectares"][name] == pytest.approx(found, abs=1e-5)
    lost = np.isin(vegetation, (3, 4, 5)).sum() * pixel
    assert area["vegetation_lost"] == pytest.approx(lost, abs=1e-5)
    canopy = np.isin(vegetation, (3, 4, 7)).sum() * pixel
    assert area["canopy_lost"] == pytest.approx(canopy, abs=1e-5)
    _, columns, _ = outlines(town.folder)
    destroyed = columns["id"][columns["grade"] == "Destroyed"]
    assert area["built_before"] == pytest.approx((numbers > 0).sum() * pixel, abs=1e-5)
    fallen = np.isin(numbers, destroyed)
    assert area["built_destroyed"] == pytest.approx(fallen.sum() * pixel, abs=1e-5)
    # What is hidden or outside AFTER leaves class 2, nothing else does.
    assert ((classes == 2) == (fallen & (classes > 0))).all()


def test_outlines_agree_with_their_pixels(town: cd.Simulation) -> None:
    shapes, columns, crs = outlines(town.folder)
    assert "32637" in str(crs)
    assert len(shapes) == town.truth["buildings"]["total"] > 10
    with rasterio.open(town.folder / "truth_buildings.tif") as file:
        numbers, place, bounds = file.read(1), ~file.transform, shapely.box(*file.bounds)
    inside = shapely.contains(bounds, shapes)
    for shape, number in zip(shapes[inside], columns["id"][inside], strict=True):
        pixels = (numbers == number).sum() * 0.25
        assert pixels == pytest.approx(shape.area, abs=3 + 0.05 * shape.area)
        middle = shape.representative_point()
        col, row = place @ (middle.x, middle.y)
        assert numbers[int(row), int(col)] == number
    grades = list(columns["grade"])
    assert grades.count("Destroyed") == town.truth["buildings"]["destroyed"]


def test_the_correspondence_is_where_after_lies(town: cd.Simulation) -> None:
    cols, rows = read(town.folder / "truth_correspondence.tif")
    shift = town.truth["options"]["placement"]["shift_px"]
    off = cols - np.arange(600), rows - np.arange(300)[:, None]
    assert np.nanmedian(off[0]) == pytest.approx(shift[0], abs=1)
    assert np.nanmedian(off[1]) == pytest.approx(shift[1], abs=1)
    outside = np.isnan(cols)
    assert (read(town.folder / "truth_classes.tif")[0][outside] == 0).all()
    assert np.nanmin(cols) >= -0.5
    assert np.nanmax(cols) <= 599.5


def test_without_a_georeference_only_pixels_are_known(tmp_path: Path) -> None:
    made = cd.simulate(tmp_path / "press", preset="press", width=200, height=200, seed=1)
    for path in (made.before, made.after):
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
            assert file.crs is None
    shapes, _, crs = outlines(made.folder)
    assert crs is None or "unknown" in crs.lower() or "undefined" in crs.lower()
    left, low, right, high = shapely.total_bounds(shapes)
    assert -80 < left < right < 280
    assert -80 < low < high < 280
    assert made.truth["grid"]["crs"] is None


def test_nothing_is_lost_in_the_control_town(tmp_path: Path) -> None:
    made = cd.simulate(tmp_path / "control", preset="control", width=300, height=300, seed=2)
    area = made.truth["hectares"]
    assert area["built_destroyed"] == area["canopy_lost"] == 0
    assert area["vegetation_lost"] < 0.02 * area["vegetation_before"]
    assert set(np.unique(read(made.folder / "truth_classes.tif"))) <= {0, 1, 3, 4, 5}


def test_a_result_in_the_way_is_kept(town: cd.Simulation) -> None:
    with pytest.raises(cd.UsageError, match="overwrite"):
        cd.simulate(town.folder, width=64, height=64)
    assert {path.name for path in town.folder.iterdir()} == FILES


def test_an_unknown_preset_is_named(tmp_path: Path) -> None:
    with pytest.raises(cd.UsageError, match="known: bakhmut"):
        cd.simulate(tmp_path / "x", preset="moon")
    assert not (tmp_path / "x").exists()
