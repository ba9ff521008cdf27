from __future__ import annotations

import cv2
import numpy as np
import pytest

from changedet.quantify.canopy import (
    CUTS,
    LEAST_SAMPLES,
    CanopyPlan,
    Features,
    find_canopy,
    measure_canopy,
    measure_difference,
    plan_canopy,
)

GSD = 0.5
SHAPE = (200, 200)
CROWNS = ((50, 50, 8), (50, 130, 6), (140, 90, 9))


@pytest.fixture(scope="module")
def crowns() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    for row, col, radius in CROWNS:
        cv2.circle(mask, (col, row), radius, 1, -1)
    return mask > 0


def paint(crowns: np.ndarray, index: str) -> tuple[np.ndarray, np.ndarray]:
    """Grass with crowns: darker, of clumps a metre wide, and greener."""
    rng = np.random.default_rng(3)
    clumps = rng.normal(0, 1, (SHAPE[0] // 2, SHAPE[1] // 2)).repeat(2, 0).repeat(2, 1)
    grain = rng.normal(0, 0.02, SHAPE)
    light = np.where(crowns, 330 * (1 + 0.4 * clumps), 550 * (1 + grain))
    green = {"exg": (0.11, 0.16), "ndvi": (0.38, 0.52)}[index]
    return (
        np.rint(light.clip(20)).astype(np.int32),
        np.where(crowns, green[1], green[0]).astype(np.float32),
    )


def fitted(features: Features) -> CanopyPlan:
    flat = [image.ravel() for image in features[:3]]
    return plan_canopy(*flat, gsd_m=GSD)


@pytest.mark.parametrize("index", ["exg", "ndvi"])
def test_crowns_are_told_from_grass(crowns: np.ndarray, index: str) -> None:
    features = measure_canopy(*paint(crowns, index), gsd_m=GSD)
    plan = fitted(features)
    assert plan.told
    assert plan.grass_level == pytest.approx(550, rel=0.03)
    assert plan.grass_index == pytest.approx({"exg": 0.11, "ndvi": 0.38}[index], rel=0.03)
    plants = np.ones(SHAPE, bool)
    found = find_canopy(plan.score(features, index), plants, cut=CUTS["central"], gsd_m=GSD)
    both = (found & crowns).sum()
    assert both / crowns.sum() > 0.9
    # The texture is that of three metres: a crown is found a little too large.
    assert both / found.sum() > 0.6
    near = cv2.dilate(crowns.astype(np.uint8), np.ones((13, 13))) > 0
    assert not (found & ~near).any()


def test_stricter_cuts_find_less(crowns: np.ndarray) -> None:
    features = measure_canopy(*paint(crowns, "exg"), gsd_m=GSD)
    score = fitted(features).score(features, "exg")
    plants = np.ones(SHAPE, bool)
    areas = [
        find_canopy(score, plants, cut=CUTS[name], gsd_m=GSD).sum()
        for name in ("low", "central", "high")
    ]
    assert 0 < areas[0] < areas[1] < areas[2]


def test_no_plants_no_canopy(crowns: np.ndarray) -> None:
    score = np.full(SHAPE, 9, np.float32)
    assert not find_canopy(score, np.zeros(SHAPE, bool), cut=0, gsd_m=GSD).any()
    strip = np.zeros(SHAPE, bool)
    strip[100:103] = True
    assert not find_canopy(score, strip, cut=0, gsd_m=GSD).any(), "a shadow's edge is no crown"


def test_what_cannot_be_compared_is_not_told() -> None:
    level, index = np.full(5000, 400.0), np.full(5000, 0.15)
    rough = plan_canopy(level, 0.12 * level, index, gsd_m=GSD)
    assert "no smooth green ground" in rough.reason
    few = slice(LEAST_SAMPLES - 1)
    assert "too few" in plan_canopy(level[few], level[few] * 0, index[few], gsd_m=GSD).reason
    coarse = plan_canopy(level, 0.01 * level, index, gsd_m=0.8)
    assert "0.75 m" in coarse.reason
    assert not any(plan.told for plan in (rough, coarse, CanopyPlan()))


def test_a_crown_that_is_gone_looks_different(crowns: np.ndarray) -> None:
    light, green = paint(crowns, "exg")
    before = measure_canopy(light, green, gsd_m=GSD)
    bare = np.full(SHAPE, 600, np.int32)
    after = measure_canopy(np.where(crowns, bare, light).astype(np.int32), green, gsd_m=GSD)
    core = cv2.erode(crowns.astype(np.uint8), np.ones((5, 5))) > 0
    gone = measure_difference(before, after, gsd_m=GSD) > 0.1
    assert gone[core].mean() > 0.95
    # A brighter day of three in a hundred is no loss; leaves that yellow keep their clumps.
    day = measure_canopy(np.rint(1.03 * light).astype(np.int32), green * 0, gsd_m=GSD)
    assert (measure_difference(before, day, gsd_m=GSD)[core] > 0.1).mean() < 0.02
