from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.decide.chance import Chance, fit_chance, join_match
from changedet.decide.null import (
    CENTRAL,
    HIGH,
    LOST_ORDER,
    LOST_SIMILARITY,
    LOW,
    MIN_SAMPLES,
    NO_NULL,
    SYNTHETIC,
    Null,
    fit_null,
    fit_unchanged,
    refit,
)

UNCHANGED = (-6.0, 1.4)
ORDER = (0.02, 0.07)


def draw(prior: float, *, n: int = 4000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Draw a town of which ``prior`` is destroyed from the two stated parts."""
    rng = np.random.default_rng(seed)
    lost = rng.random(n) < prior
    similarity = np.where(lost, rng.normal(*LOST_SIMILARITY, n), rng.normal(*UNCHANGED, n))
    drop = np.where(
        lost, rng.normal(ORDER[0] + LOST_ORDER[0], LOST_ORDER[1], n), rng.normal(*ORDER, n)
    )
    return similarity, drop


def known(prior: float = 0.3, **changes: float) -> Null:
    values = {
        "centre": UNCHANGED[0], "spread": UNCHANGED[1], "drop_centre": ORDER[0],
        "drop_spread": ORDER[1], "prior": prior, "prior_low": prior, "prior_high": prior,
        "samples": 1000,
    }  # fmt: skip
    return Null(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prior", "within"), [(0.0, 0.005), (0.05, 0.015), (0.3, 0.03), (0.6, 0.03), (0.9, 0.03)]
)
def test_the_share_of_a_drawn_town_is_recovered(prior: float, within: float) -> None:
    null = fit_null(*draw(prior))
    assert null.prior == pytest.approx(prior, abs=within)
    assert null.centre == pytest.approx(UNCHANGED[0], abs=0.3)
    assert null.spread == pytest.approx(UNCHANGED[1], abs=0.3)
    assert null.drop_centre == pytest.approx(ORDER[0], abs=0.02)
    assert null.separable


def test_a_town_where_nothing_happened_has_no_decision_of_loss() -> None:
    similarity, drop = draw(0.0)
    null = fit_null(similarity, drop)
    lost = null.posterior(null.evidence(similarity, drop)) >= CENTRAL
    assert lost.mean() < 0.002


@pytest.mark.parametrize("prior", [0.05, 0.3, 0.9])
def test_the_decision_finds_what_was_drawn(prior: float) -> None:
    similarity, drop = draw(prior)
    null = fit_null(similarity, drop)
    lost = null.posterior(null.evidence(similarity, drop)) >= CENTRAL
    assert lost.mean() == pytest.approx(prior, abs=0.02)


@given(
    st.lists(st.floats(-40, 20), min_size=2, max_size=20),
    st.lists(st.floats(-2, 2), min_size=2, max_size=20),
)
def test_evidence_never_falls_with_what_is_lost(by: list[float], drops: list[float]) -> None:
    null = known()
    along_similarity = null.evidence(np.sort(by), np.full(len(by), 0.1))
    along_order = null.evidence(np.full(len(drops), -3.0), np.sort(drops))
    for evidence in (along_similarity, along_order):
        assert (np.diff(evidence) >= -1e-7).all()
        assert ((evidence >= 0) & (evidence <= 1)).all()


def test_evidence_says_which_part_is_nearer() -> None:
    null = known()
    at = null.evidence(
        np.array([UNCHANGED[0], LOST_SIMILARITY[0]]), np.array([ORDER[0], ORDER[0] + LOST_ORDER[0]])
    )
    assert at[0] < 0.02
    assert at[1] > 0.98


@pytest.mark.parametrize("prior", [0.0, 0.02, 0.3, 0.97])
def test_a_threshold_is_where_the_posterior_is_reached(prior: float) -> None:
    null = known(prior)
    cuts = [null.threshold(posterior) for posterior in (HIGH, CENTRAL, LOW)]
    assert cuts == sorted(cuts)
    for posterior, cut in zip((HIGH, CENTRAL, LOW), cuts, strict=True):
        assert float(null.posterior(np.array(cut))) == pytest.approx(posterior, abs=1e-3)


def test_a_score_is_the_distance_in_spreads() -> None:
    """Of unchanged objects it has mean 0 and spread 1, and no direction tells the parts better."""
    null = known()
    rng = np.random.default_rng(2)
    s, d = rng.normal(*UNCHANGED, 50_000), rng.normal(*ORDER, 50_000)
    at = null.score(s, d)
    assert at.mean() == pytest.approx(0, abs=0.02)
    assert at.std() == pytest.approx(1, abs=0.02)
    lost = null.score(
        rng.normal(*LOST_SIMILARITY, 50_000),
        rng.normal(ORDER[0] + LOST_ORDER[0], LOST_ORDER[1], 50_000),
    )

    def apart(one: np.ndarray, two: np.ndarray) -> float:
        return float((two.mean() - one.mean()) ** 2 / (one.var() + two.var()))

    assert apart(at, lost) > 1.05 * apart(s, rng.normal(*LOST_SIMILARITY, 50_000))


def test_a_control_holds_the_unchanged_part() -> None:
    rng = np.random.default_rng(3)
    held = fit_unchanged(rng.normal(-7.0, 1.1, 500), rng.normal(0.01, 0.05, 500))
    assert held.centre == pytest.approx(-7.0, abs=0.15)
    assert held.spread == pytest.approx(1.1, abs=0.12)
    null = fit_null(*draw(0.6, n=400), held=held)
    assert (null.centre, null.spread) == (held.centre, held.spread)
    assert null.prior == pytest.approx(0.6, abs=0.06)
    again = refit(*draw(0.6, n=100, seed=9), null)
    assert (again.centre, again.spread) == (held.centre, held.spread)
    assert again.prior != null.prior


def test_a_control_tells_where_nothing_is_left() -> None:
    """All are destroyed: alone, the scene has no unchanged part; with a control it is known."""
    s, d = draw(1.0, n=200)
    held = fit_unchanged(np.full(60, -6.0) + np.linspace(-2, 2, 60), np.linspace(-0.1, 0.1, 60))
    assert fit_null(s, d, held=held).prior > 0.93


def test_a_synthetic_pair_stands_in_for_the_unchanged() -> None:
    s, d = draw(1.0, n=200)
    expected = fit_unchanged(np.full(40, -11.0), np.zeros(40))
    null = fit_null(s, d, expected=expected)
    assert null.synthetic
    assert null.centre == pytest.approx(SYNTHETIC * -11.0, abs=1.5)
    assert null.prior > 0.9
    # where the scene has unchanged objects of its own, a synthetic pair has no say
    s, d = draw(0.3, n=1000)
    assert fit_null(s, d, expected=expected) == fit_null(s, d)


@pytest.mark.parametrize("whole", [np.array([0.2, np.nan]), np.array([1.4, 0.8])])
def test_windows_count_half_beside_the_whole(whole: np.ndarray) -> None:
    chance = Chance(centre=0.6, spread=0.2)
    joined = join_match(np.array([-4.0, -8.0]), whole, chance)
    alone = np.isnan(whole)
    assert joined[alone] == pytest.approx(np.array([-4.0, -8.0])[alone])
    assert joined[0] == pytest.approx(-2.0 + (0.6 - whole[0]) / 0.2)
    assert join_match(np.array([-4.0]), np.array([0.2]), None) == pytest.approx([-4.0])


def test_most_of_a_town_may_be_destroyed() -> None:
    # one in twenty stands: the lower quartile of the scores lies within what was destroyed
    null = fit_null(*draw(0.95, n=300))
    assert null.separable
    assert null.prior > 0.85
    assert null.centre == pytest.approx(UNCHANGED[0], abs=1.0)


def test_what_lies_half_way_is_damaged() -> None:
    rng = np.random.default_rng(8)
    similarity, drop = draw(0.3, n=900)
    hurt = rng.random(900) < 0.15
    similarity[hurt] = rng.normal(-3.4, 0.8, hurt.sum())
    drop[hurt] = rng.normal(0.1, 0.05, hurt.sum())
    null = fit_null(similarity, drop)
    assert 0.05 < null.damaged < 0.3
    at = null.hurt(np.array([-6.0, -3.4, -0.9]), np.array([0.02, 0.1, 0.24]))
    assert at[0] < 0.1
    assert min(at[1:]) > 0.5
    assert null.posterior(null.evidence(np.array([-3.4]), np.array([0.1])))[0] < 0.5


def test_parts_on_top_of_each_other_are_not_separable() -> None:
    apart = known()
    by_hand = (5.1**2 / ((1.4**2 + 1.6**2) / 2) + 0.22**2 / ((0.07**2 + 0.12**2) / 2)) ** 0.5
    assert apart.separation == pytest.approx(by_hand)
    assert apart.separable
    assert not known(centre=-1.4, spread=3.0, drop_spread=0.13).separable
    assert not known(samples=MIN_SAMPLES - 1).separable


def test_the_widest_fit_is_not_separable() -> None:
    # what a fit ends at where nothing is alike: else the gate could never say no
    assert not known(centre=-2.7, spread=4.0, drop_spread=0.1).separable


def test_few_samples_fit_nothing() -> None:
    similarity, drop = draw(0.5, n=MIN_SAMPLES - 1)
    null = fit_null(similarity, drop)
    assert null.samples == MIN_SAMPLES - 1
    assert (null.prior, null.prior_low, null.prior_high) == (0.0, 0.0, 1.0)
    assert not null.separable
    assert not NO_NULL.separable


def test_the_range_of_the_share_is_that_over_places() -> None:
    similarity, drop = draw(0.3)
    lost = np.argsort(similarity + 10 * drop)
    scattered = np.random.default_rng(1).permutation(similarity.size) % 40
    clustered = np.empty(similarity.size, np.int64)
    clustered[lost] = np.arange(similarity.size) * 40 // similarity.size
    narrow, wide = (fit_null(similarity, drop, place=p) for p in (scattered, clustered))
    assert narrow.prior == wide.prior
    assert narrow.prior_low < narrow.prior < narrow.prior_high
    assert narrow.prior_high - narrow.prior_low < 0.05
    assert wide.prior_high - wide.prior_low > 0.2
    two = fit_null(similarity, drop, place=scattered % 2)
    assert (two.prior_low, two.prior_high) == (0.0, 1.0)


def test_chance_standardises_to_0_and_1() -> None:
    similarity = np.random.default_rng(2).normal(0.8, 0.2, 5000).astype(np.float32)
    chance = fit_chance(similarity)
    assert chance.centre == pytest.approx(0.8, abs=0.02)
    assert chance.spread == pytest.approx(0.2, abs=0.02)
    standard = chance.standardise(similarity)
    assert float(np.median(standard)) == pytest.approx(0, abs=1e-3)
    alike = Chance(centre=0.8, spread=0.2).standardise(np.array([2.4], np.float32))
    assert alike == pytest.approx([-8])


def test_expected_unchanged_is_a_distribution_near_0() -> None:
    edges = np.linspace(0, 1, 51)
    expected = known().expected_unchanged(edges)
    assert expected.sum() == pytest.approx(1)
    similarity, drop = draw(0.0, n=20_000)
    drawn = np.histogram(known().evidence(similarity, drop), edges)[0] / similarity.size
    assert np.abs(np.cumsum(expected) - np.cumsum(drawn)).max() < 0.02
