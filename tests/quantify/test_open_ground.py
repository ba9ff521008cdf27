from __future__ import annotations

import numpy as np
import pytest

from changedet.quantify.open_ground import find_open_ground, is_measured, reach_px

GSD = 0.5
SHAPE = (240, 320)


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    """Gardens: brightness that varies by a fifth from metre to metre."""
    rng = np.random.default_rng(0)
    rough = rng.normal(0, 0.2, (SHAPE[0] // 2, SHAPE[1] // 2)).repeat(2, 0).repeat(2, 1)
    return np.rint(600 * (1 + rough)).clip(1).astype(np.int32)


def painted(ground: np.ndarray, level: float, part: tuple[slice, slice]) -> np.ndarray:
    image = ground.copy()
    rows = np.arange(image[part].shape[0])[:, None]
    # Furrows: a field is not even, only smooth.
    image[part] = np.rint(level * (1 + 0.04 * np.sin(rows / 2)))
    return image


FIELD = (slice(60, 180), slice(40, 140))
LAWN = (slice(60, 90), slice(200, 230))
SEEN = np.ones(SHAPE, bool)


def test_a_field_is_found_and_a_lawn_is_not(ground: np.ndarray) -> None:
    before = painted(painted(ground, 500, FIELD), 500, LAWN)
    after = painted(painted(ground, 800, FIELD), 800, LAWN)
    field, water = find_open_ground(before, after, SEEN, gsd_m=GSD, plants_level=500)
    assert field[FIELD].mean() > 0.9
    outside = field.copy()
    outside[FIELD] = False
    assert outside.mean() < 0.02
    assert not field[LAWN].any()
    assert not water.any()


def test_a_field_that_was_shelled_is_none(ground: np.ndarray) -> None:
    before, after = painted(ground, 500, FIELD), painted(ground, 500, FIELD)
    after[FIELD] = ground[FIELD]
    field, _ = find_open_ground(before, after, SEEN, gsd_m=GSD, plants_level=500)
    assert not field.any()


@pytest.mark.parametrize(("level", "found"), [(200, True), (500, False)])
def test_water_is_smooth_and_dark(ground: np.ndarray, level: float, found: bool) -> None:
    river = (slice(100, 140), slice(0, 320))
    before = painted(ground, level, river)
    _, water = find_open_ground(before, before, SEEN, gsd_m=GSD, plants_level=500)
    assert (water[river].mean() > 0.8) == found
    water[river] = False
    assert water.mean() < 0.02


def test_large_pixels_show_no_fields(ground: np.ndarray) -> None:
    before = painted(ground, 500, FIELD)
    field, water = find_open_ground(before, before, SEEN, gsd_m=3.0, plants_level=9000)
    assert not is_measured(3.0)
    assert not field.any()
    assert not water.any()
    assert reach_px(3.0) == 0


@pytest.mark.parametrize("gsd", [0.3, 0.5, 1.0])
def test_nothing_beyond_the_reach_matters(gsd: float) -> None:
    rng = np.random.default_rng(1)
    side = 2 * reach_px(gsd) + 40
    image = rng.integers(380, 420, (side, side)).astype(np.int32)
    image[rng.random(image.shape) < 1e-4] = 4000
    seen = np.ones(image.shape, bool)
    cut = slice(8, side - 8)
    whole = find_open_ground(image, image, seen, gsd_m=gsd, plants_level=900)
    part = find_open_ground(
        image[cut, cut], image[cut, cut], seen[cut, cut], gsd_m=gsd, plants_level=900
    )
    inner = slice(reach_px(gsd) + 8, side - reach_px(gsd) - 8)
    moved = slice(inner.start - 8, inner.stop - 8)
    for first, second in zip(whole, part, strict=True):
        assert np.array_equal(first[inner, inner], second[moved, moved])
