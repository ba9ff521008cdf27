"""Frames are arithmetic; textures and fields do not depend on the frame they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.simulate.frames import PERIOD, Frame, frame_around, make_textures, make_waves

places = st.integers(-3000, 3000)
sizes = st.integers(1, 400)


@given(places, places, sizes, sizes)
def test_a_frame_around_its_own_bounds_is_itself(row: int, col: int, h: int, w: int) -> None:
    frame = Frame(row=row, col=col, height=h, width=w, fine=0.25)
    assert frame_around(frame.bounds, 0.0, 0.25) == frame


@given(places, places, sizes, sizes)
def test_the_patch_of_a_frame_is_all_of_it(row: int, col: int, h: int, w: int) -> None:
    frame = Frame(row=row, col=col, height=h, width=w, fine=0.5)
    assert frame.patch(*frame.bounds) == (slice(0, h), slice(0, w))
    left, upper, right, lower = frame.bounds
    assert frame.patch(right + 1, upper, right + 2, lower) is None
    x, y = frame.axes()
    assert x.shape == (1, w)
    assert y.shape == (h, 1)
    assert x[0, 0] == pytest.approx(left + 0.25)


def pieces() -> tuple[Frame, Frame, tuple[slice, slice]]:
    big = Frame(row=-70, col=900, height=300, width=260, fine=0.25)
    small = Frame(row=-20, col=950, height=120, width=90, fine=0.25)
    return big, small, (slice(50, 170), slice(50, 140))


@pytest.mark.parametrize("name", ["soft", "fractal", "rough"])
def test_textures_are_fixed_to_the_world(name: str) -> None:
    big, small, cut = pieces()
    tex = make_textures(5)
    whole = (slice(0, small.height), slice(0, small.width))
    np.testing.assert_array_equal(tex.piece(name, big, cut, 3), tex.piece(name, small, whole, 3))
    np.testing.assert_allclose(
        tex.cover(name, big, grain=9.0, salt=2)[cut],
        tex.cover(name, small, grain=9.0, salt=2), atol=2e-3,
    )  # fmt: skip
    np.testing.assert_allclose(
        tex.enlarged(name, big, cut, 3, 5), tex.enlarged(name, small, whole, 3, 5), atol=2e-3
    )


def test_textures_have_unit_spread_and_fit_at_their_seams() -> None:
    tex = make_textures(5)
    for name in ("soft", "fractal", "rough"):
        texture = getattr(tex, name)
        assert texture.std() == pytest.approx(1, abs=1e-3)
        assert abs(float(texture.mean())) < 1e-3
        steps = np.abs(np.diff(texture, axis=0)).mean()
        assert np.abs(texture[0] - texture[-1]).mean() < 1.3 * steps
        assert tex.window(name, 0, 0, (PERIOD + 9, 7)).shape == (PERIOD + 9, 7)


def test_waves_are_a_unit_field_and_interpolate_well() -> None:
    field = make_waves(np.random.default_rng(1), length=200.0)
    x, y = np.random.default_rng(2).uniform(0, 20_000, (2, 20_000))
    values = field.at(x, y)
    assert values.std() == pytest.approx(1, abs=0.1)
    frame = Frame(row=100, col=-50, height=80, width=120, fine=0.5)
    ax, ay = (a.astype(float) for a in frame.axes())
    np.testing.assert_allclose(field.over(frame), field.at(ax, ay), atol=0.01)
    # alike over its length, not beyond
    near = np.corrcoef(values, field.at(x + 20, y))[0, 1]
    far = np.corrcoef(values, field.at(x + 600, y))[0, 1]
    assert near > 0.95
    assert abs(far) < 0.2
