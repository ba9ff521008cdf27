from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import structural_similarity

from changedet.compare.sliding import sum_products
from changedet.compare.structure import (
    coherence,
    contrast_structure,
    disc_shifts,
    orientation_similarity,
    ssim,
    window_sizes,
    windowed_mean,
    zncc,
)

INNER = (slice(20, -20), slice(20, -20))


def texture(seed: int, shape: tuple[int, int] = (120, 130), sigma: float = 2.0) -> np.ndarray:
    """Smooth random ground, 0..255, mean about 120."""
    noise = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(120 + 40 * smooth / smooth.std(), 0, 255).astype(np.float32)


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    return texture(1)


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_ssim_is_that_of_scikit_image(ground: np.ndarray, sigma: float) -> None:
    after = 0.7 * ground + 0.3 * texture(2) + 10
    _, expected = structural_similarity(
        ground,
        after,
        data_range=255,
        gaussian_weights=True,
        sigma=sigma,
        use_sample_covariance=False,
        full=True,
    )
    found = ssim(ground, after, sigma=sigma)
    edge = int(3.5 * sigma + 0.5)
    inner = (slice(edge, -edge), slice(edge, -edge))
    assert np.abs(found[inner] - expected[inner]).max() < 1e-4
    assert found[inner].min() < 0.8


def test_contrast_structure_ignores_light_alone(ground: np.ndarray) -> None:
    assert contrast_structure(ground, ground) == pytest.approx(1, abs=1e-5)
    assert contrast_structure(ground, ground + 40) == pytest.approx(1, abs=1e-4)
    assert ssim(ground, ground + 40).mean() < 0.97
    assert contrast_structure(ground, texture(2)).mean() < 0.2


def test_zncc_finds_a_shift_within_its_search(ground: np.ndarray) -> None:
    after = np.roll(ground, (2, -1), (0, 1))
    found = zncc(ground, after, radius=6, search=3)[INNER]
    assert found.min() > 0.98
    assert zncc(ground, after, radius=6, search=0)[INNER].mean() < 0.7


def test_zncc_does_not_see_gain_and_offset(ground: np.ndarray) -> None:
    after = np.roll(ground, (2, -1), (0, 1))
    plain = zncc(ground, after, radius=6, search=3)
    lit = zncc(ground, 0.4 * after + 70, radius=6, search=3)
    assert np.abs(plain - lit).max() < 1e-3


def test_zncc_of_unrelated_ground_is_near_0(ground: np.ndarray) -> None:
    rng = np.random.default_rng(6)
    one, other = (rng.normal(120, 30, (200, 200)).astype(np.float32) for _ in range(2))
    found = zncc(one, other, radius=8)[INNER]
    assert abs(found.mean()) < 0.02
    assert np.abs(found).max() < 0.35
    assert zncc(ground, 255 - ground, radius=8)[INNER].max() < -0.97


def test_zncc_of_flat_ground_is_0(ground: np.ndarray) -> None:
    flat = np.full(ground.shape, 99, np.float32)
    assert zncc(ground, flat, radius=6, search=2).max() == 0
    assert orientation_similarity(ground, flat, radius=6, search=2).max() == pytest.approx(0)


def test_zncc_looks_past_pixels_that_are_not_valid(ground: np.ndarray) -> None:
    after = ground.copy()
    after[50:56, 50:56] = 255
    valid = np.ones(ground.shape, bool)
    valid[50:56, 50:56] = False
    assert zncc(ground, after, radius=8)[53, 53] < 0.9
    found = zncc(np.where(valid, ground, 0), np.where(valid, after, 0), valid=valid, radius=8)
    assert found[53, 53] > 0.97
    assert np.abs(found - zncc(ground, after, valid=valid, radius=8)).max() < 1e-6


def test_edges_survive_an_inversion_of_contrast(ground: np.ndarray) -> None:
    after = 255 - ground
    assert zncc(ground, after, radius=8)[INNER].max() < 0
    assert orientation_similarity(ground, after, radius=8)[INNER].min() > 0.98
    assert orientation_similarity(ground, texture(2), radius=8)[INNER].mean() < 0.15


