from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.core.blocks import blocks
from changedet.core.grid import Grid
from changedet.quantify.buildings import (
    DAMAGED,
    DESTROYED,
    GRADES,
    NONE,
    NOT_ANALYSED,
    POSSIBLY,
    UNOSAT,
    FootprintSums,
    grade_buildings,
    why_not_analysed,
)


def sums_of(pixels: list[int], analysed: list[int]) -> FootprintSums:
    sums = FootprintSums.zero(len(pixels))
    sums.values[0], sums.values[1] = pixels, analysed
    return sums


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_sums_do_not_depend_on_the_blocks(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(width=31, height=27)
    number = rng.integers(0, 3, grid.shape)
    analysed, lost = rng.random((2, *grid.shape)) < 0.7
    measures = {name: rng.normal(0, 5, grid.shape).astype(np.float32)
                for name in ("dissimilarity", "drop")}  # fmt: skip

    def add(cut: tuple[slice, slice]) -> FootprintSums:
        sums = FootprintSums.zero(3)
        for k in range(3):
            part = {name: values[cut] for name, values in measures.items()}
            sums.add_footprint(k, number[cut] == k, analysed[cut], part, lost[cut])
        return sums

    total = FootprintSums.zero(3)
    for block in blocks(grid, size=size):
        total = total + add(block.core.slices)
    assert np.array_equal(total.values, add(grid.window.slices).values)


def test_means_are_over_the_pixels_both_dates_show() -> None:
    sums = FootprintSums.zero(2)
    inside = np.array([True, True, True, False])
    analysed = np.array([True, True, False, True])
    values = np.array([1.0, 3.0, 99.0, 99.0], np.float32)
    lost = np.array([True, False, True, True])
    sums.add_footprint(1, inside, analysed, {"dissimilarity": values, "drop": -values / 10}, lost)
    assert sums.analysed.tolist() == [0, 2]
    assert sums.seen_share[1] == pytest.approx(2 / 3)
    assert sums.mean("dissimilarity") == pytest.approx([0, 2])
    assert sums.mean("drop") == pytest.approx([0, -0.2])
    assert sums.mean("lost") == pytest.approx([0, 0.5])


def test_why_a_footprint_gets_no_grade() -> None:
    sums = sums_of([100, 100, 100, 10, 100], [100, 0, 50, 10, 100])
    reason = why_not_analysed(sums, np.array([50, 50, 50, 50, 19.0]), min_area_m2=20)
    assert reason.tolist() == [
        "", "not seen in both images", "not seen in both images", "too small for this pixel size",
        "below 20 m2",
    ]  # fmt: skip
    assert why_not_analysed(sums, None, min_area_m2=20)[4] == ""


TABLE = [
    (0.99, 1.0, True, True, DESTROYED),
    (0.5, 0.5, True, True, DESTROYED),
    (0.49, 0.95, True, True, DAMAGED),
    (0.0, 0.9, True, True, DAMAGED),
    (0.3, 0.89, True, True, POSSIBLY),
    (0.0, 0.2, True, True, POSSIBLY),
    (0.3, 0.89, True, False, NONE),
    (0.19, 0.19, True, True, NONE),
    (0.0, 0.0, True, True, NONE),
    (0.99, 1.0, False, True, POSSIBLY),
    (0.1, 0.1, False, True, NONE),
]


@pytest.mark.parametrize(("probability", "hurt", "separable", "possible", "grade"), TABLE)
def test_grades(
    probability: float, hurt: float, separable: bool, possible: bool, grade: str
) -> None:
    made = grade_buildings(
        np.array([probability]), np.array([2.0]), np.array([0.7]),
        np.array([""], dtype=object), hurt=np.array([hurt]), possible=np.array([possible]),
        separable=separable,
        similarity=np.array([1.5]), order_loss=np.array([2.5]),
    )  # fmt: skip
    assert made.grade.tolist() == [grade]
    assert made.count(grade) == 1
    assert made.probability[0] == probability
    assert made.damage_probability[0] == hurt
    assert (made.similarity[0], made.order_loss[0]) == (1.5, 2.5)


def test_what_is_not_analysed_has_no_figures() -> None:
    made = grade_buildings(
        np.array([0.99, 0.99]), np.ones(2), np.ones(2),
        np.array(["", "below 20 m2"], dtype=object), hurt=np.ones(2),
        possible=np.ones(2, bool), separable=True,
        similarity=np.zeros(2), order_loss=np.ones(2),
    )  # fmt: skip
    assert made.grade.tolist() == [DESTROYED, NOT_ANALYSED]
    for values in (
        made.score, made.probability, made.lost_share, made.similarity, made.order_loss,
        made.damage_probability,
    ):  # fmt: skip
        assert np.isfinite(values).tolist() == [True, False]
    assert sum(made.count(grade) for grade in GRADES) == 2


def test_every_grade_has_the_word_of_unosat() -> None:
    assert set(UNOSAT) == set(GRADES)


def test_a_footprint_is_matched_once() -> None:
    sums = FootprintSums.zero(3)
    sums.add_match(1, 1.2345)
    both = sums + FootprintSums.zero(3)
    assert both.match[1] == pytest.approx(1.234, abs=1e-3)
    assert np.isnan(both.match[[0, 2]]).all()


def test_a_footprint_under_cloud_or_snow_says_so() -> None:
    sums = FootprintSums.zero(4)
    inside = np.ones((10, 10), bool)
    half = np.zeros((10, 10), bool)
    half[:5] = True
    nothing, some = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    some[0] = True
    values = {
        "dissimilarity": np.zeros((10, 10), np.float32),
        "drop": np.zeros((10, 10), np.float32),
    }
    for number, (analysed, veiled, white) in enumerate(
        [
            (~half, half, nothing),
            (nothing, nothing, inside),
            (~half, some, nothing),
            (~some, some, nothing),
        ]
    ):
        sums.add_footprint(number, inside, analysed, values, nothing, veiled=veiled, white=white)
    reason = why_not_analysed(sums, None, min_area_m2=20)
    assert reason.tolist() == [
        "under cloud or smoke", "saturated or under snow", "not seen in both images", "",
    ]  # fmt: skip
