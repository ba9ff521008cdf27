from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.compare.matching import EDGE_PX, match_object

SIDE, SEARCH = 120, 12


def texture(seed: int, sigma: float = 1.5) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray(128 + 40 * smooth / smooth.std(), np.float32)


def box(top: int = 45, left: int = 40, height: int = 24, width: int = 32) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


@settings(max_examples=25)
@given(
    row=st.integers(-8, 8),
    col=st.integers(-8, 8),
    gain=st.floats(0.3, 2),
    offset=st.floats(-40, 40),
)
def test_an_object_is_found_where_it_leans_to(
    row: int, col: int, gain: float, offset: float
) -> None:
    """Only the object moves; what surrounds it is another place altogether."""
    before = texture(1)
    after = texture(2)
    mask = box()
    rows, cols = np.nonzero(mask)
    after[rows + row, cols + col] = before[rows, cols]
    match = match_object(before, gain * after + np.float32(offset), mask, search=SEARCH)
    assert match is not None
    assert match.shift == (row, col)
    assert match.similarity > 1.6


def test_an_object_that_is_gone_is_as_alike_as_any_other_place() -> None:
    before = texture(1)
    found = [match_object(before, texture(seed), box(), search=SEARCH) for seed in range(3, 9)]
    assert all(match is not None and match.similarity < 1.0 for match in found)


def test_without_contrast_no_likeness_is_claimed() -> None:
    flat = np.full((SIDE, SIDE), 90, np.float32)
    match = match_object(flat, texture(2), box(), search=SEARCH)
    assert match is not None
    assert match.similarity == pytest.approx(0, abs=1e-3)
    assert match_object(flat, flat, np.zeros((SIDE, SIDE), bool), search=SEARCH) is None


def test_the_shift_stays_within_a_disc() -> None:
    before, mask = texture(1), box()
    after = np.roll(before, (9, 9), (0, 1))
    match = match_object(before, after, mask, search=SEARCH)
    assert match is not None
    assert np.hypot(*match.shift) <= SEARCH
    assert match.similarity < 1.5


def test_an_object_too_near_the_border_is_an_error() -> None:
    mask = box(SEARCH + EDGE_PX - 1)
    with pytest.raises(ValueError, match=f"keep {SEARCH + EDGE_PX} px"):
        match_object(texture(1), texture(1), mask, search=SEARCH)


@pytest.mark.parametrize("height", range(1, 6))
@pytest.mark.parametrize("width", range(1, 6))
def test_slivers_say_nothing(height: int, width: int) -> None:
    match = match_object(texture(1), texture(2), box(45, 40, height, width), search=SEARCH)
    assert (match is None) == (min(height, width) < 3)
