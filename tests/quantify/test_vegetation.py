from __future__ import annotations

import numpy as np
import pytest

from changedet.quantify.floor import Floor
from changedet.quantify.vegetation import (
    FARMED_ANYWAY,
    RANGE,
    SPREAD,
    VegetationPlan,
    plan_vegetation,
    share_of_fields,
    tolerant_maximum,
)


def make_plan(**changes: object) -> VegetationPlan:
    values = {"index": "ndvi", "threshold": 0.3, "shift": 0.0, "spread": 0.05, "separability": 0.8}
    return VegetationPlan(**(values | changes))  # type: ignore[arg-type]


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_vegetation_is_at_and_above_the_threshold() -> None:
    found = make_plan(threshold=0.25).is_vegetation(row(0.2, 0.25, 0.6, np.nan))
    assert found.tolist() == [[False, True, True, False]]


def test_lost_is_what_fell_below_it_by_more_than_the_noise() -> None:
    before = row(0.6, 0.6, 0.32, 0.2, 0.6)
    after = row(0.1, 0.5, 0.26, 0.0, 0.29)
    lost = make_plan().lost(before, after, spreads=2.5)
    # Gone; still plants; fell by less than the noise; was none before; not below the noise.
    assert lost.tolist() == [[True, False, False, False, False]]


def test_a_season_that_dims_everything_is_no_loss() -> None:
    before = row(0.35, 0.6)
    assert make_plan().lost(before, before - 0.1, spreads=1.0).tolist() == [[True, False]]
    assert not make_plan(shift=-0.1).lost(before, before - 0.1, spreads=1.0).any()


@pytest.mark.parametrize("spreads", [1.5, 2.5, 4.0])
def test_asking_for_more_finds_less(spreads: float) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.uniform(0, 0.8, (2, 50, 50)).astype(np.float32)
    plan = make_plan()
    fewer = plan.lost(before, after, spreads=spreads)
    assert fewer.any()
    assert not (fewer & ~plan.lost(before, after, spreads=spreads - 0.5)).any()


def test_gained_is_the_mirror_image() -> None:
    gained = make_plan().gained(row(0.1, 0.5, 0.28), row(0.6, 0.6, 0.31), spreads=2.5)
    assert gained.tolist() == [[True, False, False]]


@pytest.mark.parametrize(
    ("gsd", "error", "reach"), [(0.5, 0.2, 0), (0.5, 2.0, 2), (0.5, 9.0, 3), (3.0, 2.0, 0)]
)
def test_the_tolerance_is_the_residual_within_half_a_crown(
    gsd: float, error: float, reach: int
) -> None:
    index = np.zeros((21, 21), np.float32)
    index[10, 10] = 1
    found = tolerant_maximum(index, gsd_m=gsd, error_px=error)[10]
    assert np.flatnonzero(found == 1).tolist() == list(range(10 - reach, 11 + reach))


def test_tolerance_takes_unknown_for_no_vegetation() -> None:
    assert tolerant_maximum(row(np.nan, 0.5), gsd_m=1, error_px=0).tolist() == [[-9.0, 0.5]]


@pytest.mark.parametrize("index", ["ndvi", "exg"])
def test_the_plan_takes_shift_and_noise_from_stable_ground(index: str) -> None:
    low, high = SPREAD[index]
    noise = (low + high) / 2
    difference = np.random.default_rng(1).normal(0.02, noise, 5000)
    plan = plan_vegetation(index, threshold=0.1, separability=0.7, stable_difference=difference)
    assert plan.shift == pytest.approx(0.02, abs=0.005)
    assert plan.spread == pytest.approx(noise, rel=0.05)
    assert RANGE[index][0] <= plan.threshold <= RANGE[index][1]


def test_the_plan_stays_within_reason() -> None:
    wild = np.full(500, 0.9)
    plan = plan_vegetation("ndvi", threshold=9.0, separability=0.7, stable_difference=wild)
    assert (plan.threshold, plan.shift, plan.spread) == (0.45, 0.1, 0.03)
    few = plan_vegetation("exg", threshold=-1, separability=0, stable_difference=np.zeros(49))
    assert (few.threshold, few.shift, few.spread) == (0.03, 0.0, 0.06)


def test_pale_plants_count_where_those_around_are_lost() -> None:
    plan = make_plan(index="exg", threshold=0.06, spread=0.01, bare=0.02)
    before = np.full((120, 120), 0.10, np.float32)
    before[50:60, 50:60] = 0.05
    after = np.full_like(before, 0.02)
    spot = np.zeros(before.shape, bool)
    spot[50:60, 50:60] = True

    def pale(after: np.ndarray) -> np.ndarray:
        lost = plan.lost(before, after, spreads=1.5)
        return plan.pale_lost(before, after, lost=lost, figure="central", gsd_m=1.0)

    assert np.array_equal(pale(after), spot)
    alone = before.copy()
    alone[spot] = 0.02
    assert not pale(alone).any(), "alone it is only the season"
    assert not pale(np.where(spot, np.float32(0.04), after)).any(), "not bare yet"
    assert not pale(np.where(spot, np.float32(-9), after)).any(), "not known"


def test_worse_is_less_green_beyond_the_season() -> None:
    before, after = row(0.6, 0.6, 0.6, 0.2), row(0.55, 0.4, 0.1, 0.1)
    assert make_plan().weaker(before, after).tolist() == [[False, True, True, False]]
    dry = make_plan(floor=Floor(shift=-0.15))
    assert dry.weaker(before, after).tolist() == [[False, False, True, False]]


def test_the_floor_is_asked_with_the_rule_for_lost() -> None:
    plan = make_plan(threshold=0.3, spread=0.04)
    before = np.array([0.31, 0.6])
    bound = plan.falls_to(before)
    for nudge, lost in ((-1e-3, True), (1e-3, False)):
        after = (bound + nudge).astype(np.float32)
        assert plan.lost(before.astype(np.float32), after, spreads=1.5).tolist() == [lost] * 2


def test_bare_fields_were_lost_as_what_grew_around_them() -> None:
    at = np.linspace(0, 1, 21)
    found = np.array([share_of_fields(float(share)) for share in at])
    assert found[0] == 0  # nothing was lost anywhere: farm work
    assert found[-1] == 1
    assert (np.diff(found) > 0).all()
    # of 100 fields 30 were lost, and of the other 70 half were bared by farm work
    assert share_of_fields(0.3) == pytest.approx(30 / (30 + 70 * FARMED_ANYWAY))
