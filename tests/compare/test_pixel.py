from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from scipy import ndimage

from changedet.compare.pixel import (
    chroma_ratios,
    cva,
    exg,
    gli,
    gradient_z,
    guided_mean,
    ndvi,
)


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


def test_z_is_its_formula() -> None:
    random = np.random.default_rng(4)
    before, after = random.uniform(0, 200, (2, 3, 24, 30)).astype(np.float32)
    noise, error = random.uniform(1, 5, (3, 24, 30)), random.uniform(0, 1, (24, 30))

    def steepness(band: np.ndarray) -> np.ndarray:
        slopes = (ndimage.sobel(band.astype(float), axis, mode="mirror") / 8 for axis in (0, 1))
        return np.asarray(sum(slope**2 for slope in slopes))

    z = gradient_z(before, after, noise=noise, error_px=error)
    for band in range(3):
        steep = np.minimum(steepness(before[band]), steepness(after[band]))
        expected = (after[band] - before[band]) / np.sqrt(noise[band] ** 2 + error**2 * steep)
        assert z[band] == pytest.approx(expected, rel=1e-4, abs=1e-4)


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


def test_light_leaves_the_colour_ratios_alone() -> None:
    rng = np.random.default_rng(5)
    visible = rng.uniform(40, 200, (3, 20, 20)).astype(np.float32)
    shade = rng.uniform(0.5, 2.0, (20, 20)).astype(np.float32)
    plain = chroma_ratios(visible, floor=1e-3)
    assert chroma_ratios(visible * shade, floor=1e-3) == pytest.approx(plain, abs=1e-4)
    assert plain[0] == pytest.approx(np.log(visible[0] / visible[1]), abs=1e-3)
    assert np.isfinite(chroma_ratios(-visible, floor=5)).all()


def slow_guided(image: np.ndarray, guide: np.ndarray, radius: int, edge: float) -> np.ndarray:
    """The filter as in the paper: a line in every window, the mean of those that hold a pixel."""
    height, width = image.shape
    slope, level = np.zeros(image.shape), np.zeros(image.shape)
    reach = range(-radius, radius + 1)
    whole = np.pad(np.stack([image, guide]).astype(float), ((0, 0), (radius,) * 2, (radius,) * 2),
                   mode="reflect")  # fmt: skip
    for row in range(height):
        for col in range(width):
            p, i = whole[:, row : row + 2 * radius + 1, col : col + 2 * radius + 1]
            slope[row, col] = np.mean((i - i.mean()) * (p - p.mean())) / (i.var() + edge**2)
            level[row, col] = p.mean() - slope[row, col] * i.mean()
    out = np.zeros(image.shape)
    inner = slice(radius, height - radius), slice(radius, width - radius)
    for dy in reach:
        for dx in reach:
            moved = (
                slice(radius + dy, height - radius + dy),
                slice(radius + dx, width - radius + dx),
            )
            out[inner] += slope[moved] * guide[inner] + level[moved]
    return out / (2 * radius + 1) ** 2


def test_the_guided_mean_is_that_of_the_paper() -> None:
    rng = np.random.default_rng(6)
    image = rng.normal(size=(24, 26)).astype(np.float32)
    guide = (rng.normal(size=(24, 26)) * 30 + 120).astype(np.float32)
    valid = np.ones(image.shape, bool)
    found = guided_mean(image, [guide], valid=valid, radius=2, edge=20.0)
    wanted = slow_guided(image, guide, 2, 20.0)
    assert found[4:-4, 4:-4] == pytest.approx(wanted[4:-4, 4:-4], abs=1e-4)
    both = guided_mean(image, [guide, guide[::-1]], valid=valid, radius=2, edge=20.0)
    other = guided_mean(image, [guide[::-1]], valid=valid, radius=2, edge=20.0)
    assert both == pytest.approx((found + other) / 2, abs=1e-5)


def test_the_fast_guided_mean_is_nearly_that_of_all_pixels() -> None:
    rng = np.random.default_rng(8)
    guide = cv2.GaussianBlur(rng.normal(size=(90, 101)), (0, 0), 2.0)
    guide = (120 + 40 * guide / guide.std()).astype(np.float32)
    image = (guide / 40 + rng.normal(size=guide.shape)).astype(np.float32)
    valid = np.ones(guide.shape, bool)
    valid[:, :9] = False
    plain, thin = (
        guided_mean(image, [guide], valid=valid, radius=8, edge=20.0, stride=stride)
        for stride in (1, 2)
    )
    assert thin.shape == plain.shape
    assert not thin[:, :9].any()
    assert np.abs(thin - plain)[20:-20, 30:-20].mean() < 0.05 * plain.std()


def test_a_guided_mean_smooths_within_objects_and_keeps_their_edges() -> None:
    rng = np.random.default_rng(7)
    roof = np.zeros((60, 60), bool)
    roof[20:40, 20:40] = True
    guide = np.where(roof, 200, 60).astype(np.float32)
    clean = np.where(roof, 3.0, 0.0)
    noisy = (clean + rng.normal(size=roof.shape)).astype(np.float32)
    valid = np.ones(roof.shape, bool)
    valid[:, 50:] = False
    noisy[:, 50:] = 1e6
    found = guided_mean(noisy, [guide], valid=valid, radius=6, edge=20.0)
    assert np.abs(found - clean)[:, :50].std() < 0.25
    plain = cv2.blur(clean.astype(np.float32), (13, 13))
    edge = np.abs(found - clean)[18:42, 18:42].mean()
    assert edge < 0.4 * np.abs(plain - clean)[18:42, 18:42].mean()
    assert not found[:, 50:].any()
