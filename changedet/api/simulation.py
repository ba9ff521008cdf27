"""``changedet.simulate``: write a town with known truth into a folder, window by window."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.affinity
from affine import Affine

from changedet.api.threads import one_thread
from changedet.core.blocks import blocks
from changedet.core.grid import Grid, Window
from changedet.core.scenario import BAND_SETS, Scenario, SensorOptions
from changedet.core.spread import spread
from changedet.io.output import check_output, stage, write_file
from changedet.io.raster import RasterWriter, create_raster
from changedet.io.vector import Layer, append_features, write_geopackage
from changedet.result import CLASS_COLOURS
from changedet.simulate.events import Fate
from changedet.simulate.presets import make_scenario
from changedet.simulate.scene import World, chunk_size, make_world, render_chunk
from changedet.simulate.summary import CRS, ORIGIN, Tally, buildings_inside, summarise
from changedet.simulate.things import Building

Progress = Callable[[str, float], None]
FAST = 1
"""Effort of the compression: noise does not get much smaller with more."""
BATCH = 20_000
"""Outlines written at once."""
FINEST = 2.0**-14
"""Step of the correspondence written, pixels: finer digits are noise that does not compress."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A simulated town on disk.

    Parameters
    ----------
    folder : Path
        Holds before.tif, after.tif, footprints.gpkg and the truth.
    truth : dict
        The content of truth.json.
    """

    folder: Path
    truth: dict[str, Any]

    @property
    def before(self) -> Path:
        """The image of the earlier date."""
        return self.folder / "before.tif"

    @property
    def after(self) -> Path:
        """The image of the later date."""
        return self.folder / "after.tif"

    @property
    def footprints(self) -> Path:
        """The outlines of the buildings of before, with their true grades."""
        return self.folder / "footprints.gpkg"


def simulate(
    output: str | Path,
    *,
    scenario: Scenario | None = None,
    preset: str = "bakhmut",
    prevalence: float | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **wishes: Any,
) -> Simulation:
    """Make a town before and after, with known truth: the same as ``changedet simulate``.

    Parameters
    ----------
    output : path-like
        Folder; see the README for its files.
    scenario : Scenario, optional
        All wishes at once; or a preset, with what is wished otherwise.
    preset : str
        bakhmut, village, control, press, planet, sentinel2 or hard.
    prevalence : float, optional
        Share of the buildings that are destroyed; other losses go with it.
    overwrite : bool
        Replace what is in the folder.
    executor : concurrent.futures.Executor, optional
        Windows are rendered on it; the files do not depend on it.
    progress : callable, optional
        Takes the name of a stage and the fraction of it that is done.
    **wishes
        Fields of the scenario: ``seed=3, width=2000, events={"weeds": 0}``.

    Returns
    -------
    Simulation

    Raises
    ------
    UsageError
        Where there is no such preset, or ``output`` is in the way.
    """
    wanted = scenario or make_scenario(preset, prevalence=prevalence, **wishes)
    check_output(output, overwrite=overwrite)
    with stage(output, overwrite=overwrite) as folder:
        truth = write_simulation(wanted, folder, executor, progress or _tell_nobody)
    return Simulation(folder=Path(output), truth=truth)


def _tell_nobody(stage: str, fraction: float) -> None:
    """Take progress where nobody watches."""


def write_simulation(
    scenario: Scenario, folder: Path, executor: Executor | None, progress: Progress
) -> dict[str, Any]:
    """Write all files of a simulation and return the truth."""
    progress("lay out", 0.0)
    world = make_world(scenario)
    before, after = grids(scenario, world)
    tally = Tally()
    tasks = list(zip_longest(*(_windows(grid, chunk_size(scenario)) for grid in (before, after))))
    with ExitStack() as files:
        writers = {
            name: files.enter_context(writer)
            for name, writer in _open_writers(scenario, folder, before, after).items()
        }
        made = spread(partial(_render, scenario), tasks, executor=executor)
        for done, ((first, second), (image, truth, picture)) in enumerate(
            zip(tasks, made, strict=True), start=1
        ):
            if first is not None and truth is not None:
                tally.add(truth)
                writers["before"].write(image, first)
                writers["truth_classes"].write(truth.classes[None], first)
                writers["truth_vegetation"].write(truth.vegetation[None], first)
                writers["truth_buildings"].write(truth.buildings[None], first)
                there = np.round(truth.correspondence / FINEST) * FINEST
                writers["truth_correspondence"].write(there, first)
            if second is not None:
                writers["after"].write(picture, second)
            progress("render", done / len(tasks))
    buildings = buildings_inside(world)
    _write_footprints(scenario, folder / "footprints.gpkg", buildings, before)
    content = summarise(scenario, world, tally, buildings)
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_file(folder / "truth.json", text)
    return content


def _render(scenario: Scenario, task: tuple[Window | None, Window | None]) -> Any:
    with one_thread():
        return render_chunk(scenario, *task)


def grids(scenario: Scenario, world: World) -> tuple[Grid, Grid]:
    """Return the grids that the two images are written with."""
    place = world.placement
    sizes = ((scenario.width, scenario.height), (place.width, place.height))
    if not scenario.placement.georeferenced:
        first, second = (Grid(width=w, height=h) for w, h in sizes)
        return first, second
    corners = ((0.0, 0.0), place.corner)
    made = [
        Grid(
            width=w,
            height=h,
            transform=Affine(gsd, 0, ORIGIN[0] + x, 0, -gsd, ORIGIN[1] - y),
            crs=CRS,
            unit_m=1.0,
        )
        for (w, h), (x, y), gsd in zip(sizes, corners, (scenario.gsd, place.gsd_after), strict=True)
    ]
    return made[0], made[1]


def _windows(grid: Grid, size: int) -> list[Window]:
    return [block.core for block in blocks(grid, size=size)]


def _open_writers(
    scenario: Scenario, folder: Path, before: Grid, after: Grid
) -> dict[str, RasterWriter]:
    def image(name: str, grid: Grid, sensor: SensorOptions) -> RasterWriter:
        names = BAND_SETS[sensor.bands]
        return create_raster(
            folder / f"{name}.tif",
            grid,
            count=len(names),
            zlevel=FAST,
            dtype="uint8" if sensor.bits == 8 else "uint16",
            descriptions=names,
            tags={
                "TIFFTAG_DATETIME": f"{sensor.date.replace('-', ':')} 08:45:00",
                "TIFFTAG_IMAGEDESCRIPTION": "Simulated town, no real place",
            },
        )

    def truth(name: str, dtype: str, count: int = 1, **more: Any) -> RasterWriter:
        path = folder / f"truth_{name}.tif"
        return create_raster(path, before, count=count, dtype=dtype, zlevel=FAST, **more)

    return {
        "before": image("before", before, scenario.before),
        "after": image("after", after, scenario.after),
        "truth_classes": truth("classes", "uint8", colours=CLASS_COLOURS),
        "truth_vegetation": truth("vegetation", "uint8"),
        "truth_buildings": truth("buildings", "uint32"),
        "truth_correspondence": truth(
            "correspondence", "float64", 2, nodata=float("nan"), descriptions=("column", "row")
        ),
    }


def _write_footprints(
    scenario: Scenario, path: Path, buildings: list[tuple[Building, Fate]], grid: Grid
) -> None:
    """Write the outlines in BEFORE's CRS, or its pixels (column, row) where it has none."""
    gsd, (east, south) = scenario.gsd, scenario.placement.footprint_shift_m
    if scenario.placement.georeferenced:
        matrix = [1, 0, 0, -1, ORIGIN[0] + east, ORIGIN[1] - south]
    else:
        matrix = [1 / gsd, 0, 0, 1 / gsd, east / gsd, south / gsd]
    for start in range(0, max(1, len(buildings)), BATCH):
        layer = _footprints(buildings[start : start + BATCH], matrix)
        if start == 0:
            write_geopackage(path, [layer], crs=grid.crs)
        else:
            append_features(path, layer, crs=grid.crs)


def _footprints(buildings: list[tuple[Building, Fate]], matrix: list[float]) -> Layer:
    def texts(values: list[str]) -> np.ndarray:
        return np.array(values, dtype=object)

    return Layer(
        name="footprints",
        geometries=[shapely.affinity.affine_transform(b.shape, matrix) for b, _ in buildings],
        columns={
            "id": np.array([b.number for b, _ in buildings], np.int64),
            "kind": texts([b.kind for b, _ in buildings]),
            "roof": texts([b.roof for b, _ in buildings]),
            "height_m": np.array([b.height for b, _ in buildings], np.float64),
            "grade": texts([fate.grade for _, fate in buildings]),
            "event": texts([fate.event for _, fate in buildings]),
            "lost_share": np.array([fate.lost_share for _, fate in buildings], np.float64),
        },
    )
