"""Thresholds that are found once for the whole scene, never per block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A cut between two classes of one score, and how far apart they are."""

    value: float
    """The threshold."""
    separability: float
    """Otsu's eta: between-class over total variance, 0..1."""
    low_centre: float
    high_centre: float


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
        return Split(value=float(high), separability=0.0, low_centre=float(low),
                     high_centre=float(high))
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    share = np.cumsum(counts) / counts.sum()
    moment = np.cumsum(counts * centres) / counts.sum()
    inner = slice(0, bins - 1)
    between = (moment[-1] * share[inner] - moment[inner]) ** 2 / np.maximum(
        share[inner] * (1 - share[inner]), 1e-12
    )
    best = int(np.argmax(between))
    total = float(np.sum(counts * (centres - moment[-1]) ** 2) / counts.sum())
    return Split(
        value=float(edges[best + 1]),
        separability=float(between[best] / total) if total > 0 else 0.0,
        low_centre=float(moment[best] / max(share[best], 1e-12)),
        high_centre=float((moment[-1] - moment[best]) / max(1 - share[best], 1e-12)),
    )


def null_quantile(values: NDArray[np.floating], share: float) -> float:
    """Return the quantile of a null sample that ``share`` of it stays below."""
    return float(np.quantile(values, share))
