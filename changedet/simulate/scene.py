"""The units of work: a window of BEFORE with its truth, and a window of AFTER."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window
from changedet.core.scenario import Scenario
from changedet.simulate import sensor as sense
from changedet.simulate.canvas import Canvas, Plants, blank
from changedet.simulate.events import GRADES, Events, Fate
from changedet.simulate.frames import Frame, Textures, frame_around, make_textures
from changedet.simulate.ground import dry_out, fill_puddles, paint_fields, paint_ground
from changedet.simulate.materials import M
from changedet.simulate.objects import (
    cover_tarp,
    distance,
    local,
    paint_building,
    paint_car,
    paint_trees,
    patch_of,
    stamp,
)
from changedet.simulate.placement import Placement
from changedet.simulate.render import light, look
from changedet.simulate.ruins import dig, paint_ruin, rut, scorch
from changedet.simulate.things import Building
from changedet.simulate.town import Town

CHUNK = 1024
"""Side of a chunk, fine pixels."""
TALLEST = 30.0
"""No thing is taller, metres."""
SPREAD = 25.0
"""Metres around a frame from which things may reach into it."""
LARGEST = 16.0
"""Metres over which the place of a car or a new building is looked at before it is put."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class World:
    """All that a scenario stands for; made once a process."""

    scenario: Scenario
    town: Town
    events: Events
    placement: Placement
    textures: Textures
    fine: float
    """Side of a fine pixel, metres: a whole part of BEFORE's GSD."""


@lru_cache(maxsize=2)
def make_world(scenario: Scenario) -> World:
    """Lay out the town of a scenario and decide what happens in it."""
    town = Town(scenario)
    return World(
        scenario=scenario,
        town=town,
        events=Events(town, scenario),
        placement=Placement(scenario),
        textures=make_textures(scenario.seed),
        fine=scenario.gsd / _parts(scenario),
    )


