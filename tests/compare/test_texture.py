from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import polygon
from skimage.feature import graycomatrix, graycoprops

from changedet.compare.texture import (
    PANTEX_OFFSETS,
    building_index,
    building_index_drop,
    pantex,
    pantex_drop,
    rectilinearity,
    rectilinearity_loss,
)


def grey(seed: int = 0, shape: tuple[int, int] = (40, 44)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 32, shape).astype(np.float32)


def slow_rectilinearity(image: np.ndarray, radius: int) -> np.ndarray:
    from changedet.core.kernels import gradients

    dy, dx = gradients(image, sigma=1.0)
    magnitude, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    turned = magnitude * np.exp(4j * angle)
    out = np.zeros(image.shape)
    for row in range(radius, image.shape[0] - radius):
        for col in range(radius, image.shape[1] - radius):
            at = slice(row - radius, row + radius + 1), slice(col - radius, col + radius + 1)
            out[row, col] = abs(turned[at].sum()) / magnitude[at].sum()
    return out


def test_rectilinearity_is_its_formula() -> None:
    image = grey(1)
    found = rectilinearity(image, radius=4)
    inner = slice(4, -4), slice(4, -4)
    assert found[inner] == pytest.approx(slow_rectilinearity(image, 4)[inner], abs=1e-4)
    assert not rectilinearity(np.full((20, 20), 90, np.float32), radius=4).any()


@pytest.mark.parametrize("turn", [0, 20, 45])
def test_a_house_is_rectilinear_at_any_turn_and_rubble_is_not(turn: float) -> None:
    image = np.full((61, 61), 60, np.float32)
    corner = np.array([[-15, -9], [-15, 9], [15, 9], [15, -9]], float)
    angle = np.deg2rad(turn)
    turned = corner @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    image[polygon(*(turned + 30).T, shape=image.shape)] = 180
    image = ndimage.gaussian_filter(image, 0.7)
    rng = np.random.default_rng(2)
    rubble = (ndimage.gaussian_filter(rng.normal(size=image.shape), 1) * 90 + 100).astype(
        np.float32
    )
    house = rectilinearity(image, radius=22)[30, 30]
    assert house > 0.7
    assert rectilinearity(rubble, radius=22)[30, 30] < 0.2
    loss = rectilinearity_loss(image, rubble, radius=22)
    assert loss[30, 30] > 0.5
    unseen = np.zeros(image.shape, bool)
    assert not rectilinearity(image, valid=unseen, radius=22).any()


def test_pantex_is_the_least_contrast_of_the_co_occurrence_matrices() -> None:
    image = grey(3)
    radius = 4
    found = pantex(image, radius=radius)
    for row, col in [(12, 14), (20, 20), (25, 30)]:
        contrasts = []
        for dx, dy in PANTEX_OFFSETS:
            # Pairs whose first pixel lies in the window: its co-occurrence over a part shifted so.
            rows = slice(row - radius + min(dy, 0), row + radius + 1 + max(dy, 0))
            cols = slice(col - radius, col + radius + 1 + dx)
            part = image[rows, cols].astype(np.uint8)
            matrix = graycomatrix(part, [np.hypot(dx, dy)], [np.arctan2(dy, dx)], levels=32)
            contrasts.append(graycoprops(matrix, "contrast")[0, 0])
        assert found[row, col] == pytest.approx(min(contrasts), rel=1e-5)


def test_pantex_is_low_along_a_road_and_high_in_a_town() -> None:
    rows, cols = np.indices((80, 80))
    road = np.where(np.abs(cols - 40) < 3, 200, 80).astype(np.float32)
    town = np.where((rows // 4 + cols // 4) % 2, 200, 80).astype(np.float32)
    assert pantex(road, radius=8)[40, 40] < 1
    assert pantex(town, radius=8)[40, 40] > 1000
    flat = np.full((80, 80), 120, np.float32)
    drop = pantex_drop(town, flat, radius=8)
    assert drop[40, 40] > 5
    assert pantex_drop(flat, town, radius=8) == pytest.approx(-drop)


def test_pairs_with_an_unseen_pixel_are_left_out() -> None:
    image = grey(4)
    valid = np.ones(image.shape, bool)
    valid[:, 22:] = False
    spoilt = np.where(valid, image, 1e6).astype(np.float32)
    found = pantex(spoilt, valid=valid, radius=3)
    assert found[:, :28].max() < 1000
    same = pantex(image, radius=3)
    assert found[5:-5, 5:16] == pytest.approx(same[5:-5, 5:16], rel=1e-5)


def test_the_building_index_is_its_formula() -> None:
    image = np.random.default_rng(5).integers(0, 256, (40, 40)).astype(np.uint8)
    lengths = (3, 7, 11)
    total = np.zeros(image.shape)
    for direction in range(4):
        hats = []
        for length in lengths:
            diagonal = np.eye(2 * round(length / 2 / np.sqrt(2)) + 1)
            line = [np.ones((1, length)), diagonal, np.ones((length, 1)), diagonal[::-1]][direction]
            opened = ndimage.grey_opening(image, footprint=line, mode="mirror")
            hats.append(image.astype(float) - opened)
        total += sum(np.abs(b - a) for a, b in pairwise(hats))
    inner = slice(12, -12), slice(12, -12)
    assert building_index(image, lengths=lengths)[inner] == pytest.approx((total / 8)[inner])


def test_a_lost_roof_lowers_the_building_index_a_road_hardly_has_one() -> None:
    before = np.full((101, 101), 70, np.uint8)
    before[40:56, 40:58] = 190
    road = np.full((101, 101), 70, np.uint8)
    road[48:54] = 190
    drop = building_index_drop(before, np.full((101, 101), 70, np.uint8))
    assert drop[48, 49] > 30
    assert building_index(road)[50, 50] < 0.8 * building_index(before)[48, 49]
    assert building_index_drop(before, before).tolist() == np.zeros((101, 101)).tolist()


@pytest.mark.parametrize("lengths", [(5,), (4, 8), (9, 5)])
def test_lengths_must_be_odd_and_grow(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="odd and ascending"):
        building_index(np.zeros((9, 9), np.uint8), lengths=lengths)
