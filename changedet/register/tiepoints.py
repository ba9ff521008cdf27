"""Tie points: a lattice of windows over an image, matched at one level, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window
from changedet.core.kernels import (
    double_angle,
    fill_invalid,
    shrink_valid,
)
from changedet.core.spread import spread
from changedet.register.correlation import Matches, Spectra, correlate_windows
from changedet.register.lattice import Chain, FloatArray
from changedet.register.overview import measure_contrast, read_warped
from changedet.register.reader import Reader

MARGIN = 6
"""Pixels read around a window, for the gradient and its smoothing."""

SIGMA = 0.8
"""Smoothing before gradients, level pixels: 1.2 doubles the errors between bands and blurs the
corners that tell towns apart; 0.5 loses tie points between seasons and sensors."""

_TILE = 1152  # pixels of a level that are held at a time, along each axis
_BATCH = 32  # windows transformed at a time: few enough to stay in the cache

Contrast = tuple[float, float]
"""Median gradient lengths of BEFORE and of AFTER at a level."""

BLOCK = 3
"""Nodes along the side of a block that is left out of a fit together."""


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

    def widened(self, window: int) -> Nodes:
        """Return windows of another side about the same centres."""
        step = (window - self.window) // 2
        return replace(
            self,
            row_starts=self.row_starts - step,
            col_starts=self.col_starts - step,
            window=self.window + 2 * step,
        )

    def part(self, rows: slice, cols: slice) -> Nodes:
        """Return a rectangle of the lattice."""
        return replace(self, row_starts=self.row_starts[rows], col_starts=self.col_starts[cols])

    def held_out(self) -> NDArray[np.bool_]:
        """Mark every fifth block of nodes, a knight's move apart, to be left out of a fit.

        A block is as wide as the windows reach: points whose windows overlap share their errors
        (a house that leans moves them all), and one of them left out alone would be guessed by
        the rest. Small lattices leave out single nodes.
        """
        ny, nx = self.shape
        side = BLOCK if min(ny, nx) >= 5 * BLOCK else 1
        row, col = np.arange(ny)[:, None] // side, np.arange(nx)[None] // side
        held: NDArray[np.bool_] = (row + 2 * col) % 5 == 0
        return held


def plan_nodes(
    area: Window, *, zoom: int, window: int, spacing: int, max_nodes: int, beyond: int = 0
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
    beyond : int
        Pixels of the level by which the outermost windows reach over the edge of the area: the
        rim of an image then has tie points of its own.

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
    top, left, height, width = top - beyond, left - beyond, height + 2 * beyond, width + 2 * beyond
    while True:
        counts = [int((length - side) // step) + 1 for length in (height, width)]
        if counts[0] * counts[1] <= max_nodes:
            break
        step *= 1.05
    return Nodes(
        row_starts=top + _even(height - side, counts[0]),
        col_starts=left + _even(width - side, counts[1]),
        window=side,
        zoom=zoom,
    )


def _even(length: int, count: int) -> NDArray[np.intp]:
    """Whole numbers from 0 to ``length``, evenly; the middle where there is but one."""
    steps = np.linspace(0, length, count) if count > 1 else np.array([length / 2])
    starts: NDArray[np.intp] = np.rint(steps).astype(np.intp)
    return starts


@dataclass(frozen=True, kw_only=True, slots=True)
class Wider:
    """Windows that are tried about the same centres where small ones do not stand out.

    Parameters
    ----------
    window : int
        Their side, level pixels.
    below : float
        Height of a peak below which they are tried, in standard deviations.
    """

    window: int
    below: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Tile:
    """A piece of the lattice of nodes, with all that matching it needs; picklable."""

    before: Reader
    after: Reader
    chain: Chain
    nodes: Nodes
    radius: int
    contrast: Contrast
    sigma: float
    order: int
    wider: Wider | None


def match_nodes(
    before: Reader,
    after: Reader,
    chain: Chain,
    nodes: Nodes,
    *,
    radius: int,
    sigma: float = SIGMA,
    contrast: Contrast | None = None,
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
    contrast : tuple of float, optional
        From :func:`sample_contrast`, where it is known already.
    executor : concurrent.futures.Executor, optional
        Computes the tiles; the result does not depend on it.

    Returns
    -------
    Matches
        Arrays of the lattice's shape.
    """
    return match_nodes_wider(
        before, after, chain, nodes, radius=radius, sigma=sigma, contrast=contrast, wider=None,
        executor=executor,
    )[0]  # fmt: skip


