"""Light a canvas and look at it: facets, cast shadows, walls that lean."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.scenario import SensorOptions
from changedet.simulate.canvas import Canvas
from changedet.simulate.frames import Array
from changedet.simulate.materials import M, colour

SKY = np.array([0.21, 0.235, 0.27, 0.15], np.float32)
"""Diffuse share of the light in red, green, blue and near infrared under a clear sky."""


def shift(image: Array, dx: float, dy: float) -> Array:
    """Return the image seen from ``(dx, dy)`` pixels away: result(p) = image(p + d)."""
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            image,
            move,
            image.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def cast_shadow(height: Array, fine: float, sun: tuple[float, float]) -> Array:
    """Return how far each pixel lies in cast shadow, 0..1.

    The roof of shadow, ``max over s of height(p + s d) - s tan(elevation)``, is built by
    doubling: the maximum over 2 n steps is that over n steps and its own copy n steps away.
    """
    azimuth, elevation = math.radians(sun[0]), math.radians(sun[1])
    if elevation > math.radians(89):
        return np.zeros_like(height)
    dx, dy = math.sin(azimuth), -math.cos(azimuth)
    rise = math.tan(elevation) * fine
    reach = max(1.0, float(height.max()) / rise)
    roof = shift(height, dx, dy) - np.float32(rise)
    step = 1.0
    while step < reach:
        further = shift(roof, step * dx, step * dy) - np.float32(step * rise)
        np.maximum(roof, further, out=roof)
        step *= 2
    roof -= height
    roof /= np.float32(max(0.25, rise))
    return np.asarray(cv2.GaussianBlur(np.clip(roof, 0, 1), (0, 0), 0.6))


def light(canvas: Canvas, sensor: SensorOptions) -> Array:
    """Return the light that leaves the surface, over that of level white ground in the sun."""
    azimuth, elevation = math.radians(sensor.sun_azimuth), math.radians(sensor.sun_elevation)
    east = math.sin(azimuth) * math.cos(elevation)
    south = -math.cos(azimuth) * math.cos(elevation)
    sx, sy = canvas.slope
    norm = np.sqrt(1 + sx * sx + sy * sy)
    facing = (math.sin(elevation) - sx * np.float32(east) - sy * np.float32(south)) / norm
    direct = np.clip(facing, 0, None)
    direct *= 1 - cast_shadow(canvas.height, canvas.frame.fine,
                              (sensor.sun_azimuth, sensor.sun_elevation))  # fmt: skip
    open_sky = (0.5 + 0.5 / norm) * _openness(canvas.height, canvas.frame.fine)
    lit = np.empty_like(canvas.colour)
    for band in range(4):
        level = (1 - SKY[band]) * math.sin(elevation) + SKY[band]
        lit[band] = (1 - SKY[band]) / level * direct + SKY[band] / level * open_sky
        lit[band] *= canvas.colour[band]
    return lit


def _openness(height: Array, fine: float) -> Array:
    """Return roughly how much of the sky is seen: less beside walls and between crowns."""
    small = cv2.resize(height, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(small, (0, 0), max(0.5, 0.75 / fine))
    wide = cv2.resize(around, height.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 - np.clip((wide - height) / 14, 0, 0.55), np.float32)


def look(canvas: Canvas, lit: Array, sensor: SensorOptions) -> tuple[Array, NDArray[np.uint8]]:
    """Return what is seen under the view angle, and the material that is seen.

    Each line of sight is followed down from the highest thing: pixel p sees the highest z with
    ``height(p - z lean) >= z``. Where it meets a surface well below its top, that is a wall.
    """
    lean = math.tan(math.radians(sensor.off_nadir)) / canvas.frame.fine  # pixels a metre
    top = float(canvas.height.max())
    if lean * top < 0.25:
        return lit, canvas.material
    azimuth = math.radians(sensor.view_azimuth)
    lx, ly = lean * math.sin(azimuth), -lean * math.cos(azimuth)
    steps = max(2, math.ceil(lean * top))
    depth = top / steps
    seen = np.zeros_like(canvas.height)
    for level in np.arange(1, steps + 1) * depth:
        seen[shift(canvas.height, -level * lx, -level * ly) >= level] = level
    # At the foot of a wall the lowest step is already beside it.
    seen[(seen == 0) & (canvas.height > 1.2 * depth)] = 1e-3
    moved = np.flatnonzero(seen)
    z = seen.ravel()[moved]
    source = _meet(moved, z, lx, ly, seen.shape)
    above = canvas.height.ravel()[source] - z
    wall = above > 1.2 * depth
    # A roof between two steps is met where it is, not at the step below.
    source = np.where(wall, source, _meet(moved, z + np.clip(above, 0, depth), lx, ly, seen.shape))
    material = canvas.material.copy()
    material.ravel()[moved] = found = canvas.material.ravel()[source]
    wall &= ~np.isin(found, (M.CROWN, M.DEADWOOD, M.CHAR, M.CAR))
    view = lit.copy()
    for band in range(4):
        view[band].ravel()[moved] = lit[band].ravel()[source]
    _paint_walls(view, moved[wall], z[wall], canvas, sensor)
    material.ravel()[moved[wall]] = M.WALL
    return view, material


def _meet(
    pixels: NDArray[np.int64], z: Array, lx: float, ly: float, shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the flat index of the ground under what is seen at height ``z`` from each pixel."""
    rows, cols = np.divmod(pixels, shape[1])
    rows = np.clip(np.rint(rows - z * ly).astype(np.int64), 0, shape[0] - 1)
    cols = np.clip(np.rint(cols - z * lx).astype(np.int64), 0, shape[1] - 1)
    return np.asarray(rows * shape[1] + cols)


def _paint_walls(
    view: Array, wall: NDArray[np.int64], z: Array, canvas: Canvas, sensor: SensorOptions
) -> None:
    """Give walls (flat indices, with the height that is seen) floors and windows."""
    turn = math.radians(sensor.sun_azimuth - sensor.view_azimuth - 180)
    sun = max(0.0, math.cos(turn)) * math.cos(math.radians(sensor.sun_elevation))
    rows, cols = np.divmod(wall, canvas.frame.width)
    along = (rows + canvas.frame.row + cols + canvas.frame.col) * canvas.frame.fine
    windows = (z % 2.9 > 1.0) & (np.sin(2 * np.pi * along / 3.2) > 0.1)
    for band in range(4):
        level = (1 - SKY[band]) * math.sin(math.radians(sensor.sun_elevation)) + SKY[band]
        base = colour(M.WALL)[band] * 1.1 * ((1 - SKY[band]) * sun + 0.6 * SKY[band]) / level
        view[band].ravel()[wall] = np.where(windows, 0.45 * base, base)
