"""A drawn town of 2 m cells: what is laid over it is found, what happens in it is not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from changedet.compare.observable import (
    CLEAR,
    CLOUD,
    MARGIN,
    SATURATED,
    SHADOW,
    SMOKE,
    SNOW,
    VeilPlan,
    VeilSample,
    find_unseen,
    fit_veils,
)
from changedet.compare.veils import split, steps, veil_sizes

SIDE = 260
CELL_M = 2.0


def draw_town(seed: int, *, trees: bool = True) -> Any:
    """Green and brown ground, red and grey roofs with shadows, dark crowns; shape (3, n, n)."""
    rng = np.random.default_rng(7)
    soft = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 12)
    green = (soft > 0)[None]
    ground = np.where(green, [[[0.22]], [[0.30]], [[0.17]]], [[[0.42]], [[0.35]], [[0.26]]])
    town = ground.astype(np.float32)
    for row in range(6, SIDE - 10, 14):
        for col in range(6, SIDE - 10, 12):
            height, width = rng.integers(4, 7, 2)
            roof = [(0.55, 0.33, 0.26), (0.5, 0.5, 0.52), (0.8, 0.8, 0.8)][rng.integers(0, 3)]
            top, left = row + rng.integers(0, 4), col + rng.integers(0, 4)
            town[:, top - 2 : top, left : left + width] = np.array([0.06, 0.07, 0.08])[
                :, None, None
            ]
            town[:, top : top + height, left : left + width] = np.array(roof)[:, None, None]
            if trees:
                crown = (slice(row + 9, row + 12), slice(col, col + 4))
                town[:, *crown] = np.array([0.07, 0.12, 0.06])[:, None, None]
    noise = np.random.default_rng(seed).standard_normal(town.shape).astype(np.float32)
    return np.clip(town * (1 + 0.06 * noise), 0.01, 1).astype(np.float32)


def disc(row: int, col: int, radius: float, *, soft: float) -> Any:
    """Opacity that falls from 1 to 0 over ``soft`` cells at the rim."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(rows - row, cols - col)
    return np.clip((radius - away) / soft + 0.5, 0, 1).astype(np.float32)


def veiled(town: Any, opacity: Any, level: float) -> Any:
    return np.clip(town + (level - town) * opacity, 0, 1).astype(np.float32)


def fit(before: Any, after: Any, valid: Any) -> VeilPlan:
    keep = np.zeros((SIDE, SIDE), bool)
    keep[::2, ::2] = True
    sample = VeilSample.of(before, after, valid, cell_m=CELL_M, keep=keep)
    return fit_veils([sample], cell_m=CELL_M)


def look(before: Any, after: Any) -> Any:
    """Codes of the whole drawing, without shadow."""
    valid = np.ones((SIDE, SIDE), bool)
    codes = find_unseen(before, after, valid, fit(before, after, valid))
    return codes & ~np.uint8(SHADOW)


BEFORE = draw_town(1)
AFTER = np.clip(draw_town(2) * 0.85 + 0.03, 0, 1).astype(np.float32)
"""The same town a little darker and hazier."""


def test_nothing_hides_a_town_in_another_light() -> None:
    assert (look(BEFORE, AFTER) == CLEAR).all()


@pytest.mark.parametrize("date", ["before", "after"])
def test_cloud_is_found_in_either_date(date: str) -> None:
    opacity = disc(130, 120, 45, soft=12)
    pair = {"before": BEFORE, "after": AFTER}
    pair[date] = veiled(pair[date], opacity, 0.95)
    codes = look(**pair)
    assert (codes[opacity > 0.5] == CLOUD).mean() > 0.95
    assert (codes[disc(130, 120, 60, soft=1) == 0] == CLEAR).all(), "no further than its rim"


def test_dense_smoke_is_found_and_is_no_cloud() -> None:
    opacity = 0.75 * disc(100, 140, 30, soft=20)
    codes = look(BEFORE, veiled(AFTER, opacity, 0.55))
    assert (codes[opacity > 0.5] == SMOKE).mean() > 0.8
    assert (codes[disc(100, 140, 48, soft=1) == 0] == CLEAR).all()


def test_thin_smoke_is_left_to_the_reader() -> None:
    opacity = 0.15 * disc(100, 140, 30, soft=20)
    assert (look(BEFORE, veiled(AFTER, opacity, 0.55)) == CLEAR).all()


def test_rubble_and_bare_ground_are_seen() -> None:
    """Houses become rough pale rubble, trees and gardens bare earth: brighter, but no veil."""
    after = AFTER.copy()
    rough = np.random.default_rng(3).uniform(0.25, 0.6, (60, 90))
    after[:, 40:100, 30:120] = np.array([1.0, 0.95, 0.88])[:, None, None] * rough
    after[:, 140:200, 30:120] = np.array([0.5, 0.42, 0.31])[:, None, None]
    after[:, 140:200, 30:120] += np.random.default_rng(4).normal(0, 0.02, (60, 90))
    assert (look(BEFORE, after.astype(np.float32)) != CLEAR).mean() < 0.005


def test_burnt_ground_is_seen() -> None:
    after = AFTER.copy()
    after[:, 40:120, 40:140] *= 0.3
    assert (look(BEFORE, after) == CLEAR).all()


@pytest.mark.parametrize("date", ["before", "after"])
def test_a_white_hall_is_a_roof(date: str) -> None:
    """As bright and smooth as a cloud, and as large, but with an outline."""
    pair = {"before": BEFORE.copy(), "after": AFTER.copy()}
    pair[date][:, 100:125, 80:130] = 0.97
    assert (look(**pair) == CLEAR).all()


