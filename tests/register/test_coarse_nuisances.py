"""What disturbs the coarse stage: logos, frames, masks, collars, another sensor, any turn."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy import ndimage

from changedet.register.ascent import climb
from changedet.register.coarse import Hypothesis, estimate_coarse
from changedet.register.estimate import estimate_alignment
from changedet.register.lattice import IDENTITY, Mapping
from changedet.register.overview import Overview, drop_collar, find_overlay
from changedet.register.reader import ArrayReader

Town = Callable[..., np.ndarray]
SIZE = 400


@pytest.fixture(scope="module")
def land(town: Town) -> np.ndarray:
    return town(31, 800)


def seen_from(land: np.ndarray, affine: np.ndarray, size: int = SIZE) -> np.ndarray:
    """What an image of ``size`` pixels shows whose positions lie on the land at ``affine``."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(land, affine, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)


def about(degrees: float, scale: float, size: int = SIZE) -> np.ndarray:
    """Similarity from an image's positions to the land, middle on middle."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, np.full(2, 399.5) - linear @ np.full(2, (size - 1) / 2)])


def between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Positions of the first image to those of the second, both given on the land."""
    full = [np.vstack([m, [0, 0, 1]]) for m in (first, second)]
    return (np.linalg.inv(full[1]) @ full[0])[:2]


