from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from changedet.compare.structure import window_sizes
from changedet.core.errors import NotComparable
from changedet.core.grid import Grid, Window
from changedet.io.raster import inspect_raster
from changedet.pipeline import tiles as tiles_module
from changedet.pipeline.fit import block_margin, fit_plan, fit_stretch, stable_samples
from changedet.pipeline.matched import Measures
from changedet.pipeline.measure import Pair, read_pair
from changedet.pipeline.nulls import TILE_PX, ObjectSample
from changedet.pipeline.plan import Plan, Stretch
from changedet.pipeline.scene import Scene
from changedet.pipeline.tiles import MAX_TILES, TileSample, overview_zoom, pick_tiles


@pytest.mark.parametrize(("side", "zoom"), [(1, 1), (1024, 1), (1025, 2), (8000, 8)])
def test_an_overview_has_at_most_1024_pixels(side: int, zoom: int) -> None:
    assert overview_zoom(Grid(width=side, height=max(1, side // 2))) == zoom


def test_a_stretch_maps_its_ends_to_0_and_255() -> None:
    stretch = Stretch(low=40, high=140)
    values = np.array([40, 90, 140, 150, 1e6, -1e6], np.float32)
    assert stretch.apply(values) == pytest.approx([0, 127.5, 255, 280.5, 331.5, -76.5])


def test_the_stretch_holds_most_of_the_image(true_scene: Scene) -> None:
    for stretch, raster in zip(
        fit_stretch(true_scene), (true_scene.before, true_scene.after), strict=True
    ):
        with rasterio.open(raster.path) as file:
            level = file.read().mean(axis=0)
        assert ((level >= stretch.low) & (level <= stretch.high)).mean() == pytest.approx(
            0.98, abs=0.005
        )


@pytest.mark.parametrize("size", [(300, 200), (2048, 2048), (20_000, 9000)])
def test_tiles_are_few_and_spread_over_the_scene(size: tuple[int, int]) -> None:
    grid = Grid(width=size[0], height=size[1])
    zoom = overview_zoom(grid)
    seen = np.ones((-(-size[1] // zoom), -(-size[0] // zoom)), bool)
    tiles = pick_tiles(grid, seen, zoom, 64)
    every = -(-size[0] // TILE_PX) * -(-size[1] // TILE_PX)
    assert 1 <= len(tiles) <= min(MAX_TILES, every)
    assert len({(tile.core.row, tile.core.col) for tile in tiles}) == len(tiles)
    if every > MAX_TILES:
        assert len(tiles) == MAX_TILES
        assert tiles[0].core.row == 0
        assert tiles[-1].core.stop_row > 0.9 * size[1]


def test_tiles_lie_where_both_dates_are() -> None:
    grid = Grid(width=4096, height=4096)
    seen = np.zeros((1024, 1024), bool)
    assert pick_tiles(grid, seen, 4, 64) == []
    seen[:, 512:] = True
    assert all(tile.core.col >= 2048 for tile in pick_tiles(grid, seen, 4, 64))
    sliver = np.zeros((1024, 1024), bool)
    sliver[:, :4] = True
    assert pick_tiles(grid, sliver, 4, 64), "a thin overlap is sampled too"


@pytest.mark.parametrize("gsd", [0.3, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("built", [False, True])
def test_the_margin_holds_every_window(gsd: float, *, built: bool) -> None:
    sizes = window_sizes(gsd)
    margin = block_margin(sizes, gsd, built=built)
    assert margin >= sizes.margin
    assert margin % 8 == 0


def test_what_is_kept_between_the_looks_at_tiles_changes_nothing(
    true_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Window] = []

    def reading(scene: Scene, window: Window) -> Pair:
        read.append(window)
        return read_pair(scene, window)

    monkeypatch.setattr(tiles_module, "read_pair", reading)
    kept, _ = fit_plan(true_scene)
    assert len(set(read)) == len(read), "each tile is read once"
    monkeypatch.setattr(tiles_module, "ROOM", 0)
    read.clear()
    again, _ = fit_plan(true_scene)
    assert len(set(read)) < len(read)
    assert again == kept


def make_sample(alike: np.ndarray) -> TileSample:
    none = np.zeros(0, np.float32)
    values = np.zeros((1, alike.size), np.float32)
    return TileSample(
        before=values, after=values, alike=alike, index_before=none, on_built=np.zeros(0, bool),
        similarity=none, drop=none, place=np.zeros(0, np.int64), chance=none,
        objects=ObjectSample(Measures.joined([]), none, None, None),
    )  # fmt: skip


def test_stable_are_the_most_alike_over_all_tiles() -> None:
    samples = [make_sample(np.zeros(700, np.float32)),
               make_sample(np.linspace(1, 2, 300, dtype=np.float32))]  # fmt: skip
    stable = stable_samples(samples)
    assert stable.sum() == pytest.approx(300, abs=1)
    assert stable[700:].all()


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(NotComparable, match="too few valid pixels"):
        stable_samples([make_sample(np.zeros(100, np.float32))])


@pytest.mark.parametrize(("value", "says"), [(0, "no valid pixel"), (90, "constant")])
def test_an_image_of_nothing_is_refused(
    true_scene: Scene, tmp_path: Path, value: int, says: str
) -> None:
    path = tmp_path / "flat.tif"
    with rasterio.open(true_scene.before.path) as file:
        profile = file.profile
    with rasterio.open(path, "w", **(profile | {"compress": "DEFLATE", "photometric": "RGB",
                                                "nodata": 0})) as file:  # fmt: skip
        file.write(np.full((3, 384, 384), value, np.uint8))
    flat = inspect_raster(path, role="after", bands=None)
    with pytest.raises(NotComparable, match=says) as caught:
        fit_stretch(replace(true_scene, after=flat))
    assert caught.value.code in {"nothing_valid", "no_texture"}


def test_the_plan_knows_light_noise_and_null(true_plan: Plan, small_files: Any) -> None:
    lines = dict(true_plan.lines)
    assert list(lines) == ["red", "green", "blue"]
    for line in lines.values():
        assert 0.8 < line.gain < 1.4
        assert line.correlation > 0.8
    assert all(1 < noise < 15 for noise in true_plan.noise)
    assert true_plan.null.separable
    assert true_plan.null.centre < -5
    destroyed = small_files.truth["shares"]["built_destroyed"]
    assert true_plan.null.prior_low - 0.1 < destroyed < true_plan.null.prior_high + 0.1
    assert true_plan.vegetation is not None
    assert true_plan.vegetation.index == "exg"
    assert true_plan.built is None
    cuts = true_plan.thresholds
    assert 0 < cuts["high"] < cuts["central"] < cuts["low"] < 1


def test_the_plan_does_not_depend_on_the_executor(true_scene: Scene, true_plan: Plan) -> None:
    with ThreadPoolExecutor(2) as executor:
        plan, histograms = fit_plan(true_scene, executor=executor)
    assert plan == true_plan
    assert [h.name for h in histograms] == ["structural", "pixel"]
    for histogram in histograms:
        assert histogram.counts.sum() > 500
        assert len(histogram.counts) == len(histogram.null_counts) == len(histogram.edges) - 1


def test_what_the_plan_says_of_itself(true_plan: Plan) -> None:
    described = true_plan.describe_thresholds()
    assert described["window_px"] == 19
    assert described["vegetation_index"] == "exg"
    assert "built_score" not in described
    null = true_plan.describe_null()
    assert null["separable"] is True
    assert null["destroyed_prior_range"][0] <= null["destroyed_prior"]
