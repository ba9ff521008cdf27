from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from changedet.decide.threshold import fit_change_cut, otsu, select_discoveries


def two_classes(*, share: float = 0.3, apart: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(8)
    high = rng.random(20_000) < share
    return np.where(high, rng.normal(apart, 1, high.size), rng.normal(0, 1, high.size))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_otsu_is_that_of_scikit_image(share: float) -> None:
    values = two_classes(share=share)
    low, high = np.percentile(values, [0.5, 99.5])
    split = otsu(values)
    width = (high - low) / 256
    # scikit-image returns the centre of the last bin below the cut, we its upper edge.
    expected = threshold_otsu(np.clip(values, low, high), nbins=256) + width / 2
    assert split.value == pytest.approx(expected, abs=0.51 * width)


def test_separability_tells_two_classes_from_one() -> None:
    one = np.random.default_rng(1).normal(0, 1, 50_000)
    assert otsu(one).separability == pytest.approx(2 / np.pi, abs=0.03)
    uniform = np.linspace(0, 1, 50_000)
    assert otsu(uniform).separability == pytest.approx(0.75, abs=0.01)
    assert otsu(two_classes(apart=12)).separability > 0.95


def test_centres_and_spreads_of_the_two_classes() -> None:
    split = otsu(two_classes(share=0.5, apart=10))
    assert split.low_centre == pytest.approx(0, abs=0.1)
    assert split.high_centre == pytest.approx(10, abs=0.1)
    assert split.low_spread == pytest.approx(1, abs=0.1)
    assert split.high_spread == pytest.approx(1, abs=0.1)
    assert split.balanced == pytest.approx(5, abs=0.2)


def test_the_balanced_cut_is_nearer_to_the_narrow_class() -> None:
    rng = np.random.default_rng(4)
    split = otsu(np.concatenate([rng.normal(0, 0.2, 5000), rng.normal(10, 2, 5000)]))
    assert split.balanced < 2 < split.value


def test_a_constant_has_no_classes() -> None:
    split = otsu(np.full(100, 3.0))
    assert split.separability == 0
    assert split.value == split.balanced == 3.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_a_set_of_discoveries_keeps_its_rate_and_could_not_be_larger(
    chances: list[float], q: float
) -> None:
    unchanged = np.array(chances)
    found = select_discoveries(unchanged, q)
    if found.any():
        assert unchanged[found].mean() <= q + 1e-12
        assert unchanged[found].max() <= unchanged[~found].min(initial=1.0)
    if not found.all():
        more = np.sort(unchanged)[: int(found.sum()) + 1]
        assert more.mean() > q - 1e-12


def test_the_cut_lies_where_both_parts_are_equally_probable() -> None:
    rng = np.random.default_rng(11)
    values = np.exp(np.concatenate([rng.normal(0, 0.4, 90_000), rng.normal(2, 0.4, 10_000)]))
    cut = fit_change_cut(values)
    # Of two normal parts of one spread: half-way, moved by spread^2 ln(9) / distance.
    assert np.log(cut.value) == pytest.approx(1 + 0.16 * np.log(9) / 2, abs=0.1)
    assert cut.changed == pytest.approx(0.1, abs=0.01)
    assert cut.centre == pytest.approx(1.0, abs=0.03)
    assert cut.spread == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("changed", [0.02, 0.2, 0.4])
def test_the_cut_finds_small_and_large_shares(changed: float) -> None:
    rng = np.random.default_rng(12)
    count = int(1e5 * changed)
    values = np.exp(
        np.concatenate([rng.normal(0, 0.4, 100_000 - count), rng.normal(2, 0.6, count)])
    )
    cut = fit_change_cut(values)
    assert (values > cut.value).mean() == pytest.approx(changed, rel=0.2)


def test_where_nothing_changed_nothing_is_cut_off() -> None:
    rng = np.random.default_rng(13)
    chi = np.sqrt(rng.chisquare(6, 100_000) / 6)
    for values in (np.exp(rng.normal(0.2, 0.4, 100_000)), chi):
        cut = fit_change_cut(values)
        assert np.isfinite(cut.value)
        assert (values > cut.value).mean() < 0.003
        assert cut.changed < 0.003
    constant = fit_change_cut(np.ones(1000))
    assert constant.value > 1
