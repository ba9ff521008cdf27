from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from changedet.core.grid import Grid
from changedet.pipeline.plan import Plan
from changedet.pipeline.vegetation_record import floor_record, lost_pixels, vegetation_record
from changedet.quantify.areas import CellGrid, Tally
from changedet.quantify.canopy import CanopyPlan
from changedet.quantify.floor import Floor
from changedet.quantify.vegetation import VegetationPlan
from changedet.result import Vegetation

GRID = Grid(width=100, height=100, unit_m=1.0)
CELLS = CellGrid.over(GRID)


def count(**pixels: int) -> Tally:
    """A tally of so many pixels of each kind: 10,000 seen, 5,000 of them plants."""
    order = np.arange(GRID.width * GRID.height).reshape(GRID.shape)
    wanted = {"inside": 10_000, "analysed": 10_000, "vegetation": 5000} | pixels
    masks = {name: order < number for name, number in wanted.items()}
    return Tally.of(masks, cells=CELLS, window=GRID.window)


@pytest.fixture
def plan(true_plan: Plan) -> Plan:
    return with_plants(true_plan)


def with_plants(plan: Plan, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "index": "ndvi", "threshold": 0.3, "shift": 0.0, "spread": 0.04, "separability": 0.8,
        "canopy": CanopyPlan(grass_index=0.4, grass_level=500, reason=""),
    }  # fmt: skip
    return replace(plan, gsd_m=1.0, vegetation=VegetationPlan(**(values | changes)))


def record(tally: Tally, plan: Plan, **changes: Any) -> Vegetation:
    return vegetation_record(tally, plan, GRID, **({"judged": True} | changes))


LOST = {"vegetation_low": 800, "vegetation_central": 1000, "vegetation_high": 1200}


def test_the_floor_is_taken_off(plan: Plan) -> None:
    tally = count(**LOST)
    assert record(tally, plan).lost_ha == pytest.approx(0.1)
    dry = with_plants(plan, floor=Floor(share=0.1, error=0.05, source="the pair itself"))
    # 1000 seen = 556 + a tenth of the other 4444.
    found = record(tally, dry)
    assert lost_pixels(tally, dry, judged=True)[1] == 556
    assert found.lost_share == pytest.approx(0.1112)
    assert "10.0% for the season (from the pair itself)" in found.method
    noted = floor_record(tally, dry)["vegetation_floor"]
    assert (noted["season_share"], noted["lean_share"]) == (0.1, 0.0)
    before = record(tally, plan)
    assert found.low_share < before.low_share
    assert found.high_share > found.lost_share


def test_bare_fields_count_as_far_as_what_grew_around_them_was_lost(plan: Plan) -> None:
    """A fifth of 5000 was lost: of 900 bare fields 0.2 / (0.2 + 0.8 / 2) = a third count."""
    without, found = record(count(**LOST), plan), record(count(**LOST, bared=900), plan)
    assert found.lost_ha == pytest.approx(0.13)
    assert found.before_ha == pytest.approx(0.53)
    assert found.low_ha == without.low_ha  # none of them
    assert found.high_ha == pytest.approx(without.high_ha + 0.09)  # all of them
    nothing = record(count(bared=900), plan)
    assert nothing.lost_ha == 0


def test_what_leans_is_taken_off(plan: Plan) -> None:
    tally = count(**LOST, beside_0=300, beside_1=150, beside_4=50, beside_5=100)
    # East has 250 more than west; across, nothing differs: the error is a quarter.
    assert record(tally, plan).lost_ha == pytest.approx(0.075)
    noted = floor_record(tally, plan)["vegetation_floor"]
    assert (noted["lean_share"], noted["lean_error"]) == (0.05, 0.0124)


def test_the_interval_holds_the_figure_and_its_error(plan: Plan) -> None:
    found = record(count(**LOST), plan)
    assert 0 < found.low_share < found.lost_share < found.high_share < 1
    everything = count(vegetation_low=4900, vegetation_central=5000, vegetation_high=5000)
    assert record(everything, plan).high_share == 1
    nothing = record(count(), plan)
    assert (nothing.lost_ha, nothing.low_ha) == (0, 0)
    assert nothing.high_share > 0


def test_canopy_is_a_part_of_its_own(plan: Plan) -> None:
    tally = count(
        **LOST, canopy=2000, canopy_low=500, canopy_central=800, canopy_high=900, farmed=700,
        weaker=400, burnt=30,
    )  # fmt: skip
    found = record(tally, plan)
    canopy = found.canopy
    assert canopy is not None
    assert canopy.separable
    assert (canopy.before_ha, canopy.lost_ha) == (0.2, 0.08)
    assert canopy.lost_share == pytest.approx(0.4)
    assert canopy.low_share < 0.25
    assert canopy.high_share > 0.45
    assert found.fields_changed_ha == pytest.approx(0.07)
    assert found.condition_share == pytest.approx(0.1)
    assert found.burnt_ha is None
    assert record(tally, plan, burn_ratio=True).burnt_ha == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("tally", "changes", "reason"),
    [
        (count(canopy=2000), {"bare": "the dates lie 90 days apart"}, "90 days"),
        (count(canopy=2000), {"judged": False}, "cannot be told"),
        (count(canopy=50), {}, "next to none"),
        (count(canopy=1000, canopy_central=800, vegetation_central=900), {}, "without leaves"),
    ],
)
def test_canopy_is_null_with_a_reason(
    tally: Tally, changes: dict[str, Any], reason: str, plan: Plan
) -> None:
    canopy = record(tally, plan, **changes).canopy
    assert canopy is not None
    assert not canopy.separable
    assert reason in canopy.reason
    assert reason in canopy.method
    numbers = canopy.model_dump(exclude={"interval_kind", "separable", "reason", "method"})
    assert set(numbers.values()) == {None}


def test_trees_that_went_with_the_grass_are_counted(plan: Plan) -> None:
    tally = count(canopy=1000, canopy_central=800, vegetation_central=2000)
    canopy = record(tally, plan).canopy
    assert canopy is not None
    assert canopy.lost_share == pytest.approx(0.8)


def test_what_was_not_judged_claims_nothing(plan: Plan) -> None:
    found = record(count(**LOST, farmed=5), plan, judged=False)
    assert found.lost_ha == 0
    assert found.gained_ha is found.condition_share is found.fields_changed_ha is None
    blind = record(count(), replace(plan, vegetation=None))
    assert blind.before_ha is blind.canopy is None
    assert floor_record(count(), replace(plan, vegetation=None)) == {}
