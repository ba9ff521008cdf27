"""Built area found in the image: what is a building, how much of it, and from where."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.quantify.built import (
    HIGHEST,
    LOWEST,
    built_score,
    mbi,
    plan_built,
    reach_px,
    working_zoom,
)
from changedet.quantify.built_weights import COLOUR, GREY

GSD = 0.5
GRASS, ROOF, ROAD = (70, 95, 55), (190, 170, 165), (120, 120, 120)


def excess_green(image):
    red, green, blue = image.astype(np.float32) + 1
    return (2 * green - red - blue) / (red + green + blue)


def town(side=480, *, step=64, size=(24, 36), seed=0):
    """Draw houses with shadows on grass; return the image and the true mask."""
    rng = np.random.default_rng(seed)
    image = np.empty((3, side, side), np.float32)
    image[:] = np.array(GRASS, np.float32)[:, None, None]
    truth = np.zeros((side, side), bool)
    for row in range(12, side - size[0] - 8, step):
        for column in range(12, side - size[1] - 8, step):
            house = (slice(row, row + size[0]), slice(column, column + size[1]))
            image[:, row + 6 : row + size[0] + 6, column + 6 : column + size[1] + 6] = 15
            image[(slice(None), *house)] = np.array(ROOF, np.float32)[:, None, None]
            truth[house] = True
    image += rng.normal(0, 4, image.shape).astype(np.float32)
    return np.clip(image, 0, 255).astype(np.uint8), truth


def mapped(image, *, colour=True, gsd=GSD, valid=None):
    valid = np.ones(image.shape[1:], bool) if valid is None else valid
    score = built_score(image, excess_green(image) if colour else None, valid, gsd_m=gsd)
    zoom = working_zoom(gsd)
    score = score.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return (score >= plan_built(score[valid][::7]).threshold) & valid


@pytest.mark.parametrize("step", [56, 80, 120])
def test_the_mask_covers_the_houses_and_little_else(step):
    image, truth = town(step=step)
    found = mapped(image)
    assert (found & truth).sum() > 0.6 * truth.sum()
    assert 0.5 < found.sum() / truth.sum() < 2.0


def test_the_mask_of_one_grey_band_finds_the_houses_too():
    image, truth = town()
    found = mapped(image.mean(axis=0, keepdims=True).astype(np.uint8), colour=False)
    assert found[truth].mean() > 4 * found[~truth].mean()


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("land", ["grass", "noise", "furrows", "soil"])
def test_open_land_has_no_buildings(land, colour):
    rng = np.random.default_rng(1)
    base = np.array((150, 125, 95) if land == "soil" else GRASS, np.float32)
    image = np.broadcast_to(base[:, None, None], (3, 320, 320)) + rng.normal(0, 4, (3, 320, 320))
    if land == "noise":
        image = image + rng.normal(0, 25, (320, 320))
    if land == "furrows":
        image = image + 15 * np.sin(np.arange(320) / 2)[:, None]
    image = np.clip(image, 0, 255).astype(np.uint8)
    if not colour:
        image = image[1:2]
    assert mapped(image, colour=colour).mean() < 0.02


def test_a_road_scores_below_a_house():
    image, truth = town(step=120)
    road = (slice(None), slice(84, 100), slice(None))
    image[road] = np.array(ROAD, np.uint8)[:, None, None]
    valid = np.ones(truth.shape, bool)
    score = built_score(image, excess_green(image), valid, gsd_m=GSD)
    score = score.repeat(2, axis=0).repeat(2, axis=1)
    assert np.median(score[truth]) > np.median(score[86:98]) + 0.5


def test_false_colour_alone_makes_no_building():
    rng = np.random.default_rng(2)
    image = np.empty((3, 320, 320), np.float32)
    image[:] = np.array((170, 60, 70), np.float32)[:, None, None]
    image = np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    assert mapped(image).mean() < 0.05


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("gsd", [0.3, 0.5, 0.7, 1.5, 3.0])
def test_the_score_depends_on_the_promised_neighbourhood_only(gsd, colour):
    image, truth = town(side=720, seed=3)
    plants = excess_green(image) if colour else None
    image = image if colour else image[:1]
    valid = np.ones(truth.shape, bool)
    valid[:, 330:340] = False
    whole = built_score(image, plants, valid, gsd_m=gsd)
    reach, zoom = -(-reach_px(gsd) // 8) * 8, working_zoom(gsd)
    first = reach + 8
    part = (slice(first - reach, first + 96 + reach), slice(first - reach, first + 120 + reach))
    cut = built_score(
        image[(slice(None), *part)],
        None if plants is None else plants[part],
        valid[part],
        gsd_m=gsd,
    )
    inner = cut[reach // zoom : -(reach // zoom), reach // zoom : -(reach // zoom)]
    start = first // zoom
    assert np.array_equal(
        inner, whole[start : start + inner.shape[0], start : start + inner.shape[1]]
    )


def test_pixels_without_a_value_make_no_buildings_beside_them():
    rng = np.random.default_rng(4)
    image = np.array(GRASS, np.float32)[:, None, None] + rng.normal(0, 4, (3, 320, 320))
    image = np.clip(image, 0, 255).astype(np.uint8)
    valid = np.ones((320, 320), bool)
    valid[:, 100:180] = valid[40:80] = False
    image[:, ~valid] = 0
    assert not mapped(image, valid=valid).any()


@pytest.mark.parametrize("gsd", [3.0, 10.0, 30.0, 90.0])
def test_coarse_pixels_are_no_error(gsd):
    image, _ = town(side=64)
    assert mapped(image, gsd=gsd).shape == (64, 64)
    assert reach_px(gsd) <= 24


def test_the_reach_stays_below_fifty_metres_where_roofs_are_seen():
    assert all(reach_px(gsd) * gsd < 52 for gsd in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0))


def test_the_threshold_leaves_the_share_that_the_probabilities_predict():
    rng = np.random.default_rng(5)
    score = np.where(rng.random(50_000) < 0.3, 1.5, -3.0) + rng.normal(0, 1, 50_000)
    plan = plan_built(score.astype(np.float32))
    assert (score >= plan.threshold).mean() == pytest.approx(plan.expected_share, abs=0.02)
    assert plan.expected_share == pytest.approx(0.3, abs=0.05)


def test_the_threshold_is_bounded():
    assert plan_built(np.full(1000, -5, np.float32)).threshold == LOWEST
    assert plan_built(np.full(1000, 5, np.float32)).threshold == HIGHEST


def test_the_building_index_is_high_on_what_is_compact_only():
    image = np.full((120, 120), 50, np.uint8)
    image[50:62, 50:64] = 200
    image[20:26] = 200
    index = mbi(image, gsd_m=1.0)
    assert index[55, 57] > 20 > 0.9 * index[22, 60] > index[90, 90] == 0


def test_weights_are_those_of_known_cues_and_plants_count_against():
    assert set(GREY.cues) < set(COLOUR.cues)
    assert COLOUR.cues["plants"][2] < 0 < COLOUR.cues["right_angles"][2]
