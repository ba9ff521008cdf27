"""Paint what events leave: rubble, shells, holes, cleared plots, craters, tracks, burnt ground."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from changedet.simulate.canvas import Canvas, Mask, Plants, blank, relief, tinted
from changedet.simulate.events import Crater, Events, Fate
from changedet.simulate.frames import Array, Slices, frame_around
from changedet.simulate.materials import M, colour
from changedet.simulate.objects import distance, local, patch_of
from changedet.simulate.things import Building


class Site(NamedTuple):
    """A building and what lies about it: along and across, distance from its outline, metres."""

    canvas: Canvas
    where: Slices
    building: Building
    u: Array
    v: Array
    far: Array
    rng: np.random.Generator


def scorch(canvas: Canvas, events: Events) -> None:
    """Burn and churn the green ground where the field of damage is high."""
    frame = canvas.frame
    share = events.churned(frame, canvas.textures)
    if share is None:
        return
    green = canvas.plants == Plants.GREEN
    level = np.where(green, share, 0.25 * share) * (canvas.height < 0.3)
    rough = canvas.textures.cover("fractal", frame, grain=3, salt=41)
    burnt = np.clip(
        canvas.textures.cover("soft", frame, grain=48, salt=42) * 1.2 + 0.4 * rough - 0.7, 0, 1
    )
    tone = np.clip(1 + 0.13 * rough, 0.3, 2)
    weight = 0.92 * level
    for band in range(4):
        earth = colour(M.SOIL)[band] * 0.95
        paint = (earth + (colour(M.CHAR)[band] * 1.25 - earth) * burnt) * tone
        canvas.colour[band] += (paint - canvas.colour[band]) * weight
    specks = canvas.textures.window("rough", frame.row, frame.col, frame.shape)
    specks = (specks > np.float32(3.1)) & (share > 0.3) & (canvas.material != M.ASPHALT)
    for band in range(4):
        canvas.colour[band][specks] = colour(M.CONCRETE)[band] * 1.1
    gone = green & (level > 0.5)
    canvas.plants[gone] = Plants.NONE
    canvas.material[gone] = np.where(burnt[gone] > 0.5, M.CHAR, M.SOIL)
    canvas.marked |= gone


def dig(canvas: Canvas, crater: Crater) -> None:
    """Dig a crater: a shaded bowl, a bright rim, ejecta that thin out."""
    reach = crater.radius * 3.2
    x, y = crater.x, crater.y
    where = canvas.frame.patch(x - reach, y - reach, x + reach, y + reach)
    if where is None:
        return
    dx, dy = local(canvas, where, x, y, 0.0)
    rough = canvas.piece("fractal", where, crater.seed % 911)
    far = np.hypot(dx, dy) / crater.radius + 0.12 * rough
    bowl = -0.55 * crater.radius * np.exp(-((far / 0.7) ** 2)) + 0.2 * crater.radius * np.exp(
        -(((far - 1.05) / 0.28) ** 2)
    )
    ground = canvas.height[where] < 0.3
    ejecta = np.clip(2.4 - far + 0.5 * rough, 0, 1) * ground * 0.85
    earth = colour(M.DIRT) * 0.85
    canvas.blend(where, earth[:, None, None] * (1 + 0.12 * rough), ejecta.astype(np.float32))
    rise = relief(np.where(ground, bowl, 0).astype(np.float32), canvas.frame.fine)
    inner = ground & (far < 1.8)
    for axis in (0, 1):
        canvas.slope[axis][where][inner] = np.clip(rise[axis], -0.9, 0.9)[inner]
    bare = ejecta > 0.4
    canvas.material[where][bare] = M.SOIL
    canvas.plants[where][bare] = Plants.NONE
    canvas.marked[where][bare] = True


def rut(canvas: Canvas, line: np.ndarray, seed: int) -> None:
    """Draw the two ruts of a vehicle's track through mud."""
    low, high = line.min(0) - 3, line.max(0) + 3
    where = canvas.frame.patch(*low, *high)
    if where is None:
        return
    fine = canvas.frame.fine
    origin = np.array([canvas.frame.col + where[1].start, canvas.frame.row + where[0].start])
    pixels = np.round((line / fine - origin) * 8).astype(np.int32)
    shape = where[0].stop - where[0].start, where[1].stop - where[1].start
    away = np.full(shape, 255, np.uint8)
    cv2.polylines(away, [pixels[:, None, :]], False, 0, 1, cv2.LINE_8, 3)
    # Where the line itself is not in the patch, distances are as large as can be: cut them.
    far = np.minimum(cv2.distanceTransform(away, cv2.DIST_L2, 5) * np.float32(fine), 99)
    rough = canvas.piece("fractal", where, seed % 769)
    ruts = np.clip(1.2 - np.abs(far - 1.1) / 0.55 + 0.4 * rough, 0, 1)
    mud = np.clip(1.6 - far / 1.8 + 0.4 * rough, 0, 0.7)
    share = np.maximum(0.9 * ruts, mud) * (canvas.height[where] < 0.3)
    earth = colour(M.SOIL) * 0.78
    canvas.blend(where, earth[:, None, None] * (1 + 0.08 * rough), share.astype(np.float32))
    bare = share > 0.5
    canvas.plants[where][bare] = Plants.NONE
    canvas.material[where][bare] = M.SOIL
    canvas.marked[where][bare] = True


