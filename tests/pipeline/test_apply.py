from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from changedet.core.blocks import blocks
from changedet.core.grid import Grid
from changedet.io.raster import create_raster
from changedet.pipeline.apply import (
    ANALYSED,
    DESTROYED,
    INSIDE,
    NO_CHANGE,
    NODATA,
    OTHER,
    STEPS,
    VEGETATION_GAINED,
    VEGETATION_LOST,
    BlockMaps,
    Rules,
    compute_block,
    decide_block,
    warp_block,
)
from changedet.pipeline.fit import block_margin
from changedet.pipeline.plan import Plan
from changedet.pipeline.plants import (
    BUILT,
    BURNT,
    CANOPY,
    CANOPY_CENTRAL,
    CANOPY_HIGH,
    CANOPY_LOW,
    FARMED,
    GAINED,
    LOST_CENTRAL,
    LOST_HIGH,
    LOST_LOW,
    PLANTS,
    WEAKER,
)
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import CellGrid

NAMES = ("aligned", "pixel", "structural", "state", "plants")


@pytest.fixture(scope="module")
def margin(true_plan: Plan) -> int:
    return block_margin(true_plan.sizes, true_plan.gsd_m, built=False)


@pytest.fixture(scope="module")
def whole(true_scene: Scene, true_plan: Plan, margin: int) -> BlockMaps:
    (block,) = blocks(true_scene.grid, size=1024, margin=margin)
    return compute_block(block, scene=true_scene, plan=true_plan)


@pytest.fixture(scope="module")
def truth(small_files: Any) -> np.ndarray:
    return np.asarray(small_files.read_truth("classes"))


def test_blocks_are_pieces_of_the_whole(
    true_scene: Scene, true_plan: Plan, margin: int, whole: BlockMaps
) -> None:
    total = None
    for block in blocks(true_scene.grid, size=200, margin=margin):
        part = compute_block(block, scene=true_scene, plan=true_plan)
        assert part.window == block.core
        for name in NAMES:
            expected = getattr(whole, name)[(..., *block.core.slices)]
            assert np.array_equal(getattr(part, name), expected), name
        total = part.sums if total is None else total + part.sums
    assert total is not None
    counts = [0, 1, 4]
    assert np.array_equal(total.values[counts], whole.sums.values[counts])
    # The last digit of a float32 may tip single pixels by the 1/1000 that is summed.
    assert np.abs(total.values - whole.sums.values).max() <= 3


def test_evidence_is_high_where_roofs_fell(whole: BlockMaps, truth: np.ndarray) -> None:
    built = (whole.state & BUILT) > 0
    fallen, standing = built & (truth == DESTROYED), built & (truth == NO_CHANGE)
    assert np.median(whole.structural[fallen]) > 0.8 * STEPS
    assert np.median(whole.structural[standing]) < 0.2 * STEPS
    assert np.median(whole.pixel[truth == NO_CHANGE]) < 0.3 * STEPS


def test_plants_are_lost_where_they_were_cleared(
    whole: BlockMaps, truth: np.ndarray, small_files: Any
) -> None:
    lost = (whole.state & LOST_CENTRAL) > 0
    cleared = truth == VEGETATION_LOST
    codes = small_files.read_truth("vegetation")
    # Crowns are found; grass is often too pale for an index without infrared to be vegetation.
    crowns = cleared & np.isin(codes, (3, 4))
    assert lost[crowns].mean() > 0.7
    assert lost[cleared].mean() > 0.6
    # Colour is four times coarser than brightness: within two metres it is that of both.
    near = cv2.dilate(cleared.astype(np.uint8), np.ones((9, 9))) > 0
    assert lost[np.isin(codes, (1, 2)) & ~near & (truth == NO_CHANGE)].mean() < 0.02
    assert lost[(truth == NO_CHANGE) & ~near].mean() < 0.03
    for sure, possible in ((LOST_LOW, LOST_CENTRAL), (LOST_CENTRAL, LOST_HIGH)):
        assert not (((whole.state & sure) > 0) & ((whole.state & possible) == 0)).any()
    plants = (whole.state & PLANTS) > 0
    assert not (lost & ~plants).any()
    assert not (plants & ((whole.state & BUILT) > 0)).any()