def match_nodes_wider(
    before: Reader,
    after: Reader,
    chain: Chain,
    nodes: Nodes,
    *,
    radius: int,
    wider: Wider | None,
    sigma: float = SIGMA,
    contrast: Contrast | None = None,
    executor: Executor | None = None,
) -> tuple[Matches, Matches]:
    """Match every node, and with larger windows those whose peak is low: see match_nodes.

    Both are cut from the same pixels, which are read and warped but once.

    Returns
    -------
    small, large : Matches
        Arrays of the lattice's shape; ``large`` has nothing where it was not tried.
    """
    if contrast is None:
        contrast = sample_contrast(before, after, chain, nodes, sigma)
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
            wider=wider,
        )
        for part in _cut(nodes)
    ]
    per_row = len(_groups(nodes.col_starts, nodes.window))
    done = list(spread(_match_tile, tiles, executor=executor))
    lines = [done[i : i + per_row] for i in range(0, len(done), per_row)]
    small, large = (Matches.block([[pair[i] for pair in line] for line in lines]) for i in (0, 1))
    return small, large


def _groups(starts: NDArray[np.intp], window: int) -> list[slice]:
    """Cut sorted starts into runs that span at most a tile."""
    edges = (starts - starts[0]) // max(_TILE - window, window)
    begin = np.flatnonzero(np.diff(edges, prepend=-1)).tolist()
    return [slice(*ends) for ends in zip(begin, [*begin[1:], len(starts)], strict=True)]


def _cut(nodes: Nodes) -> Iterator[Nodes]:
    for rows in _groups(nodes.row_starts, nodes.window):
        for cols in _groups(nodes.col_starts, nodes.window):
            yield nodes.part(rows, cols)


def sample_contrast(
    before: Reader, after: Reader, chain: Chain, nodes: Nodes, sigma: float = SIGMA
) -> Contrast:
    """Measure the median gradient lengths of both dates at a level, from five places."""
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


def _match_tile(tile: _Tile) -> tuple[Matches, Matches]:
    nodes = tile.nodes
    ny, nx = nodes.shape
    if nodes.spacing < 1.5 * nodes.window * nodes.zoom:
        return _match_patch(tile, nodes)
    parts = [
        [_match_patch(tile, nodes.part(slice(i, i + 1), slice(j, j + 1))) for j in range(nx)]
        for i in range(ny)
    ]
    small, large = (Matches.block([[pair[i] for pair in line] for line in parts]) for i in (0, 1))
    return small, large


def _match_patch(tile: _Tile, nodes: Nodes) -> tuple[Matches, Matches]:
    """Read, warp and match the rectangle that some nodes span."""
    every, none = np.ones(nodes.shape, np.bool_), Matches.none(nodes.shape)
    if tile.wider is None:
        fields = _Fields.of(tile, nodes)
        return (none if fields is None else fields.match(tile, nodes, every)), none
    # a window alone is read again where it is blind; of a mesh of them that would be all of it
    alone, widened = nodes.shape == (1, 1), nodes.widened(tile.wider.window)
    fields = _Fields.of(tile, nodes if alone else widened)
    small = none if fields is None else fields.match(tile, nodes, every)
    blind = small.snr < tile.wider.below
    if not blind.any():
        return small, none
    if alone:
        fields = _Fields.of(tile, widened)
    return small, none if fields is None else fields.match(tile, widened, blind)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Fields:
    """Double-angle fields of both dates over a rectangle of a level, and where both are valid."""

    area: Window
    first: NDArray[np.complex64]
    second: NDArray[np.complex64]
    use: NDArray[np.bool_]

    @classmethod
    def of(cls, tile: _Tile, nodes: Nodes) -> _Fields | None:
        """Read and warp what some nodes span; None where nothing is valid."""
        row_starts, col_starts = nodes.row_starts, nodes.col_starts
        area = Window(
            row=int(row_starts[0]),
            col=int(col_starts[0]),
            height=int(row_starts[-1] - row_starts[0]) + nodes.window,
            width=int(col_starts[-1] - col_starts[0]) + nodes.window,
        ).pad(MARGIN)
        image, valid = tile.before.read(_full(area, nodes.zoom), nodes.zoom)
        other, seen = read_warped(tile.after, tile.chain, area, zoom=nodes.zoom, order=tile.order)
        both = valid & seen
        if not both.any():
            return None
        first, second = (
            double_angle(fill_invalid(a, v), both, contrast=c, sigma=tile.sigma)
            for a, v, c in ((image, valid, tile.contrast[0]), (other, seen, tile.contrast[1]))
        )
        use = shrink_valid(both, 1 + int(np.ceil(2 * tile.sigma)))
        return cls(area=area, first=first, second=second, use=use)

    def match(self, tile: _Tile, nodes: Nodes, wanted: NDArray[np.bool_]) -> Matches:
        """Match the windows of some of the nodes; the others come out as not matched."""
        starts = nodes.row_starts - self.area.row, nodes.col_starts - self.area.col
        rows, cols = (g[wanted] for g in np.meshgrid(*starts, indexing="ij"))
        parts = []
        for begin in range(0, len(rows), _BATCH):
            some = slice(begin, begin + _BATCH)
            spectra = [
                Spectra.of(field, self.use, rows=rows[some], cols=cols[some], window=nodes.window)
                for field in (self.first, self.second)
            ]
            parts.append(correlate_windows(*spectra, radius=tile.radius))
        return Matches.block([parts]).spread_over(wanted)