def test_snow_is_found_where_it_is_much_and_white_roofs_are_not() -> None:
    rng = np.random.default_rng(5)
    patches = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 2)
    snow = patches > np.quantile(patches, 0.6)
    codes = look(BEFORE, np.where(snow, np.float32(0.93), AFTER))
    assert (codes == SNOW).mean() > 0.2
    few = np.zeros((SIDE, SIDE), bool)
    few[20:24, 20:26] = few[80:84, 60:66] = True
    assert (look(BEFORE, np.where(few, np.float32(0.93), AFTER)) == CLEAR).all()


def test_saturated_without_an_outline_is_not_seen() -> None:
    """Glare in both dates at one place is no veil of one of them."""
    glare = disc(130, 130, 30, soft=30)
    pair = [
        np.minimum(veiled(date, np.minimum(2.2 * glare, 1), 1.0), 1) for date in (BEFORE, AFTER)
    ]
    codes = look(*pair)
    assert (codes[130 - 8 : 130 + 8, 130 - 8 : 130 + 8] == SATURATED).all()


def test_shadow_is_marked_and_not_hidden() -> None:
    valid = np.ones((SIDE, SIDE), bool)
    codes = find_unseen(BEFORE, AFTER, valid, fit(BEFORE, AFTER, valid))
    cast = (BEFORE.max(axis=0) < 0.1) & (BEFORE[2] > BEFORE[1])
    assert ((codes & SHADOW) > 0)[cast].mean() > 0.9
    crowns = (BEFORE[1] < 0.16) & (BEFORE[1] > 1.5 * BEFORE[2])
    assert ((codes & SHADOW) > 0)[crowns].mean() < 0.1


def test_one_band_tells_cloud_and_nothing_else() -> None:
    cloud, smoke = disc(80, 80, 35, soft=12), 0.75 * disc(190, 190, 30, soft=20)
    after = veiled(veiled(AFTER, cloud, 0.95), smoke, 0.55)
    grey = [date.mean(axis=0, keepdims=True, dtype=np.float32) for date in (BEFORE, after)]
    codes = look(*grey)
    assert (codes[cloud > 0.9] == CLOUD).mean() > 0.75
    assert set(np.unique(codes[150:])) <= {CLEAR, CLOUD}
    valid = np.ones((SIDE, SIDE), bool)
    assert not fit(*grey, valid).thin_decided
    assert fit(BEFORE, AFTER, valid).thin_decided


def test_what_is_not_valid_has_no_code_and_no_influence() -> None:
    opacity = disc(130, 120, 45, soft=12)
    after = veiled(AFTER, opacity, 0.95)
    valid = np.ones((SIDE, SIDE), bool)
    valid[:, 200:] = False
    plan = fit(BEFORE, after, valid)
    codes = find_unseen(BEFORE, after, valid, plan)
    other = np.where(valid, after, np.float32(0.5))
    assert np.array_equal(codes, find_unseen(BEFORE, other, valid, plan))
    assert (codes[:, 200:] == 0).all()


def test_the_code_of_a_cell_does_not_depend_on_the_window() -> None:
    side = 2 * MARGIN + 30
    big = (slice(None), *(slice(0, side),) * 2)
    tiled = [
        np.pad(date, ((0, 0), (40, 0), (40, 0)), mode="reflect")[big] for date in (BEFORE, AFTER)
    ]
    rows, cols = np.mgrid[:side, :side]
    opacity = np.clip((40 - np.hypot(rows - 128, cols - 120)) / 12 + 0.5, 0, 1).astype(np.float32)
    before, after = tiled[0], veiled(tiled[1], opacity, 0.95)
    valid = np.ones((side, side), bool)
    keep = np.zeros_like(valid)
    keep[::3, ::3] = True
    plan = fit_veils([VeilSample.of(before, after, valid, cell_m=CELL_M, keep=keep)], cell_m=CELL_M)
    whole = find_unseen(before, after, valid, plan)
    # The core alone, with its margin cut from a larger array and with the array's own end.
    cut = (slice(None), slice(10, side), slice(0, side - 10))
    part = find_unseen(before[cut], after[cut], valid[cut[1:]], plan)
    core = (slice(MARGIN + 10, side - MARGIN), slice(MARGIN, side - MARGIN - 10))
    assert np.array_equal(part[core[0].start - 10 : core[0].stop - 10, core[1]], whole[core])


def test_windows_are_metres_and_fit_into_the_margin() -> None:
    for cell_m in (0.7, 1.42, 2.0, 2.8, 10.0, 30.0):
        sizes = veil_sizes(cell_m)
        features = max(2 * sizes.dark, int(np.ceil(4 * sizes.fine)) + sizes.detail)
        shapes = 6 * sizes.open + 2 + 4 + sizes.rim + 2 * sizes.white
        roofs = 2 * sizes.dark + 2 + sizes.rim
        rest = 2 + 2 * sizes.open + sizes.rim // 2
        if cell_m >= 1.4:
            assert features + shapes + roofs + rest <= MARGIN
        assert min(sizes.dark, sizes.detail, sizes.open, sizes.white) >= 1


def test_split_parts_two_heaps() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0.2, 0.02, 4000), rng.normal(0.7, 0.05, 1000)])
    assert 0.27 < split(values) < 0.6


def test_steps_see_an_edge_inside_a_cell() -> None:
    grey = np.zeros((5, 9), np.float32)
    grey[:, 4], grey[:, 5:] = 0.5, 1.0
    assert steps(grey, np.ones(grey.shape, bool))[2, 4] == pytest.approx(1.0)
    valid = np.ones(grey.shape, bool)
    valid[:, 5:] = False
    assert steps(grey, valid)[2].max() <= 0.5
