from __future__ import annotations

import numpy as np
import pytest

from changedet.core.grid import Grid
from changedet.pipeline import outputs
from changedet.pipeline.outputs import cell_records
from changedet.quantify.areas import CellGrid, Tally
from changedet.result import Cell

GRID = Grid(width=700, height=300, unit_m=1.0)
CELLS = CellGrid.over(GRID)


def record_cells(
    tally: Tally,
    *,
    seen: bool = True,
    judged: bool = True,
    interval_px: np.ndarray | None = None,
) -> tuple[Cell, ...]:
    lost = tally.total("vegetation_central")
    return cell_records(
        tally,
        CELLS,
        GRID,
        built_seen=seen,
        plants_seen=seen,
        interval_px=interval_px,
        plants_px=(lost // 2, lost * 8 // 10, lost) if judged else (0, 0, lost),
    )


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Everything seen, the left third built, half of that destroyed, all plants lost."""
    cols = np.broadcast_to(np.arange(700), GRID.shape)
    masks = {
        "inside": cols >= 0,
        "analysed": cols >= 0,
        "built": cols < 200,
        "built_central": cols < 100,
        "vegetation": cols >= 600,
        "vegetation_low": cols >= 650,
        "vegetation_central": cols >= 600,
        "vegetation_high": cols >= 600,
    }
    return Tally.of(masks, cells=CELLS, window=GRID.window)


def test_cells_say_what_lies_in_them(tally: Tally) -> None:
    first, second = record_cells(tally)
    assert (first.id, second.id) == ("r000c000", "r000c001")
    assert first.built_before_ha == pytest.approx(6)
    assert first.built_destroyed_share == pytest.approx(0.5)
    assert first.vegetation_lost_share is None
    assert second.built_destroyed_share is None
    # The floor is taken off: eight tenths of what the map shows.
    assert second.vegetation_lost_ha == pytest.approx(2.4)


def test_cells_have_intervals(tally: Tally) -> None:
    first, second = record_cells(
        tally, interval_px=np.array([[25_000, 0, 25_000], [90_000, 0, 90_000]])
    )
    assert (first.built_low_ha, first.built_destroyed_ha) == (2.5, 3.0)
    assert first.built_high_ha == 6.0  # no more than there was
    assert (second.built_low_ha, second.built_high_ha) == (0, 0)
    assert (second.vegetation_low_ha, second.vegetation_high_ha) == pytest.approx((1.5, 3.0))
    # without repeats on whole buildings, the band of the threshold
    plain, _ = record_cells(tally)
    assert plain.built_low_ha <= plain.built_destroyed_ha <= plain.built_high_ha


def test_cells_claim_no_more_than_the_record(tally: Tally) -> None:
    doubtful = record_cells(tally, judged=False)
    assert [cell.vegetation_lost_ha for cell in doubtful] == [0, 0]
    unseen = record_cells(tally, seen=False, judged=False)
    for cell in unseen:
        assert cell.built_before_ha is cell.built_destroyed_share is None
        assert cell.vegetation_before_ha is cell.vegetation_lost_ha is None


def test_a_cell_outside_the_aoi_is_left_out() -> None:
    inside = np.zeros(GRID.shape, bool)
    inside[:, 600:] = True
    tally = Tally.of({"inside": inside}, cells=CELLS, window=GRID.window)
    (cell,) = record_cells(tally)
    assert cell.id == "r000c001"
    assert cell.analysed_share == 0


def test_without_footprints_the_buildings_layer_is_empty_with_the_same_columns() -> None:
    layer = outputs.no_building_layer()
    assert layer.name == "buildings"
    assert len(layer.geometries) == 0
    assert list(layer.columns) == [
        "id",
        "area_m2",
        "grade",
        "unosat",
        "score",
        "probability",
        "damage_probability",
        "similarity",
        "order_loss",
        "lost_share",
        "reason",
    ]