def paint_ruin(canvas: Canvas, b: Building, fate: Fate, weeds: float) -> None:
    """Put what is left of a building; it must have been painted whole where something stands."""
    spill = 1.4 + 0.13 * b.height
    where = patch_of(canvas, b, 2.2 * spill + 8)
    if where is None:
        return
    rng = np.random.default_rng((b.seed, 31))
    u, v = local(canvas, where, b.x, b.y, b.angle)
    site = Site(canvas, where, b, u, v, distance(b, u, v), rng)
    if fate.event == "rubble":
        _collapse(site, spill)
    elif fate.event == "burnt":
        _burn(site)
    elif fate.event == "cleared":
        _clear(site)
    elif fate.event in {"holed", "part"}:
        _hole(site, fate)
    elif fate.event == "debris":
        _strew(site, spill=3.5, density=0.35, over=False)
    if fate.event in {"rubble", "cleared"} and rng.random() < 2 * weeds:
        _overgrow(site)


def _heap(site: Site, here: Mask, top: float) -> None:
    """Heap up rubble: a dark, brownish base, lumps of a metre or two, few bright pieces."""
    canvas, where, b, _, _, far, rng = site
    big = canvas.piece("soft", where, b.seed % 401)
    small = canvas.piece("rough", where, b.seed % 307)
    fine = canvas.piece("fractal", where, b.seed % 211)
    profile = np.clip(0.4 - far / 5, 0.05, 1)
    surface = (top * profile * (0.75 + 0.35 * big) + 0.16 * big + 0.10 * small).astype(np.float32)
    surface = np.maximum(surface, 0.05)
    base = tinted(M.RUBBLE, rng, 0.16, 0.04)
    # Skewed, as debris is: most of it dull, a little very bright.
    tone = np.exp(0.24 * small + 0.15 * big + 0.24 * fine).astype(np.float32)
    paint = base[:, None, None] * tone
    brick = np.clip(canvas.piece("soft", where, b.seed % 173) - 0.4, 0, 1) * rng.uniform(0, 0.8)
    paint += (1.1 * colour(M.TILE)[:, None, None] * tone - paint) * brick
    rise = relief(surface, canvas.frame.fine)
    canvas.height[where][here] = surface[here]
    for axis in (0, 1):
        canvas.slope[axis][where][here] = np.clip(0.8 * rise[axis], -1.0, 1.0)[here]
    canvas.put(where, here, paint, M.RUBBLE)
    canvas.plants[where][here] = Plants.NONE
    canvas.marked[where][here] = True


PIECES = (M.CONCRETE, M.CONCRETE, M.ZINC, M.ASBESTOS, M.ASBESTOS, M.TILE, M.DEADWOOD, M.DARK,
          M.DIRT, M.BLUE_METAL)  # fmt: skip


