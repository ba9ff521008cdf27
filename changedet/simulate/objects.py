"""Paint what stands: buildings, trees and cars."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from changedet.core.scenario import SensorOptions
from changedet.simulate.canvas import Canvas, Plants, relief, tinted
from changedet.simulate.events import CHARRED, DEAD, GONE
from changedet.simulate.frames import PERIOD, Array, Slices, Textures
from changedet.simulate.materials import ROOFS, M, colour
from changedet.simulate.things import Building

CARS = (
    (0.42, 0.42, 0.41), (0.05, 0.05, 0.055), (0.22, 0.22, 0.23), (0.20, 0.03, 0.03),
    (0.05, 0.07, 0.14), (0.50, 0.50, 0.48), (0.13, 0.14, 0.15),
)  # fmt: skip


class Place(NamedTuple):
    """Coordinates along and across a rectangle over a patch, and its length and width, metres."""

    u: Array
    v: Array
    long: float
    wide: float


def local(canvas: Canvas, where: Slices, x: float, y: float, angle: float) -> tuple[Array, Array]:
    """Return the coordinates along and across a thing, metres."""
    dx, dy = canvas.frame.axes(where)
    dx, dy = dx - np.float32(x), dy - np.float32(y)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return dx * cos + dy * sin, dy * cos - dx * sin


def patch_of(canvas: Canvas, b: Building, extra: float) -> Slices | None:
    """Return the patch around a building."""
    x0, y0, x1, y1 = b.shape.bounds
    return canvas.frame.patch(x0 - extra, y0 - extra, x1 + extra, y1 + extra)


def distance(b: Building, u: Array, v: Array) -> Array:
    """Return distances from a building's outline, negative inside, metres."""
    parts = [
        np.maximum(np.abs(u - du) - long / 2, np.abs(v - dv) - wide / 2)
        for du, dv, long, wide in b.parts
    ]
    return np.asarray(np.minimum.reduce(parts))


def stamp(canvas: Canvas, b: Building) -> None:
    """Write a building's number where its outline covers the centre of a pixel."""
    where = patch_of(canvas, b, 0.5)
    if where is not None:
        inside = distance(b, *local(canvas, where, b.x, b.y, b.angle)) < 0
        canvas.building[where][inside] = b.number


def paint_building(canvas: Canvas, b: Building, roof: str | None = None) -> None:
    """Put an intact building; ``roof`` gives it other roofing than it had."""
    where = patch_of(canvas, b, 0.5)
    if where is None:
        return
    rng = np.random.default_rng(b.seed)
    tint = _roof_tint(b, roof, rng)
    u, v = local(canvas, where, b.x, b.y, b.angle)
    for number, (du, dv, long, wide) in enumerate(b.parts):
        a, c, length, width = u - du, v - dv, long, wide
        inside = (np.abs(a) < long / 2) & (np.abs(c) < wide / 2)
        turned = wide > long
        if turned:
            a, c, length, width = c, a, wide, long
        rise, su, sv = _roof_form(b.form, a, c, length, width)
        if turned:
            su, sv = sv, su
        top = b.height * (1.0 if number == 0 or b.form == "flat" else 0.85) + rise
        inside &= top > canvas.height[where]
        cos, sin = np.cos(b.angle), np.sin(b.angle)
        canvas.height[where][inside] = top[inside]
        canvas.slope[0][where][inside] = (su * cos - sv * sin)[inside]
        canvas.slope[1][where][inside] = (su * sin + sv * cos)[inside]
        tone = _roof_tone(canvas, where, b, Place(a, c, length, width))
        canvas.put(where, inside, tint[:, None, None] * tone, _roof_material(b, roof))
        canvas.plants[where][inside] = Plants.NONE
        # What happened to the ground below is not seen.
        canvas.marked[where][inside] = False
    _clutter(canvas, where, b, Place(u, v, 0.0, 0.0), rng)


def _roof_material(b: Building, roof: str | None) -> M:
    name = roof or b.roof
    return M.BITUMEN if name == "bitumen" else ROOFS[name][0]


def _roof_tint(b: Building, roof: str | None, rng: np.random.Generator) -> Array:
    spread = 0.26 if b.form == "flat" else 0.22
    bright = np.float32(1.35 if (roof or b.roof) == "white" else 1.0)
    return tinted(_roof_material(b, roof), rng, spread, 0.03) * bright


def _roof_form(
    form: str, a: Array, c: Array, long: float, wide: float
) -> tuple[NDArray[np.floating], Array, Array]:
    """Return the height over the eaves and its rise along and across."""
    zero = np.zeros_like(a)
    if form in {"gable", "hip", "half", "low"}:
        pitch = 0.16 if form == "low" else 0.52
        side = wide / 2 - np.abs(c)
        end = {"hip": long / 2 - np.abs(a), "half": 2.0 + long / 2 - np.abs(a)}.get(form, zero + 99)
        over = end < side
        return (
            pitch * np.minimum(side, end),
            np.where(over, -np.sign(a) * pitch, 0).astype(np.float32),
            np.where(over, 0, -np.sign(c) * pitch).astype(np.float32),
        )
    if form == "lean":
        return np.float32(0.12) * (c + wide / 2), zero, zero + np.float32(0.12)
    if form == "saw":
        step = (a + long / 2) % 7.0
        return 0.30 * step, zero + np.float32(0.30), zero
    return zero, zero, zero


