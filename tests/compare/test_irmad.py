from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chi2

from changedet.compare.irmad import fit_irmad, fit_tail, inflation
from changedet.core.errors import UsageError

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_t(5, size=shape)


def uneven(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.laplace(size=shape)


def unchanged(bands: int, count: int, noise: Noise, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two dates of one ground: other gains and offsets, each with noise of its own."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(bands, bands)) + np.eye(bands)
    ground = 10 * mixing @ rng.normal(size=(bands, count)) + 50
    gain = rng.uniform(0.7, 1.3, (bands, 1))
    shape = (bands, count)
    return ground + noise(rng, shape), gain * ground + 5 + noise(rng, shape)


@pytest.mark.parametrize(
    ("bands", "factor"),
    [(3, 5.318), (4, 3.303), (5, 2.623), (6, 2.278), (8, 1.925), (10, 1.743), (12, 1.630)],
)
def test_the_inflation_is_the_fixed_point_of_the_weights(bands: int, factor: float) -> None:
    assert inflation(bands) == pytest.approx(factor, abs=2e-3)
    # By simulation: variances under the weights that these variances give.
    u = np.random.default_rng(2).chisquare(bands, 400_000)
    weight = chi2.sf(u * factor, bands)
    assert np.average(u, weights=weight) / bands == pytest.approx(1 / factor, rel=0.03)


@pytest.mark.parametrize("bands", [3, 4, 5, 6, 8, 10])
def test_one_per_cent_is_one_per_cent_where_nothing_changed(bands: int) -> None:
    before, after = unchanged(bands, 100_000 if bands > 3 else 200_000, gaussian, seed=bands)
    fitted = fit_irmad(before, after)
    distance = fitted.chi2(before.astype(np.float32), after.astype(np.float32))
    flagged = (distance > chi2.ppf(0.99, bands)).mean()
    assert 0.008 < flagged < 0.015
    # Without the correction a fifth to a half of it is "changed".
    raw = (distance * inflation(bands) > chi2.ppf(0.99, bands)).mean()
    assert raw > 0.18
    tail = fit_tail(distance[::3], bands=bands)
    assert 0.008 < (tail.p_value(distance) < 0.01).mean() < 0.015


@pytest.mark.parametrize("noise", [heavy, uneven])
@pytest.mark.parametrize("bands", [3, 6, 10])
def test_heavy_tails_need_the_null_of_the_data(bands: int, noise: Noise) -> None:
    before, after = unchanged(bands, 60_000, noise)
    distance = fit_irmad(before, after).chi2(before.astype(np.float32), after.astype(np.float32))
    assert (distance > chi2.ppf(0.99, bands)).mean() > 0.03
    tail = fit_tail(distance[::2], bands=bands)
    # On the half that it has not seen.
    assert 0.006 < (tail.p_value(distance[1::2]) < 0.01).mean() < 0.015
    assert tail.p_value(np.array([tail.quantile(0.99)])) == pytest.approx(0.01)


def test_what_changed_is_found_whatever_gain_and_offset() -> None:
    before, after = unchanged(6, 40_000, gaussian)
    changed = np.zeros(40_000, bool)
    changed[:6000] = True
    after[:3, changed] += 25
    fitted = fit_irmad(before, after)
    tail = fit_tail(fitted.chi2(before, after), bands=6, changed=0.15)
    p_value = tail.p_value(fitted.chi2(before, after))
    assert (p_value[changed] < 0.01).mean() > 0.95
    assert (p_value[~changed] < 0.01).mean() < 0.015
    # Another gain and offset of a band change nothing.
    other = after * np.array([[2.0], [1], [1], [0.5], [1], [1]]) + 100
    again = fit_irmad(before, other)
    assert again.correlation == pytest.approx(fitted.correlation, abs=1e-4)
    assert again.chi2(before, other) == pytest.approx(fitted.chi2(before, after), rel=0.01)


def test_a_block_of_pixels_is_the_same_as_its_list() -> None:
    before, after = unchanged(4, 1200, gaussian)
    fitted = fit_irmad(before, after)
    listed = fitted.chi2(before.astype(np.float32), after.astype(np.float32))
    block = fitted.chi2(*(image.reshape(4, 30, 40).astype(np.float32) for image in (before, after)))
    assert block.dtype == np.float32
    assert block.ravel() == pytest.approx(listed, rel=1e-5)


@pytest.mark.parametrize("bands", [1, 2])
def test_too_few_bands_are_an_error_with_a_remedy(bands: int) -> None:
    with pytest.raises(UsageError, match=r"at least 3 bands.*use changedet\.pixel\.cva"):
        fit_irmad(np.ones((bands, 500)), np.ones((bands, 500)))
    with pytest.raises(UsageError):
        inflation(bands)


def test_samples_must_fit_and_be_enough() -> None:
    with pytest.raises(ValueError, match="shape"):
        fit_irmad(np.ones((4, 500)), np.ones((4, 400)))
    with pytest.raises(ValueError, match="too few"):
        fit_irmad(np.ones((4, 30)), np.ones((4, 30)))


def test_the_same_image_twice_has_not_changed() -> None:
    before, _ = unchanged(4, 2000, gaussian)
    distance = fit_irmad(before, before).chi2(before, before)
    assert np.isfinite(distance).all()
    assert distance.max() < 1e-3