def _scatter(site: Site, spread: float, per_m2: float) -> None:
    """Throw plates, sheets and beams about a ruin, thinning out with the distance."""
    canvas, where, b, _, _, _, rng = site
    fine = canvas.frame.fine
    if fine > 0.6:
        return
    origin = np.array([canvas.frame.col + where[1].start, canvas.frame.row + where[0].start])
    cos, sin = np.cos(b.angle), np.sin(b.angle)
    count = rng.poisson(per_m2 * b.shape.area)
    tones = np.zeros_like(canvas.height[where])
    kinds = np.zeros(tones.shape, np.uint8)
    for _ in range(count):
        part = b.parts[int(rng.integers(len(b.parts)))]
        u = part[0] + rng.uniform(-0.5, 0.5) * part[2] + rng.normal(0, spread)
        v = part[1] + rng.uniform(-0.5, 0.5) * part[3] + rng.normal(0, spread)
        long = rng.choice([rng.uniform(0.5, 1.3), rng.uniform(1.3, 4.5)], p=[0.72, 0.28])
        thick = rng.uniform(0.3, 0.5) if long > 1.6 and rng.random() < 0.6 else long * 0.7
        turn = rng.uniform(0, np.pi) if rng.random() < 0.7 else b.angle + rng.normal(0, 0.1)
        x, y = b.x + u * cos - v * sin, b.y + u * sin + v * cos
        box = cv2.boxPoints(
            ((0.0, 0.0), (float(long / fine), float(thick / fine)), float(turn * 57.3))
        )
        points = np.round((box + np.array([x, y]) / fine - origin) * 16).astype(np.int32)
        bright = float(np.exp(rng.normal(0.12, 0.38)))
        cv2.fillConvexPoly(tones, points, bright, cv2.LINE_8, 4)
        cv2.fillConvexPoly(kinds, points, int(rng.integers(len(PIECES))), cv2.LINE_8, 4)
    hit = (tones > 0) & (canvas.height[where] < 2.5)
    tone = tones[hit]
    material = np.array(PIECES, np.uint8)[kinds[hit]]
    table = np.stack([colour(M(m)) for m in M])
    for band in range(4):
        canvas.colour[band][where][hit] = table[material, band] * tone
    canvas.material[where][hit] = M.RUBBLE
    canvas.height[where][hit] += np.float32(0.2)
    canvas.plants[where][hit] = Plants.NONE
    canvas.marked[where][hit] = True


def _collapse(site: Site, spill: float) -> None:
    canvas, where, b, _, _, far, rng = site
    ragged = canvas.piece("soft", where, b.seed % 601) + canvas.piece("fractal", where, 3)
    here = far < spill * rng.uniform(0.5, 1.1) + 0.8 * ragged
    here &= (canvas.height[where] < 2.0) | (far < 0)
    _heap(site, here, rng.uniform(0.5, 1.0) + 0.12 * b.height)
    _strew(site, spill=spill + 4, density=0.9)
    if rng.random() < 0.35:  # part of the floor is swept bare by the blast, or was cleared
        floor = (far < -0.4) & (canvas.piece("soft", where, b.seed % 227) > 0.5)
        canvas.flatten(where, floor, 0.2)
        canvas.put(where, floor, colour(M.CONCRETE) * rng.uniform(0.5, 0.9), M.CONCRETE)
    _scatter(site, spill, 0.22)
    wall = (np.abs(far + 0.25) < 0.3) & (canvas.piece("soft", where, b.seed % 97) > 0.9)
    canvas.flatten(where, wall, 0.35 * b.height)
    canvas.put(where, wall, colour(M.WALL), M.WALL)


def _burn(site: Site) -> None:
    """Leave a roofless shell: dark floors between walls that still cast shadows."""
    canvas, where, b, u, v, far, rng = site
    inside = far < 0
    rough = canvas.piece("fractal", where, b.seed % 331)
    lumps = canvas.piece("soft", where, b.seed % 503)
    canvas.flatten(where, inside)
    ash = (colour(M.CHAR) * rng.uniform(1.0, 1.9))[:, None, None] * np.clip(
        1 + 0.22 * rough, 0.3, 2
    )
    canvas.put(where, inside, ash, M.CHAR)
    floor = b.height * (0.55 if b.kind in {"slab", "school"} else 0.0)
    canvas.height[where][inside] = floor
    _heap(site, inside & (lumps > rng.uniform(-0.2, 1.2)), 0.6)
    if floor:
        canvas.height[where][inside] += floor * 0.9
    walls = (far < 0) & (far > -0.55)
    step = rng.uniform(9, 14) if b.kind == "hall" else rng.uniform(4.2, 6.5)
    walls |= inside & (np.abs((u + 200) % step - step / 2) < 0.2)
    walls |= inside & (np.abs(v - rng.uniform(-0.8, 0.8)) < 0.2)
    walls &= canvas.piece("soft", where, b.seed % 139) > -0.7
    tall = (b.height * np.clip(0.85 + 0.08 * lumps, 0.5, 1)).astype(np.float32)
    canvas.height[where][walls] = tall[walls]
    tone = (1 + 0.15 * rough) * rng.uniform(0.6, 1.0)
    canvas.put(where, walls, colour(M.WALL)[:, None, None] * tone, M.WALL)
    canvas.marked[where][inside] = True
    _strew(site, spill=1.5, density=0.3)


def _clear(site: Site) -> None:
    """Leave smooth earth with the marks of machines."""
    canvas, where, b, u, _, far, rng = site
    rough = canvas.piece("fractal", where, b.seed % 257)
    marks = 0.06 * np.sin(2 * np.pi * (u + 0.5 * rough) / 2.4)
    share = np.clip(1 - (far - 1.0 + 0.8 * rough) / 1.5, 0, 1) * (
        (canvas.height[where] < 1.0) | (far < 0)
    )
    canvas.flatten(where, far < 0.05)
    earth = tinted(M.DIRT, rng, 0.1)
    canvas.blend(where, earth[:, None, None] * (1 + 0.06 * rough + marks), share.astype(np.float32))
    bare = share > 0.5
    canvas.material[where][bare] = M.DIRT
    canvas.plants[where][bare] = Plants.NONE
    canvas.marked[where][bare] = True


