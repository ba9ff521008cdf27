"""Outlines onto roofs: drawn roofs, outlines beside them by a known shift."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from changedet.core.kernels import double_angle
from changedet.quantify.outlines import (
    LEAST_PARTS,
    Points,
    Surface,
    choose_shifts,
    place_points,
    score_shifts,
)

REACH = 8
SIDE = 270


def boxes(seed: int, count: int = 40) -> NDArray[np.float64]:
    """Rectangles on a loose lattice: left, top, width, height in whole pixels."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.arange(20, 220, 28), np.arange(20, 220, 28))
    corners = np.stack([across.ravel(), down.ravel()], 1) + rng.integers(0, 7, (across.size, 2))
    sizes = rng.integers(7, 14, (len(corners), 2))
    return np.hstack([corners, sizes])[rng.permutation(len(corners))[:count]].astype(float)


def draw(rectangles: NDArray[np.float64], seed: int, *, noise: float = 6.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE), 100.0)
    for left, top, width, height in rectangles.astype(int):
        image[top : top + height, left : left + width] += rng.choice([-1, 1]) * rng.uniform(20, 60)
    return (image + rng.normal(0, noise, image.shape)).astype(np.float32)


def points_of(rectangles: NDArray[np.float64], shift: tuple[float, float] = (0, 0)) -> Points:
    left, top, width, height = rectangles.T
    # a pixel's centre has whole numbers: the edge of the first one lies half a pixel before it
    cols = np.stack([left, left + width, left + width, left, left], 1) - 0.5 + shift[0]
    rows = np.stack([top, top, top + height, top + height, top], 1) - 0.5 + shift[1]
    number = np.repeat(np.arange(len(rectangles)), 5)
    return place_points(np.stack([cols.ravel(), rows.ravel()], 1), number, number, spacing=1.0)


def surface_of(image: NDArray[np.float32], points: Points) -> Surface:
    edges = double_angle(image, np.ones(image.shape, bool), contrast=4.0, sigma=1.0)
    return score_shifts(edges, points, reach=REACH)


def test_points_lie_evenly_and_know_their_normal() -> None:
    points = points_of(np.array([[10.0, 20.0, 8.0, 4.0]]))
    assert len(points.col) == 24
    upright = np.isin(points.col, [9.5, 17.5])
    np.testing.assert_allclose(points.direction[upright], 1, atol=1e-6)
    np.testing.assert_allclose(points.direction[~upright], -1, atol=1e-6)
    np.testing.assert_allclose(np.sort(points.row[points.col == 9.5]), [20, 21, 22, 23])


@pytest.mark.parametrize("shift", [(3.0, -2.0), (-5.5, 4.25), (2.6, 0.0)])
def test_a_shift_is_found_whichever_side_is_bright(shift: tuple[float, float]) -> None:
    rectangles = boxes(1)
    surface = surface_of(draw(rectangles, 2), points_of(rectangles, shift))
    found = choose_shifts({(0, 0): surface}, (1, 1), cell=SIDE, apart=2.5)
    np.testing.assert_allclose(found.shift[:, 0, 0], [-shift[0], -shift[1]], atol=0.3)
    assert found.after > found.before + 0.2
    assert found.surprise > 10


def test_outlines_that_fit_stay_where_they_are() -> None:
    rectangles = boxes(3)
    surface = surface_of(draw(rectangles, 4), points_of(rectangles))
    found = choose_shifts({(0, 0): surface}, (1, 1), cell=SIDE, apart=2.5)
    assert not found.shift.any()
    assert found.known.all()


@pytest.mark.parametrize("seed", range(6))
def test_unrelated_outlines_are_not_moved(seed: int) -> None:
    surface = surface_of(draw(boxes(seed), seed), points_of(boxes(seed + 100), (14, 14)))
    found = choose_shifts({(0, 0): surface}, (1, 1), cell=SIDE, apart=2.5)
    assert not found.shift.any()
    assert found.surprise < 4


def test_a_few_outlines_and_the_rim_of_the_search_prove_nothing() -> None:
    few = boxes(5, count=LEAST_PARTS - 1)
    surface = surface_of(draw(few, 6), points_of(few, (3, -2)))
    assert not choose_shifts({(0, 0): surface}, (1, 1), cell=SIDE, apart=2.5).shift.any()
    many = boxes(5)
    surface = surface_of(draw(many, 6), points_of(many, (REACH, 0)))
    assert not choose_shifts({(0, 0): surface}, (1, 1), cell=SIDE, apart=2.5).shift.any()


def test_every_part_of_the_scene_has_its_own_shift() -> None:
    def cell(seed: int, shift: tuple[float, float]) -> Surface:
        rectangles = boxes(seed)
        return surface_of(draw(rectangles, seed), points_of(rectangles, shift))

    cells = {(0, col): cell(col, (-3, 0) if col < 3 else (0, 4)) for col in range(6)}
    found = choose_shifts(cells, (1, 6), cell=SIDE, apart=2.5)
    np.testing.assert_allclose(found.shift[:, 0, 0], [3, 0], atol=0.3)
    np.testing.assert_allclose(found.shift[:, 0, 5], [0, -4], atol=0.3)
    middle = SIDE * (np.array([0, 5]) + 0.5)
    np.testing.assert_allclose(found.at(middle, np.zeros(2)), found.shift[:, 0, [0, 5]])


def test_an_empty_cell_takes_the_shift_of_its_neighbour_or_none() -> None:
    rectangles = boxes(7)
    surface = surface_of(draw(rectangles, 8), points_of(rectangles, (2, 2)))
    nothing = surface_of(draw(boxes(50), 9), points_of(boxes(51), (14, 14)))
    # what all outlines together do not show must not be told from one cell to the far end
    cells = {(0, 0): surface.weighted(0.3), **{(0, col): nothing for col in range(2, 12)}}
    found = choose_shifts(cells, (1, 12), cell=SIDE, apart=2.5)
    near, far = found.at(np.array([SIDE * 1.2, SIDE * 9.5]), np.zeros(2)).T
    np.testing.assert_allclose(far, 0, atol=1e-9)
    assert found.known[0, 0] == 1
    np.testing.assert_allclose(near, found.shift[:, 0, 0], atol=1e-9)


def test_surfaces_add_up() -> None:
    rectangles = boxes(9)
    image = draw(rectangles, 9)
    whole = surface_of(image, points_of(rectangles))
    parts = surface_of(image, points_of(rectangles[:15])) + surface_of(
        image, points_of(rectangles[15:])
    )
    np.testing.assert_allclose(parts.total, whole.total, atol=1e-4)
    assert parts.parts == whole.parts == 40
    assert parts.square == pytest.approx(whole.square, rel=1e-6)
