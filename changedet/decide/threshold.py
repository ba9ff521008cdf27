"""Thresholds that are found once for the whole scene, never per block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

_NULL_AT = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Quantiles of what is unchanged on which its distribution is fitted: the tail may be change."""
_BIN = 0.1
"""Of the histogram of logarithms."""
_FEW = 20
"""A bin with fewer samples decides nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A cut between two classes of one score, and how far apart they are."""

    value: float
    """The threshold."""
    separability: float
    """Otsu's eta: between-class over total variance, 0..1."""
    low_centre: float
    high_centre: float
    low_spread: float
    """Standard deviation of what lies below the threshold."""
    high_spread: float
    """Standard deviation of what lies above it."""

    @property
    def balanced(self) -> float:
        """The value that lies equally many spreads from both centres.

        Otsu's threshold is the middle between the centres; where one class is much narrower
        than the other, as bare ground is beside plants, that is too far from it.
        """
        total = self.low_spread + self.high_spread
        if total <= 0:
            return self.value
        part = self.low_spread / total
        return self.low_centre + part * (self.high_centre - self.low_centre)


def otsu(values: NDArray[np.floating], *, bins: int = 256) -> Split:
    """Find the threshold of largest between-class variance, and say how good it is.

    It always finds one; whether two classes are there at all is what ``separability`` is for
    (a uniform distribution reaches 0.75, a Gaussian 0.64).

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite scores.
    bins : int
        Of the histogram between the 0.5 and 99.5 percentile.

    Returns
    -------
    Split

    References
    ----------
    Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    low, high = np.percentile(values, [0.5, 99.5])
    if not high > low:
        return Split(
            value=float(high),
            separability=0.0,
            low_centre=float(low),
            high_centre=float(high),
            low_spread=0.0,
            high_spread=0.0,
        )
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    cut = _cut(counts, centres)
    below, above = (counts[:cut], centres[:cut]), (counts[cut:], centres[cut:])
    low_centre, low_spread = _moments(*below)
    high_centre, high_spread = _moments(*above)
    _, spread = _moments(counts, centres)
    part = float(counts[:cut].sum() / counts.sum())
    between = part * (1 - part) * (high_centre - low_centre) ** 2
    return Split(
        value=float(edges[cut]),
        separability=between / spread**2 if spread > 0 else 0.0,
        low_centre=low_centre,
        high_centre=high_centre,
        low_spread=low_spread,
        high_spread=high_spread,
    )


def _cut(counts: NDArray[np.integer], centres: NDArray[np.floating]) -> int:
    """Return the number of bins below the threshold: the largest variance between the classes."""
    mass = counts.astype(np.float64)
    below, above = np.cumsum(mass), np.cumsum(mass[::-1])[::-1]
    low = np.cumsum(mass * centres) / below
    high = np.cumsum((mass * centres)[::-1])[::-1] / above
    return int(np.argmax(below[:-1] * above[1:] * (low[:-1] - high[1:]) ** 2)) + 1


def _moments(counts: NDArray[np.integer], centres: NDArray[np.floating]) -> tuple[float, float]:
    """Return mean and standard deviation of a histogram; nan-free where it is empty."""
    total = max(int(counts.sum()), 1)
    mean = float(np.sum(counts * centres)) / total
    return mean, float(np.sqrt(np.sum(counts * (centres - mean) ** 2) / total))


def select_discoveries(unchanged: NDArray[np.floating], q: float) -> NDArray[np.bool_]:
    """Mark the largest set of objects of which at most a share ``q`` is expected to be unchanged.

    Parameters
    ----------
    unchanged : ndarray, shape (n,)
        Probability that nothing happened to an object: its local false discovery rate.
    q : float
        False discovery rate of the whole set, 0..1.

    Returns
    -------
    ndarray of bool, shape (n,)

    References
    ----------
    Efron 2004, doi:10.1198/016214504000000089; Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> select_discoveries(np.array([0.0, 0.9, 0.1, 0.5]), 0.2)
    array([ True, False,  True,  True])
    """
    order = np.argsort(unchanged, kind="stable")
    rate = np.cumsum(np.asarray(unchanged, np.float64)[order]) / np.arange(1, order.size + 1)
    found = np.zeros(order.size, bool)
    found[order[: int(np.sum(rate <= q))]] = True
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeCut:
    """The value of a measure of change above which most of what is found has changed."""

    value: float
    """In the units of the measure; beyond all samples where nothing stands out."""
    changed: float
    """Share of the samples beyond what is expected of unchanged ones, 0..1."""
    centre: float
    """Median of the unchanged ones, in the units of the measure."""
    spread: float
    """Standard deviation of their natural logarithm."""


def fit_change_cut(values: NDArray[np.floating], *, rounds: int = 8) -> ChangeCut:
    """Find where changed and unchanged are equally probable, by a null from the data's own bulk.

    The minimum-error rule of Bruzzone and Prieto for a mixture of two parts. Only the unchanged
    part has a form: its logarithm is normal, and it is fitted on the lower half of what is held
    for unchanged (Efron's empirical null); the changed part is whatever is left of the histogram.
    Where nothing changed, the two meet in the last of the tail or not at all.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Positive measure of change, larger = more; most of them unchanged.
    rounds : int
        Of fitting the null again with the share that the last round held for changed.

    Returns
    -------
    ChangeCut

    References
    ----------
    Bruzzone & Fernandez Prieto 2000, doi:10.1109/36.843009; Efron 2004,
    doi:10.1198/016214504000000089.
    """
    logs = np.log(np.maximum(np.asarray(values, np.float64), 1e-6))
    at = np.array(_NULL_AT)
    changed = 0.0
    for _ in range(rounds):
        found = np.quantile(logs, at * (1 - changed))
        spread, centre = np.polyfit(ndtri(at), found, 1)
        spread = max(float(spread), 1e-3)
        edges = np.arange(centre, max(float(logs.max()), float(centre)) + 2 * _BIN, _BIN)
        counts = np.histogram(logs, edges)[0]
        null = (1 - changed) * logs.size * np.diff(ndtr((edges - centre) / spread))
        unchanged = (counts >= _FEW) & (null >= counts / 2)
        first = int(np.flatnonzero(unchanged)[-1]) + 1 if unchanged.any() else 0
        beyond = counts[first:] >= _FEW
        if not beyond.any():
            # Beyond all that was seen, and beyond what one unchanged sample in a thousand reaches.
            value = max(float(logs.max()), float(centre + 3.1 * spread))
            return ChangeCut(
                value=float(np.exp(value)),
                changed=0.0,
                centre=float(np.exp(centre)),
                spread=spread,
            )
        changed = float(min(0.6, (counts[first:] - null[first:]).clip(0).sum() / logs.size))
    return ChangeCut(
        value=float(np.exp(edges[first])),
        changed=changed,
        centre=float(np.exp(centre)),
        spread=spread,
    )
