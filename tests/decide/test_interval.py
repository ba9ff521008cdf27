from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from changedet.decide.interval import Noise, simulate_area
from changedet.decide.null import LOST_ORDER, LOST_SIMILARITY, fit_null

WHOLE = {"group": np.zeros(160, int), "unjudged": np.zeros(1)}


def town(seed: int, prior: float, n: int = 160) -> tuple[np.ndarray, ...]:
    """Draw measures, areas, places and truth of a town that follows the model."""
    rng = np.random.default_rng(seed)
    place = np.arange(n) // 16
    hit = rng.random(n) < np.clip(rng.normal(prior, 0.15, n // 16 + 1)[place], 0, 1)
    s = np.where(hit, rng.normal(*LOST_SIMILARITY, n), rng.normal(-7, 1.6, n))
    d = np.where(hit, rng.normal(LOST_ORDER[0], LOST_ORDER[1], n), rng.normal(0, 0.05, n))
    return s, d, rng.uniform(60, 500, n), place, hit


def total(*values: Any, **wishes: Any) -> tuple[float, float]:
    low, high = simulate_area(*values, **wishes)
    return float(low[-1]), float(high[-1])


@pytest.mark.parametrize("prior", [0.05, 0.3, 0.6, 0.9])
def test_it_holds_the_truth_in_nearly_all_towns(prior: float) -> None:
    inside = 0
    for seed in range(12):
        s, d, area, place, hit = town(seed, prior)
        low, high = total(s, d, area, fit_null(s, d), place=place, noise=Noise(), **WHOLE)
        truth = area[hit].sum()
        inside += low <= truth <= high
        assert 0 <= low <= high <= area.sum()
        assert high - low < 0.45 * area.sum()
    assert inside >= 10


def test_it_is_the_same_every_time_and_wider_with_noise() -> None:
    s, d, area, place, _ = town(1, 0.4)
    null = fit_null(s, d)
    still = Noise(dissimilarity=0.1, drop=0.005)
    first = total(s, d, area, null, place=place, noise=still, **WHOLE)
    assert total(s, d, area, null, place=place, noise=still, **WHOLE) == first
    loud = Noise(dissimilarity=3.0, drop=0.1)
    low, high = total(s, d, area, null, place=place, noise=loud, **WHOLE)
    assert high - low > 1.1 * (first[1] - first[0])


def test_nothing_lost_ends_near_zero() -> None:
    s, d, area, place, hit = town(3, -1.0)
    assert not hit.any()
    low, high = total(s, d, area, fit_null(s, d), place=place, noise=Noise(), **WHOLE)
    assert low == 0
    assert high < 0.06 * area.sum()


def test_parts_of_the_map_have_their_own() -> None:
    s, d, area, place, hit = town(5, 0.5)
    group = (np.arange(160) >= 40).astype(int)
    low, high = simulate_area(
        s, d, area, fit_null(s, d), place=place, noise=Noise(), group=group, unjudged=np.zeros(3)
    )
    assert low.shape == high.shape == (4,)
    assert (low[2], high[2]) == (0, 0)  # a part without buildings
    for part in (0, 1):
        assert low[part] <= area[hit & (group == part)].sum() <= high[part]
    # the whole is surer than its parts together
    assert high[3] - low[3] < (high[:2] - low[:2]).sum()


def test_what_cannot_be_judged_fares_as_the_others_do() -> None:
    s, d, area, place, hit = town(2, 0.5)
    null = fit_null(s, d)
    group = np.zeros(160, int)
    plain = total(s, d, area, null, place=place, noise=Noise(), **WHOLE)
    more = np.array([0.2 * area.sum()])
    found = total(s, d, area, null, place=place, noise=Noise(), group=group, unjudged=more)
    assert found == pytest.approx((1.2 * plain[0], 1.2 * plain[1]))
    assert found[0] <= 1.2 * area[hit].sum() <= found[1]