def test_orientation_tells_all_directions_apart() -> None:
    rows, cols = np.indices((80, 80))
    across, down, falling, rising = (
        (120 + 80 * np.sin(0.5 * phase)).astype(np.float32)
        for phase in (cols, rows, rows + cols, rows - cols)
    )
    for one, other in ((across, down), (falling, rising)):
        assert orientation_similarity(one, other)[INNER].max() < -0.9
        assert orientation_similarity(one, one)[INNER].min() > 0.99
    assert np.abs(orientation_similarity(across, rising)[INNER]).max() < 0.3


def test_orientation_finds_a_shift(ground: np.ndarray) -> None:
    after = np.roll(ground, (2, -1), (0, 1))
    assert orientation_similarity(ground, after, radius=8, search=3)[INNER].min() > 0.97


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_are_orderly_and_noise_is_not(axis: int) -> None:
    wave = 120 + 80 * np.sin(np.arange(120) * 0.6, dtype=np.float32)
    stripes = np.broadcast_to(np.expand_dims(wave, axis), (120, 120)).astype(np.float32)
    diagonal = (120 + 80 * np.sin(np.add.outer(np.arange(120), np.arange(120)) * 0.45)).astype(
        np.float32
    )
    noise = np.random.default_rng(0).normal(120, 40, (120, 120)).astype(np.float32)
    assert coherence(stripes)[INNER].min() > 0.97
    assert coherence(diagonal)[INNER].min() > 0.97
    assert coherence(noise)[INNER].mean() < 0.45
    assert coherence(np.full((60, 60), 9, np.float32)).max() == 0


def test_a_windowed_mean_counts_what_has_weight() -> None:
    image = np.arange(25, dtype=np.float32).reshape(5, 5)
    weight = np.zeros((5, 5), np.float32)
    weight[2, 1], weight[2, 3] = 1, 3
    mean = windowed_mean(image, weight=weight, radius=1)
    assert mean[2, 2] == pytest.approx((11 + 3 * 13) / 4)
    assert mean[0, 0] == 0


def test_the_disc_of_shifts() -> None:
    shifts = disc_shifts(3, 1)
    assert len(shifts) == 29
    assert len(set(shifts)) == 29
    assert max(dy * dy + dx * dx for dy, dx in shifts) == 9
    assert disc_shifts(0, 1) == [(0, 0)]
    assert disc_shifts(4, 2) == sorted((2 * a, 2 * b) for a, b in disc_shifts(2, 1))


@pytest.mark.parametrize("gsd", [0.05, 0.3, 0.5, 1.0, 3.0, 10.0])
def test_windows_are_metres_within_bounds(gsd: float) -> None:
    sizes = window_sizes(gsd)
    assert 4 <= sizes.radius <= 24
    assert 2 <= sizes.search <= 24
    assert 3 <= sizes.support <= 32
    assert sizes.margin >= 2 * sizes.radius + sizes.search + sizes.support


def test_windows_of_known_scales() -> None:
    assert window_sizes(0.5).radius == 9
    assert window_sizes(0.5).support == 14
    assert window_sizes(None) == window_sizes(0.7)
    assert window_sizes(3.0, residual_px=6.2).search == 7
    assert window_sizes(3.0).search == 2


def test_a_block_with_its_margin_is_the_whole_image(ground: np.ndarray) -> None:
    after = 0.8 * np.roll(ground, (1, 2), (0, 1)) + 0.2 * texture(4)
    sizes = window_sizes(1.0)
    search = {"radius": sizes.radius, "search": sizes.search, "step": sizes.step}
    core = (slice(50, 70), slice(60, 75))
    margin = sizes.margin
    part = (slice(50 - margin, 70 + margin), slice(60 - margin, 75 + margin))
    trim = (slice(margin, margin + 20), slice(margin, margin + 15))
    for measure in (zncc, orientation_similarity):
        whole, piece = (
            measure(np.ascontiguousarray(a), np.ascontiguousarray(b), **search)
            for a, b in ((ground, after), (ground[part], after[part]))
        )
        assert np.abs(whole[core] - piece[trim]).max() < 1e-5


def test_contrast_structure_is_scikit_images_ssim_without_its_luminance(
    ground: np.ndarray,
) -> None:
    rng = np.random.default_rng(21)
    after = (0.7 * ground + 40 + rng.normal(0, 12, ground.shape)).astype(np.float32)
    # With a huge first constant the luminance term is 1.
    _, wanted = structural_similarity(
        ground.astype(float), after.astype(float), data_range=255.0, full=True, K1=1e6,
        gaussian_weights=True, use_sample_covariance=False, sigma=1.5,
    )  # fmt: skip
    found = contrast_structure(ground, after)
    assert found[8:-8, 8:-8] == pytest.approx(wanted[8:-8, 8:-8], abs=1e-4)


