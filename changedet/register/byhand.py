"""Tie points that somebody set: the model they make, and how far they agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.core.errors import Finding
from changedet.core.grid import Grid
from changedet.register.alignment import Alignment, TiePoints, largest_shift
from changedet.register.field import Points
from changedet.register.lattice import Chain, FloatArray, Mapping, fit_affine
from changedet.register.models import fit_affine_robust


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ByHand:
    """Given tie points and their affine.

    Parameters
    ----------
    points : Points
        In BEFORE and the base plane, pixels.
    affine : ndarray, shape (2, 3)
        BEFORE positions to the base plane.
    residual : ndarray, shape (n,)
        Distance of each point from the affine of the others, pixels.
    """

    points: Points
    affine: FloatArray
    residual: FloatArray

    @property
    def rmse_px(self) -> float:
        """Root mean square of the left-out residuals, without the worst fifth."""
        kept = np.sort(self.residual)[: max(4, int(np.ceil(0.8 * len(self.residual))))]
        return float(np.sqrt(np.mean(kept**2)))


def fit_given(given: FloatArray, base: Mapping) -> ByHand:
    """Fit the affine of given tie points (n, 4): BEFORE column and row, AFTER column and row.

    Raises
    ------
    ValueError
        With fewer than four points.
    """
    if given.ndim != 2 or given.shape[1] != 4 or len(given) < 4:
        raise ValueError(f"tie points are (n, 4) with n of at least 4, not {given.shape}")
    col, row = given[:, 0], given[:, 1]
    found = _undo(base, given[:, 2:])
    points = Points(col=col, row=row, found=found, noise=np.ones(len(col)))
    every = np.arange(len(col))
    residual = np.empty(len(col))
    for left in every:
        rest = (every != left).astype(float)
        model = Mapping(affine=fit_affine(col, row, found, rest))
        residual[left] = points.residuals(model)[left]
    return ByHand(points=points, affine=fit_affine_robust(points), residual=residual)


def _undo(base: Mapping, positions: FloatArray) -> FloatArray:
    """Return the base-plane positions whose AFTER positions are given (n, 2)."""
    linear, offset = base.affine[:, :2], base.affine[:, 2]
    at = np.linalg.solve(linear, (positions - offset).T).T
    for _ in range(20):  # a georeference is smooth: its lattice is a small correction
        away = positions - np.stack(base.at(at[:, 0], at[:, 1]), -1)
        at = at + np.linalg.solve(linear, away.T).T
    return np.asarray(at, np.float64)


def align_by_hand(hand: ByHand, base: Mapping, grid: Grid, *, gsd_m: float | None) -> Alignment:
    """Return the alignment that given tie points make alone."""
    points, model = hand.points, Mapping(affine=hand.affine)
    shift = points.found - np.stack([points.col, points.row], -1)
    return Alignment(
        chain=Chain(base=base, model=model),
        tie_points=TiePoints(
            col=points.col,
            row=points.row,
            dcol=shift[:, 0],
            drow=shift[:, 1],
            residual_px=hand.residual,
            role=np.ones(len(points), np.int8),
        ),
        model="affine",
        method="tie-points",
        coarse_score=0.0,
        coarse_share=0.0,
        rmse_px=float(np.sqrt(np.mean(hand.residual**2))),
        ce90_px=float(np.quantile(hand.residual, 0.9)),
        supported_share=1.0,
        max_shift_px=largest_shift(grid, model),
        gsd_m=gsd_m,
        findings=(
            Finding(
                code="tie_points_alone",
                message=f"the images could not be matched: they are aligned by the {len(points)} "
                "given tie points alone, and the residual is theirs",
                severity="warn",
            ),
        ),
    )
