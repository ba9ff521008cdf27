"""The town: nothing stands in its neighbour, and the shares of the blocks come out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import shapely

from changedet.core.scenario import Scenario, TownOptions
from changedet.simulate.layout import Filler
from changedet.simulate.town import Streets, Town


@pytest.fixture(scope="module")
def town() -> Town:
    options = TownOptions(slabs=0.3, schools=0.1, fields=0.1, river=True)
    return Town(Scenario(seed=9, width=2000, height=1600, town=options))


def test_street_coordinates_there_and_back() -> None:
    streets = Streets(3)
    for p, q in np.random.default_rng(0).uniform(-4000, 4000, (50, 2)):
        x, y, _ = streets.to_ground(p, q)
        back = streets.to_street(np.array([x]), np.array([y]))
        assert (back[0][0], back[1][0]) == pytest.approx((p, q), abs=0.01)


def test_the_direction_of_a_street_is_that_of_its_line() -> None:
    streets = Streets(3)
    x0, y0, angle = streets.to_ground(100, 250)
    x1, y1, _ = streets.to_ground(101, 250)
    assert angle == pytest.approx(np.arctan2(y1 - y0, x1 - x0), abs=0.02)


def test_no_building_stands_in_another(town: Town) -> None:
    shapes = np.array([b.shape for cell in town.all_cells() for b in cell.buildings])
    assert len(shapes) > 300
    assert shapely.is_valid(shapes).all()
    first, second = shapely.STRtree(shapes).query(shapes, "overlaps")
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    assert not (shared > 0.5).any()


def test_numbers_are_unique(town: Town) -> None:
    numbers = [b.number for cell in town.all_cells() for b in cell.buildings]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0


def test_nothing_stands_in_the_river(town: Town) -> None:
    assert town.river is not None
    for cell in town.all_cells():
        for b in cell.buildings:
            x, y = np.array(b.shape.exterior.coords).T
            assert (np.abs(town.river.offset(x, y)) > town.river.half).all()
        off = town.river.offset(cell.trees[:, 0], cell.trees[:, 1])
        assert (np.abs(off) > town.river.half).all()


def test_zones_have_the_shares_asked_for(town: Town) -> None:
    zones = Counter(cell.zone for cell in town.all_cells())
    total = sum(zones.values())
    for zone, share in (("slabs", 0.3), ("schools", 0.1), ("fields", 0.1)):
        assert zones[zone] == pytest.approx(share * total, abs=1)


def test_trees_stand_beside_buildings(town: Town) -> None:
    for cell in list(town.all_cells())[:6]:
        if not cell.buildings or not len(cell.trees):
            continue
        shapes = shapely.union_all([b.shape for b in cell.buildings])
        trunks = shapely.points(cell.trees[:, 0], cell.trees[:, 1])
        assert not shapely.contains(shapes, trunks).any()


def test_a_cell_is_the_same_in_a_larger_town() -> None:
    options = TownOptions(slabs=0, works=0, schools=0, parks=0, fields=0, railway=False)
    small, large = (Town(Scenario(seed=2, width=n, height=n, town=options)) for n in (500, 900))
    shapes = [
        {b.shape.wkb for cell in t.near((60, 60, 190, 190)) for b in cell.buildings}
        for t in (small, large)
    ]
    assert shapes[0] == shapes[1]
    assert shapes[0]


def test_a_building_in_the_way_is_refused(town: Town) -> None:
    filler = Filler(town, "houses", 0, np.random.default_rng(1))
    house = {"kind": "house", "roof": "tile", "form": "gable", "height": 3.0}
    p, q = town.streets.to_street(np.array([400.0]), np.array([300.0]))
    place = float(p[0]), float(q[0])
    assert filler.add(*place, 0.0, ((0.0, 0.0, 10.0, 8.0),), **house)
    assert not filler.add(place[0] + 5, place[1], 0.3, ((0.0, 0.0, 10.0, 8.0),), **house)
    assert filler.add(place[0] + 16, place[1], 0.0, ((0.0, 0.0, 10.0, 8.0),), **house)


@pytest.mark.parametrize("seed", range(12))
def test_any_seed_and_mix_lays_out_a_town(seed: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.ones(6))[:5]
    names = ("slabs", "works", "schools", "parks", "fields")
    options = TownOptions(**dict(zip(names, shares * 0.999, strict=True)), river=seed % 2 == 0)
    town = Town(Scenario(seed=seed, width=2400, height=2400, town=options))
    assert sum(len(cell.trees) for cell in town.all_cells()) > 0
