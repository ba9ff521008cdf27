"""Where each BEFORE pixel lies in AFTER: the walk from overviews to full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from changedet.core.errors import Finding
from changedet.core.grid import Grid, Window
from changedet.register.lattice import IDENTITY, Chain, FloatArray, Mapping, Positions
from changedet.register.models import ModelName

FAR = 2.0
"""Distances of tie points from which the model counts as extrapolated."""

_LEAST_ERROR = 0.02  # pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TiePoints:
    """What was matched at full resolution; arrays of shape (n,).

    Parameters
    ----------
    col, row : ndarray
        BEFORE position, pixels.
    dcol, drow : ndarray
        Measured total displacement in the base plane, BEFORE pixels.
    residual_px : ndarray
        Distance from the model: of held-out points from the model fitted without them; NaN for
        rejected ones.
    role : ndarray of int8
        0 rejected, 1 used in the fit, 2 left out of the fit that was judged.
    """

    col: FloatArray
    row: FloatArray
    dcol: FloatArray
    drow: FloatArray
    residual_px: FloatArray
    role: NDArray[np.int8]

    @classmethod
    def none(cls) -> TiePoints:
        """Return no tie points at all."""
        no = np.zeros(0)
        return cls(col=no, row=no, dcol=no, drow=no, residual_px=no, role=np.zeros(0, np.int8))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Alignment:
    """Where each BEFORE pixel lies in AFTER, how that was found, and how well.

    A position goes through the model (affine and displacement lattice, in BEFORE pixels) and then
    the base (the georeferences, or the identity).

    Parameters
    ----------
    chain : Chain
        Model and base.
    tie_points : TiePoints
        Everything that was matched at full resolution.
    model : str
        The simplest model that the left-out tie points support.
    method : str
        What proposed the coarse model: none, identity, sift, sift-vote, fft, search or tie-points.
    coarse_score, coarse_share : float
        Support of the coarse model above chance in standard deviations; share of its windows.
    rmse_px, ce90_px : float
        Error of the model where there are tie points, estimated from those left out of the fit:
        root mean square, and what nine tenths are below; BEFORE pixels, NaN where there are none.
    supported_share : float
        Share of the matched places whose tie point is believed, 0..1.
    max_shift_px : float
        Largest displacement of the model against the base over the image, BEFORE pixels.
    gsd_m : float or None
        Metres per BEFORE pixel.
    findings : tuple of Finding
        Severity "refuse" means that the pair must not be compared.
    left_out_px : float
        Root mean square distance of tie points left out of the fit from the model: with their own
        noise, and with what a hole in the tie points hides.
    backward_px : float
        Median distance from the model when windows of AFTER are looked for in BEFORE; NaN where
        that was not possible.
    extrapolated_share : float
        Share of what both images cover with no believed tie point near, 0..1.
    growth : float
        Growth of the error with the distance from believed tie points, pixels per pixel.
    spacing : float
        Distance of tie points, pixels.
    """

    chain: Chain
    tie_points: TiePoints
    model: ModelName
    method: str
    coarse_score: float
    coarse_share: float
    rmse_px: float
    ce90_px: float
    supported_share: float
    max_shift_px: float
    gsd_m: float | None
    findings: tuple[Finding, ...] = ()
    left_out_px: float = float("nan")
    backward_px: float = float("nan")
    extrapolated_share: float = float("nan")
    growth: float = 0.0
    spacing: float = 1.0

    def to_after(self, cols: ArrayLike, rows: ArrayLike) -> Positions:
        """Map BEFORE positions to AFTER positions, pixels.

        Positions broadcast; a row of columns (1, w) with a column of rows (h, 1) is fastest.
        """
        return self.chain.at(cols, rows)

    def error_px(self, cols: ArrayLike, rows: ArrayLike) -> FloatArray:
        """Predict the registration error, which grows away from believed tie points.

        Returns
        -------
        ndarray
            One standard deviation in BEFORE pixels; infinite without any tie point.
        """
        error = np.hypot(max(self.rmse_px, _LEAST_ERROR), self.growth_px(cols, rows))
        known = bool((self.tie_points.role > 0).any())
        return np.asarray(error if known else np.full(error.shape, np.inf), np.float64)

    def growth_px(self, cols: ArrayLike, rows: ArrayLike) -> FloatArray:
        """Return what the error grows by away from tie points, BEFORE pixels."""
        if not self.growth:
            return np.zeros(np.broadcast_shapes(np.shape(cols), np.shape(rows)))
        return self.growth * np.maximum(self.distance_px(cols, rows) - self.spacing, 0)

    def distance_px(self, cols: ArrayLike, rows: ArrayLike) -> FloatArray:
        """Distance from the next believed tie point, BEFORE pixels; infinite without any."""
        col, row = np.broadcast_arrays(np.asarray(cols, float), np.asarray(rows, float))
        believed = self.tie_points.role > 0
        if not believed.any():
            return np.full(col.shape, np.inf)
        tree = cKDTree(np.stack([self.tie_points.col[believed], self.tie_points.row[believed]], -1))
        away = np.asarray(tree.query(np.stack([col.ravel(), row.ravel()], -1))[0], np.float64)
        return away.reshape(col.shape)

    def extrapolated(self, cols: ArrayLike, rows: ArrayLike) -> NDArray[np.bool_]:
        """Mark where no tie point is near: the model goes on there without evidence.

        Rebuilt quarters, water, cloud. Near means within two distances of tie points.
        """
        return np.asarray(self.distance_px(cols, rows) > FAR * self.spacing, np.bool_)

    @property
    def rmse_m(self) -> float | None:
        """The same in metres; None where no scale is known."""
        return None if self.gsd_m is None else self.rmse_px * self.gsd_m

    @property
    def refused(self) -> bool:
        """Whether the pair must not be compared."""
        return any(f.severity == "refuse" for f in self.findings)


def largest_shift(grid: Grid, model: Mapping) -> float:
    """Return the largest displacement of a model over an image, pixels."""
    cols = np.linspace(0, grid.width - 1, 33)[None]
    rows = np.linspace(0, grid.height - 1, 33)[:, None]
    at_col, at_row = model.at(cols, rows)
    return float(np.hypot(at_col - cols, at_row - rows).max())


def find_overlap(before: Grid, after: Grid, chain: Chain) -> Window:
    """Bounding window, in BEFORE, of where the model finds AFTER's pixels."""
    cols = np.linspace(0, before.width, 65)
    rows = np.linspace(0, before.height, 65)
    at_col, at_row = chain.at(cols[None], rows[:, None])
    inside = (at_col >= -1) & (at_row >= -1) & (at_col <= after.width) & (at_row <= after.height)
    if not inside.any():
        return Window(row=0, col=0, height=0, width=0)
    # one mesh wider than the nodes that are inside
    seen_rows, seen_cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom = rows[max(seen_rows[0] - 1, 0)], rows[min(seen_rows[-1] + 1, 64)]
    left, right = cols[max(seen_cols[0] - 1, 0)], cols[min(seen_cols[-1] + 1, 64)]
    return Window(row=int(top), col=int(left), height=int(bottom - top), width=int(right - left))


