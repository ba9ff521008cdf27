"""Correlation of tapered windows of double-angle fields, to a fraction of a pixel.

The field says which way edges run and not which side of them is bright, so that season, sensor,
haze and even an inverted contrast matter little. Windows are tapered and their mean is taken off:
without that the window's own shape matches itself, and the answer is "no shift" whatever the
shift is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from changedet.core.kernels import BoolArray

_MIN_VALID = 0.4  # of a window's taper-weighted area
_BATCH = 256  # windows correlated at a time
_PEAK = 3  # pixels around a peak that belong to it
_NOISE_SCALE = 0.82  # what the errors are of those that asymmetry predicts; from known warps


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Matches:
    """What correlation found at each node; arrays of one shape.

    Parameters
    ----------
    dcol, drow : ndarray
        Displacement of AFTER's window against BEFORE's, level pixels.
    peak : ndarray
        Normalised correlation at the peak, -1..1.
    snr : ndarray
        Height of the peak over the mean of the correlation plane, in its standard deviations;
        0 where there is no usable peak (too little valid area, or at the search limit).
    noise : ndarray
        Standard deviation that the displacement is predicted to have along an axis, level pixels:
        see :func:`correlate_windows`.
    off_col, off_row : ndarray of float32
        How far the centre of what the window shows lies from the window's, pixels: not zero where
        it sticks out of the image or over nodata.
    """

    dcol: NDArray[np.float32]
    drow: NDArray[np.float32]
    peak: NDArray[np.float32]
    snr: NDArray[np.float32]
    noise: NDArray[np.float32]
    off_col: NDArray[np.float32]
    off_row: NDArray[np.float32]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Matches:
        """Return matches that found nothing."""
        zero = np.zeros(shape, np.float32)
        return cls(**dict.fromkeys(_names(), zero))

    @classmethod
    def block(cls, parts: Sequence[Sequence[Matches]]) -> Matches:
        """Join the matches of adjoining pieces, given line by line."""
        joined = {n: np.block([[getattr(m, n) for m in line] for line in parts]) for n in _names()}
        return cls(**joined)

    def spread_over(self, wanted: BoolArray) -> Matches:
        """Return a lattice with these matches where ``wanted`` is True, and none elsewhere."""
        lattice = Matches.none(wanted.shape)
        return lattice.replaced(wanted, self)

    def replaced(self, where: BoolArray, others: Matches) -> Matches:
        """Return the same lattice with other matches (n,) in the places marked."""
        parts = {}
        for name in _names():
            parts[name] = getattr(self, name).copy()
            parts[name][where] = getattr(others, name).ravel()
        return Matches(**parts)

    def part(self, where: BoolArray) -> Matches:
        """Return some of them, as (n,)."""
        return Matches(**{name: getattr(self, name)[where] for name in _names()})


def _names() -> list[str]:
    return [field.name for field in fields(Matches)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spectra:
    """Transformed windows of one double-angle field.

    Parameters
    ----------
    values : ndarray of complex64, shape (n, window, window)
        Fourier transforms of the tapered windows.
    energy : ndarray of float32, shape (n,)
        Root of the sum of squares of each tapered window.
    share : ndarray of float32, shape (n,)
        Valid share of each window, weighted by the taper.
    off_col, off_row : ndarray of float32, shape (n,)
        Centre of the tapered valid pixels, from the window's middle.
    """

    values: NDArray[np.complex64]
    energy: NDArray[np.float32]
    share: NDArray[np.float32]
    off_col: NDArray[np.float32]
    off_row: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        field: NDArray[np.complex64],
        valid: BoolArray,
        *,
        rows: NDArray[np.intp],
        cols: NDArray[np.intp],
        window: int,
    ) -> Spectra:
        """Cut windows out of a field, take off their mean, taper and transform them.

        Parameters
        ----------
        field : ndarray of complex64, shape (height, width)
            0 where not valid.
        valid : ndarray of bool, shape (height, width)
            True where both dates are valid.
        rows, cols : ndarray of int, shape (n,)
            First row and column of each window.
        window : int
            Side, pixels.
        """
        side = (window, window)
        taper = _taper(window)
        values = np.lib.stride_tricks.sliding_window_view(field, side)[rows, cols]
        seen = np.lib.stride_tricks.sliding_window_view(valid, side)[rows, cols]
        total = np.full(len(rows), taper.sum(), np.float32)
        off_col, off_row = np.zeros((2, len(rows)), np.float32)
        partial = np.flatnonzero(~seen.reshape(len(rows), -1).all(1))
        if len(partial):
            weight = seen[partial] * taper
            lines, columns = weight.sum(2), weight.sum(1)
            total[partial] = lines.sum(1)
            arm = np.arange(window, dtype=np.float32) - (window - 1) / 2
            least = np.maximum(total[partial], 1e-6)
            off_row[partial], off_col[partial] = lines @ arm / least, columns @ arm / least
        # the field is 0 where it is not valid: no weight is needed for that
        mean = values.reshape(len(rows), -1) @ taper.ravel().astype(np.complex64)
        values -= (mean / np.maximum(total, 1e-6))[:, None, None]
        values *= taper
        values[partial] *= seen[partial]
        parts = values.view(np.float32)
        energy = np.sqrt(np.einsum("kij,kij->k", parts, parts))
        return cls(
            values=fft.fft2(values, overwrite_x=True),
            energy=energy,
            share=total / taper.sum(),
            off_col=off_col,
            off_row=off_row,
        )


def correlate_windows(
    first: Spectra, second: Spectra, *, radius: int, partner: NDArray[np.intp] | None = None
) -> Matches:
    """Correlate windows and find the peak of each to a fraction of a pixel.

    The correlation of a window with itself is symmetric about its peak, whatever it shows. So
    what is not symmetric is noise, change and other colours, and it lies under the peak as much
    as beside it: over the curvature of the peak it predicts how far that is displaced. Over known
    warps, noise, haze and other bands errors are 0.7 to 0.9 of the prediction from 0.006 to
    0.3 px, hence the factor.

    Parameters
    ----------
    first, second : Spectra
        Windows of BEFORE and of the warped AFTER.
    radius : int
        Largest displacement looked for along each axis, pixels; less than half a window.
    partner : ndarray of int, shape (n,), optional
        Which window of ``second`` is laid on each of ``first``; by default its own. Windows of
        other places show what chance finds: the null.

    Returns
    -------
    Matches
        Arrays of shape (n,).
    """
    own = np.arange(len(first.values)) if partner is None else partner
    share = np.minimum(first.share, second.share[own])
    parts = []
    for begin in range(0, len(own), _BATCH):
        some = slice(begin, begin + _BATCH)
        product = np.conj(first.values[some])
        product *= second.values[own[some]]
        energy = first.energy[some] * second.energy[own[some]]
        parts.append(_peaks(product, energy, share[some], radius))
    dcol, drow, peak, snr, noise = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Matches(
        dcol=dcol,
        drow=drow,
        peak=peak,
        snr=snr,
        noise=noise,
        off_col=first.off_col,
        off_row=first.off_row,
    )


def _taper(window: int) -> NDArray[np.float32]:
    line = np.hanning(window + 2)[1:-1]
    return np.outer(line, line).astype(np.float32)


def _peaks(
    product: NDArray[np.complex64],
    energy: NDArray[np.float32],
    share: NDArray[np.float32],
    radius: int,
) -> tuple[NDArray[np.float32], ...]:
    """Peaks of the correlation planes whose transforms are ``product`` (n, window, window)."""
    size = product[0].size
    level = product[:, 0, 0].real / size
    whole = np.ascontiguousarray(fft.ifft2(product, overwrite_x=True).real)
    # the level is next to nothing, since windows are free of their mean: nothing cancels
    square = np.einsum("kij,kij->k", whole, whole) / size
    deviation = np.sqrt(np.maximum(square - level * level, 0)) + 1e-12
    lags = np.arange(-radius - 1, radius + 2)
    plane = whole[:, lags[:, None], lags[None]]  # negative lags wrap around
    inner = plane[:, 1:-1, 1:-1]
    row, col = np.divmod(inner.reshape(len(plane), -1).argmax(1), 2 * radius + 1)
    each = np.arange(len(plane))[:, None, None]
    three = np.arange(3)
    near = plane[each, (row[:, None] + three)[:, :, None], (col[:, None] + three)[:, None]]
    dcol, drow, blunt = _vertex(near)
    at_limit = np.maximum(abs(row - radius), abs(col - radius)) >= radius
    usable = ~at_limit & (share >= _MIN_VALID) & (energy > 1e-6)
    snr = np.where(usable, (near[:, 1, 1] - level) / deviation, 0)
    peak = near[:, 1, 1] / np.maximum(energy, 1e-9)
    with np.errstate(invalid="ignore"):  # no curvature: no noise to predict
        noise = _NOISE_SCALE * blunt * _asymmetry(whole, row - radius, col - radius)
    noise = np.where(usable & np.isfinite(noise), noise, np.inf)
    found = (col - radius + dcol, row - radius + drow, peak, snr, noise)
    return tuple(part.astype(np.float32) for part in found)


def _asymmetry(
    plane: NDArray[np.float32], row: NDArray[np.intp], col: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Root mean square of what is not symmetric about the peaks, away from them."""
    reach = plane.shape[1] // 4
    lags = np.arange(-reach, reach + 1)
    half = lags[lags > _PEAK]  # one of each two mirrored halves
    each = np.arange(len(plane))[:, None, None]
    down, right = row[:, None, None], col[:, None, None]
    there, back = (
        plane[each, down + sign * half[:, None], right + sign * lags] for sign in (1, -1)
    )
    apart = there - back
    return np.asarray(np.sqrt(np.einsum("kij,kij->k", apart, apart) / (2 * apart[0].size)))


