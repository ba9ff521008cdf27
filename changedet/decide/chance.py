"""Chance: how alike two places are that have nothing to do with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """Similarity of unrelated places of this pair."""

    centre: float
    """Median of the summed similarities."""
    spread: float
    """Robust standard deviation."""

    def standardise(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn similarity into dissimilarity in spreads: 0 = chance, negative = more alike."""
        return (np.float32(self.centre) - similarity) / np.float32(self.spread)


def fit_chance(similarity: FloatArray) -> Chance:
    """Fit the similarity of unrelated places.

    Parameters
    ----------
    similarity : ndarray, shape (n,)
        Of BEFORE with AFTER moved away, gathered over the same support as the real one.

    Returns
    -------
    Chance
    """
    centre = float(np.median(similarity))
    spread = 1.4826 * float(np.median(np.abs(similarity - centre)))
    return Chance(centre=centre, spread=max(spread, 0.02))


def join_match(
    windowed: FloatArray, match: FloatArray, chance: Chance | None
) -> NDArray[np.float64]:
    """Join what small windows say with what an object as a whole says.

    The windows count half; the whole counts in full, since the spread of its chance is mostly that
    between objects.

    Parameters
    ----------
    windowed : ndarray, shape (n,)
        Mean dissimilarity of the windows, standardised.
    match : ndarray, shape (n,)
        Similarity as a whole; NaN where it was not looked for: there the windows decide.
    chance : Chance or None
        Scale of ``match``; None leaves the windows alone.
    """
    alone = np.asarray(windowed, np.float64)
    if chance is None:
        return alone
    whole = (chance.centre - np.asarray(match, np.float64)) / chance.spread
    return np.where(np.isfinite(whole), alone / 2 + whole, alone)
