"""Paint what stands: buildings, trees, cars."""

from __future__ import annotations

import numpy as np

from townmaker.layout import Town
from townmaker.scene import (
    CARS,
    CHAR,
    CROWN,
    FINE,
    LAND,
    ROOF,
    ROOFS,
    VEGETATION,
    Array,
    Building,
    Canvas,
    Patch,
    Tree,
    layers,
    noise,
)


def paint_building(town: Town, canvas: Canvas, b: Building, roof: str | None = None) -> None:
    """Put an intact building."""
    sl = town.patch(b.x, b.y, 40 if b.kind in {"slab", "hall"} else 16)
    if sl is None:
        return
    rng = np.random.default_rng(b.seed)
    u, v = town.local(b, sl)
    cos, sin = np.cos(b.angle), np.sin(b.angle)
    for number, (du, dv, length, width) in enumerate(b.parts):
        a, c, long, wide = u - du, v - dv, length, width
        inside = (np.abs(a) < long / 2) & (np.abs(c) < wide / 2)
        wing = number > 0 and b.kind == "house"
        if wing:  # its ridge runs across
            a, c, long, wide = c, a, wide, long
        rise, su, sv = _roof_form(b, a, c, long, wide, rng)
        if wing:
            su, sv = sv, su
            inside &= b.tall + rise > canvas.height[sl] - 0.01
        canvas.height[sl][inside] = (b.tall + rise)[inside]
        canvas.slope[0][sl][inside] = (su * cos - sv * sin)[inside]
        canvas.slope[1][sl][inside] = (su * sin + sv * cos)[inside]
        canvas.colour[sl][inside] = _roofing(roof or b.roof, a, c, long, wide, rng)[inside]
        canvas.cover[sl][inside] = ROOF
    if b.kind == "house":
        at = rng.uniform(-2, 2), rng.uniform(-1.5, 1.5)
        _bump(canvas, sl, u, v, *at, 0.8, 0.8, 1.4, (150, 120, 105))
    if b.kind == "slab":
        _roof_boxes(canvas, sl, u, v, b, rng)


def _roof_form(b: Building, a: Array, c: Array, long: float, wide: float,
               rng: np.random.Generator) -> tuple[Array, Array, Array]:  # fmt: skip
    """Height over the eaves, and its slope along and across."""
    if b.kind == "house":
        return _gable(a, c, long, wide, rng.uniform(0.42, 0.62), hip=rng.random() < 0.3)
    if b.kind == "hall":
        return _gable(a, c, long, wide, 0.18, hip=False)
    pitch = 0.10 if b.kind == "shed" else 0.03
    return pitch * (c + wide / 2), np.zeros_like(a), np.full_like(a, pitch)


def _gable(a: Array, c: Array, long: float, wide: float, pitch: float, *, hip: bool,
           ) -> tuple[Array, Array, Array]:  # fmt: skip
    side = wide / 2 - np.abs(c)
    end = long / 2 - np.abs(a) if hip else np.full_like(a, 1e3)
    over = end < side
    su = np.where(over, -np.sign(a) * pitch, 0)
    sv = np.where(over, 0, -np.sign(c) * pitch)
    return pitch * np.minimum(side, end), su, sv


def _roofing(name: str, a: Array, c: Array, long: float, wide: float,
             rng: np.random.Generator) -> Array:  # fmt: skip
    if name == "bitumen":
        tint = np.float32((112, 109, 104)) * rng.uniform(0.85, 1.2)
        strips = np.floor(a / 3.1).astype(int) % 7
        tone = 1 + rng.normal(0, 0.045, 7)[strips] + 0.05 * noise(a.shape, 10, rng)
        paint = tint * tone[..., None].astype(np.float32)
        rim = (long / 2 - np.abs(a) < 0.5) | (wide / 2 - np.abs(c) < 0.5)
        paint[rim] = np.float32((178, 174, 166))
        return np.asarray(paint, np.float32)
    _, base, spread = ROOFS[name]
    tint = np.float32(base) + rng.normal(0, spread) + rng.normal(0, 2.5, 3).astype(np.float32)
    sheets = np.cos(2 * np.pi * a / 1.15) * 0.018
    age = layers(a.shape, (14, 5, 2), rng) * (0.075 if name in {"asbestos", "dark"} else 0.04)
    ridge = -0.10 * (np.abs(c) < 0.22) if name != "zinc" else 0.0
    return np.asarray(tint * (1 + sheets + age + ridge)[..., None], np.float32)


