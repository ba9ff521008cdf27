"""Paint what lies flat: grass, fields, gardens, yards, streets."""

from __future__ import annotations

import numpy as np

from townmaker.layout import Town
from townmaker.scene import (
    ASPHALT,
    CONCRETE,
    DIRT,
    DRY,
    FINE,
    GREEN,
    LAND,
    SOIL,
    VEGETATION,
    Array,
    Canvas,
    layers,
    mix,
    noise,
)


def paint_ground(town: Town) -> tuple[Canvas, Array]:
    """Paint what lies flat; also return the green share of the cover."""
    shape, rng = (town.side, town.side), town.rng
    wide = layers(shape, (60 / FINE, 22 / FINE, 9 / FINE), rng)
    grain = layers(shape, (6 / FINE, 2.2 / FINE, 0.8 / FINE), rng)
    lush = 0.74 + 0.19 * wide + 0.11 * grain
    # Steep, so that few places are half green: what is vegetation is then no matter of taste.
    green = (1 / (1 + np.exp(-14 * (lush - 0.45)))).astype(np.float32) * (0.85 + 0.15 * lush)
    green = np.clip(green, 0, 1)
    colour = mix(np.broadcast_to(np.float32(DRY), (*shape, 3)).copy(), GREEN, green)
    tone = noise(shape, 5 / FINE, rng) * 0.05 + noise(shape, 16 / FINE, rng) * 0.05
    colour *= (1 + 0.05 * grain + tone)[..., None]
    _paint_field(town, colour, green, grain)
    _paint_yards(town, colour, green, grain)
    _paint_beds(town, colour, green)
    _paint_slab_courts(town, colour, green, grain)
    _paint_streets(town, colour, green, grain)
    lumps = noise(shape, 1.1 / FINE, rng) * 0.035
    slope = np.stack(np.gradient(lumps)[::-1]).astype(np.float32) / FINE
    cover = np.where(green > 0.45, VEGETATION, LAND).astype(np.uint8)
    return Canvas(np.zeros(shape, np.float32), slope, colour, cover), green


def _paint_field(town: Town, colour: Array, green: Array, grain: Array) -> None:
    field_ = (town.p < 118) & (town.q > 345)
    rows = 0.5 + 0.5 * np.sin(2 * np.pi * (town.x * 0.35 + town.y) / 1.9)
    soil = np.float32(SOIL) * (0.92 + 0.10 * rows + 0.05 * grain)[..., None]
    colour[field_], green[field_] = soil[field_], 0.0


def _paint_yards(town: Town, colour: Array, green: Array, grain: Array) -> None:
    """Tread the ground around houses, and a drive to the street."""
    for b in town.buildings:
        sl = town.patch(b.x, b.y, 22)
        if sl is None or b.kind == "slab":
            continue
        rng = np.random.default_rng(b.seed + 2)
        u, v = town.local(b, sl)
        _, _, long, wide = b.parts[0]
        far = np.maximum(np.abs(u) - long / 2, np.abs(v) - wide / 2)
        reach = rng.uniform(0.6, 3.2) if b.kind == "house" else rng.uniform(0.2, 1.4)
        ragged = far + 0.9 * layers(u.shape, (10, 4), rng)
        share = np.clip(1.2 - ragged / reach, 0, 0.85).astype(np.float32)
        off = np.abs((town.q[sl] + 34) % 68 - 34)
        if b.kind == "house":
            drive = (np.abs(town.p[sl] - town.p[sl].mean() - long * 0.55) < 1.3) & (off < 16)
            share = np.maximum(share, drive * np.float32(0.8))
        tint = np.float32(DIRT if rng.random() < 0.7 else CONCRETE) * rng.uniform(0.86, 1.04)
        colour[sl] = mix(colour[sl], tint * (1 + 0.05 * grain[sl])[..., None], share)
        green[sl] *= 1 - share