def _roof_tone(canvas: Canvas, where: Slices, b: Building, at: Place) -> NDArray[np.floating]:
    """Return how bright a roof is over its tint: sheets or strips, stains, age, ridge and rim."""
    a, c, long, wide = at
    rough = canvas.piece("fractal", where, b.seed % 1021)
    if b.form == "flat":
        strips = np.sin(np.floor(a / 2.9) * 12.9898 + b.seed % 97) * 0.045
        stains = -0.13 * (canvas.piece("soft", where, b.seed % 509) > 1.3)
        tone = 1 + strips + 0.06 * rough + stains
        rim = np.minimum(long / 2 - np.abs(a), wide / 2 - np.abs(c)) < 0.45
        return np.where(rim, 1.55, tone)
    age = {"asbestos": 0.07, "tile": 0.06, "rust": 0.18, "dark": 0.06}.get(b.roof, 0.03)
    sheets = 0.022 * np.cos(2 * np.pi * a / 1.1)
    lines = -0.10 * ((np.abs(c) < 0.2) & (b.form in {"gable", "hip", "half"}))
    # older sheets lie here and there
    mended = 0.10 * np.sin(np.floor(a / 2.4) * 7.1 + np.floor(c / 1.9) * 3.3 + b.seed % 89)
    return np.asarray(1 + sheets + age * rough + lines + mended * (b.roof in {"asbestos", "rust"}))


def _clutter(
    canvas: Canvas, where: Slices, b: Building, at: Place, rng: np.random.Generator
) -> None:
    """Put chimneys, stair heads, vents and skylights."""
    _, _, long, wide = b.parts[0]

    def box(spot: tuple[float, float], size: tuple[float, float, float], paint: Array) -> None:
        here = (np.abs(at.u - spot[0]) < size[0] / 2) & (np.abs(at.v - spot[1]) < size[1] / 2)
        canvas.height[where][here] += size[2]
        for axis in (0, 1):
            canvas.slope[axis][where][here] = 0
        for band in range(4):
            canvas.colour[band][where][here] = paint[band]

    if b.kind == "house":
        spot = rng.uniform(-0.3, 0.3) * long, rng.uniform(-0.2, 0.2) * wide
        box(spot, (0.8, 0.8, 1.1), colour(M.TILE) * 0.9)
    elif b.kind in {"slab", "school"} or (b.form == "flat" and b.kind == "hall"):
        for along in np.arange(-long / 2 + 5, long / 2 - 3, rng.uniform(11, 15)):
            paint = colour(M.CONCRETE) * rng.uniform(0.6, 1.0)
            size = (rng.uniform(2.6, 4.2), rng.uniform(2.2, 3.4), rng.uniform(1.8, 2.8))
            box((along, rng.normal(0, 0.6)), size, paint)
            for _ in range(3):
                spot = along + rng.uniform(-5, 5), rng.uniform(-0.42, 0.42) * wide
                box(spot, (0.9, 0.9, 0.9), colour(M.ZINC) * rng.uniform(0.3, 1.0))
    elif b.kind == "hall":
        for along in np.arange(-long / 2 + 5, long / 2 - 3, 8.0):
            if rng.random() < 0.5:
                box((along, 0.0), (2.4, wide * 0.5, 0.2), colour(M.DARK))


@lru_cache(maxsize=512)
def crown(textures: Textures, fine: float, size: int, variant: int) -> tuple[Array, ...]:
    """Return a crown of ``size`` quarter metres: dome, clumps of leaves, level and its slopes."""
    radius = size * 0.25
    half = int(np.ceil(radius * 1.35 / fine)) + 1
    axis = np.arange(-half, half + 1, dtype=np.float32) * np.float32(fine)
    dx, dy = axis[None, :], axis[:, None]
    rng = np.random.default_rng((textures.seed, 21, size, variant))
    turn = np.arctan2(dy, dx)
    lobes = np.float32(1)
    for k in range(2, 8):
        swing = np.float32(rng.normal(0, 0.09 / np.sqrt(k / 2)))
        lobes = lobes + swing * np.cos(k * turn + np.float32(rng.uniform(0, 6.28)))
    far = np.hypot(dx, dy) / (np.float32(radius) * lobes)
    row, col = rng.integers(0, PERIOD, 2)
    leaf = textures.window("soft", int(row), int(col), far.shape)
    dome = np.sqrt(np.clip(1 - far**2, 0, 1)).astype(np.float32)
    rise = relief(0.42 * radius * dome + 0.20 * radius**0.5 * leaf, fine)
    return dome, leaf, (1 - far).astype(np.float32), *(np.clip(r, -1.6, 1.6) for r in rise)


