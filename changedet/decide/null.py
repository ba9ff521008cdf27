"""The null: what the structural measures look like where nothing happened.

Two anchors hold the decision, and neither assumes that most of the town is intact:

* *chance*: the similarity of places that have nothing to do with each other, measured on this
  very pair by comparing BEFORE with AFTER some 50 m away. What was destroyed is hardly more
  alike than that.
* *unchanged*: a Gaussian whose centre and spread are estimated from the scene, as the other
  part of a mixture with the first. A scene where nothing happened gets a prior near 0 and
  therefore little or no destroyed area, whatever the tail of its scores; Otsu always finds two
  classes. (Measured on 30 unchanged pairs: docs/decisions/0001.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

# Measured on 28 + 2 unchanged pairs (0.7-1 m) and one tornado (0.6 m), docs/decisions/0001.
LOST_SIMILARITY = (-0.4, 1.1)
"""Centre and spread of the standardised similarity of destroyed objects (chance = 0, 1)."""
LOST_ORDER = (0.18, 0.14)
"""Centre and spread of the coherence that destroyed objects lost, above the unchanged ones."""
STRAY = 0.02
"""Share of unchanged objects that may look like anything between the two parts (a car, a repainted
roof, a roof without contrast). Without it the thin tail of a narrow Gaussian would call destroyed
what is far more alike than chance."""
STRAY_ORDER = 0.8
"""Width of the range of coherence loss over which strays are spread."""
SEPARABLE = 1.5
"""Distance of the two parts, in pooled spreads, below which no loss is claimed."""
MIN_SAMPLES = 30
"""Objects or pixels below which nothing is fitted."""
LOW, CENTRAL, HIGH = 0.8, 0.5, 0.2
"""Posterior probabilities that bound the interval: sure, more likely than not, possible."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Null:
    """The fitted mixture: the unchanged part, and how much is not of it."""

    centre: float
    """Of the standardised dissimilarity where nothing changed."""
    spread: float
    drop_centre: float
    """Of the loss of coherence where nothing changed (blur and noise of the dates differ)."""
    drop_spread: float
    prior: float
    """Estimated share of destroyed objects, 0..1."""
    prior_low: float
    """Lower end of its 95 % range over the places it was estimated from."""
    prior_high: float
    """Upper end of that range."""
    samples: int
    """How many samples it rests on."""

    @property
    def separation(self) -> float:
        """Distance of the destroyed from the unchanged part, in pooled spreads (Ashman's D)."""
        by_similarity = (LOST_SIMILARITY[0] - self.centre) ** 2 / (
            (self.spread**2 + LOST_SIMILARITY[1] ** 2) / 2
        )
        by_order = LOST_ORDER[0] ** 2 / ((self.drop_spread**2 + LOST_ORDER[1] ** 2) / 2)
        return float(np.sqrt(by_similarity + by_order))

    @property
    def separable(self) -> bool:
        """Whether destroyed and unchanged objects can be told apart on this pair."""
        return self.samples >= MIN_SAMPLES and self.separation >= SEPARABLE

    def evidence(
        self, dissimilarity: NDArray[np.floating], drop: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Compute the probability of *destroyed* at even prior odds, 0..1.

        Parameters
        ----------
        dissimilarity : ndarray
            Standardised by :meth:`Chance.standardise`.
        drop : ndarray
            Coherence before minus after.

        Returns
        -------
        ndarray of float32
            0.5 = as likely under *destroyed* as under *unchanged*.
        """
        return _sigmoid(self._log_ratio(dissimilarity, drop)).astype(np.float32)

    def score(
        self, dissimilarity: NDArray[np.floating], drop: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Return the distance from the unchanged part in its spreads, summed over both measures."""
        return np.asarray(
            (dissimilarity - self.centre) / self.spread
            + (drop - self.drop_centre) / self.drop_spread
        )

    def posterior(self, evidence: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn evidence (even odds) into the probability under the fitted prior."""
        p = np.clip(np.asarray(evidence, np.float64), 1e-9, 1 - 1e-9)
        prior = min(max(self.prior, 1e-6), 1 - 1e-6)
        return np.asarray(_sigmoid(np.log(p / (1 - p)) + np.log(prior / (1 - prior))))

    def threshold(self, posterior: float) -> float:
        """Return the evidence at which the posterior probability reaches ``posterior``."""
        odds = posterior / (1 - posterior) * (1 - self.prior) / max(self.prior, 1e-6)
        return float(odds / (1 + odds))

    def _log_ratio(self, dissimilarity: FloatArray, drop: FloatArray) -> NDArray[np.float64]:
        # Beyond the two centres the ratio stays what it is at them: more than destroyed, or
        # more alike than unchanged, is no argument for the other side.
        s = np.clip(dissimilarity, self.centre, max(LOST_SIMILARITY[0], self.centre))
        d = np.clip(drop, self.drop_centre, self.drop_centre + LOST_ORDER[0])
        return _log_lost(s, d, self) - np.logaddexp(_log_same(s, d, self), _log_stray(self))

    def expected_unchanged(self, edges: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return how the evidence of unchanged objects, strays left out, falls into bins.

        A fixed grid of normal quantiles in both measures, so that no random number is needed.
        """
        at = np.array([NormalDist().inv_cdf((k + 0.5) / 401) for k in range(401)])
        s, d = np.meshgrid(self.centre + self.spread * at, self.drop_centre + self.drop_spread * at)
        return np.asarray(np.histogram(self.evidence(s, d), edges)[0] / s.size)


NO_NULL = Null(
    centre=-1.5,
    spread=2.0,
    drop_centre=0.0,
    drop_spread=0.13,
    prior=0.0,
    prior_low=0.0,
    prior_high=1.0,
    samples=0,
)
"""Where there was nothing to fit it on: never separable."""


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


def fit_null(
    dissimilarity: FloatArray,
    drop: FloatArray,
    *,
    place: NDArray[np.integer] | None = None,
    iterations: int = 200,
) -> Null:
    """Fit the unchanged part and the share of the rest by expectation maximisation.

    Parameters
    ----------
    dissimilarity : ndarray, shape (n,)
        Standardised by :meth:`Chance.standardise`.
    drop : ndarray, shape (n,)
        Coherence before minus after at the same samples.
    place : ndarray of int, shape (n,), optional
        Which part of the scene a sample is from; the range of the prior is taken over them.
    iterations : int
        Steps of the expectation maximisation.

    Returns
    -------
    Null
        Of no use (``separable`` False) where there are fewer than 30 samples.

    References
    ----------
    A mixture with one fixed component: Efron 2004, doi:10.1198/016214504000000089, with the
    roles of the parts exchanged; Ashman's D: Ashman, Bird & Zepf 1994, doi:10.1086/117248.
    """
    s, d = np.asarray(dissimilarity, np.float64), np.asarray(drop, np.float64)
    if s.size < MIN_SAMPLES:
        return replace(NO_NULL, samples=int(s.size))
    start = min(float(np.percentile(s, 25)), LOST_SIMILARITY[0] - 1)
    null = replace(NO_NULL, centre=start, spread=1.5, drop_spread=0.09, prior=0.3)
    for _ in range(iterations):
        changed, weight = _responsibilities(s, d, null)
        total = float(weight.sum()) + 1e-9
        centre = min(float((weight * s).sum()) / total, LOST_SIMILARITY[0] - 1)
        drop_centre = float(np.clip((weight * d).sum() / total, -0.1, 0.1))
        variance = float((weight * (s - centre) ** 2).sum()) / total
        drop_variance = float((weight * (d - drop_centre) ** 2).sum()) / total
        null = replace(
            null,
            centre=centre,
            spread=float(np.clip(np.sqrt(variance), 0.3, 8.0)),
            drop_centre=drop_centre,
            drop_spread=float(np.clip(np.sqrt(drop_variance), 0.04, 0.13)),
            prior=float(changed.mean()),
        )
    low, high = _prior_range(_responsibilities(s, d, null)[0], place)
    return replace(null, prior_low=low, prior_high=high, samples=int(s.size))


def _responsibilities(
    s: FloatArray, d: FloatArray, null: Null
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how likely each sample is destroyed, and how likely of the unchanged Gaussian."""
    prior = min(max(null.prior, 1e-6), 1 - 1e-6)
    lost = _log_lost(s, d, null) + np.log(prior)
    same = _log_same(s, d, null) + np.log(1 - prior)
    stray = _log_stray(null) + np.log(1 - prior)
    total = np.logaddexp(np.logaddexp(lost, same), stray)
    return np.exp(lost - total), np.exp(same - total)


def _log_lost(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    return _log_normal(s, *LOST_SIMILARITY) + _log_normal(
        d, null.drop_centre + LOST_ORDER[0], LOST_ORDER[1]
    )


def _log_same(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    gaussian = _log_normal(s, null.centre, null.spread) + _log_normal(
        d, null.drop_centre, null.drop_spread
    )
    return np.asarray(gaussian + np.log(1 - STRAY))


def _log_stray(null: Null) -> float:
    reach = LOST_SIMILARITY[0] + 2 * LOST_SIMILARITY[1] - null.centre
    return float(np.log(STRAY) - np.log(reach * STRAY_ORDER))


def _prior_range(
    changed: NDArray[np.float64], place: NDArray[np.integer] | None
) -> tuple[float, float]:
    """Return the 95 % range of the mean over places: samples of one place are not independent."""
    mean = float(changed.mean())
    if place is None:
        return mean, mean
    _, index = np.unique(place, return_inverse=True)
    counts = np.bincount(index)
    if len(counts) < 3:
        return 0.0, 1.0
    # Ratio estimator over places of unequal size (Cochran 1977, section 6.3).
    excess = np.bincount(index, weights=changed) - mean * counts
    error = float(np.sqrt(len(counts) / (len(counts) - 1) * np.sum(excess**2))) / changed.size
    return max(0.0, mean - 1.96 * error), min(1.0, mean + 1.96 * error)


def _log_normal(x: FloatArray, centre: float, spread: float) -> NDArray[np.float64]:
    scaled = (np.asarray(x, np.float64) - centre) / spread
    return np.asarray(-0.5 * scaled * scaled - np.log(spread * np.sqrt(2 * np.pi)))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -50, 50))))