def chunk_size(scenario: Scenario) -> int:
    """Return the side of a chunk in pixels: fixed, so that noise and JPEG blocks are, too."""
    return max(32, CHUNK // _parts(scenario) // 16 * 16)


def _parts(scenario: Scenario) -> int:
    """Return how many fine pixels lie along a pixel of BEFORE."""
    return max(2, round(scenario.gsd))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truth:
    """What is true on a window of BEFORE's grid; arrays of shape (height, width)."""

    classes: NDArray[np.uint8]
    """Codes of changedet's classes.tif; 0 where AFTER shows nothing, or cloud or smoke hides it."""
    vegetation: NDArray[np.uint8]
    """Codes of :data:`VEGETATION`."""
    buildings: NDArray[np.uint32]
    """Number of the building whose outline covers the pixel's centre."""
    correspondence: NDArray[np.float64]
    """Shape (2, height, width): AFTER's column and row; NaN outside of AFTER."""


Bounds = tuple[float, float, float, float]
Positions = tuple[NDArray[np.float64], NDArray[np.float64]]
Layers = tuple[NDArray[np.uint8], NDArray[np.bool_]]

VEGETATION = {
    0: "none",
    1: "canopy_kept",
    2: "green_kept",
    3: "canopy_lost",
    4: "canopy_dead_standing",
    5: "green_lost",
    6: "gained",
    7: "canopy_to_green",
    8: "field_changed",
}
"""Codes of truth_vegetation.tif; what farmers did to a field is neither lost nor gained."""


def render_chunk(
    scenario: Scenario, before: Window | None, after: Window | None
) -> tuple[NDArray[Any] | None, Truth | None, NDArray[Any] | None]:
    """Return a window of BEFORE with its truth, and a window of AFTER; None where not asked for.

    Images have the shape (bands, height, width). Where both windows show about the same
    ground, AFTER's state is painted once for image and truth.
    """
    world = make_world(scenario)
    here = None if before is None else _bounds(before.pad(sense.MARGIN), scenario.gsd)
    ground = None if after is None else world.placement.ground_of(after.pad(sense.MARGIN))
    there = None if ground is None else _extent(*ground)
    if here and there and _area(_union(here, there)) < 1.25 * max(_area(here), _area(there)):
        here = there = _union(here, there)
    first = None if here is None else _lay(world, _frame(world, here))
    canvas = None
    if there is not None:
        base = first.copy() if first and here == there else _lay(world, _frame(world, there))
        canvas = paint(world, base, 1)
    image, truth, picture = None, None, None
    if before is not None and first is not None:
        image, truth = _render_before(world, before, paint(world, first, 0), canvas)
    if canvas is not None and after is not None and ground is not None:
        picture = _image(world, canvas, 1, after, ground)
    return image, truth, picture


def _render_before(
    world: World, window: Window, canvas: Canvas, after: Canvas | None
) -> tuple[NDArray[Any], Truth]:
    gsd = world.scenario.gsd
    padded = window.pad(sense.MARGIN)
    x = np.broadcast_to((np.arange(padded.col, padded.stop_col) + 0.5) * gsd, padded.shape)
    y = np.broadcast_to((np.arange(padded.row, padded.stop_row) + 0.5)[:, None] * gsd, padded.shape)
    image = _image(world, canvas, 0, window, (x, y))
    inner = frame_around(_bounds(window, gsd), 0.0, world.fine)
    if after is None or not _holds(after.frame, inner):
        after = paint(world, _lay(world, inner), 1)
    return image, _truth(world, window, _cut(canvas, inner), _cut(after, inner))


def _extent(x: NDArray[Any], y: NDArray[Any]) -> Bounds:
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _union(a: Bounds, b: Bounds) -> Bounds:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _area(box: Bounds) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _holds(frame: Frame, inner: Frame) -> bool:
    return (
        frame.row <= inner.row
        and frame.col <= inner.col
        and frame.row + frame.height >= inner.row + inner.height
        and frame.col + frame.width >= inner.col + inner.width
    )


def _cut(canvas: Canvas, inner: Frame) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return plants and marks of a part of a canvas."""
    row, col = inner.row - canvas.frame.row, inner.col - canvas.frame.col
    cut = (slice(row, row + inner.height), slice(col, col + inner.width))
    return canvas.plants[cut], canvas.marked[cut]


def _bounds(window: Window, gsd: float) -> tuple[float, float, float, float]:
    return window.col * gsd, window.row * gsd, window.stop_col * gsd, window.stop_row * gsd


def _frame(world: World, bounds: Bounds) -> Frame:
    """Return the frame whose shadows, leaning walls and blur are right within bounds."""
    margin = LARGEST
    for sensor in (world.scenario.before, world.scenario.after):
        shadow = TALLEST / np.tan(np.radians(sensor.sun_elevation))
        lean = TALLEST * np.tan(np.radians(sensor.off_nadir))
        margin = max(margin, shadow, lean)
    blur = 4 * world.scenario.before.psf * max(world.scenario.gsd, world.placement.gsd_after)
    return frame_around(bounds, min(float(margin), 120.0) + blur, world.fine)


def _image(
    world: World, canvas: Canvas, date: int, window: Window, ground: Positions
) -> NDArray[Any]:
    """Image a painted canvas at the ground positions of a window and its margin."""
    scenario = world.scenario
    sensor = scenario.after if date else scenario.before
    gsd = world.placement.gsd_after if date else scenario.gsd
    view, material = look(canvas, light(canvas, sensor), sensor)
    sense.add_air(view, canvas.frame, world.textures, sensor, date)
    bands = sense.pick_bands(view, material, sensor.bands)
    image = sense.sample(bands, canvas.frame, *ground, sensor.psf * gsd / world.fine)
    image = sense.sharpen(image, sensor)
    edge = slice(sense.MARGIN, -sense.MARGIN)
    key = (scenario.seed, 71, date, window.row, window.col)
    return sense.respond(image[:, edge, edge], sensor, np.random.default_rng(key))


def _around(frame: Frame) -> Bounds:
    left, upper, right, lower = frame.bounds
    return left - SPREAD, upper - SPREAD, right + SPREAD, lower + SPREAD


def _lay(world: World, frame: Frame) -> Canvas:
    """Return a canvas with the ground that is the same at both dates."""
    canvas = blank(frame, world.textures)
    paint_ground(canvas, world.town, list(world.town.near(_around(frame))))
    return canvas


def paint(world: World, canvas: Canvas, date: int) -> Canvas:
    """Paint onto bare ground what is there before (0) or after (1) the events."""
    town, events = world.town, world.events
    frame, around = canvas.frame, _around(canvas.frame)
    cells = list(town.near(around))
    sensor = world.scenario.after if date else world.scenario.before
    paint_fields(canvas, town, cells, events.wish.ploughed * date)
    dry_out(canvas, sensor.grass)
    if date:
        scorch(canvas, events)
        for crater in events.craters(around):
            dig(canvas, crater)
        for line, seed in events.tracks(around):
            rut(canvas, line, seed)
        fill_puddles(canvas, events.wish.puddles)
    for cell in cells:
        for b in cell.buildings:
            fate = events.of_building(b) if date else Fate()
            _put_building(canvas, b, fate, events.wish.weeds)
    if date:
        _build_anew(canvas, events, around)
    for cell in cells:
        paint_trees(canvas, cell.trees, events.of_trees(cell.trees), sensor, events=bool(date))
    _park_cars(canvas, town, cells, world.scenario, date)
    snow = world.textures.cover("fractal", frame, grain=4, salt=77) if sensor.snow else None
    if snow is not None:
        sense.lay_snow(canvas.colour, canvas.material, snow, sensor.snow)
    return canvas


def _put_building(canvas: Canvas, b: Building, fate: Fate, weeds: float) -> None:
    if fate.event != "cleared":
        changed = {"tile": "zinc", "asbestos": "tile", "dark": "blue"}
        roof = changed.get(b.roof, "zinc") if fate.event == "reroofed" else None
        paint_building(canvas, b, roof)
    if fate.event in {"reroofed", "tarp"}:
        where = patch_of(canvas, b, 0.5)
        if where is not None:
            if fate.event == "tarp":
                cover_tarp(canvas, b, where)
            else:
                inside = distance(b, *local(canvas, where, b.x, b.y, b.angle)) < 0
                canvas.marked[where][inside] = True
    elif fate.event:
        paint_ruin(canvas, b, fate, weeds)


def _build_anew(canvas: Canvas, events: Events, around: Bounds) -> None:
    """Put new buildings where nothing stands: change that is not damage."""
    import shapely
    import shapely.affinity

    for x, y, angle, long, wide, seed in events.new_buildings(around):
        shape = shapely.affinity.rotate(
            shapely.box(x - long / 2, y - wide / 2, x + long / 2, y + wide / 2),
            angle, use_radians=True,
        )  # fmt: skip
        b = Building(number=0, x=x, y=y, angle=angle, parts=((0.0, 0.0, long, wide),),
                     kind="house", roof="zinc" if seed % 2 else "tile", form="gable", height=3.2,
                     seed=seed, shape=shape)  # fmt: skip
        where = patch_of(canvas, b, 1.0)
        if where is None or canvas.height[where].max() > 0.6:
            continue
        if np.isin(canvas.material[where], (M.ASPHALT, M.WATER)).mean() > 0.05:
            continue
        paint_building(canvas, b)
        inside = distance(b, *local(canvas, where, x, y, angle)) < 0
        canvas.marked[where][inside] = True


def _park_cars(canvas: Canvas, town: Town, cells: list[Any], scenario: Scenario, date: int) -> None:
    if canvas.frame.fine > 0.8:
        return
    for cell in cells:
        for number, street in enumerate(cell.streets):
            p0, q0, p1, q1 = street.rect
            long, along = max(p1 - p0, q1 - q0), p1 - p0 > q1 - q0
            rng = np.random.default_rng(
                (scenario.seed, 81, date, abs(int(p0)), abs(int(q0)), number)
            )
            busy = scenario.town.cars_per_ha * 0.006 * (1 if street.surface == "asphalt" else 0.3)
            if date:
                busy *= 1 - 0.7 * scenario.events.prevalence
            for _ in range(rng.poisson(busy * long)):
                t, side = rng.uniform(0, long), rng.choice([-1, 1])
                half = (q1 - q0 if along else p1 - p0) / 2
                off = side * (half - rng.uniform(0.8, 1.6))
                p, q = (p0 + t, (q0 + q1) / 2 + off) if along else ((p0 + p1) / 2 + off, q0 + t)
                x, y, turn = town.streets.to_ground(p, q)
                turn += 0 if along else np.pi / 2
                paint_car(canvas, x, y, turn + rng.normal(0, 0.05), int(rng.integers(1 << 31)))


def _truth(world: World, window: Window, before: Layers, after: Layers) -> Truth:
    """Compare what is painted at both dates, on BEFORE's pixels."""
    scenario = world.scenario
    vegetation = _vegetation(before[0], after[0], window.shape)
    pixels = Frame(row=window.row, col=window.col, height=window.height, width=window.width,
                   fine=scenario.gsd)  # fmt: skip
    numbers = blank(pixels, world.textures)
    destroyed = [0]
    for cell in world.town.near(pixels.bounds):
        for b in cell.buildings:
            stamp(numbers, b)
            if world.events.of_building(b).grade == GRADES[0]:
                destroyed.append(b.number)
    fallen = np.isin(numbers.building, destroyed[1:])
    classes = np.where(_share(after[1], window.shape) > 0.5, 4, 1).astype(np.uint8)
    classes[vegetation == 6] = 5
    classes[np.isin(vegetation, (3, 4, 5, 7))] = 3
    classes[fallen] = 2
    cols_after, rows_after = world.placement.after_of(window)
    outside = (
        (cols_after < -0.5) | (rows_after < -0.5)
        | (cols_after > world.placement.width - 0.5) | (rows_after > world.placement.height - 0.5)
    )  # fmt: skip
    classes[outside | _hidden(world, pixels)] = 0
    there = np.stack([cols_after, rows_after])
    there[:, outside] = np.nan
    return Truth(classes=classes, vegetation=vegetation, buildings=numbers.building,
                 correspondence=there)  # fmt: skip


def _share(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
    size = shape[::-1]
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def _vegetation(
    before: NDArray[np.uint8], after: NDArray[np.uint8], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the code of vegetation that covers most of each pixel."""
    code = np.zeros(before.shape, np.uint8)
    canopy, green, crop = (before == p for p in (Plants.CANOPY, Plants.GREEN, Plants.CROP))
    alive = np.isin(after, (Plants.GREEN, Plants.CANOPY, Plants.CROP))
    code[canopy] = 3
    code[canopy & alive] = 7
    code[canopy & (after == Plants.CANOPY)] = 1
    code[canopy & (after == Plants.DEADWOOD)] = 4
    code[green | crop] = 5
    code[(green | crop) & alive] = 2
    code[(before == Plants.NONE) & alive] = 6
    farmed = (before == Plants.FALLOW) & alive | crop & (after == Plants.FALLOW)
    code[farmed] = 8
    shares = np.stack([_share(code == n, shape) for n in VEGETATION])
    return np.asarray(shares.argmax(0), np.uint8)


def _hidden(world: World, pixels: Frame) -> NDArray[np.bool_]:
    """Tell where clouds or smoke hide more than half of the light at either date."""
    hidden = np.zeros(pixels.shape, bool)
    for date, sensor in enumerate((world.scenario.before, world.scenario.after)):
        clouds, _ = sense.cloud_cover(pixels, world.textures, sensor, date)
        smoke = sense.smoke_cover(pixels, world.textures, sensor, date)
        for layer in (clouds, smoke):
            if layer is not None:
                hidden |= layer > 0.5
    return hidden


__all__ = ["VEGETATION", "Truth", "World", "chunk_size", "make_world", "render_chunk"]
