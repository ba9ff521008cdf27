"""From tie points to a model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from changedet.core.grid import Window
from changedet.register.field import (
    Points,
    _bending,
    _solve,
    choose_model,
    fit_affine_robust,
    fit_field,
    measure_growth,
    normalised_median,
)
from changedet.register.lattice import IDENTITY, Mapping

AREA = Window(row=0, col=0, height=600, width=800)


def make_points(move: np.ndarray, *, noise: float = 0.05, wrong: float = 0.0) -> Points:
    """Tie points every 32 px, moved by an affine (2, 3) and some noise."""
    rng = np.random.default_rng(2)
    col, row = (g.ravel() for g in np.meshgrid(np.arange(32, 780, 32.0), np.arange(32, 580, 32.0)))
    found = np.stack(Mapping(affine=move).at(col, row), -1) + rng.normal(0, noise, (len(col), 2))
    bad = rng.random(len(col)) < wrong
    found[bad] += rng.uniform(-8, 8, (bad.sum(), 2))
    return Points(col=col, row=row, found=found, weight=np.ones(len(col)))


def bend(points: Points, size: float) -> Points:
    away = size * np.sin(points.col / 90)
    found = points.found + np.stack([away, -away], -1)
    return Points(col=points.col, row=points.row, found=found, weight=points.weight)


def held_out(points: Points) -> np.ndarray:
    return (np.arange(len(points)) * 7) % 5 == 0


@pytest.mark.parametrize(
    ("move", "size", "name"),
    [
        (IDENTITY, 0.0, "identity"),
        (np.array([[1, 0, 2.4], [0, 1, -1.3]]), 0.0, "shift"),
        (np.array([[1.01, 0.002, 2.4], [-0.003, 0.99, -1.3]]), 0.0, "affine"),
        (np.array([[1.01, 0.002, 2.4], [-0.003, 0.99, -1.3]]), 1.5, "affine+field"),
    ],
)
def test_the_simplest_model_that_holds_is_taken(move: np.ndarray, size: float, name: str) -> None:
    points = bend(make_points(move), size)
    choice = choose_model(points, held_out(points), area=AREA, spacing=32.0)
    assert choice.name == name
    judged = choice.residual[choice.held_out]
    # noise of 0.05 px a component, and some for the fit
    assert 0.05 < np.sqrt(np.mean(judged**2)) < 0.11


def test_wrong_points_do_not_bend_the_affine() -> None:
    truth = np.array([[1.004, 0.002, 5.0], [-0.002, 0.997, -3.0]])
    points = make_points(truth, wrong=0.3)
    away = points.residuals(Mapping(affine=fit_affine_robust(points)))
    exact = points.residuals(Mapping(affine=truth))
    assert np.median(np.abs(away - exact)) < 0.02


def test_a_field_goes_on_calmly_where_there_are_no_points() -> None:
    points = bend(make_points(IDENTITY, noise=0.02), 1.0)
    known = points.part(~((points.col > 300) & (points.col < 420) & (points.row > 200)))
    field = fit_field(known, IDENTITY, area=AREA, spacing=32.0, stiffness=0.1)
    col, row = np.meshgrid(np.arange(0, 800, 20.0), np.arange(0, 600, 20.0))
    dcol, drow = field.at(col, row)
    truth = np.sin(col / 90)
    assert np.median(np.abs(dcol - truth)) < 0.03
    assert np.abs(dcol).max() < 1.6
    assert np.abs(drow + truth).max() < 0.9


def test_outliers_stand_out_among_their_neighbours() -> None:
    rng = np.random.default_rng(6)
    shift = rng.normal(0, 0.1, (12, 15, 2))
    shift[4, 7] = (5.0, -3.0)
    use = np.ones((12, 15), bool)
    use[9:, 12:] = False
    ratio = normalised_median(shift, use)
    assert ratio[4, 7] > 10
    assert np.isinf(ratio[~use]).all()
    others = use.copy()
    others[4, 7] = False
    assert ratio[others].max() < 3


def test_growth_is_that_of_the_bending() -> None:
    straight = make_points(np.array([[1.02, 0, 1], [0, 1, 0]]), noise=0.01)
    mapping = Mapping(affine=fit_affine_robust(straight))
    assert measure_growth(straight, mapping, spacing=32.0) < 5e-4
    bent = bend(straight, 2.0)
    assert 0.005 < measure_growth(bent, mapping, spacing=32.0) < 0.05


def test_the_banded_solution_is_that_of_the_whole_matrix() -> None:
    matrix = _bending(6, 9) + sparse.eye_array(54)
    right = np.random.default_rng(5).normal(size=(54, 2))
    expected = np.linalg.solve(matrix.toarray(), right)
    np.testing.assert_allclose(_solve(matrix, right, width=3 * 9 + 3), expected, atol=1e-10)
