"""Relative radiometric normalisation: one robust line per band, from the least changed pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

TUKEY = 4.685
"""Residuals beyond this many robust standard deviations have no weight."""

STABLE_SHARE, CORE_SHARE = 0.3, 0.1
"""Share of the samples, the most alike in structure, that counts as stable: as a rule, at least."""
WORSE = 1.5
"""Median residual of the most alike under the wider set's line over that under their own, beyond
which the wider set holds changes (ten good real pairs: 0.93 to 1.41)."""
MIN_CORE = 500
LIGHT_TILES = 12
"""Tiles below which no field of light is fitted: it has six terms."""
LIGHT_EXPLAINED = 0.5
"""Part of the deviation of left-out tiles that a field of light must explain."""
LIGHT_LEAST = 0.03
"""A field that differs by less over the scene is left alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """``before = gain * after + offset`` for one band."""

    gain: float
    """Unitless, positive."""
    offset: float
    """In BEFORE's digital numbers."""
    correlation: float
    """Of the pixels it rests on, -1..1; 0 where no line could be fitted, below 0 where bright
    places of one date are dark ones of the other."""

    def apply(self, after: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring AFTER's values to BEFORE's radiometry."""
        return np.float32(self.gain) * after + np.float32(self.offset)


def fit_line(
    before: NDArray[np.floating], after: NDArray[np.floating], *, iterations: int = 10
) -> Line:
    """Fit the robust orthogonal line that takes AFTER's values to BEFORE's.

    Orthogonal, because both dates have errors; iteratively reweighted with Tukey's biweight,
    because some of the "stable" pixels did change. Never fit it on a whole scene: where most
    of a town changed, that would turn scorched ground green.

    Parameters
    ----------
    before, after : ndarray, shape (n,)
        Values of one band at the same places, the least changed ones.
    iterations : int
        Reweighting steps.

    Returns
    -------
    Line
        Where the two do not go together (slope not positive, fewer than 50 values, or no
        spread), a line through medians and robust spreads, with correlation 0, or that of the
        values where it is negative.

    References
    ----------
    Canty & Nielsen 2008, doi:10.1016/j.rse.2007.07.013 (orthogonal regression on invariant
    pixels); Tukey's biweight as in Holland & Welsch 1977, doi:10.1080/03610927708827533.
    """
    x, y = np.asarray(after, np.float64), np.asarray(before, np.float64)
    start = _spread_line(x, y)
    if x.size < 50 or start.gain <= 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return start
    gain, offset = start.gain, start.offset
    weight = np.ones_like(x)
    for _ in range(iterations):
        error = (y - gain * x - offset) / np.hypot(1, gain)
        scale = 1.4826 * float(np.median(np.abs(error))) + 1e-9 * float(np.ptp(y))
        weight = np.where(
            np.abs(error) < TUKEY * scale, (1 - (error / (TUKEY * scale)) ** 2) ** 2, 0
        )
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        xx = np.average((x - mean_x) ** 2, weights=weight)
        yy = np.average((y - mean_y) ** 2, weights=weight)
        xy = np.average((x - mean_x) * (y - mean_y), weights=weight)
        if xy <= 0:
            return replace(start, correlation=min(0.0, float(np.corrcoef(x, y)[0, 1])))
        gain = float((yy - xx + np.sqrt((yy - xx) ** 2 + 4 * xy * xy)) / (2 * xy))
        offset = float(mean_y - gain * mean_x)
    used = weight > 0
    correlation = float(np.corrcoef(x[used], y[used])[0, 1]) if used.sum() > 2 else 0.0
    return Line(gain=gain, offset=offset, correlation=max(-1.0, min(1.0, correlation)))


def pick_stable(
    alike: NDArray[np.floating], before: NDArray[np.floating], after: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Mark the pixels that are most alike in structure: the set that lines and noise rest on.

    The most alike 30 %, unless what changed is among them: where nine tenths of a town are gone,
    two thirds of them did. The line of the most alike 10 % shows it: the wider set's line
    leaves clearly more of these pixels unexplained than their own. They are then the set.

    Parameters
    ----------
    alike : ndarray, shape (n,)
        Similarity of structure; knows nothing of brightness.
    before, after : ndarray, shape (bands, n)
        Values at the same places.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    wide, core = (alike >= np.quantile(alike, 1 - part) for part in (STABLE_SHARE, CORE_SHARE))
    if core.sum() < MIN_CORE:
        return np.asarray(wide)
    for x, y in zip(before, after, strict=True):
        rest = [
            float(np.median(np.abs(x[core] - line.apply(y[core]))))
            for line in (fit_line(x[wide], y[wide]), fit_line(x[core], y[core]))
        ]
        if rest[0] > WORSE * rest[1]:
            return np.asarray(core)
    return np.asarray(wide)


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """A slow field of light: what AFTER's values are multiplied by, ``exp`` of a quadratic."""

    terms: tuple[float, ...]
    """Of 1, x, y, x*x, x*y, y*y; x and y in units of ``scale`` from ``centre``."""
    centre: tuple[float, float]
    """Column and row, pixels."""
    scale: float
    """Pixels."""
    explained: float
    """Share of the spread of left-out tiles that it explains, 0..1."""
    amplitude: float
    """Largest over smallest factor among the tiles, minus 1."""

    def factor(self, cols: NDArray[np.number], rows: NDArray[np.number]) -> NDArray[np.float32]:
        """Return what AFTER is multiplied by; the arguments are broadcast against each other."""
        x = (np.asarray(cols, np.float64) - self.centre[0]) / self.scale
        y = (np.asarray(rows, np.float64) - self.centre[1]) / self.scale
        one, across, down, bent, twisted, sagged = self.terms
        field = one + across * x + down * y + bent * x * x + twisted * x * y + sagged * y * y
        return np.asarray(np.exp(field), np.float32)


def fit_light(
    ratio: NDArray[np.floating], cols: NDArray[np.floating], rows: NDArray[np.floating]
) -> Light | None:
    """Fit a field of light to tiles, where it explains tiles that were left out.

    A quadratic over the whole scene has no feature smaller than half of it: a destroyed district
    cannot hide in it as long as the scene is wide (the caller sees to that).

    Parameters
    ----------
    ratio : ndarray, shape (n,)
        Logarithm of what AFTER should be over what it is: the median of each tile's stable pixels.
    cols, rows : ndarray, shape (n,)
        Middle of each tile, pixels.

    Returns
    -------
    Light or None
        None with fewer than :data:`LIGHT_TILES` tiles, where left-out tiles are not explained by
        half, or where the field is flat to 3 %.
    """
    value = np.asarray(ratio, np.float64)
    if value.size < LIGHT_TILES:
        return None
    centre = float(np.mean(cols)), float(np.mean(rows))
    scale = max(float(np.ptp(cols)), float(np.ptp(rows)), 1.0) / 2
    x, y = (np.asarray(cols) - centre[0]) / scale, (np.asarray(rows) - centre[1]) / scale
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    keep = ~np.eye(value.size, dtype=bool)
    missed = [
        value[k] - design[k] @ _robust_fit(design[keep[k]], value[keep[k]])
        for k in range(value.size)
    ]
    flat = [value[k] - np.median(value[keep[k]]) for k in range(value.size)]
    explained = 1 - float(np.median(np.abs(missed)) / max(np.median(np.abs(flat)), 1e-9))
    terms = _robust_fit(design, value)
    field = design @ terms
    amplitude = float(np.exp(np.ptp(field)) - 1)
    if explained < LIGHT_EXPLAINED or amplitude < LIGHT_LEAST:
        return None
    return Light(
        terms=tuple(float(term) for term in terms),
        centre=centre,
        scale=scale,
        explained=explained,
        amplitude=amplitude,
    )


def _robust_fit(design: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares, reweighted by Huber's rule: some tiles changed after all."""
    weight: NDArray[np.floating] = np.ones_like(value)
    terms = np.zeros(design.shape[1])
    for _ in range(8):
        root = np.sqrt(weight)[:, None]
        terms = np.linalg.lstsq(design * root, value * root[:, 0], rcond=None)[0]
        rest = np.abs(value - design @ terms)
        limit = 1.5 * 1.4826 * float(np.median(rest)) + 1e-9
        weight = np.minimum(1.0, limit / np.maximum(rest, 1e-12))
    return np.asarray(terms, np.float64)


def _spread_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    if x.size == 0:
        return Line(gain=1.0, offset=0.0, correlation=0.0)
    low_x, mid_x, high_x = np.percentile(x, [16, 50, 84])
    low_y, mid_y, high_y = np.percentile(y, [16, 50, 84])
    gain = float((high_y - low_y) / (high_x - low_x)) if high_x > low_x else 1.0
    gain = gain if gain > 0 else 1.0
    return Line(gain=gain, offset=float(mid_y - gain * mid_x), correlation=0.0)