def test_canopy_is_lost_where_crowns_were_felled(whole: BlockMaps, small_files: Any) -> None:
    codes = small_files.read_truth("vegetation")
    canopy, lost = (whole.plants & CANOPY) > 0, (whole.plants & CANOPY_CENTRAL) > 0
    gone, kept, grass = np.isin(codes, (3, 4)), codes == 1, np.isin(codes, (2, 5))
    near = cv2.dilate(gone.astype(np.uint8), np.ones((9, 9))) > 0
    assert canopy[gone | kept].mean() > 0.55
    assert canopy[grass].mean() < 0.15
    assert lost[gone].mean() > 0.5
    assert lost[kept & ~near].mean() < 0.03
    assert lost[grass].mean() < 0.1


def test_what_is_not_analysed_has_no_evidence(whole: BlockMaps) -> None:
    analysed = (whole.state & ANALYSED) > 0
    assert 0.9 < analysed.mean() < 1
    for evidence in (whole.pixel, whole.structural):
        assert np.array_equal(evidence == NODATA, ~analysed)
        assert evidence[analysed].max() <= STEPS
    assert (whole.state & INSIDE).all()


def test_footprint_sums_cover_each_outline(whole: BlockMaps, true_scene: Scene) -> None:
    grown = np.array([shape.buffer(2.0).area / 0.25 for shape in true_scene.footprints])
    frame = shapely.box(*true_scene.grid.bounds)
    inside = np.array([frame.contains(shape.buffer(3)) for shape in true_scene.footprints])
    assert inside.sum() > 30
    assert whole.sums.values[0][inside] == pytest.approx(grown[inside], rel=0.08)


def test_an_empty_block_is_nodata(true_scene: Scene, true_plan: Plan, margin: int) -> None:
    outside = replace(true_scene, aoi=(shapely.box(0, 0, 1, 1),))
    (block,) = blocks(true_scene.grid, size=1024, margin=margin)
    empty = compute_block(block, scene=outside, plan=true_plan)
    assert (empty.pixel == NODATA).all()
    assert (empty.structural == NODATA).all()
    assert not (empty.state & ANALYSED).any()
    assert not empty.sums.analysed.any()


def test_warping_alone_is_the_same_image(true_scene: Scene, whole: BlockMaps) -> None:
    (block,) = blocks(true_scene.grid, size=1024)
    window, aligned = warp_block(block, scene=true_scene)
    assert window == true_scene.grid.window
    assert aligned.dtype == np.uint8
    assert np.array_equal(aligned, whole.aligned)
    assert aligned[:, ((whole.state & ANALYSED) > 0)].min() >= 1, "0 says nodata"


@pytest.mark.parametrize(("dtype", "lowest"), [("uint16", 0), ("int16", -32768), ("float32", None)])
def test_aligned_keeps_the_type_of_after(
    true_scene: Scene, dtype: str, lowest: float | None
) -> None:
    scene = replace(true_scene, after=replace(true_scene.after, dtype=dtype))
    block = next(blocks(scene.grid, size=1024))
    _, aligned = warp_block(block, scene=scene)
    assert aligned.dtype == dtype
    unseen = aligned[0] == lowest if lowest is not None else np.isnan(aligned[0].astype(float))
    assert 0 < unseen.mean() < 0.1


GRID = Grid(width=40, height=30)


def save(folder: Path, maps: dict[str, np.ndarray]) -> dict[str, str]:
    paths = {}
    for name, array in maps.items():
        path = folder / f"{name}.tif"
        with create_raster(path, GRID, dtype="uint8") as writer:
            writer.write(array[None], GRID.window)
        paths[name] = str(path)
    return paths


def make_rules(**changes: Any) -> Rules:
    values: dict[str, Any] = {
        "thresholds": {"low": 225, "central": 125, "high": 50}, "min_built": 4, "min_plants": 6,
        "cells": CellGrid.over(GRID), "destroyed": None, "plants_judged": True,
    }  # fmt: skip
    return Rules(**(values | changes))


