"""Known answers; off by default, run them with ``pytest -o addopts= tests/benchmarks``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.benchmarks import metrics, peers
from tests.benchmarks.seeds import DEVELOPMENT, HELD_BACK

NAN = float("nan")


@pytest.mark.parametrize(
    ("score", "positive", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([1, 2, 2, 3], [0, 0, 1, 1], 0.875),
        ([1, 2, NAN, 3], [0, 0, 0, 1], 1.0),
    ],
)
def test_auc(score: list[float], positive: list[int], expected: float) -> None:
    assert metrics.auc(score, positive) == pytest.approx(expected)


def test_auc_of_one_class_is_undefined() -> None:
    assert np.isnan(metrics.auc([1, 2], [1, 1]))


@pytest.mark.parametrize(
    ("score", "positive", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.5 * 1 + 0.5 * 2 / 3),
        ([1, 1, 1, 1], [0, 0, 0, 1], 0.25),
    ],
)
def test_average_precision(score: list[float], positive: list[int], expected: float) -> None:
    assert metrics.average_precision(score, positive) == pytest.approx(expected)


def test_f1() -> None:
    assert metrics.f1([1, 1, 0, 0], [1, 0, 1, 0]) == pytest.approx(0.5)
    assert metrics.f1([0, 0], [1, 0]) == 0
    assert np.isnan(metrics.f1([0, 0], [0, 0]))


def test_quadratic_kappa() -> None:
    assert metrics.quadratic_kappa([1, 2, 3, 4], [1, 2, 3, 4], levels=4) == 1
    assert metrics.quadratic_kappa([1, 1, 4, 4], [1, 4, 1, 4], levels=4) == pytest.approx(0)
    # one of four is off by one; by chance 2 * 1 / 4 + 2 * 3 / 4 = 2 would be
    assert metrics.quadratic_kappa([1, 1, 2, 2], [1, 1, 2, 1], levels=2) == pytest.approx(0.5)


def test_relative_bias_and_interval() -> None:
    assert metrics.relative_bias(1.2, 1.0) == pytest.approx(0.2)
    assert np.isnan(metrics.relative_bias(1.2, 0.0))
    assert np.isnan(metrics.relative_bias(None, 1.0))
    assert metrics.is_inside(0.9, 1.0, 1.0) is True
    assert metrics.is_inside(1.1, 1.0, 2.0) is False
    assert metrics.is_inside(None, 1.0, 2.0) is None


def test_endpoint_error() -> None:
    rows, cols = np.indices((10, 10), dtype=float)
    found = (cols + 3, rows + 4)
    found[0][0, :] += 100
    everywhere = metrics.endpoint_error(found, (cols, rows))
    assert everywhere["median"] == pytest.approx(5)
    assert everywhere["p95"] > 100
    lower = metrics.endpoint_error(found, (cols, rows), where=rows > 0)
    assert lower == {"median": pytest.approx(5), "p95": pytest.approx(5), "places": 90}
    found[0][:] = np.nan
    assert metrics.endpoint_error(found, (cols, rows))["places"] == 0


def test_mean_by_label() -> None:
    values = np.array([[1.0, 3.0, np.nan], [5.0, 7.0, np.nan]])
    labels = np.array([[1, 1, 1], [0, 2, 3]])
    means = metrics.mean_by_label(values, labels, 3)
    np.testing.assert_allclose(means, [2, 7, np.nan])


@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_finds_a_painted_square_in_spite_of_gain(name: str) -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(100, 20, (96, 96, 3)).astype(np.float32)
    before += 3 * rng.normal(0, 5, (96, 96, 1)).astype(np.float32)
    after = 1.02 * before + 2 + rng.normal(0, 2, before.shape).astype(np.float32)
    changed = np.zeros((96, 96), bool)
    changed[30:60, 30:60] = True
    after[changed] = rng.normal(160, 20, (900, 3))
    valid = np.ones((96, 96), bool)
    valid[:4] = False
    score = peers.PEERS[name](before, after, valid)
    assert np.isnan(score[:4]).all()
    assert np.isfinite(score[4:]).all()
    assert metrics.auc(score, changed) > 0.9
    assert metrics.f1(peers.decide(name, score), changed) > 0.7


def test_seed_sets_are_disjoint() -> None:
    assert not set(DEVELOPMENT) & set(HELD_BACK)
