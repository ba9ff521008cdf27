"""Light a scene and image it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from townmaker.scene import FINE, GSD, MARGIN, Array, Canvas


def light(canvas: Canvas, azimuth: float, elevation: float) -> Array:
    """Light a scene: facets by their slope, cast shadows by their height."""
    az, el = np.radians(azimuth), np.radians(elevation)
    east, north, up = np.sin(az) * np.cos(el), np.cos(az) * np.cos(el), np.sin(el)
    sx, sy = canvas.slope
    facing = (-sx * east + sy * north + up) / np.sqrt(1 + sx**2 + sy**2)
    direct = np.clip(facing, 0, None) / up
    height, rise = canvas.height, np.tan(el) * FINE
    roof = np.full_like(height, -1e3)
    for step in range(1, int(float(height.max()) / rise) + 2):
        move = np.float32([[1, 0, step * np.sin(az)], [0, 1, -step * np.cos(az)]])
        seen = cv2.warpAffine(height, move, height.shape[::-1],
                              flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)  # fmt: skip
        np.maximum(roof, seen - np.float32(step * rise), out=roof)
    shade = cv2.GaussianBlur(np.clip((roof - height) / 0.35, 0, 1), (0, 0), 0.7)
    sun = np.clip(direct, 0, 1.5) * (1 - shade)
    sky = np.float32((0.30, 0.325, 0.365))
    return np.asarray(canvas.colour * (sky + (0.97 - sky) * sun[..., None]), np.float32)


@dataclass(frozen=True)
class Warp:
    """BEFORE pixel -> AFTER pixel (0.0 is the first pixel's centre): turn, shift, small waves."""

    size: int
    shift: tuple[float, float] = (0.0, 0.0)  # columns, rows
    turn_deg: float = 0.0
    wave_px: float = 0.0

    def to_after(self, cols: Array, rows: Array) -> tuple[Array, Array]:
        """Return the AFTER positions of BEFORE positions."""
        turn, middle = np.radians(self.turn_deg), (self.size - 1) / 2
        x, y = cols - middle, rows - middle
        wx = self.wave_px * np.sin(2 * np.pi * rows / (0.9 * self.size) + 0.5)
        wy = self.wave_px * np.sin(2 * np.pi * cols / (0.7 * self.size) + 1.7)
        return (np.cos(turn) * x - np.sin(turn) * y + middle + self.shift[0] + wx,
                np.sin(turn) * x + np.cos(turn) * y + middle + self.shift[1] + wy)  # fmt: skip

    def to_before(self, cols: Array, rows: Array) -> tuple[Array, Array]:
        """Invert :meth:`to_after` by fixed-point iteration."""
        x, y = cols.copy(), rows.copy()
        for _ in range(12):
            c, r = self.to_after(x, y)
            x, y = x + cols - c, y + rows - r
        return x, y


def sense(radiance: Array, warp: Warp, rng: np.random.Generator, *, gain: float, gamma: float,
          haze: float) -> NDArray[np.uint8]:  # fmt: skip
    """Image a lit scene: point spread, sampling through a warp, response, noise."""
    ratio = GSD / FINE
    seen = cv2.GaussianBlur(radiance, (0, 0), 0.62 * ratio)
    cols, rows = np.meshgrid(*[np.arange(warp.size, dtype=np.float64)] * 2)
    x, y = warp.to_before(cols, rows)
    fine = [((v + 0.5) * GSD + MARGIN) / FINE - 0.5 for v in (x, y)]
    image = cv2.remap(seen, fine[0].astype(np.float32), fine[1].astype(np.float32),
                      cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)  # fmt: skip
    image += 0.25 * (image - cv2.GaussianBlur(image, (0, 0), 1.3))  # the usual sharpening
    image = haze + gain * 255 * (np.clip(image, 1, None) / 255) ** gamma
    shared = rng.standard_normal(image.shape[:2])[..., None]
    own = rng.standard_normal(image.shape)
    image += np.sqrt(1.1 + 0.012 * image) * (0.75 * shared + 0.65 * own)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
