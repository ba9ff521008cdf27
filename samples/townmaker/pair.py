"""Put a pair together and state its truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from townmaker.events import decide, paint_event, scorch
from townmaker.ground import paint_ground
from townmaker.layout import Town
from townmaker.objects import paint_building, paint_cars, paint_tree
from townmaker.scene import FINE, GSD, MARGIN, ROOF, VEGETATION, Building, Canvas
from townmaker.sensor import Warp, light, sense

SUN = {"before": (152.0, 54.0), "after": (160.0, 50.0)}  # azimuth, elevation, degrees


@dataclass
class Pair:
    """Two images and everything that is known about them."""

    before: NDArray[np.uint8]  # (h, w, 3)
    after: NDArray[np.uint8]
    classes: NDArray[np.uint8]  # on BEFORE's grid, codes of changedet's classes.tif
    buildings: list[Building]
    warp: Warp
    truth: dict[str, object]


def make_pair(
    size: int = 1000,
    seed: int = 7,
    *,
    shift: tuple[float, float] = (3.4, -2.3),
    turn_deg: float = 0.05,
    wave_px: float = 0.7,
    quiet: bool = False,
) -> Pair:
    """Make a town of ``size`` x ``size`` pixels of half a metre before and after.

    ``quiet`` leaves the town as it was: only sun, sensor, geometry and parked cars differ.
    """
    town = Town(size * GSD, seed)
    rng = np.random.default_rng(seed + 1)
    before, _ = paint_ground(town)
    after = before.copy()
    if not quiet:
        scorch(town, after, decide(town))
    _paint_before(town, before)
    _paint_after(town, after, repaint=not quiet)
    for canvas in (before, after):
        paint_cars(town, canvas, rng, int(size * GSD / 4))
    warp = Warp(size, shift, turn_deg, wave_px)
    images = (
        sense(light(before, *SUN["before"]), Warp(size), rng, gain=0.96, gamma=1.0, haze=9),
        sense(light(after, *SUN["after"]), warp, rng, gain=0.91, gamma=0.94, haze=13),
    )
    classes = classify(before, after, town)
    truth = summarise(town, classes, before, warp, seed)
    return Pair(*images, classes, town.buildings, warp, truth)


def _paint_before(town: Town, canvas: Canvas) -> None:
    for b in town.buildings:
        paint_building(town, canvas, b)
    for tree in town.trees:
        paint_tree(town, canvas, tree)


def _paint_after(town: Town, canvas: Canvas, *, repaint: bool) -> None:
    fresh = [b for b in town.buildings if not b.event and b.kind == "house"] if repaint else []
    roofs = dict(zip([b.seed for b in fresh[::9]], ("zinc", "tile", "blue") * 9, strict=False))
    for b in town.buildings:
        if b.event in {"", "holed", "debris"}:
            paint_building(town, canvas, b, roofs.get(b.seed))
    for b in town.buildings:
        if b.event:
            paint_event(town, canvas, b)
    for tree in town.trees:
        if tree.event != "removed":
            paint_tree(town, canvas, tree, hue=1.03)
    if fresh:
        _lay_tarp(town, canvas, fresh[len(fresh) // 2])


def _lay_tarp(town: Town, canvas: Canvas, b: Building) -> None:
    sl = town.patch(b.x, b.y, 10)
    if sl is not None:
        u, v = town.local(b, sl)
        here = (np.abs(u - 1) < 2.6) & (v > 0.2) & (v < 3.2) & (canvas.cover[sl] == ROOF)
        canvas.colour[sl][here] = (62, 98, 156)


def coarse(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring a mask from the painter's to the sensor's pixels: at least half covered."""
    edge, ratio = round(MARGIN / FINE), round(GSD / FINE)
    inner = mask[edge:-edge, edge:-edge].astype(np.float32)
    size = inner.shape[0] // ratio
    return np.asarray(cv2.resize(inner, (size, size), interpolation=cv2.INTER_AREA) >= 0.5)


def classify(before: Canvas, after: Canvas, town: Town) -> NDArray[np.uint8]:
    """Write the truth in the codes of changedet's classes.tif."""
    green = coarse(before.cover == VEGETATION), coarse(after.cover == VEGETATION)
    other = coarse(np.abs(before.colour - after.colour).mean(-1) > 25)
    fallen = np.zeros(before.cover.shape, bool)
    for b in town.buildings:
        sl = town.patch(b.x, b.y, 40) if b.grade == "Destroyed" else None
        if sl is not None:
            fallen[sl] |= shapely.contains_xy(b.shape, town.x[sl], town.y[sl])
    classes = np.where(other, 4, 1).astype(np.uint8)
    classes[~green[0] & green[1]] = 5
    classes[green[0] & ~green[1]] = 3
    classes[coarse(fallen)] = 2
    return classes


def summarise(
    town: Town,
    classes: NDArray[np.uint8],
    before: Canvas,
    warp: Warp,
    seed: int,
) -> dict[str, object]:
    """State the figures that a run should find."""
    frame = shapely.box(0, 0, town.size, town.size)
    areas = [(b.grade, b.shape.intersection(frame).area) for b in town.buildings]
    pixel_ha = GSD**2 / 1e4
    return {
        "about": "Synthetic town, no real place; made by samples/make_sample.py.",
        "seed": seed,
        "built_before_ha": round(sum(a for _, a in areas) / 1e4, 4),
        "built_destroyed_ha": round(sum(a for g, a in areas if g == "Destroyed") / 1e4, 4),
        "vegetation_before_ha": round(
            float(coarse(before.cover == VEGETATION).sum()) * pixel_ha, 4
        ),
        "vegetation_lost_ha": round(float((classes == 3).sum()) * pixel_ha, 4),
        "buildings": sum(a > 0 for _, a in areas),
        "to_after": {
            "formula": "after = R(turn) @ (before - m) + m + shift + waves, m = (size - 1) / 2, "
            "waves = wave_px * (sin(2 pi row / (0.9 size) + 0.5), "
            "sin(2 pi col / (0.7 size) + 1.7))",
            "size": warp.size,
            "shift_col": warp.shift[0],
            "shift_row": warp.shift[1],
            "turn_deg": warp.turn_deg,
            "wave_px": warp.wave_px,
        },
        "sun": {
            name: {"azimuth": azimuth, "elevation": elevation}
            for name, (azimuth, elevation) in SUN.items()
        },
    }
