"""The coarse stage: what proposes and what judges."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from changedet.register.coarse import (
    Hypothesis,
    Limits,
    estimate_coarse,
    verify,
)
from changedet.register.hypotheses import (
    correlate,
    features_model,
    find_features,
    match_features,
    shrink,
    similarity_of,
    vote_similarities,
)
from changedet.register.lattice import IDENTITY, Mapping
from changedet.register.overview import Overview


def overview(image: np.ndarray, zoom: int = 1) -> Overview:
    return Overview(image=image, valid=np.ones(image.shape, bool), zoom=zoom)


def turn(degrees: float, scale: float, size: int) -> np.ndarray:
    """Similarity about the middle, as BEFORE -> AFTER."""
    middle = (size - 1) / 2
    return cv2.getRotationMatrix2D((middle, middle), degrees, scale)


def lay(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """BEFORE as AFTER's content seen through ``affine``."""
    return cv2.warpAffine(
        image,
        affine,
        image.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )


def corner_error(found: np.ndarray, truth: np.ndarray, size: int) -> float:
    corners = np.array([[0, size, 0, size], [0, 0, size, size]], float)
    a, b = (np.stack(Mapping(affine=m).at(*corners)) for m in (found, truth))
    return float(np.hypot(*(a - b)).max())


@pytest.fixture(scope="module")
def scene(town: Callable[..., np.ndarray]) -> np.ndarray:
    return town(11, 320)


def test_the_truth_is_verified_and_another_town_is_not(
    scene: np.ndarray, town: Callable[..., np.ndarray]
) -> None:
    truth = np.array([[1.0, 0, 6.0], [0, 1.0, -4.0]])
    fixed = overview(lay(scene, truth))
    good = verify(fixed, overview(scene), Hypothesis(affine=IDENTITY, method="identity"))
    assert good.verified
    assert good.share > 0.9
    assert corner_error(good.affine, truth, 320) < 1
    bad = verify(fixed, overview(town(12, 320)), Hypothesis(affine=IDENTITY, method="identity"))
    assert not bad.verified
    assert bad.share < 0.05


@pytest.mark.parametrize("degrees", [25.0, 160.0])
def test_features_find_a_turned_town(scene: np.ndarray, degrees: float) -> None:
    truth = turn(degrees, 1.3, 320)
    first, second = find_features(overview(lay(scene, truth))), find_features(overview(scene))
    model = features_model(*match_features(first, second))
    assert model is not None
    assert corner_error(model, truth, 320) < 4
    voted = vote_similarities(first, second)
    assert corner_error(voted[0], truth, 320) < 4


def test_features_of_nothing() -> None:
    nothing = find_features(overview(np.zeros((100, 100), np.float32)))
    assert len(nothing.position) == 0
    assert features_model(*match_features(nothing, nothing)) is None
    assert vote_similarities(nothing, nothing) == []


def test_a_mirror_is_no_similarity() -> None:
    assert similarity_of(np.array([[-1.0, 0, 0], [0, 1.0, 0]])) is None
    np.testing.assert_allclose(similarity_of(turn(33, 0.7, 9)), turn(33, 0.7, 9))


def test_correlation_finds_rotation_and_scale(scene: np.ndarray) -> None:
    truth = turn(120.0, 0.8, 320)
    models = correlate(
        shrink(overview(lay(scene, truth)), 100),
        shrink(overview(255 - scene), 100),
        angles=np.deg2rad(np.arange(-180, 180, 20)),
        scales=np.array([0.64, 0.8, 1.0]),
        limit=3,
    )
    assert len(models) == 3
    assert corner_error(models[0], truth, 320) < 12


def test_everything_together(scene: np.ndarray) -> None:
    truth = turn(-75.0, 1.2, 320)
    found = estimate_coarse(
        overview(lay(scene, truth)), overview(scene), georeferenced=False, reach=None
    )
    assert found.verified
    assert corner_error(found.affine, truth, 320) < 2
    again = estimate_coarse(
        overview(lay(scene, truth)), overview(scene), georeferenced=False, reach=None
    )
    assert (again.affine == found.affine).all()


def test_an_inverted_turned_town_needs_the_search(scene: np.ndarray) -> None:
    truth = turn(6.0, 1.0, 320)
    found = estimate_coarse(
        overview(lay(scene, truth)), overview(240 - scene), georeferenced=True, reach=60.0
    )
    assert found.verified
    assert corner_error(found.affine, truth, 320) < 2


@pytest.mark.parametrize(
    ("affine", "word"),
    [
        (np.array([[-1.0, 0, 0], [0, 1.0, 0]]), "mirrored"),
        (np.array([[1.3, 0, 0], [0, 1.3, 0]]), "scale"),
        (np.array([[1.15, 0, 0], [0, 0.87, 0]]), "stretched"),
        (turn(180.0, 1.0, 101), "turned"),
        (np.array([[1.0, 0, 90.0], [0, 1.0, 0]]), "shifted"),
    ],
)
def test_limits_name_what_is_implausible(affine: np.ndarray, word: str) -> None:
    limits = Limits(scale=1.2, turn_deg=10.0, offset_px=50.0)
    said = limits.broken_by(affine, (50.0, 50.0))
    assert said is not None
    assert word in said
    assert limits.broken_by(IDENTITY, (50.0, 50.0)) is None


def test_score_counts_against_chance() -> None:
    there = Hypothesis(affine=IDENTITY, method="x", support=60, chance=1.0, windows=200)
    chance = Hypothesis(affine=IDENTITY, method="x", support=12, chance=6.0, windows=200)
    assert there.verified
    assert not chance.verified
    assert there.score == pytest.approx(59 / math.sqrt(6))


@pytest.mark.parametrize(
    ("height", "rival", "believed"), [(12.0, 8.0, True), (12.0, 10.0, False), (9.0, 4.0, False)]
)
def test_a_search_is_believed_where_it_is_high_and_alone(
    height: float, rival: float, believed: bool
) -> None:
    found = Hypothesis(affine=IDENTITY, method="search", windows=80, height=height, rival=rival)
    assert found.verified == believed