@pytest.fixture
def painted(tmp_path: Path) -> dict[str, str]:
    """A grid with one house, one clearing, one new wood, one car park and specks of each."""
    state = np.full(GRID.shape, ANALYSED | INSIDE, np.uint8)
    structural, pixel = np.zeros((2, *GRID.shape), np.uint8)
    state[2:8, 2:8] |= BUILT
    structural[2:8, 2:5] = 240
    structural[2:8, 5:7] = 130
    state[20, 30] |= BUILT
    structural[20, 30] = 240
    structural[25:28, 25:28] = 240
    state[12:16, 2:12] |= PLANTS | LOST_HIGH
    state[12:16, 2:8] |= LOST_CENTRAL
    state[12:14, 2:5] |= LOST_LOW
    state[20, 2] |= PLANTS | LOST_HIGH | LOST_CENTRAL | LOST_LOW
    state[12:16, 20:24] |= GAINED
    pixel[2:10, 30:36] = 200
    pixel[25, 2:4] = 200
    state[:, 38:] = INSIDE
    structural[:, 38:] = pixel[:, 38:] = NODATA
    plants = np.zeros(GRID.shape, np.uint8)
    plants[12:16, 2:12] |= CANOPY
    plants[12:16, 2:6] |= CANOPY_LOW | CANOPY_CENTRAL | CANOPY_HIGH
    plants[20, 2] |= CANOPY | CANOPY_CENTRAL
    plants[12:16, 6:12] |= WEAKER
    plants[20:24, 10:20] |= FARMED
    plants[14, 2:8] |= BURNT
    maps = {"state": state, "structural": structural, "pixel": pixel, "plants": plants}
    return save(tmp_path, maps)


def decide(scene: Scene, rules: Rules, paths: dict[str, str], size: int = 64) -> tuple[Any, Any]:
    scene = replace(scene, grid=GRID)
    classes, tally = np.zeros(GRID.shape, np.uint8), None
    for block in blocks(GRID, size=size, margin=rules.margin):
        made = decide_block(block, scene=scene, rules=rules, paths=paths)
        classes[made.window.slices] = made.classes
        tally = made.tally if tally is None else tally + made.tally
    return classes, tally


def test_classes_are_painted_by_rank(true_scene: Scene, painted: dict[str, str]) -> None:
    classes, tally = decide(true_scene, make_rules(), painted)
    expected = np.full(GRID.shape, NO_CHANGE)
    expected[2:8, 2:7] = DESTROYED
    expected[12:16, 2:8] = VEGETATION_LOST
    expected[12:16, 20:24] = VEGETATION_GAINED
    expected[2:10, 30:36] = OTHER
    # What a farmer did is a change, but no vegetation lost.
    expected[20:24, 10:20] = OTHER
    expected[:, 38:] = 0
    assert np.array_equal(classes, expected)
    assert {name: tally.total(name) for name in ("inside", "analysed", "built")} == {
        "inside": 1200, "analysed": 1140, "built": 37,
    }  # fmt: skip
    assert [tally.total(f"built_{k}") for k in ("low", "central", "high")] == [18, 30, 30]
    assert [tally.total(f"vegetation_{k}") for k in ("low", "central", "high")] == [6, 24, 40]
    assert tally.total("gained") == 16
    counts = {"canopy": 40, "canopy_low": 16, "canopy_central": 16, "canopy_high": 16,
              "farmed": 40, "weaker": 16, "burnt": 6}  # fmt: skip
    assert {name: tally.total(name) for name in counts} == counts


@pytest.mark.parametrize("size", [3, 7, 16])
def test_classes_do_not_depend_on_blocks(
    true_scene: Scene, painted: dict[str, str], size: int
) -> None:
    classes, tally = decide(true_scene, make_rules(), painted)
    cut, sums = decide(true_scene, make_rules(), painted, size)
    assert np.array_equal(cut, classes)
    assert np.array_equal(sums.counts, tally.counts)


def test_plants_that_cannot_be_judged_are_not_mapped(
    true_scene: Scene, painted: dict[str, str]
) -> None:
    classes, _ = decide(true_scene, make_rules(plants_judged=False), painted)
    assert not np.isin(classes, (VEGETATION_LOST, VEGETATION_GAINED)).any()


def test_footprints_decide_where_there_are_any(true_scene: Scene, painted: dict[str, str]) -> None:
    house = shapely.box(2, 2, 8, 8)
    scene = replace(true_scene, footprints=(house, shapely.box(20, 20, 25, 25)))
    rules = make_rules(destroyed={"low": (), "central": (0,), "high": (0, 1)})
    classes, tally = decide(scene, rules, painted)
    assert (classes[2:8, 2:8] == DESTROYED).all()
    assert (classes == DESTROYED).sum() == 36
    assert [tally.total(f"built_{k}") for k in ("low", "central", "high")] == [0, 36, 36]


def test_the_margin_is_the_larger_mapping_unit() -> None:
    assert make_rules(min_built=40, min_plants=100).margin == 100
    # Plants are asked whether they lie beside a building that stands, 8 m away and one more.
    assert make_rules(min_built=100, min_plants=40).margin == 109
