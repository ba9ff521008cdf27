"""Tie points: windows of both dates matched by correlation of their double-angle fields.

The field says which way edges run and not which side of them is bright, so that season, sensor,
haze and even an inverted contrast matter little. Windows are tapered and their mean is taken off:
without that the window's own shape matches itself, and the answer is "no shift" whatever the
shift is.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from changedet.core.grid import Window
from changedet.core.kernels import (
    BoolArray,
    double_angle,
    fill_invalid,
    shrink_valid,
)
from changedet.core.spread import spread
from changedet.register.lattice import Chain, FloatArray
from changedet.register.overview import measure_contrast, read_warped
from changedet.register.reader import Reader

MARGIN = 6
"""Pixels read around a window, for the gradient and its smoothing."""

_MIN_VALID = 0.4  # of a window's taper-weighted area
_BATCH = 256  # windows correlated at a time
_TILE = 1024  # pixels of a level that are held at a time, along each axis


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Nodes:
    """Where windows lie: a lattice of row and column starts, in pixels of a zoom level.

    Parameters
    ----------
    row_starts, col_starts : ndarray of int
        First row / column of the windows, in level pixels.
    window : int
        Side of a window, level pixels.
    zoom : int
        Full-resolution pixels per level pixel.
    """

    row_starts: NDArray[np.intp]
    col_starts: NDArray[np.intp]
    window: int
    zoom: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the lattice."""
        return len(self.row_starts), len(self.col_starts)

    @property
    def spacing(self) -> float:
        """Mean distance between nodes, full-resolution pixels."""
        steps = [np.diff(s).mean() for s in (self.row_starts, self.col_starts) if len(s) > 1]
        return float(np.mean(steps)) * self.zoom if steps else float(self.window * self.zoom)

    def positions(self) -> tuple[FloatArray, FloatArray]:
        """Window centres (cols, rows) as (ny, nx) arrays, full-resolution pixels."""
        centre = self.window / 2
        cols = (self.col_starts + centre) * self.zoom - 0.5
        rows = (self.row_starts + centre) * self.zoom - 0.5
        col, row = np.meshgrid(cols, rows)
        return col, row


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
    lead : ndarray
        Height over the next best peak elsewhere in the search area, in standard deviations.
    """

    dcol: NDArray[np.float32]
    drow: NDArray[np.float32]
    peak: NDArray[np.float32]
    snr: NDArray[np.float32]
    lead: NDArray[np.float32]


def plan_nodes(
    area: Window, *, zoom: int, window: int, spacing: int, max_nodes: int
) -> Nodes | None:
    """Lay windows over an area: evenly, from edge to edge, at most ``max_nodes`` of them.

    Parameters
    ----------
    area : Window
        Where to match, full-resolution pixels.
    zoom : int
        Level to match at.
    window, spacing : int
        Side of a window and least distance of windows, level pixels.
    max_nodes : int
        The spacing grows until no more than these fit.

    Returns
    -------
    Nodes or None
        None where the area is narrower than half a window.
    """
    top, left = -(-area.row // zoom), -(-area.col // zoom)
    height, width = area.stop_row // zoom - top, area.stop_col // zoom - left
    side = min(window, height // 2 * 2, width // 2 * 2)
    if side < max(16, window // 2):
        return None
    step = float(spacing)
    while True:
        counts = [int((length - side) // step) + 1 for length in (height, width)]
        if counts[0] * counts[1] <= max_nodes:
            break
        step *= 1.05
    starts = [
        start + np.rint(np.linspace(0, length - side, count) if count > 1 else [(length - side) / 2])
        for start, length, count in zip((top, left), (height, width), counts, strict=True)
    ]
    return Nodes(
        row_starts=starts[0].astype(np.intp),
        col_starts=starts[1].astype(np.intp),
        window=side,
        zoom=zoom,
    )


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
    """

    values: NDArray[np.complex64]
    energy: NDArray[np.float32]
    share: NDArray[np.float32]

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
        if valid.all():
            weight, total = taper[None], np.full(len(rows), taper.sum(), np.float32)
        else:
            weight = np.lib.stride_tricks.sliding_window_view(valid, side)[rows, cols] * taper
            total = weight.sum((1, 2))
        mean = np.einsum("kij,kij->k", values, np.broadcast_to(weight, values.shape))
        values -= (mean / np.maximum(total, 1e-6))[:, None, None]
        values *= weight
        energy = np.sqrt(np.einsum("kij,kij->k", values, values.conj()).real)
        return cls(
            values=fft.fft2(values, overwrite_x=True), energy=energy, share=total / taper.sum()
        )


