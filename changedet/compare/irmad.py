"""Change of multispectral pairs by iteratively reweighted canonical variates (IR-MAD), calibrated.

Canonical correlation finds what both dates have in common whatever the gain and offset of each
band; what is left over, each part in units of its own spread, is change. The iteration gives the
pixels that hardly changed the most weight. Doing so it also shrinks the spreads, so that its
"chi-squared" is too large by a known factor even where nothing happened; it is divided out here
(:func:`inflation`), and :class:`TailFit` takes up what is heavier than Gaussian.

Everything here is fitted on a sample and applied to any block: :func:`fit_irmad`, then
:meth:`IrMad.chi2`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, fdtri

from changedet.core.errors import UsageError

FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]

MIN_BANDS = 3
"""With fewer the iteration shrinks to nothing: there is no fixed point."""
_SHRINK = 1e-6
"""Share of itself that is added to each variance: equal bands must not divide by 0."""
_TAIL_AT = (0.25, 0.5, 0.75, 0.9, 0.97)
"""Quantiles at which the tail is fitted: far enough out, and still few of them changed."""


@cache
def inflation(bands: int) -> float:
    r"""Return by how much the converged chi-squared is too large where nothing changed.

    With weights ``P(chi2_p > Z)`` the variances shrink until they reproduce themselves, at a
    share ``k`` of the true ones with ``int sf(u) u f(ku) du = p int sf(u) f(ku) du``, where
    ``sf`` and ``f`` are survival and density of chi-squared with ``p`` degrees of freedom; the
    factor is ``1 / k``.

    Parameters
    ----------
    bands : int
        Number p of variates, at least 3.

    Returns
    -------
    float
        Above 1.

    Raises
    ------
    UsageError
        With fewer than three bands, where there is no positive solution.

    Examples
    --------
    >>> round(inflation(4), 2), round(inflation(8), 2)
    (3.3, 1.92)
    """
    # Loading it takes longer than most pairs have; they have three bands or fewer.
    from scipy.integrate import quad
    from scipy.optimize import brentq

    _check_bands(bands)

    def excess(share: float) -> float:
        def weigh(u: float) -> float:
            return float(chdtrc(bands, u)) * (u - bands) * _chi2_density(share * u, bands)

        return float(quad(weigh, 0, 40 + 8 * bands, limit=200)[0])

    return 1 / float(brentq(excess, 1e-3, 1.0, xtol=1e-10))


def _chi2_density(value: float, bands: int) -> float:
    """Return the density of chi-squared at ``value``, 0 or more."""
    half = bands / 2
    power = (half - 1) * math.log(value) if value > 0 else -math.inf
    return math.exp(power - value / 2 - half * math.log(2) - math.lgamma(half))


def _check_bands(bands: int) -> None:
    if bands < MIN_BANDS:
        raise UsageError(
            f"IR-MAD needs at least {MIN_BANDS} bands that both dates have, not {bands}: "
            "use changedet.pixel.cva, or add bands"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TailFit:
    """The null of a chi-squared statistic as it is, not as it should be: ``scale * F(p, tail)``.

    Noise that is heavier than Gaussian, or differs from place to place, gives the ratio of two
    variances; its second degree of freedom says how heavy (infinite: chi-squared).
    """

    bands: int
    """Degrees of freedom of the chi-squared."""
    scale: float
    """Unitless; 1 where the statistic is calibrated in its centre."""
    tail: float
    """Second degree of freedom; large = Gaussian."""

    def p_value(self, chi2_map: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return how probable so large a value is where nothing changed, 0..1."""
        ratio = np.asarray(chi2_map, np.float64) / (self.bands * self.scale)
        return np.asarray(fdtrc(self.bands, self.tail, ratio), np.float64)

    def quantile(self, probability: float) -> float:
        """Return the value that a share ``probability`` of what is unchanged lies below."""
        return float(self.bands * self.scale * fdtri(self.bands, self.tail, probability))


def fit_tail(values: NDArray[np.floating], *, bands: int, changed: float = 0.0) -> TailFit:
    """Fit the empirical null of a chi-squared statistic on pixels that did not change.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Statistic of stable or control pixels, finite; 200 or more.
    bands : int
        Degrees of freedom it should have.
    changed : float
        Share of ``values`` that is thought to have changed all the same, below 0.5.

    Returns
    -------
    TailFit

    References
    ----------
    Efron 2004, doi:10.1198/016214504000000089: the null is taken from the data's own bulk.
    """
    from scipy.optimize import minimize_scalar

    given = np.asarray(values, np.float64)
    at = np.array(_TAIL_AT)
    # The changed ones are the largest: of the unchanged the same quantiles lie lower.
    found = np.log(np.maximum(np.quantile(given, at * (1 - changed)), 1e-12) / bands)
    weight = np.sqrt(at)

    def scale_of(inverse: float) -> tuple[float, float]:
        off = found - np.log(fdtri(bands, 1 / inverse, at))
        middle = float(np.average(off, weights=weight))
        return middle, float(np.average((off - middle) ** 2, weights=weight))

    best = minimize_scalar(lambda x: scale_of(x)[1], bounds=(1e-4, 0.8), method="bounded")
    inverse = float(best.x)
    return TailFit(bands=bands, scale=float(np.exp(scale_of(inverse)[0])), tail=1 / inverse)


