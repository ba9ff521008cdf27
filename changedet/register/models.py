"""The model that tie points support: from the identity to an affine with a smooth field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from changedet.core.grid import Window
from changedet.core.kernels import BoolArray
from changedet.register.field import Points, fit_field, robust_weights
from changedet.register.lattice import (
    IDENTITY,
    FloatArray,
    Mapping,
    Positions,
    fit_affine,
    fit_mapping,
)

ModelName = Literal["identity", "shift", "similarity", "affine", "homography", "affine+field"]
Fitter = Callable[[Points], Mapping]

STIFFNESS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 100.0)
"""Bending penalties that are tried, from supple to stiff; relative to one tie point a cell."""


def fit_affine_robust(points: Points, *, rounds: int = 10, floor: float = 0.05) -> FloatArray:
    """Fit an affine (2, 3) by iteratively re-weighted least squares."""
    weight = points.weight
    for _ in range(rounds):
        affine = fit_affine(points.col, points.row, points.found, weight)
        weight = robust_weights(
            points.residuals(Mapping(affine=affine)), points.weight, floor=floor
        )
    return affine


def fit_shift_robust(points: Points, *, rounds: int = 10, floor: float = 0.05) -> FloatArray:
    """Fit a shift, as an affine (2, 3), by iteratively re-weighted least squares."""
    moved = points.found - np.stack([points.col, points.row], -1)
    shift = np.median(moved, axis=0)
    for _ in range(rounds):
        away = moved - shift
        weight = robust_weights(np.hypot(away[:, 0], away[:, 1]), points.weight, floor=floor)
        shift = (weight[:, None] * moved).sum(0) / weight.sum()
    return np.column_stack([np.eye(2), shift])


def fit_similarity_robust(points: Points, *, rounds: int = 10, floor: float = 0.05) -> FloatArray:
    """Fit a shift with rotation and scale, as an affine (2, 3), by re-weighted least squares."""
    weight = points.weight
    for _ in range(rounds):
        total = weight.sum()
        place = points.col + 1j * points.row
        found = points.found[:, 0] + 1j * points.found[:, 1]
        centre, target = (weight * place).sum() / total, (weight * found).sum() / total
        away = place - centre
        turn = (weight * away.conj() * (found - target)).sum() / (weight * abs(away) ** 2).sum()
        rest = target - turn * centre
        affine = np.array(
            [[turn.real, -turn.imag, rest.real], [turn.imag, turn.real, rest.imag]], np.float64
        )
        weight = robust_weights(
            points.residuals(Mapping(affine=affine)), points.weight, floor=floor
        )
    return affine


def fit_homography_robust(
    points: Points, *, area: Window, rounds: int = 10, floor: float = 0.05
) -> Mapping:
    """Fit a homography by re-weighted least squares: a tilted view of flat ground.

    The result is an affine with a lattice that carries the rest over the area.
    """
    # from the affine, Gauss-Newton in the two terms that an affine lacks
    centre = np.array([area.col + area.width / 2, area.row + area.height / 2])
    size = max(area.shape) / 2
    x, y = (points.col - centre[0]) / size, (points.row - centre[1]) / size
    values, weight = np.zeros(8), points.weight
    values[:6] = _in_square(fit_affine(points.col, points.row, points.found, weight), centre, size)
    for _ in range(rounds):
        u, v, w = _project(values, x, y)
        zero, one = np.zeros_like(x), np.ones_like(x)
        first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1) / w[:, None]
        second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1) / w[:, None]
        rest = points.found - np.stack([u, v], -1)
        root = np.sqrt(weight)
        design = np.concatenate([first * root[:, None], second * root[:, None]])
        aim = np.concatenate([rest[:, 0] * root, rest[:, 1] * root])
        values = values + np.linalg.lstsq(design, aim, rcond=None)[0]
        u, v, _ = _project(values, x, y)
        away = points.found - np.stack([u, v], -1)
        weight = robust_weights(np.hypot(*away.T), points.weight, floor=floor)

    def locate(cols: FloatArray, rows: FloatArray) -> Positions:
        at_col, at_row, _ = _project(values, (cols - centre[0]) / size, (rows - centre[1]) / size)
        return at_col, at_row

    return fit_mapping(locate, height=area.stop_row, width=area.stop_col)


def _project(values: FloatArray, x: FloatArray, y: FloatArray) -> tuple[FloatArray, ...]:
    a, b, c, d, e, f, g, h = values
    w = 1 + g * x + h * y
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w, w


def _in_square(affine: FloatArray, centre: FloatArray, size: float) -> FloatArray:
    """Return an affine's six numbers for positions counted from the centre in half sides."""
    linear = affine[:, :2]
    return np.column_stack([linear * size, linear @ centre + affine[:, 2]]).ravel()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Choice:
    """A model, and what speaks for it.

    Parameters
    ----------
    name : str
        The simplest model that the held-out tie points support.
    mapping : Mapping
        Fitted to all believed points.
    held_out : ndarray, shape (n,)
        True for points that were left out of the fit that was judged.
    residual : ndarray, shape (n,)
        Pixels; of held-out points against the model fitted without them, of the others against
        the final model.
    refit : callable
        Fits a model of the same kind to other points.
    """

    name: ModelName
    mapping: Mapping
    held_out: BoolArray
    residual: FloatArray
    refit: Fitter