def correlate_windows(
    first: Spectra, second: Spectra, *, radius: int, partner: NDArray[np.intp] | None = None
) -> Matches:
    """Correlate windows and find the peak of each to a fraction of a pixel.

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
    dcol, drow, peak, snr, lead = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Matches(dcol=dcol, drow=drow, peak=peak, snr=snr, lead=lead)


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
    plane = fft.ifft2(product, overwrite_x=True).real
    deviation, level = plane.std((1, 2)) + 1e-12, plane.mean((1, 2))
    lags = np.arange(-radius - 1, radius + 2)
    plane = plane[:, lags[:, None], lags[None]]  # negative lags wrap around
    inner = plane[:, 1:-1, 1:-1]
    row, col = np.divmod(inner.reshape(len(plane), -1).argmax(1), 2 * radius + 1)
    each = np.arange(len(plane))[:, None, None]
    three = np.arange(3)
    near = plane[each, (row[:, None] + three)[:, :, None], (col[:, None] + three)[:, None]]
    dcol, drow = _vertex(near)
    rival = _rival(inner, row, col)
    at_limit = np.maximum(abs(row - radius), abs(col - radius)) >= radius
    usable = ~at_limit & (share >= _MIN_VALID) & (energy > 1e-6)
    snr = np.where(usable, (near[:, 1, 1] - level) / deviation, 0)
    lead = np.where(usable, (near[:, 1, 1] - rival) / deviation, 0)
    peak = near[:, 1, 1] / np.maximum(energy, 1e-9)
    found = (col - radius + dcol, row - radius + drow, peak, snr, lead)
    return tuple(part.astype(np.float32) for part in found)


def _rival(
    plane: NDArray[np.float32], row: NDArray[np.intp], col: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Highest value more than three pixels from the peak."""
    lines, columns = np.ogrid[0 : plane.shape[1], 0 : plane.shape[2]]
    far = abs(lines - row[:, None, None]) > 3
    far = far | (abs(columns - col[:, None, None]) > 3)
    rival: NDArray[np.float32] = plane.max((1, 2), where=far, initial=-np.inf)
    return rival


