"""Add up the truth: hectares and shares from the pixels of the truth rasters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.core.scenario import Scenario
from changedet.simulate.events import GRADES, Fate
from changedet.simulate.scene import VEGETATION, Truth, World
from changedet.simulate.things import Building


@dataclass(slots=True)
class Tally:
    """Counts of pixels that add over windows."""

    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(6, np.int64))
    vegetation: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(VEGETATION), np.int64)
    )
    built: Counter[int] = field(default_factory=Counter)
    """Pixels by number of the building."""

    def add(self, truth: Truth) -> None:
        """Add a window."""
        self.classes += np.bincount(truth.classes.ravel(), minlength=6)
        self.vegetation += np.bincount(truth.vegetation.ravel(), minlength=len(VEGETATION))
        numbers, counts = np.unique(truth.buildings[truth.buildings > 0], return_counts=True)
        self.built.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))


def buildings_inside(world: World) -> list[tuple[Building, Fate]]:
    """Return the buildings whose outline reaches into BEFORE, with their fates."""
    frame = shapely.box(0, 0, world.town.width, world.town.height)
    return [
        (b, world.events.of_building(b))
        for cell in world.town.all_cells()
        for b in cell.buildings
        if b.shape.intersects(frame)
    ]


def summarise(
    scenario: Scenario, world: World, tally: Tally, buildings: list[tuple[Building, Fate]]
) -> dict[str, Any]:
    """Return the content of truth.json."""
    unit = scenario.gsd**2 / 1e4
    grade = {b.number: fate.grade for b, fate in buildings}
    pixels = dict.fromkeys(GRADES, 0)
    for number, count in tally.built.items():
        pixels[grade[number]] += count
    v = {name: int(tally.vegetation[code]) for code, name in VEGETATION.items()}
    canopy_lost = v["canopy_lost"] + v["canopy_dead_standing"] + v["canopy_to_green"]
    lost = v["canopy_lost"] + v["canopy_dead_standing"] + v["green_lost"]
    canopy = v["canopy_kept"] + canopy_lost
    plants = canopy + v["green_kept"] + v["green_lost"]
    built = sum(pixels.values())
    areas = {
        "built_before": built,
        "built_destroyed": pixels[GRADES[0]],
        "built_damaged": pixels[GRADES[1]],
        "vegetation_before": plants,
        "vegetation_lost": lost,
        "vegetation_gained": v["gained"],
        "canopy_before": canopy,
        "canopy_lost": canopy_lost,
    }
    counts = Counter(fate.grade for _, fate in buildings)
    return {
        "about": "A simulated town: no real place.",
        "preset": scenario.preset,
        "seed": scenario.seed,
        "grid": {
            "crs": CRS if scenario.placement.georeferenced else None,
            "gsd_m": scenario.gsd,
            "width": scenario.width,
            "height": scenario.height,
        },
        "after": {
            "gsd_m": world.placement.gsd_after,
            "width": world.placement.width,
            "height": world.placement.height,
        },
        "hectares": {name: round(count * unit, 6) for name, count in areas.items()},
        "class_hectares": {str(n): round(int(c) * unit, 6) for n, c in enumerate(tally.classes)},
        "vegetation_hectares": {name: round(count * unit, 6) for name, count in v.items()},
        "shares": {
            "built_destroyed": _share(pixels[GRADES[0]], built),
            "vegetation_lost": _share(lost, plants),
            "canopy_lost": _share(canopy_lost, canopy),
            "hidden": _share(int(tally.classes[0]), int(tally.classes.sum())),
        },
        "buildings": {
            "total": len(buildings),
            **{name.lower().replace(" ", "_"): counts[name] for name in GRADES},
            "events": dict(sorted(Counter(f.event for _, f in buildings if f.event).items())),
        },
        "codes": {
            "classes": {
                "0": "not seen", "1": "no change", "2": "built area destroyed",
                "3": "vegetation lost", "4": "other change", "5": "vegetation gained",
            },
            "vegetation": {str(code): name for code, name in VEGETATION.items()},
        },
        "options": scenario.model_dump(mode="json"),
    }  # fmt: skip


CRS = "EPSG:32637"
"""Of a simulated town; UTM zone 37 north."""
ORIGIN = (426_000.0, 5_383_600.0)
"""Its upper left corner: farmland, no real town."""


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
