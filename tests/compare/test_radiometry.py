from __future__ import annotations

import numpy as np
import pytest

from changedet.compare.radiometry import Line, fit_light, fit_line, pick_stable


def make_values(gain: float, offset: float, *, outliers: float) -> tuple[np.ndarray, np.ndarray]:
    """BEFORE and AFTER of one band: a line with noise, and a share that really changed."""
    rng = np.random.default_rng(3)
    after = rng.uniform(20, 220, 4000)
    before = gain * after + offset + rng.normal(0, 2, after.size)
    changed = rng.random(after.size) < outliers
    before[changed] = rng.uniform(0, 255, changed.sum())
    return before, after


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.25, -18.0), (0.6, 40.0)])
def test_a_line_is_recovered_under_30_percent_changed_pixels(gain: float, offset: float) -> None:
    before, after = make_values(gain, offset, outliers=0.3)
    line = fit_line(before, after)
    assert line.gain == pytest.approx(gain, abs=0.01)
    assert line.offset == pytest.approx(offset, abs=1.5)
    assert line.correlation > 0.97


def test_least_squares_would_have_failed_there() -> None:
    before, after = make_values(1.25, -18.0, outliers=0.3)
    assert abs(np.polyfit(after, before, 1)[0] - 1.25) > 0.2


def test_both_directions_agree() -> None:
    before, after = make_values(1.25, -18.0, outliers=0.3)
    there, back = fit_line(before, after), fit_line(after, before)
    assert there.gain * back.gain == pytest.approx(1, abs=0.01)
    assert there.offset == pytest.approx(-back.offset * there.gain, abs=1.0)


def test_a_negative_relation_is_no_line() -> None:
    before, after = make_values(-1.0, 250.0, outliers=0.0)
    line = fit_line(before, after)
    assert line.correlation < -0.9
    assert line.gain > 0


@pytest.mark.parametrize("count", [0, 1, 49])
def test_few_values_are_no_line(count: int) -> None:
    values = np.arange(count, dtype=float)
    assert fit_line(values, values).correlation == 0


def test_a_constant_band_is_no_line_but_medians_meet() -> None:
    before, after = np.full(500, 90.0), np.full(500, 60.0)
    line = fit_line(before, after)
    assert line.correlation == 0
    assert line.apply(np.array([60.0], np.float32)) == pytest.approx([90.0])


def test_a_line_takes_after_to_before() -> None:
    line = Line(gain=2.0, offset=-5.0, correlation=1.0)
    assert line.apply(np.array([10.0], np.float32)).tolist() == [15.0]


@pytest.mark.parametrize("changed", [0.0, 0.3, 0.6, 0.9])
def test_the_line_survives_a_town_of_which_most_is_gone(changed: float) -> None:
    """What is gone has other values and looks, on the whole, less alike."""
    rng = np.random.default_rng(0)
    count = 60_000
    gone = rng.random(count) < changed
    after = rng.uniform(20, 230, count)
    before = np.where(gone, rng.uniform(20, 230, count), 1.25 * after - 18) + rng.normal(
        0, 6, count
    )
    after = np.where(gone, rng.normal(150, 25, count), after)
    alike = np.where(gone, rng.normal(0.5, 0.5, count), rng.normal(2.0, 0.35, count))
    stable = pick_stable(alike, before[None], after[None])
    line = fit_line(before[stable], after[stable])
    assert line.gain == pytest.approx(1.25, rel=0.03)
    assert line.offset == pytest.approx(-18, abs=3)
    # The wide set is kept where it is clean: noise and thresholds rest on more.
    assert stable.mean() == pytest.approx(0.1 if changed == 0.9 else 0.3, abs=0.01)


def tiles_of_light(terms: tuple[float, ...], *, odd: int = 0) -> tuple[np.ndarray, ...]:
    """Medians of 16 tiles under a known field, with noise of 0.3 %; ``odd`` of them changed."""
    cols, rows = (axis.ravel() for axis in np.meshgrid(np.arange(4) * 500.0, np.arange(4) * 500.0))
    x, y = (cols - 750) / 750, (rows - 750) / 750
    field = terms[0] + terms[1] * x + terms[2] * y + terms[3] * x * x + terms[4] * x * y
    ratio = field + np.random.default_rng(6).normal(0, 0.003, 16)
    ratio[5 : 5 + odd] += 0.4
    return ratio, cols, rows


@pytest.mark.parametrize("odd", [0, 1])
def test_a_slow_field_of_light_is_found(odd: int) -> None:
    """A haze that grows to the east: 16 % over the scene."""
    terms = (0.02, 0.08, 0.01, 0.015, 0.0)
    ratio, cols, rows = tiles_of_light(terms, odd=odd)
    light = fit_light(ratio, cols, rows)
    assert light is not None
    expected = np.exp(tiles_of_light(terms)[0])
    assert light.factor(cols, rows) == pytest.approx(expected, rel=0.02)
    assert light.amplitude > 0.12
    grid = light.factor(np.arange(5)[None, :], np.arange(3)[:, None])
    assert grid.shape == (3, 5)
    assert grid.dtype == np.float32


def test_where_light_is_even_no_field_is_fitted() -> None:
    flat, cols, rows = tiles_of_light((0.05, 0.0, 0.0, 0.0, 0.0))
    assert fit_light(flat, cols, rows) is None
    # a destroyed district in a few tiles is no field: left-out tiles do not agree
    district = flat + 0.3 * ((cols > 400) & (cols < 1100) & (rows < 600))
    assert fit_light(district, cols, rows) is None
    few = slice(0, 8)
    assert fit_light(0.1 * cols[few] / 1000, cols[few], rows[few]) is None
