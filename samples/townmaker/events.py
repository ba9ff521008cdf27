"""Destroy: choose what, and paint what is left."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from townmaker.layout import Town
from townmaker.scene import (
    ASH,
    FINE,
    LAND,
    RUBBLE,
    SOIL,
    VEGETATION,
    Array,
    Building,
    Canvas,
    Patch,
    layers,
    mix,
    noise,
)


def decide(town: Town) -> Array:
    """Choose what is destroyed, by a clustered field of damage; return the field."""
    rng = town.rng
    field_ = 0.55 * noise((town.side, town.side), 110 / FINE, rng)
    for _ in range(4):
        x, y = rng.uniform(0.1, 0.9, 2) * town.size
        reach = rng.uniform(0.12, 0.22) * town.size
        field_ += 1.5 * np.exp(-((town.x - x) ** 2 + (town.y - y) ** 2) / (2 * reach**2))
    _choose_buildings(town, field_)
    lot = [town.at(field_, t.x, t.y) + rng.normal(0, 0.5) for t in town.trees]
    cut = np.quantile(lot, 0.52)
    for tree, value in zip(town.trees, lot, strict=True):
        if value > cut:
            tree.event = "charred" if rng.random() < 0.35 else "removed"
    return field_


def _choose_buildings(town: Town, field_: Array) -> None:
    rng = town.rng
    lot = [town.at(field_, b.x, b.y) + rng.normal(0, 0.45) for b in town.buildings]
    total = sum(b.shape.area for b in town.buildings)
    fallen = 0.0
    for n in np.argsort(lot)[::-1]:
        b = town.buildings[n]
        share = fallen / total
        fallen += b.shape.area
        if share < 0.35:
            b.grade = "Destroyed"
            kinds, odds = ["rubble", "burnt", "cleared"], [0.52, 0.33, 0.15]
            b.event = str(rng.choice(kinds[: 2 if b.kind == "slab" else 3],
                                     p=[0.6, 0.4] if b.kind == "slab" else odds))  # fmt: skip
        elif share < 0.44:
            b.grade, b.event = "Damaged", "holed"
        elif share < 0.50:
            b.grade, b.event = "Possibly damaged", "debris"


def scorch(town: Town, canvas: Canvas, field_: Array) -> None:
    """Burn and churn grass, clustered as the damage is; dig craters."""
    rng, shape = town.rng, field_.shape
    patchy = layers(shape, (25 / FINE, 9 / FINE, 3 / FINE), rng)
    level = field_ + 0.75 * patchy
    green = canvas.cover == VEGETATION
    cut = np.quantile(level[green], 0.62)
    churn = 1 / (1 + np.exp(-(level - cut) * 16))
    burnt = (1 / (1 + np.exp(-(noise(shape, 45 / FINE, rng) - 0.4) * 9))).astype(np.float32)
    earth = np.float32(SOIL) * (0.95 + 0.10 * noise(shape, 7 / FINE, rng))[..., None]
    black = np.float32(ASH) * (0.98 + 0.12 * patchy)[..., None]
    share = np.where(green, churn, 0.10 * churn).astype(np.float32)
    canvas.colour[...] = mix(canvas.colour, mix(earth, black, burnt), 0.93 * share)
    canvas.cover[green & (churn > 0.5)] = LAND
    for _ in range(int(town.size**2 / 3500)):
        x, y = rng.uniform(0, town.size, 2)
        if town.at(level, x, y) > np.quantile(level[::16, ::16], 0.6):
            _dig(town, canvas, x, y, rng)


def _dig(town: Town, canvas: Canvas, x: float, y: float, rng: np.random.Generator) -> None:
    radius = rng.uniform(1.4, 4.0)
    sl = town.patch(x, y, radius * 3)
    if sl is None:
        return
    rough = layers(town.x[sl].shape, (5, 2), rng)
    d = np.hypot(town.x[sl] - x, town.y[sl] - y) / radius + 0.10 * rough
    dent = -0.9 * radius / 2 * np.exp(-((d / 0.62) ** 2)) + 0.35 * np.exp(-(((d - 1.1) / 0.3) ** 2))
    share = np.clip(1.9 - d, 0, 1).astype(np.float32) * 0.9
    earth = np.float32((158, 141, 117)) * (1 + 0.07 * rough)[..., None]
    canvas.colour[sl] = mix(canvas.colour[sl], earth, share)
    canvas.slope[:, sl[0], sl[1]] += np.stack(np.gradient(dent)[::-1]) / FINE * 0.8
    canvas.cover[sl][share > 0.5] = LAND


def paint_event(town: Town, canvas: Canvas, b: Building) -> None:
    """Put what is left of a building."""
    sl = town.patch(b.x, b.y, 46 if b.kind in {"slab", "hall"} else 20)
    if sl is None:
        return
    rng = np.random.default_rng(b.seed + 1)
    u, v = town.local(b, sl)
    far = np.min([np.maximum(np.abs(u - du) - long / 2, np.abs(v - dv) - wide / 2)
                  for du, dv, long, wide in b.parts], axis=0)  # fmt: skip
    if b.event == "cleared":
        _clear(canvas, sl, u, far, rng)
    elif b.event == "burnt":
        _strew(canvas, sl, far, rng, spill=1.6, density=0.35)
        _burn(canvas, sl, u, v, far, b, rng)
    elif b.event == "rubble":
        _collapse(canvas, sl, u, far, b, rng)
    elif b.event == "holed":
        _hole(canvas, sl, far, rng)
    elif b.event == "debris":
        _strew(canvas, sl, far, rng, spill=3.5, density=0.5, roof=False)


def _clear(canvas: Canvas, sl: Patch, u: Array, far: Array,
           rng: np.random.Generator) -> None:  # fmt: skip
    rough = layers(far.shape, (18, 6), rng)
    tracks = 0.05 * np.sin(2 * np.pi * (u + 0.4 * rough) / 2.3)
    share = np.clip(1 - (far - 1.2 + 0.8 * rough) / 1.5, 0, 1).astype(np.float32)
    earth = np.float32((160, 143, 118)) * (1 + 0.045 * rough + tracks)[..., None]
    _level(canvas, sl, far < 0.05)
    canvas.colour[sl] = mix(canvas.colour[sl], earth, share)
    canvas.cover[sl][share > 0.5] = LAND


def _level(canvas: Canvas, sl: Patch, here: NDArray[np.bool_]) -> None:
    canvas.height[sl][here] = 0
    canvas.slope[:, sl[0], sl[1]][:, here] = 0


def _heap(canvas: Canvas, sl: Patch, here: NDArray[np.bool_], far: Array,
          top: float, tint: tuple[float, ...], rng: np.random.Generator) -> None:  # fmt: skip
    lumps = layers(far.shape, (3.2 / FINE, 1.2 / FINE, 0.55 / FINE), rng)
    shape = np.clip(0.35 - far / 4, 0.05, 1)
    tall = np.maximum(0.05, top * shape * (0.75 + 0.5 * lumps)).astype(np.float32)
    slope = np.clip(0.55 * np.stack(np.gradient(tall)[::-1]) / FINE, -0.7, 0.7)
    paint = np.float32(tint) * (1 + 0.13 * layers(far.shape, (4, 2, 1), rng))[..., None]
    brick = np.clip(noise(far.shape, 12, rng) - 0.6, 0, 1) * 0.6
    paint = mix(paint.astype(np.float32), (146, 106, 88), brick.astype(np.float32))
    canvas.height[sl][here] = tall[here]
    canvas.slope[:, sl[0], sl[1]][:, here] = slope[:, here]
    canvas.colour[sl][here] = paint[here]
    canvas.cover[sl][here] = LAND


def _collapse(canvas: Canvas, sl: Patch, u: Array, far: Array,
              b: Building, rng: np.random.Generator) -> None:  # fmt: skip
    ragged = layers(far.shape, (3 / FINE, 1 / FINE), rng)
    spill = 1.2 + 0.12 * b.tall
    tint = np.float32(RUBBLE) * rng.uniform(0.88, 1.1)
    keep = np.zeros(far.shape, bool)
    if b.kind == "slab":  # one section in four may stand, burnt out
        keep = (noise((1, 64), 9, rng)[0][np.clip((u / 1.2 + 32).astype(int), 0, 63)] > 0.9) & (
            far < 0
        )
    here = (far < spill + 0.9 * ragged) & ~keep
    _heap(canvas, sl, here, far, 1.2 + 0.25 * b.tall, tuple(tint), rng)
    canvas.colour[sl][keep] *= 0.62
    _strew(canvas, sl, far, rng, spill=spill + 2.0, density=0.9)
    wall = (np.abs(far + 0.25) < 0.25) & (noise(far.shape, 5 / FINE, rng) > 0.9) & ~keep
    canvas.height[sl][wall] = 2.2
    canvas.colour[sl][wall] = (176, 166, 152)


def _burn(canvas: Canvas, sl: Patch, u: Array, v: Array, far: Array,
          b: Building, rng: np.random.Generator) -> None:  # fmt: skip
    inside = far < 0
    rough = layers(far.shape, (1.5 / FINE, 0.5 / FINE), rng)
    floor = np.float32(ASH) * (0.98 + 0.16 * rough)[..., None]
    _level(canvas, sl, inside)
    canvas.colour[sl][inside] = floor[inside]
    canvas.cover[sl][inside] = LAND
    heaps = inside & (noise(far.shape, 2.5 / FINE, rng) > 0.55)
    _heap(canvas, sl, heaps, far, 0.9, (128, 119, 109), rng)
    tall = 0.8 * b.tall
    walls = np.abs(far + 0.28) < 0.28
    for at in np.arange(-30, 30, rng.uniform(3.6, 5.2)):
        walls |= (np.abs(u - at) < 0.16) & inside
    walls |= (np.abs(v - rng.uniform(-1, 1)) < 0.16) & inside
    walls &= noise(far.shape, 4 / FINE, rng) > -0.9
    canvas.height[sl][walls] = tall * (0.8 + 0.15 * rough)[walls]
    canvas.colour[sl][walls] = (np.float32((150, 139, 126)) * (1 + 0.08 * rough)[..., None])[walls]
    _strew(canvas, sl, far, rng, spill=0.0, density=0.25)


def _hole(canvas: Canvas, sl: Patch, far: Array,
          rng: np.random.Generator) -> None:  # fmt: skip
    torn = layers(far.shape, (3.5 / FINE, 1.2 / FINE), rng)
    inside = far < -0.3
    cut = np.quantile(torn[inside], 1 - rng.uniform(0.10, 0.24)) if inside.any() else 9.0
    hole = inside & (torn > cut)
    canvas.height[sl][hole] *= 0.6
    canvas.slope[:, sl[0], sl[1]][:, hole] = 0
    canvas.colour[sl][hole] = (np.float32((66, 60, 55)) * (1 + 0.2 * torn)[..., None])[hole]
    _strew(canvas, sl, far, rng, spill=2.5, density=0.25)


def _strew(canvas: Canvas, sl: Patch, far: Array,
           rng: np.random.Generator, *, spill: float, density: float, roof: bool = True,
           ) -> None:  # fmt: skip
    """Scatter dust and pieces: sheets, beams, bricks."""
    near = np.clip(1 - far / max(spill + 1.5, 0.1), 0, 1) * (far > 0) * 0.45
    dust = near * (0.7 + 0.3 * noise(far.shape, 6, rng))
    low = canvas.height[sl] < 1.0
    share = (np.clip(dust, 0, 1) * low).astype(np.float32)
    canvas.colour[sl] = mix(canvas.colour[sl], (160, 150, 136), share)
    canvas.cover[sl][share > 0.33] = LAND
    rows, cols = np.nonzero((far < spill) & (low | roof) & ((far > 0) | roof))
    if not rows.size:
        return
    layer, stamp = canvas.colour[sl].copy(), np.zeros(far.shape, np.uint8)
    for n in rng.integers(rows.size, size=int(density * rows.size * FINE**2)):
        long = rng.choice([rng.uniform(0.25, 0.8), rng.uniform(0.8, 2.6)], p=[0.8, 0.2])
        thick = 0.25 if long > 0.9 and rng.random() < 0.75 else long * 0.6
        box = cv2.boxPoints(((float(cols[n]), float(rows[n])), (long / FINE, thick / FINE),
                             float(rng.uniform(0, 180))))  # fmt: skip
        tone = np.clip(rng.normal(143, 34), 68, 218)
        tint = np.float32((1.04, 0.98, 0.91)) * tone + rng.normal(0, 5, 3)
        cv2.fillConvexPoly(layer, np.round(box).astype(np.int32), tuple(map(float, tint)))
        cv2.fillConvexPoly(stamp, np.round(box).astype(np.int32), 1)
    hit = stamp.astype(bool) & (far < spill + 1)
    canvas.colour[sl][hit] = layer[hit]
    canvas.height[sl][hit & low] += 0.15
