"""The whole co-registration: known warps come back, what is not a pair is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from changedet.core.options import RegisterOptions
from changedet.register.coarse import Limits
from changedet.register.estimate import estimate_alignment
from changedet.register.lattice import IDENTITY, Mapping
from changedet.register.reader import ArrayReader
from changedet.register.verdict import Pair, judge_alignment

SHIFT = np.array([[1.0, 0.0, 2.4], [0.0, 1.0, -1.3]])
AFFINE = np.array([[1.012, 0.021, -6.0], [-0.018, 0.991, 5.0]])
GEOREFERENCED = Mapping(affine=IDENTITY)

Make = Callable[..., Any]


def test_a_shift_comes_back_to_a_hundredth(warped: Make) -> None:
    pair = warped(SHIFT)
    found = estimate_alignment(*pair.readers(), base=GEOREFERENCED)
    assert found.findings == ()
    assert found.model == "shift"
    assert pair.errors(found.to_after).max() < 0.01
    assert found.rmse_px < 0.1
    assert found.max_shift_px == pytest.approx(np.hypot(2.4, 1.3), abs=0.02)


def test_an_affine_comes_back(warped: Make) -> None:
    pair = warped(AFFINE)
    found = estimate_alignment(*pair.readers())
    assert found.model == "affine"
    assert np.median(pair.errors(found.to_after)) < 0.02


def test_a_smooth_warp_comes_back(warped: Make) -> None:
    pair = warped(AFFINE, bend=1.5)
    found = estimate_alignment(*pair.readers())
    assert found.model == "affine+field"
    errors = pair.errors(found.to_after)
    assert np.median(errors) < 0.05
    assert np.quantile(errors, 0.95) < 0.2  # the rim included
    held = found.tie_points.role == 2
    assert held.sum() > 10
    left_out = np.sqrt(np.mean(found.tie_points.residual_px[held] ** 2))
    assert found.left_out_px == pytest.approx(left_out)
    assert np.mean(errors <= found.ce90_px) > 0.75
    assert found.ce90_px < 4 * np.quantile(errors, 0.9)
    assert found.backward_px < 0.1  # the same from the other side


def test_far_from_tie_points_the_error_grows(warped: Make, town: Make) -> None:
    pair = warped(AFFINE, bend=1.5)
    after = pair.after.copy()
    after[100:350, 100:350] = np.nan  # a lake of cloud
    found = estimate_alignment(ArrayReader(image=pair.before), ArrayReader(image=after))
    inside, outside = found.error_px([225.0], [225.0])[0], found.error_px([40.0], [40.0])[0]
    assert inside > 1.5 * outside
    assert found.extrapolated([225.0], [225.0])[0]
    assert not found.extrapolated([40.0], [40.0])[0]
    assert 0 < found.extrapolated_share < 0.5


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        (lambda a: 0.5 * a + 60, 0.05),
        (lambda a: 240 - 0.8 * a, 0.05),
        (lambda a: a + np.random.default_rng(0).normal(0, 25, a.shape), 0.15),
        (lambda a: np.rint(a * 16 + 3000).astype(np.uint16), 0.05),
    ],
    ids=["gain", "inverted", "noise 25", "uint16"],
)
def test_radiometry_matters_little(
    warped: Make, change: Callable[[np.ndarray], np.ndarray], bound: float
) -> None:
    pair = warped(AFFINE)
    found = estimate_alignment(
        ArrayReader(image=pair.before), ArrayReader(image=change(pair.after))
    )
    assert not found.refused
    assert np.median(pair.errors(found.to_after)) < bound


@pytest.mark.parametrize(("share", "bound"), [(0.4, 0.05), (0.65, 0.2)])
def test_a_destroyed_town_is_still_the_same_place(
    warped: Make, town: Make, share: float, bound: float
) -> None:
    pair = warped(AFFINE)
    blobs = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=pair.after.shape), 18)
    after = np.where(blobs > np.quantile(blobs, 1 - share), town(77, 448), pair.after)
    found = estimate_alignment(ArrayReader(image=pair.before), ArrayReader(image=after))
    assert not found.refused
    assert np.median(pair.errors(found.to_after)) < bound
    assert np.quantile(pair.errors(found.to_after), 0.5) < 2 * found.ce90_px


def test_identical_images_are_already_aligned(town: Make) -> None:
    reader = ArrayReader(image=town(5, 300))
    found = estimate_alignment(reader, reader, base=GEOREFERENCED)
    assert found.model == "identity"
    assert found.max_shift_px == 0
    assert found.supported_share > 0.95


def test_another_gsd_and_a_turn(town: Make) -> None:
    after = town(6, 700)
    turn = np.deg2rad(100)
    truth = 1.5 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    truth = np.column_stack([truth, np.array([350.0, 350.0]) - truth @ [200, 200]])
    col, row = Mapping(affine=truth).at(np.arange(400)[None], np.arange(400)[:, None])
    smooth = ndimage.gaussian_filter(after, 0.7)
    before = ndimage.map_coordinates(smooth, [row, col], order=3, mode="reflect")
    found = estimate_alignment(ArrayReader(image=before), ArrayReader(image=after))
    assert not found.refused
    at_col, at_row = found.to_after(np.arange(400)[None], np.arange(400)[:, None])
    inside = (col > 0) & (row > 0) & (col < 699) & (row < 699)
    assert np.median(np.hypot(at_col - col, at_row - row)[inside]) < 0.1


def test_the_base_is_corrected_not_replaced(warped: Make) -> None:
    """AFTER at half the pixel size, with a georeference that is some pixels off."""
    pair = warped(SHIFT)
    fine = ndimage.zoom(pair.after, 2, order=1, grid_mode=True, mode="nearest")
    base = Mapping(affine=np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]]))
    found = estimate_alignment(
        ArrayReader(image=pair.before), ArrayReader(image=fine), base=base, gsd_m=0.5
    )
    assert not found.refused
    col, row = found.to_after(np.array([200.0]), np.array([200.0]))
    assert (col[0], row[0]) == pytest.approx((2 * 202.4 + 0.5, 2 * 198.7 + 0.5), abs=0.1)
    assert found.rmse_m == pytest.approx(found.rmse_px * 0.5)


def test_an_invalid_wedge_is_left_out(warped: Make) -> None:
    pair = warped(SHIFT)
    valid = np.tri(448, 448, 100, dtype=bool)
    before = np.where(valid, pair.before, np.nan)
    found = estimate_alignment(ArrayReader(image=before), ArrayReader(image=pair.after))
    assert not found.refused
    assert pair.errors(found.to_after).max() < 0.02
    points = found.tie_points
    assert not (points.role[points.col > points.row + 160] > 0).any()
    near, far = found.error_px([60.0, 440.0], [300.0, 8.0])
    assert near < 0.1
    assert far >= near


def codes(found: Any) -> list[str]:
    assert all(f.severity == "refuse" for f in found.findings)
    return [f.code for f in found.findings]


def test_another_place_is_refused(town: Make) -> None:
    one, other = (ArrayReader(image=town(seed, 320)) for seed in (21, 22))
    found = estimate_alignment(one, other)
    assert codes(found) == ["no_match"]
    assert "same place" in found.findings[0].message
    assert np.isinf(found.error_px(3.0, 4.0))


def test_noise_is_refused(town: Make) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(0, 90, (320, 320)), 1.2)
    found = estimate_alignment(
        ArrayReader(image=town(21, 320)), ArrayReader(image=noise), base=GEOREFERENCED
    )
    assert codes(found) == ["no_match"]


def test_a_constant_and_nothing_are_refused(town: Make) -> None:
    reader = ArrayReader(image=town(21, 200))
    constant = ArrayReader(image=np.full((200, 200), 99, np.uint8))
    nothing = ArrayReader(image=np.full((200, 200), np.nan))
    assert codes(estimate_alignment(reader, constant)) == ["no_texture"]
    assert codes(estimate_alignment(constant, reader)) == ["no_texture"]
    assert codes(estimate_alignment(nothing, reader)) == ["nothing_valid"]
    assert codes(estimate_alignment(reader, nothing)) == ["nothing_valid"]
    elsewhere = Mapping(affine=np.array([[1.0, 0, 5000], [0, 1.0, 0]]))
    assert codes(estimate_alignment(reader, reader, base=elsewhere)) == ["no_overlap"]


def test_upside_down_is_refused_where_north_is_known(town: Make) -> None:
    image = town(23, 320)
    upside = ArrayReader(image=np.ascontiguousarray(image[::-1, ::-1]))
    found = estimate_alignment(ArrayReader(image=image), upside, base=GEOREFERENCED)
    assert codes(found) == ["implausible_model"]
    assert "turned" in found.findings[0].message
    assert not estimate_alignment(ArrayReader(image=image), upside).refused


def test_a_mirror_is_refused(town: Make) -> None:
    image = town(23, 320)
    mirrored = ArrayReader(image=np.ascontiguousarray(image[:, ::-1]))
    found = estimate_alignment(ArrayReader(image=image), mirrored, base=GEOREFERENCED)
    assert found.refused


def test_too_large_a_residual_is_refused(warped: Make) -> None:
    pair = warped(SHIFT)
    strict = RegisterOptions(max_residual_px=1e-4)
    found = estimate_alignment(*pair.readers(), base=GEOREFERENCED, options=strict)
    assert codes(found) == ["residual_too_large"]


@pytest.mark.parametrize(
    ("rmse", "left_out", "refused"), [(1.2, 2.5, False), (1.2, 3.5, True), (2.2, 2.3, True)]
)
def test_holes_alone_refuse_no_strong_warp(
    warped: Make, rmse: float, left_out: float, refused: bool
) -> None:
    pair = warped(SHIFT)
    before, after = pair.readers()
    found = estimate_alignment(before, after, base=GEOREFERENCED)
    asked = Pair(
        before=before, after=after, base=GEOREFERENCED, gsd_m=None, executor=None,
        limits=Limits(scale=1.15, turn_deg=12.0, offset_px=None), options=RegisterOptions(),
    )  # fmt: skip
    judged = judge_alignment(asked, replace(found, rmse_px=rmse, left_out_px=left_out))
    assert [f.code for f in judged] == ["residual_too_large"] * refused


def test_threads_change_nothing(warped: Make) -> None:
    pair = warped(AFFINE, bend=1.0)
    serial = estimate_alignment(*pair.readers())
    with ThreadPoolExecutor(2) as pool:
        threads = estimate_alignment(*pair.readers(), executor=pool)
    assert threads.to_after(100.0, 200.0) == serial.to_after(100.0, 200.0)
    assert threads.rmse_px == serial.rmse_px


@pytest.mark.parametrize("shift", [(0.35, -0.6), (2.25, 1.5)])
def test_a_chip_of_a_hundred_pixels_is_enough(warped: Make, shift: tuple[float, float]) -> None:
    pair = warped(np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]]), size=110, seed=3)
    found = estimate_alignment(*pair.readers(), base=GEOREFERENCED)
    assert not found.refused
    assert np.median(pair.errors(found.to_after)) < 0.05
