"""Scenarios of the simulator's own tests: one where nothing differs, and one where much does."""

from __future__ import annotations

import pytest

from changedet.core.scenario import (
    EventOptions,
    PlacementOptions,
    Scenario,
    SensorOptions,
    TownOptions,
)

NOTHING = EventOptions(
    prevalence=0, trees_lost=0, ground_lost=0, craters_per_ha=0, weeds=0, renewed=0,
    built_per_ha=0, ploughed=0,
)  # fmt: skip


@pytest.fixture(scope="session")
def still() -> Scenario:
    """Return a scenario where nothing happens, both images come from one good sensor."""
    sensor = SensorOptions(snr=1000, off_nadir=0)
    return Scenario(
        seed=4,
        width=256,
        height=256,
        town=TownOptions(cars_per_ha=0),
        events=NOTHING,
        before=sensor,
        after=sensor,
        placement=PlacementOptions(
            shift_px=(2.6, -1.8), rotation_deg=1.5, warp_px=2.0, terrain_px=1.0
        ),
    )