def dress(image: np.ndarray) -> np.ndarray:
    """Lay a frame, a logo and a caption on an image."""
    out = image.clip(0, 255).astype(np.uint8)
    size = out.shape[0]
    cv2.rectangle(out, (0, 0), (size - 1, size - 1), 255.0, 9)
    cv2.circle(out, (size - 60, 60), 36, 30.0, -1)
    cv2.putText(out, "SAT", (size - 88, 68), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 250.0, 2)
    cv2.rectangle(out, (9, size - 50), (size // 2, size - 9), 10.0, -1)
    cv2.putText(out, "2 May 10:31", (16, size - 20), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 250.0, 2)
    return out.astype(np.float32)


def worst(found: np.ndarray, truth: np.ndarray, size: int = SIZE) -> float:
    corners = np.array([[0, size, 0, size], [0, 0, size, size]], float)
    a, b = (np.stack(Mapping(affine=m).at(*corners)) for m in (found, truth))
    return float(np.hypot(*(a - b)).max())


def overview(image: np.ndarray, valid: np.ndarray | None = None) -> Overview:
    image = image.astype(np.float32)
    use = np.ones(image.shape, bool) if valid is None else valid
    return Overview(image=image, valid=drop_collar(image, use), zoom=1)


def coarse(
    before: np.ndarray, after: np.ndarray, *, georeferenced: bool = False, **masks: np.ndarray
) -> Hypothesis:
    fixed, moving = overview(before, masks.get("first")), overview(after, masks.get("second"))
    return estimate_coarse(fixed, moving, georeferenced=georeferenced, reach=None)


@pytest.mark.parametrize("degrees", [0.0, 20.0])
@pytest.mark.parametrize("shift", [25.0, 60.0])
def test_an_overlay_in_both_does_not_win_against_the_ground(
    land: np.ndarray, degrees: float, shift: float
) -> None:
    first, second = about(0, 1), about(degrees, 1)
    second = second + np.array([[0, 0, shift], [0, 0, -shift / 2]])
    before, after = dress(seen_from(land, first)), dress(seen_from(land, second))
    found = coarse(before, after)
    assert found.verified
    assert worst(found.affine, between(first, second)) < 3


def test_an_overlay_on_another_place_is_no_match(land: np.ndarray, town: Town) -> None:
    assert not coarse(dress(seen_from(land, about(0, 1))), dress(town(32, SIZE))).verified


def test_an_overlay_is_found_and_ground_is_not(land: np.ndarray) -> None:
    before = overview(dress(seen_from(land, about(0, 1))))
    after = overview(dress(seen_from(land, about(20, 1))))
    overlay = find_overlay(before, after)
    assert overlay[345:395, 15:200].mean() > 0.6  # the caption
    assert overlay[100:300, 50:300].mean() < 0.01


@pytest.mark.parametrize("half", ["left", "corner to corner"])
def test_half_of_the_image_may_be_masked(land: np.ndarray, half: str) -> None:
    first, second = about(0, 1), about(4, 1) + np.array([[0, 0, 31.0], [0, 0, 12.0]])
    row, col = np.mgrid[:SIZE, :SIZE]
    use = col >= SIZE // 2 if half == "left" else row > col
    before = np.where(use, seen_from(land, first), 0)
    found = coarse(before, seen_from(land, second), first=use)
    assert found.verified
    assert worst(found.affine, between(first, second)) < 3


@pytest.mark.parametrize("degrees", [-90.0, 135.0, 180.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_any_turn_and_a_scale_of_two(land: np.ndarray, degrees: float, scale: float) -> None:
    first, second = about(0, 1), about(degrees, 1 / scale, int(SIZE * min(scale, 1.5)))
    found = coarse(seen_from(land, first), seen_from(land, second, int(SIZE * min(scale, 1.5))))
    assert found.verified
    assert worst(found.affine, between(first, second)) < 3


@pytest.mark.parametrize("inverted", [False, True])
def test_a_quarter_of_the_image_off_by_its_georeference(land: np.ndarray, inverted: bool) -> None:
    first, second = about(0, 1), about(0, 1) + np.array([[0, 0, 80.0], [0, 0, -60.0]])
    after = seen_from(land, second)
    found = coarse(seen_from(land, first), 250 - after if inverted else after, georeferenced=True)
    assert found.verified
    assert worst(found.affine, between(first, second)) < 2


@pytest.mark.parametrize("look", ["16 bit", "other band", "speckle"])
def test_another_sensor(land: np.ndarray, look: str) -> None:
    first, second = about(0, 1), about(35, 1) + np.array([[0, 0, 20.0], [0, 0, -9.0]])
    after, rng = seen_from(land, second), np.random.default_rng(3)
    if look == "16 bit":
        after = np.rint(after * 31 + 2000)
    elif look == "other band":  # dark and bright alike become bright
        after = np.abs(after - 120) + 40
    else:
        after = (after / 255) ** 2 * rng.exponential(255, after.shape)
    found = coarse(seen_from(land, first), after)
    assert found.verified
    assert worst(found.affine, between(first, second)) < 4


def test_a_collar_is_dropped_and_the_rest_kept(land: np.ndarray) -> None:
    image = seen_from(land, about(0, 1))
    whole = np.ones(image.shape, bool)
    assert (drop_collar(image, whole) == whole).all()
    tilted = cv2.warpAffine(image, cv2.getRotationMatrix2D((200, 200), 30, 1), (SIZE, SIZE))
    there = cv2.warpAffine(np.ones_like(image), cv2.getRotationMatrix2D((200, 200), 30, 1),
                           (SIZE, SIZE)) > 0.5  # fmt: skip
    left = drop_collar(tilted, whole)
    assert not (left & ~there).any()
    assert left.sum() > 0.95 * there.sum()
    nothing = np.zeros_like(image)
    assert drop_collar(nothing, whole).all()


def test_climbing_tells_the_place_from_its_rivals(land: np.ndarray, town: Town) -> None:
    first, second = about(0, 1), about(3, 1.03)
    fixed, moving = overview(seen_from(land, first)), overview(seen_from(land, second))
    turned = between(first, about(90, 1))
    found = climb(fixed, moving, [turned, IDENTITY])
    assert worst(found[0].affine, between(first, second)) < 6
    assert found[0].height > 2 * found[1].height
    other = climb(fixed, overview(town(33, SIZE)), [turned, IDENTITY])
    assert all(one.height < 8 for one in other)


def test_a_dressed_pair_is_aligned_as_a_whole(land: np.ndarray) -> None:
    first, second = about(0, 1), about(0, 1) + np.array([[0, 0, 25.0], [0, 0, 10.0]])
    before, after = dress(seen_from(land, first)), dress(seen_from(land, second))
    found = estimate_alignment(ArrayReader(image=before), ArrayReader(image=after))
    assert not found.refused
    col, row = found.to_after(np.array([200.0]), np.array([180.0]))
    assert np.hypot(col - 175, row - 170)[0] < 0.3


def test_burnt_in_text_on_cloudy_ground(land: np.ndarray) -> None:
    first, second = about(0, 1), about(20, 1)
    cloud = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(SIZE, SIZE)), 30) > 0
    before, after = dress(seen_from(land, first)), dress(seen_from(land, second))
    found = coarse(before, np.where(cloud, 0, after), second=~cloud)
    assert found.verified
    assert worst(found.affine, between(first, second)) < 4
