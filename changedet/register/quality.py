"""How well a model fits where no tie point was asked: an honest CE90 from three observations.

Tie points left out of a fit are off by more than the model is: by their own noise, and by what
the hole that they leave hides of a field that bends. What they do not show is a shift that all of
them share: houses that lean the same way take the model with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.core.kernels import BoolArray
from changedet.register.field import Points
from changedet.register.lattice import FloatArray, Mapping
from changedet.register.models import Fitter

_HOLE = 2.0  # what a hole adds to residuals, in distances of two halves; from known warps
_LEAN = 3.0  # CE90 of roofs and ground, in what houses lean by; from simulated towns
_SAMPLING = 0.03  # interpolation and rounding of grey values, pixels of the coarser image
_TRIMMED = 0.97  # share of the residuals that a direction is estimated from


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """What an alignment is worth, BEFORE pixels.

    Parameters
    ----------
    ce90 : float
        Nine tenths of the true errors of the ground are thought to be below.
    rmse : float
        Root mean square that goes with it.
    left_out : float
        Root mean square residual of tie points left out of the fit, as it is.
    halves : float
        Half the distance of models of either half of the tie points, 90 %.
    lean : float
        How much farther tie points scatter along one direction than across it: lean.
    """

    ce90: float
    rmse: float
    left_out: float
    halves: float
    lean: float


def measure_quality(
    points: Points, mapping: Mapping, residual: FloatArray, held_out: BoolArray, *, refit: Fitter,
    cells: BoolArray, bends: bool, scale: float,
) -> Quality:  # fmt: skip
    """Estimate the error of the model from tie points.

    Parameters
    ----------
    points : Points
        Believed tie points.
    mapping : Mapping
        The model of all of them.
    residual : ndarray, shape (n,)
        Of the held-out points from the model fitted without them, pixels.
    held_out : ndarray of bool, shape (n,)
        Those.
    refit : callable
        Fits a model of the same kind to some of the points.
    cells : ndarray of bool, shape (n,)
        Blocks of points in two halves, like a chessboard.
    bends : bool
        The model has a field that bends: what is left out leaves a hole in it.
    scale : float
        AFTER pixels per BEFORE pixel.
    """
    judged = residual[held_out]
    worst = float(np.quantile(judged, 0.9))
    left_out = float(np.sqrt(np.mean(judged**2)))
    halves = _halves_apart(points, refit, cells)
    if bends:
        error = worst - _HOLE * halves
    else:  # many points for few numbers: what is left is the points' own noise
        error = worst * _share_beyond_noise(judged, points.noise[held_out])
    lean = measure_lean(points, mapping)
    ce90 = float(
        np.sqrt(max(error, halves) ** 2 + (_LEAN * lean) ** 2 + (_SAMPLING / min(scale, 1)) ** 2)
    )
    # the shape of the residuals' distribution is kept: its tail is what RMSE adds to CE90
    rmse = left_out * ce90 / max(worst, 1e-9)
    return Quality(ce90=ce90, rmse=rmse, left_out=left_out, halves=halves, lean=lean)


def _halves_apart(points: Points, refit: Fitter, cells: BoolArray) -> float:
    """Half the distance (90 %) of two models, each of half the points: what noise does to one."""
    if min(cells.sum(), (~cells).sum()) < 6:
        return 0.0
    first, second = (
        np.stack(refit(points.part(part)).at(points.col, points.row), -1)
        for part in (cells, ~cells)
    )
    return float(np.quantile(np.hypot(*(first - second).T), 0.9)) / 2


def _share_beyond_noise(residual: FloatArray, noise: FloatArray) -> float:
    """Share of the residuals, as a length, that their noise does not explain; of the better half.

    Where noise is small, little has to be taken off.
    """
    better = noise <= np.median(noise)
    total = float((residual[better] ** 2).sum())
    return float(np.sqrt(max(1 - 2 * float((noise[better] ** 2).sum()) / max(total, 1e-12), 0)))


def measure_lean(points: Points, mapping: Mapping) -> float:
    """Measure how much farther tie points scatter along one direction than across it, pixels.

    Noise, change and wrong matches scatter alike in all directions; houses seen from another side
    all lean the same way.
    """
    away = points.found - np.stack(mapping.at(points.col, points.row), -1)
    away = away - np.median(away, axis=0)
    length = np.hypot(*away.T)
    kept = away[length <= np.quantile(length, _TRIMMED)]
    if len(kept) < 3:
        return 0.0
    across, along = np.linalg.eigvalsh(np.cov(kept.T))
    return float(np.sqrt(max(along - across, 0.0)))
