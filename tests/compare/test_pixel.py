from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from changedet.compare.pixel import cva, exg, gli, gradient_z, ndvi


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)


def moved(image: np.ndarray, pixels: float) -> np.ndarray:
    """Shift the image along its columns by a part of a pixel."""
    return ((1 - pixels) * image + pixels * np.roll(image, 1, axis=1)).astype(np.float32)


@pytest.fixture(scope="module")
def edge() -> np.ndarray:
    image = np.full((60, 60), 40.0)
    image[:, 30:] = 200
    return blurred(image)


def test_an_edge_a_part_of_a_pixel_off_is_no_change(edge: np.ndarray) -> None:
    noise = np.array([3.0])
    after = moved(edge, 0.3)
    naive = np.abs(after - edge)[5:-5, 5:-5].max() / 3
    aware = np.abs(gradient_z(edge[None], after[None], noise=noise, error_px=0.3))[0, 5:-5, 5:-5]
    assert naive > 4
    assert aware.max() < 2


def test_a_new_object_is_change_even_beside_an_edge(edge: np.ndarray) -> None:
    after = moved(edge, 0.3)
    after[20:30, 10:20] += 40
    z = gradient_z(edge[None], after[None], noise=np.array([3.0]), error_px=0.3)[0]
    assert z[22:28, 12:18].min() > 8


def test_z_is_signed_and_in_units_of_the_noise() -> None:
    before = np.full((2, 8, 8), 100, np.float32)
    after = before + np.array([6.0, -10.0], np.float32)[:, None, None]
    z = gradient_z(before, after, noise=np.array([3.0, 5.0]), error_px=0.5)
    assert z[0] == pytest.approx(2.0)
    assert z[1] == pytest.approx(-2.0)


def test_what_is_not_valid_is_nan() -> None:
    flat = np.zeros((1, 4, 4), np.float32)
    valid = np.ones((4, 4), bool)
    valid[1, 2] = False
    z = gradient_z(flat, flat, noise=np.ones(1), error_px=0.3, valid=valid)
    magnitude, direction = cva(flat, flat, valid=valid)
    for array in (z[0], magnitude, direction):
        assert np.isnan(array[1, 2])
        assert np.isfinite(array[valid]).all()


@pytest.mark.parametrize(
    ("change", "direction"),
    [((5, 5, 5), 0.0), ((-5, -5, -5), math.pi), ((5, -5, 0), math.pi / 2)],
)
def test_cva_tells_brighter_darker_and_colour(change: tuple[float, ...], direction: float) -> None:
    before = np.full((3, 2, 2), 50, np.float32)
    after = before + np.array(change, np.float32)[:, None, None]
    length, angle = cva(before, after)
    assert angle == pytest.approx(direction, abs=1e-3)
    assert length == pytest.approx(math.sqrt(np.mean(np.square(change))))


def test_cva_in_units_of_the_noise() -> None:
    before = np.zeros((2, 1, 1), np.float32)
    after = np.array([4.0, 30.0], np.float32)[:, None, None]
    length, angle = cva(before, after, noise=np.array([2.0, 15.0]))
    assert length == pytest.approx(2.0)
    assert angle == pytest.approx(0.0, abs=1e-3)


def test_indices_by_hand() -> None:
    red, green, blue, nir = (np.array([v], np.float32) for v in (40, 80, 30, 160))
    assert ndvi(red, nir) == pytest.approx([120 / 200])
    assert exg(red, green, blue) == pytest.approx([(160 - 40 - 30) / 150])
    assert gli(red, green, blue) == pytest.approx([(160 - 40 - 30) / (160 + 40 + 30)])


def test_indices_of_nothing_are_zero() -> None:
    black = np.zeros(3, np.float32)
    for index in (ndvi(black, black), exg(black, black, black), gli(black, black, black)):
        assert index.tolist() == [0, 0, 0]


def test_inputs_are_left_alone(edge: np.ndarray) -> None:
    before, after = edge[None].copy(), moved(edge, 0.3)[None]
    kept = before.copy(), after.copy()
    gradient_z(before, after, noise=np.ones(1), error_px=0.3)
    cva(before, after)
    assert np.array_equal(before, kept[0])
    assert np.array_equal(after, kept[1])
