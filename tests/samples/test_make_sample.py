"""The sample is what it says: its truth, its geometry, its size."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform

from townmaker.ground import paint_ground
from townmaker.layout import Town
from townmaker.objects import paint_building
from townmaker.sensor import Warp, light, sense


def read(path: Path) -> Any:
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1)


def test_the_same_seed_gives_the_same_pair(generator: ModuleType, small_pair: Any) -> None:
    again = generator.make_pair(384, 11)
    np.testing.assert_array_equal(again.before, small_pair.before)
    np.testing.assert_array_equal(again.after, small_pair.after)
    assert again.truth == small_pair.truth


def test_warp_there_and_back() -> None:
    warp = Warp(size=500, shift=(3.4, -2.3), turn_deg=0.3, wave_px=1.5)
    cols, rows = np.meshgrid(np.linspace(0, 499, 7), np.linspace(0, 499, 7))
    np.testing.assert_allclose(warp.to_before(*warp.to_after(cols, rows)), (cols, rows), atol=1e-6)


def find_offset(before: Any, after: Any, warp: Any, still: Any) -> tuple[float, float]:
    """Return how far AFTER, laid on BEFORE by ``warp``, is from its best agreement, pixels."""
    cols, rows = np.meshgrid(*[np.arange(warp.size, dtype=np.float64)] * 2)
    inner = still & (np.minimum.reduce([cols, rows, cols[:, ::-1], rows[::-1]]) > 12)
    x, y = (v.astype(np.float32) for v in warp.to_after(cols, rows))

    def agreement(dx: int, dy: int) -> float:
        moved = cv2.remap(after, x + dx, y + dy, cv2.INTER_CUBIC)
        return float(np.corrcoef(before[inner], moved[inner])[0, 1])

    middle = agreement(0, 0)
    assert middle > 0.8
    peaks = []
    for dx, dy in ((1, 0), (0, 1)):
        low, high = agreement(-dx, -dy), agreement(dx, dy)
        peaks.append(0.5 * (low - high) / (low - 2 * middle + high))
    return peaks[0], peaks[1]


def test_the_sensor_obeys_the_warp() -> None:
    town = Town(150.0, 3)
    canvas, _ = paint_ground(town)
    for building in town.buildings:
        paint_building(town, canvas, building)
    lit = light(canvas, 152, 54)
    rng = np.random.default_rng(1)
    warp = Warp(300, (3.4, -2.3), 0.2, 0.8)
    response = {"gain": 0.95, "gamma": 1.0, "haze": 10}
    images = [sense(lit, w, rng, **response).mean(-1).astype(np.float32) for w in (Warp(300), warp)]
    offset = find_offset(*images, warp, np.ones((300, 300), bool))
    assert np.abs(offset).max() < 0.03


@pytest.mark.parametrize("name", ["sample_files", "quiet_files", "small_files"])
def test_the_stated_warp_lays_after_on_before(name: str, request: pytest.FixtureRequest) -> None:
    files = request.getfixturevalue(name)
    told = files.truth["to_after"]
    shift = (told["shift_col"], told["shift_row"])
    warp = Warp(told["size"], shift, told["turn_deg"], told["wave_px"])
    before, after = (read(p).mean(-1).astype(np.float32) for p in (files.before, files.after))
    offset = find_offset(before, after, warp, read(files.classes)[..., 0] == 1)
    # The sun moved between the dates, and shadows with it.
    assert np.abs(offset).max() < 0.5


@pytest.mark.parametrize("name", ["sample_files", "small_files"])
def test_footprints_add_up_to_the_truth(name: str, request: pytest.FixtureRequest) -> None:
    files = request.getfixturevalue(name)
    features = json.loads(files.footprints.read_text("utf-8"))["features"]
    with rasterio.open(files.before) as file:
        crs, bounds = file.crs, shapely.box(*file.bounds)
    total: dict[str, float] = {}
    for feature in features:
        lon, lat = np.asarray(feature["geometry"]["coordinates"][0]).T
        ring = shapely.Polygon(np.column_stack(transform("OGC:CRS84", crs, lon, lat)))
        assert bounds.buffer(0.01).contains(ring)
        grade = feature["properties"]["grade"]
        total[grade] = total.get(grade, 0.0) + ring.area / 1e4
    truth = files.truth
    assert sum(total.values()) == pytest.approx(truth["built_before_ha"], rel=0.005)
    assert total["Destroyed"] == pytest.approx(truth["built_destroyed_ha"], rel=0.005)


def test_classes_agree_with_the_figures(sample_files: Any) -> None:
    classes = read(sample_files.classes)[..., 0]
    hectares = np.bincount(classes.ravel(), minlength=6) * 0.25 / 1e4
    assert hectares[3] == pytest.approx(sample_files.truth["vegetation_lost_ha"], abs=1e-3)
    assert hectares[2] == pytest.approx(sample_files.truth["built_destroyed_ha"], rel=0.05)
    assert hectares[0] == 0


def test_much_but_not_all_is_gone(sample_files: Any) -> None:
    truth = sample_files.truth
    assert 0.4 < truth["built_destroyed_ha"] / truth["built_before_ha"] < 0.55
    assert 0.3 < truth["vegetation_lost_ha"] / truth["vegetation_before_ha"] < 0.55


def test_nothing_is_gone_in_the_quiet_pair(quiet_files: Any) -> None:
    assert quiet_files.truth["built_destroyed_ha"] == 0
    assert quiet_files.truth["vegetation_lost_ha"] < 0.01


def test_the_shipped_files_are_small_and_have_a_place(sample_files: Any) -> None:
    for path in (sample_files.before, sample_files.after):
        assert path.stat().st_size < 2_500_000
        with rasterio.open(path) as file:
            assert file.crs.to_epsg() == 32637
            assert file.shape == (1000, 1000)
            assert file.res == (0.5, 0.5)


def test_the_images_look_like_a_sensor_took_them(sample_files: Any) -> None:
    for path in (sample_files.before, sample_files.after):
        pixels = read(path).reshape(-1, 3).astype(float)
        assert (np.corrcoef(pixels.T) > 0.85).all()
        assert (pixels.std(0) > 20).all()
        assert np.mean((pixels <= 0) | (pixels >= 255)) < 0.002