def _bump(canvas: Canvas, sl: Patch, u: Array, v: Array, du: float, dv: float,
          long: float, wide: float, tall: float, tint: tuple[float, ...]) -> None:  # fmt: skip
    here = (np.abs(u - du) < long / 2) & (np.abs(v - dv) < wide / 2)
    canvas.height[sl][here] += tall
    canvas.slope[:, sl[0], sl[1]][:, here] = 0
    canvas.colour[sl][here] = tint


def _roof_boxes(canvas: Canvas, sl: Patch, u: Array, v: Array, b: Building,
                rng: np.random.Generator) -> None:  # fmt: skip
    long = b.parts[0][2]
    for at in np.arange(-long / 2 + 6, long / 2 - 4, 12.5):
        _bump(canvas, sl, u, v, at, rng.normal(0, 0.4), 3.2, 3.0, 2.4, (150, 147, 141))
        _bump(canvas, sl, u, v, at + 4, rng.uniform(-4, 4), 1.0, 1.0, 1.0, (168, 160, 150))


def paint_tree(town: Town, canvas: Canvas, tree: Tree, hue: float = 1.0) -> None:
    """Put a crown: a bumpy dome that shades ittown."""
    charred = tree.event == "charred"
    sl = town.patch(tree.x, tree.y, tree.radius * 1.4)
    if sl is None:
        return
    rng = np.random.default_rng(tree.seed)
    dx, dy = town.x[sl] - np.float32(tree.x), town.y[sl] - np.float32(tree.y)
    turn = np.arctan2(dy, dx)
    lobes = sum(rng.normal(0, 0.07) * np.cos(k * turn + rng.uniform(0, 6)) for k in range(2, 7))
    distance = np.hypot(dx, dy) / (tree.radius * (1 + lobes))
    leaf = layers(dx.shape, (1.2 / FINE, 0.6 / FINE), rng)
    dome = np.sqrt(np.clip(1 - distance**2, 0, 1))
    inside = distance + 0.10 * leaf < 1
    tall = tree.tall * (0.45 + 0.55 * dome) + 0.35 * leaf
    if charred:
        inside &= leaf + rng.normal(0.1, 0.1) > 0.15
        tall = 0.55 * tall
    inside &= tall > canvas.height[sl]
    rise = np.stack(np.gradient(tree.tall * 0.5 * dome + 0.30 * leaf)[::-1]) / FINE
    canvas.height[sl][inside] = tall[inside]
    canvas.slope[:, sl[0], sl[1]][:, inside] = np.clip(0.5 * rise, -1.3, 1.3)[:, inside]
    tint = np.float32(CHAR if charred else CROWN) * rng.uniform(0.84, 1.22)
    tint = tint * np.float32((rng.uniform(0.92, 1.1) * hue, 1.0, rng.uniform(0.9, 1.08)))
    canvas.colour[sl][inside] = (tint * (1 + 0.13 * leaf)[..., None])[inside]
    canvas.cover[sl][inside] = LAND if charred else VEGETATION


def paint_cars(town: Town, canvas: Canvas, rng: np.random.Generator, count: int) -> None:
    """Park cars along streets."""
    for _ in range(count):
        street, along = rng.integers(4), rng.uniform(0, town.size)
        p, q = [(250 + 4 * rng.choice([-1, 1]), along), (along, 204 + 3 * rng.choice([-1, 1])),
                (along, 68 * rng.integers(1, 8) + 1.4), (rng.uniform(262, 480), 92 + rng.normal())
                ][street]  # fmt: skip
        x, y, angle = town.ground(p, q)
        turn = np.pi / 2 if street == 0 else 0.0
        car = Building(x, y, angle + turn + rng.normal(0, 0.05), [], "car", "", 1.4, 0)
        sl = town.patch(x, y, 4)
        if sl is None or canvas.height[sl].max() > 3 or (p < 125 and q > 340):
            continue
        u, v = town.local(car, sl)
        tint = np.float32(CARS[rng.integers(len(CARS))]) * rng.uniform(0.85, 1.1)
        body = (np.abs(u) < 2.15) & (np.abs(v) < 0.85)
        canvas.height[sl][body] = 1.3
        canvas.colour[sl][body] = tint
        canvas.colour[sl][body & (np.abs(np.abs(u) - 1.0) < 0.3)] = (52, 58, 66)
        canvas.cover[sl][body] = LAND
