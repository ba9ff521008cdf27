"""The small pair as a scene, aligned by its true transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from changedet.core.options import RunOptions
from changedet.core.scenario import Scenario
from changedet.io.sources import open_pair
from changedet.io.vector import read_polygons
from changedet.pipeline.fit import fit_plan
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.register.alignment import Alignment, TiePoints
from changedet.register.lattice import IDENTITY, Chain, Mapping, fit_mapping
from changedet.simulate.placement import Placement


@pytest.fixture(scope="session")
def true_scene(small_files: Any) -> Iterator[Scene]:
    """Return the small pair with footprints and the alignment it was made with."""
    truth = small_files.truth["grid"]
    placement = Placement(Scenario.model_validate(small_files.truth["options"]))

    def to_after(cols: Any, rows: Any) -> Any:
        gsd = truth["gsd_m"]
        return placement.to_after((cols + 0.5) * gsd, (rows + 0.5) * gsd)

    model = fit_mapping(to_after, height=truth["height"], width=truth["width"])
    alignment = Alignment(
        chain=Chain(base=Mapping(affine=IDENTITY), model=model),
        tie_points=TiePoints.none(),
        model="affine+field",
        method="identity",
        coarse_score=50.0,
        coarse_share=1.0,
        rmse_px=0.2,
        ce90_px=0.3,
        supported_share=1.0,
        max_shift_px=5.0,
        gsd_m=0.5,
    )
    with open_pair(small_files.before, small_files.after, RunOptions()) as pair:
        outlines = read_polygons(small_files.footprints, grid=pair.grid, what="footprints")
        yield Scene(
            before=pair.before,
            after=pair.after,
            grid=pair.grid,
            alignment=alignment,
            footprints=tuple(outlines.geometries),
        )


@pytest.fixture(scope="session")
def true_plan(true_scene: Scene) -> Plan:
    """Return what was fitted on that scene."""
    return fit_plan(true_scene)[0]