def _vertex(z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vertex (col, row) of the least-squares quadratic through 3 x 3 values, at most 1 px off."""
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
    return np.clip(col, -1, 1), np.clip(row, -1, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Tile:
    """A piece of the lattice of nodes, with all that matching it needs; picklable."""

    before: Reader
    after: Reader
    chain: Chain
    nodes: Nodes
    radius: int
    contrast: tuple[float, float]
    sigma: float
    order: int


def match_nodes(
    before: Reader,
    after: Reader,
    chain: Chain,
    nodes: Nodes,
    *,
    radius: int,
    sigma: float = 1.2,
    executor: Executor | None = None,
) -> Matches:
    """Match every node at its level, with AFTER warped by the present model.

    Only the pixels of a tile (some 1000 x 1000 of the level) are held at a time; where nodes lie
    far apart, only the windows themselves are warped.

    Parameters
    ----------
    before, after : Reader
        The two dates.
    chain : Chain
        Present model and base: where a BEFORE position lies in AFTER.
    nodes : Nodes
        Where to match, and at which level.
    radius : int
        Largest displacement looked for along each axis, level pixels.
    sigma : float
        Smoothing before gradients, level pixels.
    executor : concurrent.futures.Executor, optional
        Computes the tiles; the result does not depend on it.

    Returns
    -------
    Matches
        Arrays of the lattice's shape.
    """
    contrast = _sample_contrast(before, after, chain, nodes, sigma)
    tiles = [
        _Tile(
            before=before,
            after=after,
            chain=chain,
            nodes=part,
            radius=min(radius, nodes.window // 2 - 3),
            contrast=contrast,
            sigma=sigma,
            order=3 if nodes.zoom == 1 else 1,
        )
        for part in _cut(nodes)
    ]
    per_row = len(_groups(nodes.col_starts, nodes.window))
    done = list(spread(_match_tile, tiles, executor=executor))
    lines = [done[i : i + per_row] for i in range(0, len(done), per_row)]
    fields = ("dcol", "drow", "peak", "snr", "lead")
    return Matches(**{f: np.block([[getattr(m, f) for m in line] for line in lines]) for f in fields})


def _groups(starts: NDArray[np.intp], window: int) -> list[NDArray[np.intp]]:
    """Cut sorted starts into runs that span at most a tile."""
    edges = (starts - starts[0]) // max(_TILE - window, window)
    return [starts[edges == e] for e in np.unique(edges)]


def _cut(nodes: Nodes) -> Iterator[Nodes]:
    for rows in _groups(nodes.row_starts, nodes.window):
        for cols in _groups(nodes.col_starts, nodes.window):
            yield replace(nodes, row_starts=rows, col_starts=cols)


def _sample_contrast(
    before: Reader, after: Reader, chain: Chain, nodes: Nodes, sigma: float
) -> tuple[float, float]:
    """Median gradient lengths of both dates at this level, from five places."""
    side = 128
    height = int(nodes.row_starts[-1] - nodes.row_starts[0]) + nodes.window
    width = int(nodes.col_starts[-1] - nodes.col_starts[0]) + nodes.window
    found: list[list[float]] = [[], []]
    for down, right in ((0.5, 0.5), (0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        area = Window(
            row=int(nodes.row_starts[0] + down * (height - side)),
            col=int(nodes.col_starts[0] + right * (width - side)),
            height=side,
            width=side,
        )
        pair = (
            before.read(_full(area, nodes.zoom), nodes.zoom),
            read_warped(after, chain, area, zoom=nodes.zoom, order=1),
        )
        for values, (image, valid) in zip(found, pair, strict=True):
            values.append(measure_contrast(image, valid, sigma=sigma))
    medians = [float(np.median([v for v in values if v > 0] or [0.0])) for values in found]
    return medians[0], medians[1]


def _full(area: Window, zoom: int) -> Window:
    return Window(
        row=area.row * zoom, col=area.col * zoom, height=area.height * zoom, width=area.width * zoom
    )


def _match_tile(tile: _Tile) -> Matches:
    nodes = tile.nodes
    ny, nx = nodes.shape
    if nodes.spacing >= 1.5 * nodes.window * nodes.zoom:
        parts = [
            [_match_patch(tile, nodes.row_starts[i : i + 1], nodes.col_starts[j : j + 1])
             for j in range(nx)] for i in range(ny)
        ]
    else:
        parts = [[_match_patch(tile, nodes.row_starts, nodes.col_starts)]]
    fields = ("dcol", "drow", "peak", "snr", "lead")
    return Matches(**{f: np.block([[getattr(m, f) for m in line] for line in parts]) for f in fields})


def _match_patch(tile: _Tile, row_starts: NDArray[np.intp], col_starts: NDArray[np.intp]) -> Matches:
    """Read, warp and match the rectangle that some nodes span."""
    nodes = tile.nodes
    area = Window(
        row=int(row_starts[0]),
        col=int(col_starts[0]),
        height=int(row_starts[-1] - row_starts[0]) + nodes.window,
        width=int(col_starts[-1] - col_starts[0]) + nodes.window,
    ).pad(MARGIN)
    image, valid = tile.before.read(_full(area, nodes.zoom), nodes.zoom)
    other, seen = read_warped(tile.after, tile.chain, area, zoom=nodes.zoom, order=tile.order)
    rows, cols = (
        g.ravel()
        for g in np.meshgrid(row_starts - area.row, col_starts - area.col, indexing="ij")
    )
    both = valid & seen
    shape = len(row_starts), len(col_starts)
    if not both.any():
        none = np.zeros(shape, np.float32)
        return Matches(dcol=none, drow=none, peak=none, snr=none, lead=none)
    fields = [
        double_angle(fill_invalid(a, v), both, contrast=c, sigma=tile.sigma)
        for a, v, c in ((image, valid, tile.contrast[0]), (other, seen, tile.contrast[1]))
    ]
    use = shrink_valid(both, 1 + int(np.ceil(2 * tile.sigma)))
    spectra = [
        Spectra.of(field, use, rows=rows, cols=cols, window=nodes.window) for field in fields
    ]
    found = correlate_windows(*spectra, radius=tile.radius)
    return Matches(
        dcol=found.dcol.reshape(shape),
        drow=found.drow.reshape(shape),
        peak=found.peak.reshape(shape),
        snr=found.snr.reshape(shape),
        lead=found.lead.reshape(shape),
    )