def measure_extrapolation(before: Grid, after: Grid, alignment: Alignment) -> float:
    """Return the share of what both images cover where no tie points hold the model, 0..1."""
    cols, rows = (np.linspace(0, length - 1, 65) for length in (before.width, before.height))
    at_col, at_row = alignment.to_after(cols[None], rows[:, None])
    both = (at_col >= 0) & (at_row >= 0) & (at_col < after.width) & (at_row < after.height)
    far = alignment.extrapolated(cols[None], rows[:, None])
    return float(far[both].mean()) if both.any() else float("nan")


def identity_alignment(base: Mapping | None, *, gsd_m: float | None) -> Alignment:
    """Return the alignment of an image with itself: known, so nothing is matched or measured.

    Parameters
    ----------
    base : Mapping or None
        The georeference, as in ``estimate_alignment``.
    gsd_m : float or None
        Metres per BEFORE pixel.
    """
    same = Mapping(affine=IDENTITY)
    unmeasured = float("nan")
    return Alignment(
        chain=Chain(base=same if base is None else base, model=same),
        tie_points=TiePoints.none(),
        model="identity",
        method="identity",
        coarse_score=unmeasured,
        coarse_share=unmeasured,
        rmse_px=unmeasured,
        ce90_px=unmeasured,
        supported_share=unmeasured,
        max_shift_px=0.0,
        gsd_m=gsd_m,
    )
