"""The null: what the structural measures look like where nothing happened.

Two anchors hold the decision, and neither assumes that most of the town is intact:

* *chance*: the similarity of places that have nothing to do with each other, measured on this
  very pair by comparing BEFORE with AFTER some 50 m away. What was destroyed is hardly more
  alike than that.
* *unchanged*: a Gaussian whose centre and spread are estimated from the scene, as another
  part of a mixture with the first. A scene where nothing happened gets a prior near 0 and
  therefore little or no destroyed area, whatever the tail of its scores; Otsu always finds two
  classes. (Measured on 30 unchanged pairs: docs/decisions/0001.)

A third part lies half-way: what was *damaged*. Without it holes and broken corners are shared
out between the two others, and the cut wanders with their number (docs/decisions/0005).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

# Measured on one tornado (0.6 m) and on simulated towns (0.5 m), docs/decisions/0005.
LOST_SIMILARITY = (-0.9, 1.6)
"""Centre and spread of the standardised similarity of destroyed objects (chance = 0, 1)."""
LOST_WHOLE = (-0.4, 1.3)
"""The same of buildings whose similarity as a whole (:mod:`changedet.compare.matching`) is joined
to it (:func:`changedet.decide.chance.join_match`)."""
LOST_ORDER = (0.22, 0.12)
"""Centre and spread of the coherence that destroyed objects lost, above the unchanged ones."""
DAMAGED_ORDER = (0.09, 0.09)
"""The same of damaged objects; their similarity lies half-way between the two other parts."""
_DAMAGED_SPREAD = 1.2  # least of the similarity; else a quarter of the way between the parts
_LEAST_DISTANCE = 1.8  # of the unchanged centre from the destroyed one
_MOST_DROP = 0.05  # of the unchanged part: blur and noise of the dates differ
_TYPICAL = (1.8, 0.05)  # spreads of similarity and order where nothing changed
SYNTHETIC = 0.5
"""Dissimilarity of unchanged objects over that of a synthetic pair, which has one sun, one view
and one season: 0.65 in simulated towns, 0.33 to 0.39 on real pairs."""
_SPREAD_RANGE = (0.5, 4.0)
_DROP_RANGE = (0.03, 0.1)
SYNTHETIC_WORTH = _WORTH = 3.0  # objects that these, and a synthetic pair, are worth
_EXPECTED = (1.0, 2.0, 1.0)  # objects that each part has before any is seen
_STARTS = (1, 5, 15, 30, 60)  # percentiles that the unchanged centre is looked for from
STRAY = 0.02
"""Share of unchanged objects that may look like anything between the two parts (a car, a repainted
roof, a roof without contrast). Without it the thin tail of a narrow Gaussian would call destroyed
what is far more alike than chance."""
STRAY_WHOLE = 0.05
"""The same of buildings judged one by one: so many get a new roof, or a tarpaulin, in a year."""
STRAY_ORDER = 0.8
"""Width of the range of coherence loss over which strays are spread."""
SEPARABLE = 2.3
"""Distance of the two parts, in pooled spreads, below which no loss is claimed."""
MIN_SAMPLES = 30
"""Objects or pixels below which nothing is fitted."""
LOW, CENTRAL, HIGH = 0.9, 0.5, 0.1
"""Posterior probabilities that bound the interval: sure, more likely than not, possible."""


_CHUNK = 2**15  # values whose evidence is computed at a time


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
    damaged: float = 0.0
    """Estimated share of damaged objects, 0..1."""
    lost: tuple[float, float] = LOST_SIMILARITY
    """Centre and spread of the dissimilarity of what was destroyed."""
    stray: float = STRAY
    """Share of the unchanged that may look like anything, 0..1."""

    held: bool = False
    """Whether the unchanged part is that of a control pair and stays as it is."""
    synthetic: bool = False
    """Whether the unchanged part rests on a synthetic pair, for want of unchanged objects."""

    @property
    def unchanged(self) -> float:
        """Estimated share of unchanged objects, 0..1."""
        return max(1 - self.prior - self.damaged, 0.0)

    @property
    def separation(self) -> float:
        """Distance of the destroyed from the unchanged part, in pooled spreads (Ashman's D)."""
        by_similarity = (self.lost[0] - self.centre) ** 2 / (
            (self.spread**2 + self.lost[1] ** 2) / 2
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
            0.5 = as likely under *destroyed* as under the rest: unchanged, stray or damaged.
        """
        both = np.broadcast_arrays(dissimilarity, drop)
        s, d = (part.ravel() for part in both)
        evidence = np.empty(s.shape, np.float32)
        # A piece at a time, so that what is between stays in the cache.
        for first in range(0, s.size, _CHUNK):
            some = slice(first, first + _CHUNK)
            evidence[some] = _sigmoid(self._log_ratio(s[some], d[some]))
        return evidence.reshape(both[0].shape)

    def score(
        self, dissimilarity: NDArray[np.floating], drop: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Return the distance from the unchanged part towards the destroyed one, in its spreads.

        Fisher's linear discriminant of the two parts: how much each measure weighs depends on
        how well it tells them apart on this pair (doi:10.1111/j.1469-1809.1936.tb02137.x).
        """
        way = (self.lost[0] - self.centre) / (self.spread**2 + self.lost[1] ** 2)
        drop_way = LOST_ORDER[0] / (self.drop_spread**2 + LOST_ORDER[1] ** 2)
        scale = np.hypot(way * self.spread, drop_way * self.drop_spread)
        along = way * (dissimilarity - self.centre) + drop_way * (drop - self.drop_centre)
        return np.asarray(along / scale)

    def posterior(
        self, evidence: NDArray[np.floating], prior: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Turn evidence (even odds) into the probability under the fitted prior, or another."""
        p = np.clip(np.asarray(evidence, np.float64), 1e-9, 1 - 1e-9)
        prior = np.clip(self.prior if prior is None else prior, 1e-6, 1 - 1e-6)
        return np.asarray(_sigmoid(np.log(p / (1 - p)) + np.log(prior / (1 - prior))))

    def hurt(
        self, dissimilarity: NDArray[np.floating], drop: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Compute the probability of *damaged or destroyed* under the fitted shares, 0..1."""
        parts = _log_parts(*self._clipped(dissimilarity, drop), self)
        whole = np.logaddexp.reduce(parts, axis=0)
        return np.asarray(np.exp(np.logaddexp(parts[2], parts[3]) - whole))

    def threshold(self, posterior: float) -> float:
        """Return the evidence at which the posterior probability reaches ``posterior``."""
        odds = posterior / (1 - posterior) * (1 - self.prior) / max(self.prior, 1e-6)
        return float(odds / (1 + odds))

    def _log_ratio(self, dissimilarity: FloatArray, drop: FloatArray) -> NDArray[np.float64]:
        s, d = self._clipped(dissimilarity, drop)
        rest = _log_rest(s, d, self)
        rest -= _log_lost(s, d, self)
        most = rest.max(axis=0)
        rest -= most
        np.exp(rest, out=rest)
        return np.asarray(-most - np.log(rest.sum(axis=0)))

    def _clipped(
        self, dissimilarity: FloatArray, drop: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        # Beyond the two centres the ratio stays what it is at them: more than destroyed, or
        # more alike than unchanged, is no argument for the other side.
        s = np.clip(dissimilarity, self.centre, max(self.lost[0], self.centre))
        return s, np.clip(drop, self.drop_centre, self.drop_centre + LOST_ORDER[0])

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


def fit_unchanged(dissimilarity: FloatArray, drop: FloatArray) -> Null:
    """Fit the unchanged part alone, on objects to which nothing happened.

    Parameters
    ----------
    dissimilarity : ndarray, shape (n,)
        Standardised by :meth:`Chance.standardise`, of a control pair or of a synthetic one.
    drop : ndarray, shape (n,)
        Coherence before minus after at the same objects; at least one.

    Returns
    -------
    Null
        With a prior of 0. Median and robust spread: a control may hold a few changes.
    """
    s, d = np.asarray(dissimilarity, np.float64), np.asarray(drop, np.float64)
    centre, drop_centre = float(np.median(s)), float(np.median(d))
    spread = 1.4826 * float(np.median(np.abs(s - centre)))
    drop_spread = 1.4826 * float(np.median(np.abs(d - drop_centre)))
    return replace(
        NO_NULL,
        centre=centre,
        spread=float(np.clip(spread, *_SPREAD_RANGE)),
        drop_centre=float(np.clip(drop_centre, -_MOST_DROP, _MOST_DROP)),
        drop_spread=float(np.clip(drop_spread, *_DROP_RANGE)),
        samples=int(s.size),
    )


def fit_null(
    dissimilarity: FloatArray,
    drop: FloatArray,
    *,
    place: NDArray[np.integer] | None = None,
    lost: tuple[float, float] = LOST_SIMILARITY,
    stray: float = STRAY,
    held: Null | None = None,
    expected: Null | None = None,
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
    lost : (float, float)
        Centre and spread of the dissimilarity of what was destroyed.
    stray : float
        Share of the unchanged that may look like anything, 0..1.
    held : Null, optional
        From :func:`fit_unchanged`: the unchanged part stays as it is there, and only the shares
        are fitted.
    expected : Null, optional
        From :func:`fit_unchanged` on a synthetic pair: what the unchanged look like where the
        scene has fewer than three. It counts as much as three.
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
    begun = replace(held or NO_NULL, lost=lost, stray=stray, prior=0.35, damaged=0.15)
    begun = replace(begun, held=held is not None)
    most = lost[0] - _LEAST_DISTANCE
    if held is not None:
        starts = {min(held.centre, most)}
    else:
        # The likelihood has several peaks where most is destroyed: all are climbed.
        starts = {min(float(np.percentile(s, at)), most) for at in _STARTS}
        begun = replace(begun, spread=_TYPICAL[0], drop_centre=0.0, drop_spread=_TYPICAL[1])

    def best(prior: Null | None) -> Null:
        fits = [
            _climb(s, d, replace(begun, centre=centre), iterations, expected=prior)
            for centre in sorted(starts)
        ]
        return max(fits, key=lambda fit: fit[0])[1]

    null = best(None)
    if expected is not None and null.unchanged * s.size < SYNTHETIC_WORTH:
        null = replace(best(expected), synthetic=True)
    low, high = _prior_range(_responsibilities(s, d, null), place)
    return replace(null, prior_low=low, prior_high=high, samples=int(s.size))


def _climb(
    s: FloatArray,
    d: FloatArray,
    null: Null,
    iterations: int,
    *,
    expected: Null | None = None,
) -> tuple[float, Null]:
    """Climb to a peak of the likelihood; return its logarithm and the fit."""
    size = s.size + sum(_EXPECTED)
    for _ in range(iterations):
        share, _ = _shares(_log_parts(s, d, null))
        before = null
        null = replace(
            null if null.held else _moved(s, d, share[0], null, expected),
            damaged=(float(share[2].sum()) + _EXPECTED[1]) / size,
            prior=(float(share[3].sum()) + _EXPECTED[2]) / size,
        )
        if abs(null.centre - before.centre) < 1e-4 and abs(null.prior - before.prior) < 1e-5:
            break
    _, whole = _shares(_log_parts(s, d, null))
    return float(whole.sum()), null


def _moved(
    s: FloatArray, d: FloatArray, same: FloatArray, null: Null, expected: Null | None
) -> Null:
    """Fit the unchanged part to the samples, each weighted by how likely it is unchanged."""
    total = float(same.sum()) + _WORTH
    likely = null.centre if expected is None else SYNTHETIC * expected.centre
    centre = (float((same * s).sum()) + _WORTH * likely) / total
    centre = min(centre, null.lost[0] - _LEAST_DISTANCE)
    drop_centre = float(np.clip((same * d).sum() / total, -_MOST_DROP, _MOST_DROP))
    around = float((same * (s - centre) ** 2).sum()) + _WORTH * _TYPICAL[0] ** 2
    drop_around = float((same * (d - drop_centre) ** 2).sum()) + _WORTH * _TYPICAL[1] ** 2
    return replace(
        null,
        centre=centre,
        spread=float(np.clip(np.sqrt(around / total), *_SPREAD_RANGE)),
        drop_centre=drop_centre,
        drop_spread=float(np.clip(np.sqrt(drop_around / total), *_DROP_RANGE)),
    )


def refit(dissimilarity: FloatArray, drop: FloatArray, null: Null, *, iterations: int = 30) -> Null:
    """Fit again from a fit that is nearly right, such as on a resample of the same objects.

    What a control pair holds stays held.
    """
    s, d = np.asarray(dissimilarity, np.float64), np.asarray(drop, np.float64)
    return _climb(s, d, null, iterations)[1]


def _responsibilities(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    """Return how likely each sample is destroyed."""
    share, _ = _shares(_log_parts(s, d, null))
    return np.asarray(share[3])


def _shares(parts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn logarithms of weighted densities into shares, and the logarithm of their sum."""
    top = parts.max(axis=0)
    share = np.exp(parts - top)
    total = share.sum(axis=0)
    share /= total
    return share, top + np.log(total)


def _log_parts(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    """Logarithms of the weighted densities: unchanged, stray, damaged, destroyed."""
    lost = min(max(null.prior, 1e-6), 1 - 1e-6)
    destroyed = _log_lost(s, d, null) + np.log(lost)
    return np.concatenate([_log_rest(s, d, null) + np.log(1 - lost), destroyed[None]])


def _log_rest(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    """Logarithms of the densities of what was not destroyed; their shares add up to one."""
    damaged = min(max(null.damaged / max(1 - null.prior, 1e-6), 1e-6), 1 - 1e-6)
    calm = np.log(1 - damaged)
    stray = np.full(np.shape(s), _log_stray(null) + calm)
    hurt = _log_damaged(s, d, null) + np.log(damaged)
    return np.stack([_log_same(s, d, null) + calm, stray, hurt])


def _log_damaged(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    way = null.lost[0] - null.centre
    by_similarity = _log_normal(s, null.centre + way / 2, max(way / 4, _DAMAGED_SPREAD))
    by_order = _log_normal(d, null.drop_centre + DAMAGED_ORDER[0], DAMAGED_ORDER[1])
    return np.asarray(by_similarity + by_order)


def _log_lost(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    return _log_normal(s, *null.lost) + _log_normal(
        d, null.drop_centre + LOST_ORDER[0], LOST_ORDER[1]
    )


def _log_same(s: FloatArray, d: FloatArray, null: Null) -> NDArray[np.float64]:
    gaussian = _log_normal(s, null.centre, null.spread) + _log_normal(
        d, null.drop_centre, null.drop_spread
    )
    return np.asarray(gaussian + np.log(1 - null.stray))


def _log_stray(null: Null) -> float:
    reach = null.lost[0] + 2 * null.lost[1] - null.centre
    return float(np.log(null.stray) - np.log(reach * STRAY_ORDER))


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
