"""How good a score, a decision, an area or a correspondence is: pure functions.

What is undefined (one class only, nothing to divide by) is NaN, never a guess.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]


def auc(score: ArrayLike, positive: ArrayLike) -> float:
    """Return the area under the ROC curve, ties counted half (the Mann-Whitney statistic).

    Parameters
    ----------
    score : array of float
        Larger means "more positive"; not-finite entries are left out.
    positive : array of bool
        The truth.

    Returns
    -------
    float
        0..1; NaN where one of the classes is empty.
    """
    values, truth = _finite(score, positive)
    many, few = int(truth.sum()), int((~truth).sum())
    if not many or not few:
        return float("nan")
    ranks = rankdata(values)
    return float((ranks[truth].sum() - many * (many + 1) / 2) / (many * few))


def average_precision(score: ArrayLike, positive: ArrayLike) -> float:
    """Return the mean precision over the recalled positives, at each distinct score.

    Parameters
    ----------
    score, positive :
        As in :func:`auc`.

    Returns
    -------
    float
        0..1; NaN without positives. A score without information gives their prevalence.
    """
    values, truth = _finite(score, positive)
    if not truth.any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    hits = np.cumsum(truth)[last]
    gained = np.diff(hits, prepend=0)
    return float((gained * hits / (last + 1)).sum() / hits[-1])


def f1(called: ArrayLike, positive: ArrayLike) -> float:
    """Return the harmonic mean of precision and recall of a decision.

    Returns
    -------
    float
        0..1; NaN where nothing is positive and nothing was called so.
    """
    yes, truth = np.asarray(called, bool).ravel(), np.asarray(positive, bool).ravel()
    both = np.count_nonzero(yes & truth)
    total = np.count_nonzero(yes) + np.count_nonzero(truth)
    return 2 * both / total if total else float("nan")


def quadratic_kappa(first: ArrayLike, second: ArrayLike, *, levels: int) -> float:
    """Return Cohen's kappa of ordered grades, disagreement weighted by its square.

    Parameters
    ----------
    first, second : array of int
        Grades 1..levels.
    levels : int
        How many grades there are.

    Returns
    -------
    float
        1 for perfect agreement, 0 for chance; NaN where both know one and the same grade alone.
    """
    one = np.asarray(first, np.int64).ravel() - 1
    two = np.asarray(second, np.int64).ravel() - 1
    if not len(one):
        return float("nan")
    table = np.zeros((levels, levels))
    np.add.at(table, (one, two), 1)
    chance = np.outer(table.sum(1), table.sum(0)) / len(one)
    weight = np.subtract.outer(np.arange(levels), np.arange(levels)) ** 2.0
    expected = (weight * chance).sum()
    return float(1 - (weight * table).sum() / expected) if expected else float("nan")


def relative_bias(found: float | None, truth: float | None) -> float:
    """Return (found - truth) / truth; NaN where either is unknown or the truth is nothing."""
    if found is None or not truth:
        return float("nan")
    return (found - truth) / truth


def is_inside(low: float | None, truth: float | None, high: float | None) -> bool | None:
    """Say whether an interval holds the truth (ends included); None where one is unknown."""
    if low is None or high is None or truth is None:
        return None
    slack = 1e-4  # the record is rounded to so many digits
    return low - slack <= truth <= high + slack


def endpoint_error(
    found: tuple[Array, Array],
    truth: tuple[Array, Array],
    *,
    where: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Return statistics of the distance between found and true positions.

    Parameters
    ----------
    found, truth : tuple of two arrays
        Columns and rows in AFTER, pixels; NaN where unknown. Only places where both are
        finite count.
    where : array of bool, optional
        Restrict to these places, such as ground that was not destroyed.

    Returns
    -------
    dict
        ``median``, ``p95`` (pixels of AFTER; NaN without places) and ``places``.
    """
    distance = np.hypot(found[0] - truth[0], found[1] - truth[1])
    good = np.isfinite(distance)
    if where is not None:
        good &= where
    if not good.any():
        return {"median": float("nan"), "p95": float("nan"), "places": 0}
    median, p95 = np.percentile(distance[good], [50, 95])
    return {"median": float(median), "p95": float(p95), "places": int(good.sum())}


def mean_by_label(values: NDArray[np.generic], labels: NDArray[np.integer], count: int) -> Array:
    """Return the mean of the finite values under each label.

    Parameters
    ----------
    values : array
        Numbers or booleans, of the shape of ``labels``.
    labels : array of int
        0 for none, 1..count.
    count : int
        How many labels there are.

    Returns
    -------
    array of float, shape (count,)
        NaN where a label has no finite value.
    """
    numbers = np.asarray(values, np.float64).ravel()
    seen = np.isfinite(numbers)
    names = labels.ravel()[seen]
    sums = np.bincount(names, weights=numbers[seen], minlength=count + 1)[1:]
    pixels = np.bincount(names, minlength=count + 1)[1:]
    return np.where(pixels > 0, sums / np.maximum(pixels, 1), np.nan)


def _finite(score: ArrayLike, positive: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    values = np.asarray(score, np.float64).ravel()
    truth = np.asarray(positive, bool).ravel()
    good = np.isfinite(values)
    return values[good], truth[good]
