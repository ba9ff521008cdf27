"""What a scene is made of: the canvas, buildings, trees, colours and noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

Array = NDArray[np.float32]
Patch = tuple[slice, slice]

FINE = 0.25  # metres, the painter's pixel
GSD = 0.5  # metres, the sensor's pixel
MARGIN = 20.0  # metres painted beyond the image, for warps and shadows

ROOFS = {  # weight, colour, scatter
    "asbestos": (0.40, (150, 147, 140), 9),
    "tile": (0.20, (141, 98, 82), 12),
    "dark": (0.16, (92, 84, 78), 8),
    "green": (0.08, (98, 113, 98), 6),
    "zinc": (0.10, (186, 188, 187), 6),
    "blue": (0.06, (104, 117, 134), 6),
}
SOIL, DRY, GREEN = (146, 126, 102), (151, 143, 112), (92, 108, 66)
ASPHALT, DIRT, CONCRETE = (126, 124, 121), (164, 150, 127), (172, 168, 160)
RUBBLE, ASH, CHAR = (146, 134, 120), (84, 79, 74), (66, 59, 53)
CROWN = (62, 78, 44)
CARS = (
    (205, 205, 205),
    (60, 62, 66),
    (150, 152, 156),
    (128, 40, 38),
    (52, 70, 105),
    (215, 214, 206),
)

LAND, ROOF, VEGETATION = 0, 1, 2


@dataclass
class Canvas:
    """The scene at one date: everything the renderer needs, at ``FINE`` metres."""

    height: Array
    slope: Array  # (2, h, w): d height / d col and / d row of the surface itself, walls left out
    colour: Array  # (h, w, 3)
    cover: NDArray[np.uint8]

    def copy(self) -> Canvas:
        return Canvas(self.height.copy(), self.slope.copy(), self.colour.copy(), self.cover.copy())


@dataclass
class Building:
    x: float
    y: float
    angle: float
    parts: list[tuple[float, float, float, float]]  # du, dv, length, width of each rectangle
    kind: str
    roof: str
    tall: float
    seed: int
    grade: str = "No visible damage"
    event: str = ""
    shape: shapely.Polygon = field(default_factory=shapely.Polygon)


@dataclass
class Tree:
    x: float
    y: float
    radius: float
    tall: float
    seed: int
    event: str = ""


def noise(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Array:
    """Smooth noise of zero mean and unit spread; ``scale`` is its grain in pixels."""
    small = (max(3, int(shape[0] / scale) + 3), max(3, int(shape[1] / scale) + 3))
    grid = rng.standard_normal(small).astype(np.float32)
    size = (int(small[1] * scale) + 1, int(small[0] * scale) + 1)
    big = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return np.asarray(big / max(0.3, float(big.std())), np.float32)


def layers(shape: tuple[int, int], scales: tuple[float, ...], rng: np.random.Generator) -> Array:
    """Sum noise of several grains to unit spread."""
    total = sum((noise(shape, s, rng) for s in scales), np.zeros(shape, np.float32))
    return np.asarray(total / np.sqrt(len(scales)), np.float32)


def mix(a: Array, b: Array | tuple[float, ...], share: Array) -> Array:
    """Blend two colours by a map of shares."""
    return a + (np.asarray(b, np.float32) - a) * share[..., None]