def paint_trees(canvas: Canvas, trees: np.ndarray, fates: np.ndarray, sensor: SensorOptions,
                *, events: bool) -> None:  # fmt: skip
    """Put the crowns of a cell; what is gone leaves a stump's width of bare ground."""
    left, upper, right, lower = canvas.frame.bounds
    reach = trees[:, 2] * 1.5 + 1
    seen = (
        (trees[:, 0] > left - reach) & (trees[:, 0] < right + reach)
        & (trees[:, 1] > upper - reach) & (trees[:, 1] < lower + reach)
    )  # fmt: skip
    for row, fate in zip(trees[seen], fates[seen], strict=True):
        if fate != GONE or not events:
            _paint_tree(canvas, row, int(fate) if events else 0, sensor)


def _paint_tree(canvas: Canvas, row: np.ndarray, fate: int, sensor: SensorOptions) -> None:
    x, y, radius, height, kind, seed = (float(v) for v in row)
    rng = np.random.default_rng(int(seed))
    dome, leaf, level, *slope = crown(
        canvas.textures, canvas.frame.fine, max(3, round(radius * 4)), int(rng.integers(12))
    )
    half = dome.shape[0] // 2
    c = int(np.floor(x / canvas.frame.fine)) - canvas.frame.col - half
    r = int(np.floor(y / canvas.frame.fine)) - canvas.frame.row - half
    r0, c0 = max(0, r), max(0, c)
    r1 = min(canvas.frame.height, r + dome.shape[0])
    c1 = min(canvas.frame.width, c + dome.shape[1])
    if r0 >= r1 or c0 >= c1:
        return
    cut = (slice(r0 - r, r1 - r), slice(c0 - c, c1 - c))
    where = (slice(r0, r1), slice(c0, c1))
    dome, leaf, level = dome[cut], leaf[cut], level[cut]
    inside = level + 0.16 * leaf > 0
    top = height * (0.42 + 0.58 * dome) + 0.35 * leaf
    bare = fate in {DEAD, CHARRED} or sensor.leaf < 0.95
    if bare:
        thick = {DEAD: 0.55, CHARRED: 0.35}.get(fate, 0.35 + 0.65 * sensor.leaf)
        inside &= leaf > 1.4 - 3.0 * thick
        top = top * (0.75 if fate else 1.0)
    inside &= top > canvas.height[where]
    paint = _crown_colour(rng, kind, fate, sensor)
    tone = np.clip(1 + 0.30 * leaf + 0.35 * (dome - 0.6), 0.25, 2.2)
    canvas.height[where][inside] = top[inside]
    for axis in (0, 1):
        canvas.slope[axis][where][inside] = slope[axis][cut][inside]
    material = M.DEADWOOD if fate == DEAD else M.CHAR if fate == CHARRED else M.CROWN
    canvas.put(where, inside, paint[:, None, None] * tone, material)
    if fate:
        canvas.plants[where][level > 0] = Plants.DEADWOOD
    else:
        whole = level + 0.16 * leaf > 0
        canvas.plants[where][whole] = Plants.CANOPY
        canvas.marked[where][whole] = False


def _crown_colour(rng: np.random.Generator, kind: float, fate: int,
                  sensor: SensorOptions) -> Array:  # fmt: skip
    own = tinted(M.CROWN, rng, 0.20, 0.07)
    if kind == 2:
        own = own * np.float32(1.2)
    if fate == DEAD:
        return tinted(M.DEADWOOD, rng, 0.15)
    if fate == CHARRED:
        return tinted(M.CHAR, rng, 0.2)
    wood = colour(M.DEADWOOD) * np.float32(0.8)
    return np.asarray(wood + (own - wood) * np.float32(sensor.leaf), np.float32)


def paint_car(canvas: Canvas, x: float, y: float, angle: float, seed: int) -> None:
    """Put a car, unless something stands there."""
    where = canvas.frame.patch(x - 3, y - 3, x + 3, y + 3)
    if where is None or canvas.height[where].max() > 2.5:
        return
    rng = np.random.default_rng(seed)
    u, v = local(canvas, where, x, y, angle)
    body = (np.abs(u) < 2.2) & (np.abs(v) < 0.9)
    paint = np.array([*CARS[rng.integers(len(CARS))], 0.25], np.float32) * rng.uniform(0.8, 1.2)
    canvas.put(where, body, paint, M.CAR)
    canvas.put(where, body & (np.abs(np.abs(u) - 1.0) < 0.3), colour(M.CHAR), M.CAR)
    canvas.height[where][body] = 1.4


def cover_tarp(canvas: Canvas, b: Building, where: Slices) -> None:
    """Lay a blue tarpaulin over part of a roof."""
    u, v = local(canvas, where, b.x, b.y, b.angle)
    rng = np.random.default_rng(b.seed + 5)
    _, _, long, wide = b.parts[0]
    at = rng.uniform(-0.25, 0.25) * long, rng.choice([-0.25, 0.25]) * wide
    here = (distance(b, u, v) < 0) & (np.abs(u - at[0]) < rng.uniform(0.2, 0.4) * long)
    here &= np.abs(v - at[1]) < 0.25 * wide
    canvas.put(where, here, colour(M.TARP), M.TARP)
    canvas.marked[where][here] = True
