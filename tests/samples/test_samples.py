"""The samples are what they say: their truth, their geometry, their size."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.features import rasterize

import changedet as cd

SAMPLES = Path(__file__).parents[2] / "samples"
TOWNS = tomllib.loads((SAMPLES / "towns.toml").read_text("utf-8"))["town"]
FOLDERS = [SAMPLES / "bakhmut", *((SAMPLES / town["before"]).parent for town in TOWNS)]
NOT_SEEN, DESTROYED, VEGETATION_LOST, VEGETATION_GAINED = 0, 2, 3, 5

every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def read(path: Path) -> Any:
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1)


def read_grey(path: Path) -> Any:
    return read(path).mean(-1).astype(np.float32)


def read_truth(folder: Path) -> Any:
    return json.loads((folder / "truth.json").read_text("utf-8"))


def read_outlines(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the outlines of a GeoPackage and the columns that go with them."""
    meta, _, outlines, columns = pyogrio.raw.read(path)
    return shapely.from_wkb(outlines), dict(zip(meta["fields"], columns, strict=True))


def hectares_of(codes: Any, count: int) -> list[float]:
    """Hectares of each code on pixels of half a metre."""
    return [float(n) * 0.25 / 1e4 for n in np.bincount(codes.ravel(), minlength=count)]


def find_offset(before: Any, after: Any, there: Any, still: Any) -> tuple[float, float]:
    """Return how far AFTER, laid on BEFORE by its stated pixels, is from its best agreement.

    ``there`` are AFTER's columns and rows for all pixels of BEFORE, and ``still`` tells where
    nothing happened.
    """
    height, width = after.shape
    col, row = np.where(np.isfinite(there), there, -1e4).astype(np.float32)
    inner = still & (np.minimum.reduce([col, row, width - 1 - col, height - 1 - row]) > 12)
    assert inner.mean() > 0.1

    def agreement(dx: int, dy: int) -> float:
        moved = cv2.remap(after, col + dx, row + dy, cv2.INTER_CUBIC)
        return float(np.corrcoef(before[inner], moved[inner])[0, 1])

    middle = agreement(0, 0)
    assert middle > 0.8
    peaks = []
    for dx, dy in ((1, 0), (0, 1)):
        low, high = agreement(-dx, -dy), agreement(dx, dy)
        peaks.append(0.5 * (low - high) / (low - 2 * middle + high))
    return peaks[0], peaks[1]


def test_the_sensor_obeys_the_stated_correspondence(simulated: Any) -> None:
    # The same sun, view and sensor twice: nothing but the geometry differs.
    same = cd.Scenario().before.model_dump(exclude={"date"})
    pair = simulated(3, prevalence=0.0, before=same, after=same,
                     events={"renewed": 0, "built_per_ha": 0, "ploughed": 0})  # fmt: skip
    images = read_grey(pair.before), read_grey(pair.after)
    still = np.ones(images[0].shape, bool)
    assert np.abs(find_offset(*images, pair.read_truth("correspondence"), still)).max() < 0.03


