"""What a town is made of: buildings, streets, plots, and the cell that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

Rect = tuple[float, float, float, float]
"""p0, q0, p1, q1 in street coordinates, metres."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Building:
    """A building as it stood before; lengths in metres, angles in radians."""

    number: int
    x: float
    y: float
    angle: float
    parts: tuple[tuple[float, float, float, float], ...]
    """Rectangles: offset along and across, length, width."""
    kind: str
    roof: str
    form: str
    height: float
    seed: int
    shape: shapely.Polygon = field(compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Street:
    """A straight piece of street in street coordinates."""

    rect: Rect
    surface: str
    lanes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A rectangle of ground with one use."""

    rect: Rect
    use: str
    seed: int


@dataclass(slots=True)
class Cell:
    """All that stands in one cell."""

    zone: str
    buildings: list[Building] = field(default_factory=list)
    streets: list[Street] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    trees: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    """Rows of x, y, radius, height, kind (0 broad, 1 tall, 2 bush) and seed."""
