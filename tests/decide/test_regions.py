from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from changedet.decide.regions import MAX_REGION_PX, drop_small, local_prior, minimum_pixels


@pytest.mark.parametrize(
    ("square_metres", "pixel", "pixels"),
    [
        (10, 0.25, 40),
        (10, 0.24, 42),
        (25, 1.0, 25),
        (25, 100.0, 4),
        (0, 1.0, 4),
        (1e9, 1.0, MAX_REGION_PX),
        (10, None, 12),
    ],
)
def test_a_mapping_unit_in_pixels(square_metres: float, pixel: float | None, pixels: int) -> None:
    assert minimum_pixels(square_metres, pixel) == pixels


def test_small_regions_go_and_diagonals_connect() -> None:
    mask = np.zeros((8, 9), bool)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = True
    mask[5:7, 5:7] = True
    assert drop_small(mask, min_pixels=3).sum() == 7
    assert drop_small(mask, min_pixels=4).sum() == 4
    assert drop_small(mask, min_pixels=5).sum() == 0
    assert np.array_equal(drop_small(mask, min_pixels=1), mask)


@given(
    arrays(bool, (24, 26), elements=st.booleans()),
    st.integers(1, 7),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_a_core_with_its_margin_is_the_whole_image(
    mask: np.ndarray, least: int, corner: tuple[int, int], side: int, more: int
) -> None:
    row, col = corner
    whole = drop_small(mask, min_pixels=least)
    margin = least + more
    padded = np.pad(mask, margin)[row : row + side + 2 * margin, col : col + side + 2 * margin]
    core = drop_small(padded, min_pixels=least)[margin : margin + side, margin : margin + side]
    expected = whole[row : row + side, col : col + side]
    assert np.array_equal(core[: expected.shape[0], : expected.shape[1]], expected)


@given(arrays(bool, (15, 17), elements=st.booleans()), st.integers(1, 9))
def test_nothing_is_added_and_doing_it_twice_is_once(mask: np.ndarray, least: int) -> None:
    kept = drop_small(mask, min_pixels=least)
    assert not (kept & ~mask).any()
    assert np.array_equal(drop_small(kept, min_pixels=least), kept)


def test_a_prior_follows_the_neighbours_and_not_the_building_itself() -> None:
    places = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0], [5000.0, 0.0]])
    around = local_prior(np.array([0.0, 1.0, 1.0, 1.0, 1.0]), places, prior=0.1, worth=1.0)
    assert around[0] > 0.7  # all three near it are gone, it alone stands
    assert around[1] == pytest.approx(around[2], abs=0.01)
    assert around[1] < around[0]
    assert around[4] == pytest.approx(0.1)  # nobody near: the town's


def test_a_prior_is_the_same_in_any_number_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    places, chance = rng.uniform(0, 900, (150, 2)), rng.random(150)
    whole = local_prior(chance, places, prior=0.3)
    monkeypatch.setattr("changedet.decide.regions._AT_ONCE", 7)
    assert local_prior(chance, places, prior=0.3) == pytest.approx(whole, abs=1e-12)