def choose_model(
    points: Points, held_out: BoolArray, *, area: Window, spacing: float, most_shift: float = 0.05
) -> Choice:
    """Choose the simplest model that points left out of its fit support.

    Identity, shift, similarity, affine, homography, and an affine with a smooth field.

    Parameters
    ----------
    points : Points
        Believed tie points, at least twelve.
    held_out : ndarray of bool, shape (n,)
        Those that judge.
    area : Window
        Where the model must hold.
    spacing : float
        Distance of tie points, pixels.
    most_shift : float
        A model is taken over a simpler one only where it lowers the held-out residual by more
        than a twentieth and by more than a fifth of this, pixels.
    """
    fit, judge = points.part(~held_out), points.part(held_out)
    affine = fit_affine_robust(fit)
    stiffness = choose_stiffness(points, held_out, affine, area=area, spacing=spacing)
    names: list[ModelName] = ["identity", "shift", "similarity", "affine", "homography"]
    if stiffness is not None:
        names.append("affine+field")
    ways = [
        partial(_fit_one, name=name, stiffness=stiffness or 0.0, area=area, spacing=spacing)
        for name in names
    ]
    models = [way(fit) for way in ways]
    errors = [_error(judge.residuals(model)) for model in models]
    enough = 1.05 * min(errors) + most_shift / 5
    best = next(i for i, error in enumerate(errors) if error <= enough)
    final, refit = ways[best](points), ways[best]
    residual = np.where(held_out, points.residuals(models[best]), points.residuals(final))
    return Choice(
        name=names[best], mapping=final, held_out=held_out, residual=residual, refit=refit
    )


def choose_stiffness(
    points: Points,
    held_out: BoolArray,
    affine: FloatArray,
    *,
    area: Window,
    spacing: float,
    floor: float = 0.05,
    tried: Sequence[float] = STIFFNESS,
) -> float | None:
    """Find the bending penalty with the least error at left-out points; None where none pays.

    Parameters
    ----------
    points : Points
        Believed tie points.
    held_out : ndarray of bool, shape (n,)
        Left out of the fit, and judging it.
    affine : ndarray, shape (2, 3)
        What the field is added to.
    area, spacing :
        As in :func:`fit_field`.
    floor : float
        Residual below which no point is doubted, pixels.
    tried : sequence of float
        Penalties from supple to stiff; the search ends where the error grows again.
    """
    fit, judge = points.part(~held_out), points.part(held_out)
    if len(fit) < 20 or not len(judge):
        return None

    def error(stiffness: float) -> float:
        field = fit_field(
            fit, affine, area=area, spacing=spacing, stiffness=stiffness, rounds=1, floor=floor
        )
        return _error(judge.residuals(Mapping(affine=affine, lattice=field)))

    plain = _error(judge.residuals(Mapping(affine=affine)))
    known = {stiffness: error(stiffness) for stiffness in (0.1, 10.0)}
    if min(known.values()) > 0.97 * plain:
        return None
    best, least = 0.1, known[0.1]
    for stiffness in tried:  # from supple to stiff
        found = known[stiffness] if stiffness in known else error(stiffness)
        if found <= least:
            best, least = stiffness, found
        elif found > 1.1 * least and stiffness > best:
            break
    return best


def _fit_one(
    points: Points, *, name: ModelName, stiffness: float, area: Window, spacing: float
) -> Mapping:
    if name == "identity":
        return Mapping(affine=IDENTITY)
    if name == "shift":
        return Mapping(affine=fit_shift_robust(points))
    if name == "similarity":
        return Mapping(affine=fit_similarity_robust(points))
    if name == "homography":
        return fit_homography_robust(points, area=area)
    affine = fit_affine_robust(points)
    if name == "affine":
        return Mapping(affine=affine)
    field = fit_field(points, affine, area=area, spacing=spacing, stiffness=stiffness)
    return Mapping(affine=affine, lattice=field)


def _error(residual: FloatArray) -> float:
    """Root mean square, with single gross errors counted as moderate ones."""
    limit = 3 * float(np.median(residual)) + 0.1
    return float(np.sqrt(np.mean(np.minimum(residual, limit) ** 2)))
