"""From tie points to a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from changedet.core.grid import Window
from changedet.register.field import (
    Points,
    _bending,
    _solve,
    fit_field,
    measure_growth,
    measure_scatter,
    normalised_median,
)
from changedet.register.lattice import IDENTITY, Mapping
from changedet.register.models import choose_model, fit_affine_robust
from changedet.register.quality import measure_lean, measure_quality

AREA = Window(row=0, col=0, height=600, width=800)


def make_points(move: np.ndarray, *, noise: float = 0.05, wrong: float = 0.0) -> Points:
    """Tie points every 32 px, moved by an affine (2, 3) and some noise."""
    rng = np.random.default_rng(2)
    col, row = (g.ravel() for g in np.meshgrid(np.arange(32, 780, 32.0), np.arange(32, 580, 32.0)))
    found = np.stack(Mapping(affine=move).at(col, row), -1) + rng.normal(0, noise, (len(col), 2))
    bad = rng.random(len(col)) < wrong
    found[bad] += rng.uniform(-8, 8, (bad.sum(), 2))
    return Points(col=col, row=row, found=found, noise=np.zeros(len(col)))


def bend(points: Points, size: float) -> Points:
    away = size * np.sin(points.col / 90)
    found = points.found + np.stack([away, -away], -1)
    return Points(col=points.col, row=points.row, found=found, noise=points.noise)


def held_out(points: Points) -> np.ndarray:
    return (np.arange(len(points)) * 7) % 5 == 0


@pytest.mark.parametrize(
    ("move", "size", "name"),
    [
        (IDENTITY, 0.0, "identity"),
        (np.array([[1, 0, 2.4], [0, 1, -1.3]]), 0.0, "shift"),
        (np.array([[1.01, 0.004, 2.4], [-0.004, 1.01, -1.3]]), 0.0, "similarity"),
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


def test_a_tilted_view_is_a_homography() -> None:
    points = make_points(IDENTITY, noise=0.02)
    tilt = 1 + 2e-5 * points.col + 1e-5 * points.row
    tilted = replace(points, found=points.found / tilt[:, None])
    choice = choose_model(tilted, held_out(tilted), area=AREA, spacing=32.0)
    assert choice.name == "homography"
    assert np.median(tilted.residuals(choice.mapping)) < 0.03


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_noise_of_the_tie_points_is_not_taken_for_the_model_s_error(noise: float) -> None:
    truth = np.array([[1.01, 0.002, 2.4], [-0.003, 0.99, -1.3]])
    points = replace(make_points(truth, noise=noise), noise=np.full(len(make_points(truth)), noise))
    held = held_out(points)
    choice = choose_model(points, held, area=AREA, spacing=32.0)
    cells = (np.arange(len(points)) // 3) % 2 == 0
    quality = measure_quality(
        points, choice.mapping, choice.residual, held,
        refit=choice.refit, cells=cells, bends=False, scale=1.0,
    )  # fmt: skip
    assert noise < quality.left_out < 1.8 * noise
    found, known = (
        np.stack(model.at(points.col, points.row), -1)
        for model in (choice.mapping, Mapping(affine=truth))
    )
    true = np.hypot(*(found - known).T)
    assert np.quantile(true, 0.9) < quality.ce90 < max(2 * noise, 0.06)


def test_houses_that_lean_one_way_count_as_error() -> None:
    points = make_points(IDENTITY, noise=0.05)
    model = Mapping(affine=IDENTITY)
    assert measure_lean(points, model) < 0.03
    roofs = np.arange(len(points)) % 3 == 0
    leaning = replace(points, found=points.found + np.where(roofs, 0.6, 0.0)[:, None] * [0.8, 0.6])
    assert 0.2 < measure_lean(leaning, model) < 0.35


def test_scatter_beyond_noise_is_found() -> None:
    rng = np.random.default_rng(3)
    use, noise = np.ones((20, 20), bool), np.full((20, 20), 0.1)
    calm = rng.normal(0, 0.1, (20, 20, 2))
    assert measure_scatter(calm, use, noise) < 0.05
    wild = rng.normal(0, 0.5, (20, 20, 2))
    assert 0.4 < measure_scatter(wild, use, noise) < 0.6


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