@pytest.mark.parametrize("name", ["sample_files", "quiet_files", "small_files"])
def test_the_stated_correspondence_lays_after_on_before(
    name: str, request: pytest.FixtureRequest
) -> None:
    files = request.getfixturevalue(name)
    # Roofs and crowns lean as the view does: they stay out of it, but their shadows are on the
    # ground, and the sun moved between the dates.
    high = (files.read_truth("buildings") > 0) | np.isin(files.read_truth("vegetation"), (1, 3, 4))
    low = cv2.dilate(high.astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    still = low & (files.read_truth("classes") == 1)
    offset = find_offset(
        read_grey(files.before), read_grey(files.after), files.read_truth("correspondence"), still
    )
    assert np.abs(offset).max() < 0.2


@pytest.mark.parametrize("name", ["sample_files", "small_files"])
def test_hectares_are_the_pixels_of_the_truth(name: str, request: pytest.FixtureRequest) -> None:
    files = request.getfixturevalue(name)
    truth, area = files.truth, files.hectares
    classes = hectares_of(files.read_truth("classes"), 6)
    assert classes == pytest.approx([truth["class_hectares"][str(n)] for n in range(6)], abs=1e-6)
    names = truth["codes"]["vegetation"]
    plants = dict(
        zip(names.values(), hectares_of(files.read_truth("vegetation"), len(names)), strict=True)
    )
    assert plants == pytest.approx(truth["vegetation_hectares"], abs=1e-6)
    dead = plants["canopy_lost"] + plants["canopy_dead_standing"]
    assert area["vegetation_lost"] == pytest.approx(dead + plants["green_lost"], abs=1e-6)
    assert area["canopy_lost"] == pytest.approx(dead + plants["canopy_to_green"], abs=1e-6)
    kept = plants["canopy_kept"] + plants["green_kept"]
    assert area["vegetation_before"] == pytest.approx(
        area["vegetation_lost"] + plants["canopy_to_green"] + kept, abs=1e-6
    )
    buildings = files.read_truth("buildings")
    assert area["built_before"] == pytest.approx((buildings > 0).sum() * 0.25 / 1e4, abs=1e-6)
    _, columns = read_outlines(files.footprints)
    fallen = np.isin(buildings, columns["id"][columns["grade"] == "Destroyed"])
    assert area["built_destroyed"] == pytest.approx(fallen.sum() * 0.25 / 1e4, abs=1e-6)


@pytest.mark.parametrize("name", ["sample_files", "small_files"])
def test_classes_agree_with_the_other_rasters(name: str, request: pytest.FixtureRequest) -> None:
    files = request.getfixturevalue(name)
    classes, plants, buildings = (
        files.read_truth(kind) for kind in ("classes", "vegetation", "buildings")
    )
    _, columns = read_outlines(files.footprints)
    fallen = np.isin(buildings, columns["id"][columns["grade"] == "Destroyed"])
    seen = classes != NOT_SEEN
    assert np.array_equal(classes[seen] == DESTROYED, fallen[seen])
    lost = np.isin(plants, (3, 4, 5, 7)) & ~fallen
    assert np.array_equal(classes[seen] == VEGETATION_LOST, lost[seen])
    gained = (plants == 6) & ~fallen
    assert np.array_equal(classes[seen] == VEGETATION_GAINED, gained[seen])
    there = files.read_truth("correspondence")
    assert not (seen & np.isnan(there).any(0)).any()


@pytest.mark.parametrize("name", ["sample_files", "small_files"])
def test_footprints_are_the_buildings_of_the_truth(
    name: str, request: pytest.FixtureRequest
) -> None:
    files = request.getfixturevalue(name)
    outlines, columns = read_outlines(files.footprints)
    buildings = files.read_truth("buildings")
    with rasterio.open(files.before) as file:
        transform, frame = file.transform, shapely.box(*file.bounds)
    assert shapely.is_valid(outlines).all()
    assert shapely.intersects(outlines, frame).all()
    burnt = rasterize(
        zip(outlines, columns["id"], strict=True),
        out_shape=buildings.shape, transform=transform, dtype="uint32",
    )  # fmt: skip
    # Pixels whose centre lies on an edge fall to either side.
    assert (burnt != buildings).mean() < 1e-4
    area = shapely.area(shapely.intersection(outlines, frame)) / 1e4
    assert area.sum() == pytest.approx(files.hectares["built_before"], rel=0.005)
    for grade, key in (("Destroyed", "built_destroyed"), ("Damaged", "built_damaged")):
        found = area[columns["grade"] == grade].sum()
        assert found == pytest.approx(files.hectares[key], rel=0.01), grade


@every_folder
def test_counts_of_buildings_are_those_of_the_footprints(folder: Path) -> None:
    _, columns = read_outlines(folder / "footprints.gpkg")
    told = read_truth(folder)["buildings"]
    assert told["total"] == len(columns["id"]) == len(set(columns["id"]))
    for grade in ("Destroyed", "Damaged", "Possibly damaged", "No visible damage"):
        assert told[grade.lower().replace(" ", "_")] == (columns["grade"] == grade).sum()
    hit = columns["lost_share"][columns["grade"] == "Destroyed"]
    assert (hit > 0).all()


@every_folder
def test_class_hectares_are_the_pixels_of_the_classes(folder: Path) -> None:
    told = read_truth(folder)["class_hectares"]
    found = hectares_of(read(folder / "truth_classes.tif"), 6)
    assert found == pytest.approx([told[str(code)] for code in range(6)], abs=1e-6)


def test_much_but_not_all_is_gone(sample_files: Any) -> None:
    area = sample_files.hectares
    assert 0.4 < area["built_destroyed"] / area["built_before"] < 0.7
    assert 0.4 < area["vegetation_lost"] / area["vegetation_before"] < 0.7
    assert sample_files.truth["shares"]["hidden"] < 0.02


def test_nothing_is_gone_where_nothing_happened(quiet_files: Any) -> None:
    control = SAMPLES / "towns" / "tyche"
    for truth in (quiet_files.truth, read_truth(control)):
        area, counts = truth["hectares"], truth["buildings"]
        assert area["built_destroyed"] == area["built_damaged"] == 0
        assert area["vegetation_lost"] == area["canopy_lost"] == 0
        assert counts["destroyed"] == counts["damaged"] == counts["possibly_damaged"] == 0
    gone = np.isin(read(control / "truth_classes.tif"), (DESTROYED, VEGETATION_LOST))
    assert not gone.any()


def test_the_manifest_names_towns_that_are_there() -> None:
    assert len(TOWNS) == len({town["name"] for town in TOWNS}) == 4
    for town in TOWNS:
        for key in ("before", "after", "footprints"):
            assert (SAMPLES / town[key]).is_file(), town[key]
    shares = [read_truth(folder)["shares"]["built_destroyed"] for folder in FOLDERS[1:]]
    assert min(shares) == 0
    assert max(shares) > 0.3
    assert any("control" in town["name"] for town in TOWNS)


@every_folder
def test_the_shipped_files_are_small_and_have_a_place(folder: Path) -> None:
    side, most = (1200, 4_500_000) if folder.name == "bakhmut" else (480, 400_000)
    assert sum(path.stat().st_size for path in folder.iterdir()) < most
    grid = read_truth(folder)["grid"]
    assert grid == {"crs": "EPSG:32637", "gsd_m": 0.5, "width": side, "height": side}
    for name, year in (("before", "2022"), ("after", "2023")):
        with rasterio.open(folder / f"{name}.tif") as file:
            assert file.crs.to_epsg() == 32637
            assert (file.shape, file.res, file.count) == ((side, side), (0.5, 0.5), 3)
            assert file.tags()["TIFFTAG_DATETIME"].startswith(f"{year}:")
    with rasterio.open(folder / "before.tif") as file:
        place = file.transform
    for path in folder.glob("truth_*.tif"):
        with rasterio.open(path) as file:
            assert (file.shape, file.transform) == ((side, side), place), path.name
    assert pyogrio.read_info(folder / "footprints.gpkg")["crs"] == "EPSG:32637"


@every_folder
def test_the_images_look_like_a_sensor_took_them(folder: Path) -> None:
    for name in ("before.tif", "after.tif"):
        pixels = read(folder / name).reshape(-1, 3).astype(float)
        assert (np.corrcoef(pixels.T) > 0.85).all()
        assert (pixels.std(0) > 15).all()
        assert np.mean((pixels <= 0) | (pixels >= 255)) < 0.002


def test_a_shipped_town_is_what_its_options_make(tmp_path: Path) -> None:
    told = read_truth(SAMPLES / "towns" / "stavky")
    scenario = cd.Scenario.model_validate(told["options"])
    made = cd.simulate(tmp_path / "town", scenario=scenario).truth
    assert made["buildings"] == told["buildings"]
    assert made["options"] == told["options"]
    assert made["hectares"] == pytest.approx(told["hectares"], rel=0.005, abs=1e-3)
