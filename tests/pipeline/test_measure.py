from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from changedet.core.grid import Window
from changedet.pipeline.measure import change_z, measure_built, read_pair
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.built import working_zoom


@pytest.mark.parametrize("lacking", [(1, 0), (0, 1), (1, 3)])
def test_a_block_may_end_within_a_cell_of_the_built_score(
    true_scene: Scene, true_plan: Plan, lacking: tuple[int, int]
) -> None:
    # 0.3 m is worked on at a zoom of 4; the last blocks are as odd as the image is.
    gsd_m, grid = 0.3, true_scene.grid
    assert working_zoom(gsd_m) == 4
    height, width = -(-grid.height // 4) * 4 + 16, -(-grid.width // 4) * 4 + 16

    def score(rows: int, cols: int) -> np.ndarray:
        pair = read_pair(true_scene, Window(row=0, col=0, height=rows, width=cols))
        return measure_built(true_scene, pair, true_plan.stretch[0], gsd_m)

    found = score(height - lacking[0], width - lacking[1])
    assert found.shape == (height - lacking[0], width - lacking[1])
    assert np.array_equal(found, score(height, width)[: found.shape[0], : found.shape[1]])


def test_where_both_dates_are_the_same_there_is_no_change(true_plan: Plan) -> None:
    # A running sum that has passed strong and weak changes falls a little below 0 behind them.
    rng = np.random.default_rng(4)
    before = np.zeros((1, 300, 300), np.float32)
    after = before.copy()
    after[:, :80] = 3e-5 * rng.random((80, 300))
    after[:, 30:40] = 100 * rng.random((10, 300))
    plan = replace(true_plan, noise=(1.0,))
    z = change_z(before, after, plan, valid=np.ones(before.shape[1:], bool), error_px=0.3)
    assert np.isfinite(z).all()
    assert z[33:37].min() > 1
    assert z[90:].max() < 1e-3
