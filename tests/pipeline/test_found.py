from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine

from changedet.core.grid import Grid, Window
from changedet.core.options import RunOptions
from changedet.io.vector import read_own_layer
from changedet.pipeline import run_pair
from changedet.pipeline.apply import DESTROYED
from changedet.pipeline.found import NOT_SEPARABLE, REASON, found_layers
from changedet.pipeline.plants import BUILT

GRID = Grid(
    crs="EPSG:32637", transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_400_000), width=80, height=60,
    unit_m=1.0,
)  # fmt: skip


def strips(rows: int) -> list[tuple[Window, np.ndarray, np.ndarray]]:
    """A kept house of 20 x 12 px, a destroyed one of 10 x 10, and a speck, in strips."""
    state, classes = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.uint8)
    state[10:22, 5:25] = BUILT
    state[30:40, 50:60] = BUILT
    classes[30:40, 50:60] = DESTROYED
    state[55, 70:73] = BUILT
    state[:, 0] = 1  # analysed, not built
    return [
        (
            Window(row=row, col=0, height=min(rows, 60 - row), width=80),
            state[row : row + rows],
            classes[row : row + rows],
        )
        for row in range(0, 60, rows)
    ]


@pytest.mark.parametrize("rows", [60, 17])
def test_regions_become_outlines_wherever_strips_are_cut(rows: int) -> None:
    (layer,) = found_layers(strips(rows), GRID, least_px=40, separable=True)
    assert layer.name == "buildings"
    by_grade = dict(zip(layer.columns["grade"], range(2), strict=True))
    kept, gone = by_grade["No visible damage"], by_grade["Destroyed"]
    assert layer.columns["area_m2"][kept] == pytest.approx(20 * 12 / 4)
    assert layer.columns["area_m2"][gone] == pytest.approx(10 * 10 / 4)
    assert layer.columns["lost_share"][[kept, gone]].tolist() == [0, 1]
    assert set(layer.columns["reason"]) == {REASON}
    assert layer.geometries[gone].equals(shapely.box(500_025, 5_399_980, 500_030, 5_399_985))
    assert len(set(layer.columns["id"])) == 2
    assert np.isnan(layer.columns["score"]).all()


def test_where_nothing_can_be_told_apart_regions_have_no_grade() -> None:
    (layer,) = found_layers(strips(60), GRID, least_px=40, separable=False)
    assert set(layer.columns["grade"]) == {"Not analysed"}
    assert set(layer.columns["reason"]) == {NOT_SEPARABLE}


def test_a_run_without_footprints_draws_what_it_took_for_built(
    small_files: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    record = run_pair(
        small_files.before, small_files.after, options=RunOptions(), folder=folder
    ).record
    shapes, columns = read_own_layer(folder / "vectors.gpkg", "buildings")
    assert record.buildings is not None
    assert record.buildings.total is None
    assert record.built is not None
    assert len(shapes) > 5
    assert all(shape.is_valid for shape in shapes)
    mapped = columns["area_m2"].astype(float)
    assert mapped.sum() == pytest.approx(1e4 * (record.built.before_ha or 0), rel=0.05)
    gone = columns["grade"] == "Destroyed"
    assert mapped[gone].sum() == pytest.approx(1e4 * (record.built.destroyed_ha or 0), rel=0.05)
    assert not (folder / ".walk").exists()