def _vertex(z: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Vertex (col, row) of the least-squares quadratic through 3 x 3 values, at most 1 px off.

    With it the inverse of its curvature along an axis: pixels per unit of the surface's slope.
    """
    columns, lines = z.sum(1), z.sum(2)
    slope_c, slope_r = (columns[:, 2] - columns[:, 0]) / 6, (lines[:, 2] - lines[:, 0]) / 6
    bend_c = (columns[:, 0] + columns[:, 2] - 2 * columns[:, 1]) / 3
    bend_r = (lines[:, 0] + lines[:, 2] - 2 * lines[:, 1]) / 3
    cross = (z[:, 0, 0] + z[:, 2, 2] - z[:, 0, 2] - z[:, 2, 0]) / 4
    det = bend_c * bend_r - cross**2
    peaked = (det > 0) & (bend_c < 0)
    safe = np.where(peaked, det, 1)
    col = np.where(peaked, (cross * slope_r - bend_r * slope_c) / safe, 0)
    row = np.where(peaked, (cross * slope_c - bend_c * slope_r) / safe, 0)
    blunt = np.where(peaked, np.sqrt((bend_c**2 + bend_r**2) / 2 + cross**2) / safe, np.inf)
    return np.clip(col, -1, 1), np.clip(row, -1, 1), blunt
