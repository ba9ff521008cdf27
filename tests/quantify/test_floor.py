from __future__ import annotations

import numpy as np
import pytest

from changedet.quantify.floor import (
    DIRECTIONS,
    NO_FLOOR,
    Floor,
    count_beside,
    count_floor,
    fit_lean,
    fit_season,
    lean_reach_px,
)


def falls_to(before: np.ndarray) -> np.ndarray:
    """The rule: below 0.06, and lower by 0.02 at least."""
    return np.minimum(0.06, before - 0.02)


def plants(season: float, lost: float = 0.0, n: int = 20_000) -> tuple[np.ndarray, ...]:
    """A fifth stands as it was; of the rest a part is lost, of these a tenth as well."""
    rng = np.random.default_rng(7)
    before = rng.uniform(0.07, 0.16, n)
    move = rng.normal(season, 0.008, n)
    stands = rng.random(n) < 0.2
    gone = rng.random(n) < np.where(stands, 0.1 * lost, lost)
    move[gone] = 0.01 - before[gone]
    return before, move, np.where(stands, 12.0, 4.0)


@pytest.mark.parametrize("lost", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("season", [0.0, -0.02, -0.05])
def test_the_season_is_found_whatever_was_lost(season: float, lost: float) -> None:
    before, move, alike = plants(season, lost)
    quiet_before, quiet_move, _ = plants(season)
    truth = float((quiet_before + quiet_move < falls_to(quiet_before)).mean())
    floor = fit_season(before, move, alike, falls_to=falls_to)
    assert floor.shift == pytest.approx(season, abs=0.003)
    assert floor.share == pytest.approx(truth, abs=0.03)
    assert floor.source == "the pair itself"


def test_where_nothing_stands_nothing_is_known() -> None:
    before, move, alike = plants(-0.05)
    assert fit_season(before, move, alike - 5, falls_to=falls_to) == NO_FLOOR
    few = slice(500)
    assert fit_season(before[few], move[few], alike[few], falls_to=falls_to) == NO_FLOOR
    nothing = np.zeros(0)
    assert fit_season(nothing, nothing, nothing, falls_to=falls_to) == NO_FLOOR


def test_the_floor_is_that_of_the_plants_that_stand() -> None:
    floor = Floor(share=0.1)
    # 40 of 100 are gone, and a tenth of the other 60 seems to be: 46 are seen.
    assert floor.left(46, 100) == pytest.approx(40)
    assert floor.left(10, 100) == pytest.approx(0)
    assert floor.left(3, 100) == 0


def town(shift: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of 12 m among grass, and what they hide when they lean."""
    standing = np.zeros((200, 200), bool)
    for row in range(40, 200, 60):
        for col in range(40, 200, 60):
            standing[row : row + 12, col : col + 12] = True
    return standing, np.roll(standing, shift, (0, 1)) & ~standing


@pytest.mark.parametrize("shift", [(0, 4), (-4, 0), (3, 3), (0, -4)])
def test_what_leaning_blocks_hide_has_one_side(shift: tuple[int, int]) -> None:
    standing, hidden = town(shift)
    rng = np.random.default_rng(0)
    lost = hidden | (rng.random(hidden.shape) < 0.05)
    counts = [
        int(mask.sum())
        for mask in count_beside(lost, standing, gsd_m=1.0, window_row=0, window_col=0)
    ]
    found, error = fit_lean(np.array(counts), 1.0)
    assert found == pytest.approx(hidden.sum(), rel=0.25)
    assert 0 < error < found


def test_what_is_lost_all_around_has_none() -> None:
    standing, _ = town((0, 4))
    lost = ~standing
    counts = [
        int(mask.sum())
        for mask in count_beside(lost, standing, gsd_m=1.0, window_row=0, window_col=0)
    ]
    assert fit_lean(np.array(counts), 1.0)[0] < 0.02 * lost.sum()


@pytest.mark.parametrize("gsd", [0.5, 1.0, 3.0])
def test_counting_does_not_depend_on_windows(gsd: float) -> None:
    standing, hidden = town((0, 4))
    margin = lean_reach_px(gsd)
    totals = np.zeros((2, DIRECTIONS), int)
    for size, total in ((200, totals[0]), (50, totals[1])):
        for row in range(0, 200, size):
            for col in range(0, 200, size):
                top, left = max(0, row - margin), max(0, col - margin)
                window = (slice(top, row + size + margin), slice(left, col + size + margin))
                core = (slice(row - top, row - top + size), slice(col - left, col - left + size))
                masks = count_beside(
                    hidden[window], standing[window], gsd_m=gsd, window_row=top, window_col=left
                )
                total += [int(mask[core].sum()) for mask in masks]
    assert totals[0].sum() > 0
    assert np.array_equal(totals[0], totals[1])


def test_a_control_counts_what_the_rule_takes() -> None:
    """One plant in twenty falls below 0.1 where nothing happened: that is the floor."""
    before = np.full(2000, 0.3)
    difference = np.where(np.arange(2000) % 20 == 0, -0.25, -0.01)
    found = count_floor(
        before, difference, falls_to=lambda first: np.full_like(first, 0.1), source="a control"
    )
    assert found.share == pytest.approx(0.05)
    assert 0.0125 <= found.error <= 0.05
    assert found.shift == pytest.approx(-0.01)
    assert found.source == "a control"
    # of 500 lost among 2000, these are 0.05 of the 1579 that stand
    assert found.left(500, 2000) == pytest.approx((500 - 100) / 0.95)
    few = count_floor(before[:50], difference[:50], falls_to=lambda x: x, source="a control")
    assert few == NO_FLOOR