def test_zncc_is_its_formula_window_by_window(ground: np.ndarray) -> None:
    rng = np.random.default_rng(22)
    after = (np.roll(ground, (1, -2), (0, 1)) + rng.normal(0, 15, ground.shape)).astype(np.float32)
    radius, search = 3, 2
    found = zncc(ground, after, radius=radius, search=search)
    wide = 2 * radius + 1
    flat = [image - ndimage.uniform_filter(image.astype(float), wide) for image in (ground, after)]

    def window(image: np.ndarray, row: int, col: int) -> np.ndarray:
        return image[row - radius : row + radius + 1, col - radius : col + radius + 1]

    for row, col in [(15, 15), (20, 33), (30, 24)]:
        one = window(flat[0], row, col)
        scores = []
        for dy, dx in disc_shifts(search, 1):
            two = window(flat[1], row + dy, col + dx)
            scores.append((one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum()))
        assert found[row, col] == pytest.approx(max(scores), abs=1e-4)


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("measure", [zncc, orientation_similarity])
@pytest.mark.parametrize("shape", [(120, 130), (119, 131)])
def test_every_second_or_fourth_window_is_nearly_all_windows(
    measure: Callable[..., np.ndarray], shape: tuple[int, int], stride: int
) -> None:
    before = texture(1, shape)
    after = np.roll(before, (3, 0), (0, 1))
    after[:, shape[1] // 2 :] = texture(2, shape)[:, shape[1] // 2 :]
    plain = measure(before, after, radius=9, search=6, step=3)
    thin = measure(before, after, radius=9, search=6, step=3, stride=stride)
    assert thin.shape == plain.shape
    inner = (slice(12, -12), slice(12, -12))
    assert np.corrcoef(plain[inner].ravel(), thin[inner].ravel())[0, 1] > 0.99
    assert np.abs(plain - thin)[inner].mean() < (0.02 if stride == 2 else 0.03)
    assert thin[40:80, 20:40].min() > 0.9  # kept, and found where it went


@pytest.mark.parametrize("stride", [2, 4])
def test_thinned_windows_do_not_depend_on_where_a_block_begins(stride: int) -> None:
    before, after = texture(1), texture(2)
    sizes = {"radius": 9, "search": 6, "step": 3, "stride": stride}
    whole = zncc(before, after, **sizes)
    part = zncc(before[32:, 24:], after[32:, 24:], **sizes)
    inner = (slice(30, -30), slice(30, -30))
    assert part[inner] == pytest.approx(whole[32:, 24:][inner], abs=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("fields", [1, 2])
def test_products_are_summed_in_one_pass_as_in_plain_steps(stride: int, fields: int) -> None:
    random = np.random.default_rng(3)
    before = random.standard_normal((fields, 24, 50)).astype(np.float32)
    after = random.standard_normal((fields, 40, 61)).astype(np.float32)
    product = (before * after[:, 5:29, 7:57]).sum(axis=0)
    out = np.empty((24 // stride, 50), np.float32)
    sum_products(before, after, (5, 7), stride, out=out)
    assert out == pytest.approx(product.reshape(24 // stride, stride, 50).sum(axis=1), abs=1e-5)


@pytest.mark.parametrize("measure", [coherence, contrast_structure])
def test_moments_at_every_second_pixel_are_those_of_all(measure: Callable[..., np.ndarray]) -> None:
    """Windows of 19 pixels are smooth: between two pixels hardly anything happens."""
    images = (texture(1), texture(2)) if measure is contrast_structure else (texture(1),)
    wide = {"sigma": 3.0} if measure is contrast_structure else {"radius": 9}
    plain, thin = (measure(*images, stride=stride, **wide) for stride in (1, 2))
    assert thin.shape == plain.shape
    assert thin[INNER] == pytest.approx(plain[INNER], abs=0.06)
    assert np.abs(thin - plain)[INNER].mean() < 0.02
    assert np.corrcoef(thin[INNER].ravel(), plain[INNER].ravel())[0, 1] > 0.99