def _paint_beds(town: Town, colour: Array, green: Array) -> None:
    for p0, p1, near, far, seed in town.beds:
        rng = np.random.default_rng(seed)
        q0, q1 = min(near, far), max(near, far)
        x, y, _ = town.ground((p0 + p1) / 2, (q0 + q1) / 2)
        sl = town.patch(x, y, 26)
        if sl is None:
            continue
        p, q = town.p[sl], town.q[sl]
        inside = (p > p0 + 0.4) & (p < p1 - 0.4) & (q > q0) & (q < q1)
        cut = rng.uniform(p0 + 4, p1 - 4)
        rows = np.sin(2 * np.pi * p / rng.uniform(1.1, 1.7))
        rough = layers(p.shape, (8.0, 3.0), rng)
        for part, lot in (
            (inside & (p < cut), rng.random()),
            (inside & (p >= cut), rng.random()),
        ):
            if lot < 0.30:  # bare bed
                tint = np.float32(SOIL) * rng.uniform(0.82, 1.06)
                paint, share = tint * (1 + 0.05 * rows + 0.05 * rough)[..., None], 0.0
            elif lot < 0.55:  # rows of green
                share_map = np.clip(0.55 + 0.35 * rows + 0.15 * rough, 0, 1).astype(np.float32)
                base = np.broadcast_to(np.float32(SOIL), (*p.shape, 3))
                paint, share = mix(np.asarray(base), (84, 106, 58), share_map), 0.62
            else:
                continue
            colour[sl][part] = paint[part]
            green[sl][part] = share
        fence = (np.abs(p - p0) < 0.16) & (q > q0 - 14) & (q < q1)
        colour[sl][fence] = np.float32((122, 114, 102)) * rng.uniform(0.7, 1.3)


def _paint_slab_courts(town: Town, colour: Array, green: Array, grain: Array) -> None:
    courts = (town.p > 252) & (town.q < 200)
    paths = (np.abs((town.p + 3 * np.sin(town.q / 9)) % 31 - 15) < 0.9) | (
        np.abs(town.q % 68 - 24) < 2.2
    )
    here = courts & paths
    colour[here] = (np.float32(CONCRETE) * (0.9 + 0.03 * grain)[..., None])[here]
    green[here] = 0.0


def _paint_streets(town: Town, colour: Array, green: Array, grain: Array) -> None:
    shape = town.p.shape
    worn = layers(shape, (40 / FINE, 9 / FINE), town.rng)
    ragged = 0.35 * noise(shape, 3 / FINE, town.rng)
    lanes = [
        (np.abs((town.q + 34) % 68 - 34), 2.4, DIRT, 0.05),
        (np.abs((town.p + 62.5) % 125 - 62.5), 2.9, ASPHALT, 0.04),
        (np.abs(town.p - 250), 5.2, ASPHALT, 0.03),
        (np.abs(town.q - 204), 4.0, ASPHALT, 0.03),
    ]
    keep = ~((town.p < 118) & (town.q > 345)) & ~((town.p > 256) & (town.q < 198))
    for n, (distance, half, tint, spread) in enumerate(lanes):
        ground = keep if n < 2 else np.ones(shape, bool)
        shoulder = ground & (distance + ragged < half + 1.3)
        colour[shoulder] = mix(colour, DIRT, np.full(shape, 0.75, np.float32))[shoulder]
        green[shoulder] = np.minimum(green[shoulder], 0.2)
        lane = ground & (distance + 0.4 * ragged < half)
        tone = 1 + spread * worn + 0.02 * grain - 0.05 * (np.abs(distance - half * 0.5) < 0.5)
        colour[lane] = (np.float32(tint) * tone[..., None])[lane]
        green[lane] = 0.0
    for distance, half, _, _ in lanes[2:]:
        walk = np.abs(distance - half - 2.4) < 0.8
        colour[walk] = (np.float32(CONCRETE) * (0.93 + 0.04 * worn)[..., None])[walk]
        green[walk] = 0.0
        line = (distance < 0.09) & (np.sin(2 * np.pi * (town.p + town.q) / 9) > 0)
        colour[line] = (196, 194, 188)
