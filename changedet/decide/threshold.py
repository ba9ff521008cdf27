"""Thresholds that are found once for the whole scene, never per block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu


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
    # The threshold is the centre of the last bin of the lower class.
    found = threshold_otsu(hist=(counts, centres))  # type: ignore[no-untyped-call]
    cut = int(np.searchsorted(centres, found, side="right"))
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
