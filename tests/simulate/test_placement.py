"""Where AFTER lies: the map and its inverse agree to far below what is measured with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.core.grid import Window
from changedet.core.scenario import PlacementOptions, Scenario
from changedet.simulate.placement import Placement


def place(**wishes: object) -> Placement:
    options = PlacementOptions.model_validate(wishes)
    return Placement(Scenario(seed=1, width=700, height=500, placement=options))


@settings(max_examples=25)
@given(
    st.floats(-180, 180), st.floats(0.5, 2), st.floats(-30, 30), st.floats(0, 3),
    st.sampled_from([150.0, 400.0]),
)  # fmt: skip
def test_there_and_back(turn: float, scale: float, shift: float, warp: float, long: float) -> None:
    placed = place(rotation_deg=turn, scale=scale, shift_px=(shift, -shift), warp_px=warp,
                   warp_length_m=long)  # fmt: skip
    cols, rows = np.meshgrid(np.linspace(0, placed.width - 1, 7),
                             np.linspace(0, placed.height - 1, 6))  # fmt: skip
    back = placed.to_after(*placed.to_ground(cols, rows))
    np.testing.assert_allclose(back, (cols, rows), atol=2e-3)


def test_a_plain_shift_is_itself() -> None:
    placed = place(shift_px=(3.0, -2.0), warp_px=0, terrain_px=0)
    cols, rows = placed.after_of(Window(row=0, col=0, height=4, width=5))
    np.testing.assert_allclose(cols[0], np.arange(5) + 3.0, atol=1e-9)
    np.testing.assert_allclose(rows[:, 0], np.arange(4) - 2.0, atol=1e-9)


def test_the_spline_between_nodes_is_exact_enough() -> None:
    placed = place(warp_px=2.0, warp_length_m=120.0)
    window = Window(row=37, col=11, height=90, width=130)
    cols, rows = np.meshgrid(np.arange(11.0, 141), np.arange(37.0, 127))
    for found, exact in zip(placed.ground_of(window), placed.to_ground(cols, rows), strict=True):
        np.testing.assert_allclose(found, exact, atol=2e-4)


def test_the_warp_has_the_amplitude_set() -> None:
    placed = place(shift_px=(0, 0), warp_px=1.5, terrain_px=0)
    x, y = np.random.default_rng(0).uniform(0, 20_000, (2, 5000))
    off = np.array(placed._error(x, y))
    assert off.std(1) == pytest.approx([1.5, 1.5], rel=0.15)


def test_a_crop_shows_the_middle() -> None:
    placed = place(crop=0.5, warp_px=0, terrain_px=0, shift_px=(0, 0))
    assert (placed.width, placed.height) == (350, 250)
    cols, rows = placed.to_after(np.array(placed.middle[0]), np.array(placed.middle[1]))
    assert (float(cols), float(rows)) == pytest.approx((174.5, 124.5))
