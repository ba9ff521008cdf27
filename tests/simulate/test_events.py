"""Events: the shares come out as set, and damage comes in clusters."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.core.scenario import EventOptions, Scenario
from changedet.simulate.events import ALIVE, GRADES, Events, _normal
from changedet.simulate.presets import make_scenario
from changedet.simulate.things import Building
from changedet.simulate.town import Town


def decide(prevalence: float, **wishes: float) -> tuple[list[Building], list[str], Events]:
    options = EventOptions(prevalence=prevalence, **wishes)
    scenario = Scenario(seed=6, width=1800, height=1800, events=options)
    town = Town(scenario)
    events = Events(town, scenario)
    inside = [
        b for cell in town.all_cells() for b in cell.buildings
        if 0 <= b.x < town.width and 0 <= b.y < town.height
    ]  # fmt: skip
    return inside, [events.of_building(b).grade for b in inside], events


@pytest.mark.parametrize("prevalence", [0.0, 0.05, 0.3, 0.6, 0.9])
def test_the_prevalence_is_that_of_the_buildings(prevalence: float) -> None:
    buildings, grades, _ = decide(prevalence)
    assert grades.count(GRADES[0]) == round(prevalence * len(buildings))
    if prevalence == 0:
        assert set(grades) == {GRADES[3]}
    else:
        assert grades.count(GRADES[1]) > 0


def test_damage_comes_in_clusters() -> None:
    buildings, grades, _ = decide(0.3)
    at = np.array([(b.x, b.y) for b in buildings])
    lost = np.array([g == GRADES[0] for g in grades])
    alike = []
    for n in np.flatnonzero(lost)[:60]:
        near = np.argsort(np.hypot(*(at - at[n]).T))[1:6]
        alike.append(lost[near].mean())
    assert np.mean(alike) > 0.45  # by chance it would be 0.3


def test_lost_shares_go_with_the_grade() -> None:
    buildings, _, events = decide(0.4)
    ranges = {"Destroyed": (1, 1), "Damaged": (0.1, 0.5), "Possibly damaged": (0, 0.1)}
    for b in buildings:
        fate = events.of_building(b)
        low, high = ranges.get(fate.grade, (0, 0))
        assert low <= fate.lost_share <= high


def test_the_share_of_lost_trees_is_that_set() -> None:
    _, _, events = decide(0.5, trees_lost=0.7)
    fates = np.concatenate([
        events.of_trees(cell.trees)[events._inside(cell.trees[:, 0], cell.trees[:, 1])]
        for cell in events.town.all_cells()
    ])  # fmt: skip
    assert np.mean(fates != ALIVE) == pytest.approx(0.7, abs=0.01)


def test_seeds_give_normal_numbers() -> None:
    values = _normal(np.random.default_rng(0).integers(0, 1 << 31, 20_000))
    assert values.mean() == pytest.approx(0, abs=0.03)
    assert values.std() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(_normal(np.array([5, 7])), _normal(np.array([5, 7])))


def test_other_losses_go_with_the_prevalence() -> None:
    base = make_scenario("bakhmut").events
    half = make_scenario("bakhmut", prevalence=0.3).events
    none = make_scenario("bakhmut", prevalence=0).events
    assert half.trees_lost == pytest.approx(base.trees_lost / 2)
    assert half.craters_per_ha == pytest.approx(base.craters_per_ha / 2)
    assert none.trees_lost == none.ground_lost == none.craters_per_ha == 0
    kept = make_scenario("bakhmut", prevalence=0.3, events={"trees_lost": 0.1}).events
    assert (kept.prevalence, kept.trees_lost) == (0.3, 0.1)
