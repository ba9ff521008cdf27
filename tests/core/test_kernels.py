"""Kernels against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from changedet.core.kernels import (
    box_mean,
    double_angle,
    fill_invalid,
    gradients,
    sample_at,
    sample_valid,
    shrink_valid,
)


def waves(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    return 100 + 20 * np.sin(cols / 5) * np.cos(rows / 6)


@pytest.fixture
def image() -> np.ndarray:
    rows, cols = np.mgrid[:80, :90].astype(float)
    return waves(rows, cols).astype(np.float32)


@pytest.mark.parametrize(("order", "bound"), [(1, 0.17), (3, 0.002)])
def test_sampling_reads_the_function_between_the_pixels(
    image: np.ndarray, order: int, bound: float
) -> None:
    rows, cols = np.mgrid[10:70, 10:80] + np.array([0.371, 0.618])[:, None, None]
    away = np.abs(sample_at(image, cols, rows, order=order) - waves(rows, cols))
    assert away.max() < bound


def test_positions_are_not_quantised(image: np.ndarray) -> None:
    """A thousandth of a pixel must show: OpenCV's cubic remap knows 1/32 only."""
    rows, cols = np.mgrid[20:60, 20:70].astype(float)
    for order in (1, 3):
        step = sample_at(image, cols + 0.501, rows, order=order) - sample_at(
            image, cols + 0.5, rows, order=order
        )
        slope = (waves(rows, cols + 0.51) - waves(rows, cols + 0.49)) / 0.02
        assert np.corrcoef(step.ravel(), slope.ravel())[0, 1] > 0.98


def test_whole_positions_give_the_pixels_back(image: np.ndarray) -> None:
    rows, cols = np.arange(80)[:, None], np.arange(90)[None]
    for order in (1, 3):
        np.testing.assert_allclose(sample_at(image, cols, rows, order=order), image, atol=1e-3)


def test_a_window_gives_what_the_whole_gives(image: np.ndarray) -> None:
    cols, rows = np.array([40.3, 41.9]), np.array([30.2, 33.3])
    part = sample_at(image[20:50, 25:60], cols - 25, rows - 20)
    np.testing.assert_allclose(part, sample_at(image, cols, rows), atol=2e-3)


def test_outside_is_filled_and_bands_stay_in_front(image: np.ndarray) -> None:
    both = np.stack([image, 2 * image])
    found = sample_at(both, [3.0, -2.0, np.nan], [4.0, 4.0, 4.0], order=1, fill=-9)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[:, 0], [image[4, 3], 2 * image[4, 3]], rtol=1e-6)
    assert (found[:, 1:] == -9).all()


def test_sampling_refuses_what_it_cannot_do(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="order"):
        sample_at(image, 1.0, 1.0, order=2)
    with pytest.raises(ValueError, match="dimensions"):
        sample_at(image[0], 1.0, 1.0)


def test_valid_positions_keep_away_from_invalid_pixels() -> None:
    valid = np.ones((9, 9), bool)
    valid[4, 4] = False
    cols = np.arange(-1.0, 10)
    assert sample_valid(valid, cols, 4.0).tolist() == [False] + [True] * 4 + [False] + [
        True
    ] * 4 + [False]
    assert sample_valid(valid, cols, 4.0, margin=1.5)[4:7].tolist() == [False] * 3
    assert shrink_valid(valid, 1).sum() == 81 - 9
    assert shrink_valid(valid, 0) is valid


def test_box_mean_looks_at_valid_pixels_alone() -> None:
    rng = np.random.default_rng(4)
    image = rng.normal(size=(20, 30)).astype(np.float32)
    valid = rng.random((20, 30)) > 0.3
    image[~valid] = 1e6
    mean, share = box_mean(image, valid, size=5)
    near = valid[8:13, 10:15]
    assert share[10, 12] == pytest.approx(near.mean())
    assert mean[10, 12] == pytest.approx(image[8:13, 10:15][near].mean(), rel=1e-4)
    nothing, none = box_mean(image, np.zeros_like(valid), size=5)
    assert not nothing.any()
    assert not none.any()


def test_gradients_of_a_plane() -> None:
    rows, cols = np.mgrid[:30, :30].astype(np.float32)
    down, right = gradients(3 * rows - 2 * cols, sigma=1.0)
    np.testing.assert_allclose(down[8:-8, 8:-8], 3, atol=1e-4)
    np.testing.assert_allclose(right[8:-8, 8:-8], -2, atol=1e-4)


def test_double_angle_does_not_know_bright_from_dark(image: np.ndarray) -> None:
    valid = np.ones(image.shape, bool)
    field = double_angle(image, valid, contrast=2.0)
    inverted = double_angle(250 - 0.5 * image, valid, contrast=1.0)
    np.testing.assert_allclose(field, inverted, atol=1e-3)
    assert np.abs(field).max() < 1


def test_double_angle_is_zero_around_what_is_not_valid(image: np.ndarray) -> None:
    valid = np.ones(image.shape, bool)
    valid[40, 40] = False
    field = double_angle(fill_invalid(image, valid), valid, contrast=2.0, sigma=1.2)
    assert not field[37:44, 37:44].any()
    assert np.count_nonzero(field[30:50, 30:50]) > 200


def test_filling_keeps_a_full_image(image: np.ndarray) -> None:
    assert fill_invalid(image, np.ones(image.shape, bool)) is image
    nothing = fill_invalid(image, np.zeros(image.shape, bool))
    assert not nothing.any()


@pytest.mark.parametrize("order", [1, 3])
def test_sampling_agrees_with_scipy(order: int) -> None:
    """Up to the edge, of several bands, more positions than are taken at a time."""
    bands = np.random.default_rng(8).uniform(0, 255, (2, 210, 230)).astype(np.float32)
    rows, cols = np.mgrid[:209:0.9, :229:0.9]
    rows, cols = (rows + 0.05 * cols).clip(0, 209), (cols - 0.1 * rows + 0.37).clip(0, 229)
    found = sample_at(bands, cols, rows, order=order)
    for band, values in zip(bands, found, strict=True):
        oracle = ndimage.map_coordinates(
            band.astype(float), [rows, cols], order=order, mode="mirror"
        )
        np.testing.assert_allclose(values, oracle, atol=1e-3)