@dataclass(frozen=True, kw_only=True, slots=True)
class IrMad:
    """Canonical variates of one pair: a few numbers that every block applies."""

    before: tuple[tuple[float, ...], ...]
    """Canonical vectors of BEFORE, one row a variate, shape (p, p)."""
    after: tuple[tuple[float, ...], ...]
    """Of AFTER, shape (p, p)."""
    mean_before: tuple[float, ...]
    """Weighted mean of each band, digital numbers."""
    mean_after: tuple[float, ...]
    variance: tuple[float, ...]
    """Of each difference where nothing changed, the inflation divided out."""
    correlation: tuple[float, ...]
    """Canonical correlations, largest first, 0..1."""
    iterations: int

    @property
    def bands(self) -> int:
        """Number of variates."""
        return len(self.variance)

    def chi2(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """Compute the sum of the squared variates in units of their variance.

        Parameters
        ----------
        before, after : ndarray of float32, shape (bands, ...)
            Pixels of both dates, not normalised; the same bands as in the fit.

        Returns
        -------
        ndarray of float32, shape (...)
            Chi-squared with ``bands`` degrees of freedom where nothing changed and noise is
            Gaussian.
        """
        variates = self.variates(before, after)
        weight = 1 / np.asarray(self.variance, np.float32)
        return np.asarray(np.tensordot(weight, np.square(variates), axes=1), np.float32)

    def variates(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """Compute the differences of the canonical variates, shape (bands, ...)."""
        parts = []
        for vectors, mean, image in (
            (self.before, self.mean_before, before),
            (self.after, self.mean_after, after),
        ):
            matrix = np.asarray(vectors)
            # Centre first: 16-bit values times long vectors lose digits in float32.
            off = np.asarray(mean, np.float32).reshape(-1, *(1,) * (image.ndim - 1))
            parts.append(np.tensordot(matrix.astype(np.float32), image - off, axes=1))
        return np.asarray(parts[0] - parts[1], np.float32)


def fit_irmad(
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
) -> IrMad:
    """Fit canonical variates with weights for what hardly changed.

    Parameters
    ----------
    before, after : ndarray, shape (bands, n)
        A sample of the same places, at least some 1,000 and at least three bands.
    iterations : int
        Most reweighting steps.
    tolerance : float
        It ends when no variance moves by more, relative.

    Returns
    -------
    IrMad

    Raises
    ------
    UsageError
        With fewer than three bands.
    ValueError
        Where the shapes differ, or there are fewer than ten pixels a band.

    References
    ----------
    Nielsen 2007, doi:10.1109/TIP.2006.888195. The factor by which its chi-squared is too large
    is derived in :func:`inflation`.
    """
    x, y = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"two samples of shape (bands, n) are needed, not {x.shape}, {y.shape}")
    bands, count = x.shape
    _check_bands(bands)
    if count < 10 * bands:
        raise ValueError(f"{count} pixels are too few for {bands} bands")
    factor = inflation(bands)
    weight = np.ones(count)
    previous = np.ones(bands)
    step = 0
    while True:
        step += 1
        first, second, correlation, means = _canonical(x, y, weight)
        rest = first @ (x - means[0][:, None]) - second @ (y - means[1][:, None])
        variance = np.maximum(2 * (1 - correlation), 1e-9)
        raw = np.sum(rest**2 / variance[:, None], axis=0)
        if step == iterations or np.abs(np.log(variance / previous)).max() < tolerance:
            break
        weight, previous = chdtrc(bands, raw), variance
    return IrMad(
        before=_rows(first),
        after=_rows(second),
        mean_before=tuple(float(v) for v in means[0]),
        mean_after=tuple(float(v) for v in means[1]),
        # After one step alone nothing was reweighted, and nothing has shrunk.
        variance=tuple(float(v) for v in variance * (factor if step > 1 else 1.0)),
        correlation=tuple(float(v) for v in correlation),
        iterations=step,
    )


def _canonical(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], tuple[NDArray[np.float64], ...]
]:
    """Return the canonical vectors as rows, their correlations and the means."""
    total = weight.sum()
    means = tuple((image @ weight) / total for image in (x, y))
    flat = [image - mean[:, None] for image, mean in zip((x, y), means, strict=True)]
    roots = []
    for image in flat:
        covariance = (image * weight) @ image.T / total
        more = _SHRINK * np.diag(covariance) + 1e-12
        roots.append(np.linalg.cholesky(covariance + np.diag(more)))
    cross = (flat[0] * weight) @ flat[1].T / total
    inner = np.linalg.solve(roots[1], np.linalg.solve(roots[0], cross).T).T
    left, correlation, right = np.linalg.svd(inner)
    # Signs of singular vectors are arbitrary, but the same in both: the difference stays.
    first = np.linalg.solve(roots[0].T, left).T
    second = np.linalg.solve(roots[1].T, right.T).T
    return first, second, np.clip(correlation, 0, 1), means


def _rows(matrix: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in matrix)