def _hole(site: Site, fate: Fate) -> None:
    """Tear holes into a roof, or bring down one end."""
    canvas, where, b, u, _, far, rng = site
    inside = far < 0
    if not inside.any():
        return
    if fate.event == "part":
        long = b.parts[0][2]
        at = long * (0.5 - fate.lost_share) + canvas.piece("soft", where, b.seed % 149)
        hole = inside & (u * rng.choice([-1, 1]) > at)
        _heap(site, hole, 0.6 + 0.1 * b.height)
    else:
        times = max(2, round(float(rng.uniform(2.5, 5.5)) * 0.25 / canvas.frame.fine))
        # The level that gives the share comes from the whole roof, whatever part is in the frame.
        whole = frame_around(b.shape.bounds, 1.0, canvas.frame.fine)
        full = blank(whole, canvas.textures)
        everything = (slice(0, whole.height), slice(0, whole.width))
        roof = distance(b, *local(full, everything, b.x, b.y, b.angle)) < 0
        cut = np.quantile(_torn(full, everything, b, times)[roof], 1 - fate.lost_share)
        hole = inside & (_torn(canvas, where, b, times) > cut)
        canvas.flatten(where, hole, 0.55 * b.height)
        rough = canvas.piece("fractal", where, b.seed % 113)
        paint = colour(M.CHAR)[:, None, None] * np.clip(1.2 + 0.4 * rough, 0.3, 3)
        canvas.put(where, hole, paint, M.CHAR)
    canvas.marked[where][hole] = True
    _strew(site, spill=2.2, density=0.2, over=False)


def _torn(canvas: Canvas, where: Slices, b: Building, times: int) -> Array:
    torn = canvas.textures.enlarged("soft", canvas.frame, where, b.seed % 149, times)
    return np.asarray(torn + 0.2 * canvas.piece("rough", where, 7))


def _strew(site: Site, *, spill: float, density: float, over: bool = True) -> None:
    """Scatter dust and small pieces: a carpet that thins out, bare of streets."""
    canvas, where, b, _, _, far, rng = site
    low = canvas.height[where] < 1.5
    street = canvas.material[where] == M.ASPHALT
    near = np.clip(1 - far / (spill + 1.5), 0, 1)
    near = near if over else near * (far > 0)
    near = near * (low | (far < 0)) * np.where(street & (far > 0.5), 0.3, 1)
    rough = canvas.piece("fractal", where, b.seed % 83)
    dust = near * (far > 0) * np.clip(0.5 + 0.3 * rough, 0, 0.85)
    tone = np.exp(0.22 * rough + 0.2 * canvas.piece("rough", where, b.seed % 67))
    canvas.blend(where, colour(M.RUBBLE)[:, None, None] * tone, dust.astype(np.float32))
    level = canvas.piece("rough", where, b.seed % 71)
    reach = np.clip(1 - far / (2.2 * spill + 6), 0, 1) * (low | (far < 0)) * (over | (far > 0))
    cut = 3.0 - density * (1.1 * near + 0.55 * reach)
    bits = (level > cut) & (reach > 0.05) & ~(street & (near < 0.2))
    dark = (level < -cut - 0.3) & (near > 0.05)
    shade = np.exp(0.3 * canvas.piece("soft", where, b.seed % 61)) * rng.uniform(0.8, 1.3)
    canvas.put(where, bits, colour(M.CONCRETE)[:, None, None] * shade, M.RUBBLE)
    canvas.put(where, dark, colour(M.CHAR) * 1.3, M.RUBBLE)
    bare = dust > 0.4
    canvas.plants[where][bare] = Plants.NONE
    canvas.marked[where][bare | bits] = True


def _overgrow(site: Site) -> None:
    """Let weeds grow over part of a ruin."""
    canvas, where, b, _, _, far, rng = site
    patchy = canvas.piece("soft", where, b.seed % 59) + 0.5 * canvas.piece("fractal", where, 13)
    here = (far < 1.5) & (patchy > rng.uniform(0.2, 1.2))
    tone = np.clip(1 + 0.2 * canvas.piece("rough", where, 17), 0.4, 2)
    canvas.put(where, here, tinted(M.GRASS, rng, 0.15)[:, None, None] * tone, M.GRASS)
    canvas.plants[where][here] = Plants.GREEN
