"""Where AFTER's pixels lie: the exact map between the ground and both images."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from changedet.core.grid import Window
from changedet.core.scenario import Scenario
from changedet.simulate.frames import make_waves

Floats = NDArray[np.float64]
STEP = 8
"""Pixels between the nodes on which smooth maps are computed; between them a cubic spline is
exact to some 1e-5 pixels, for waves of a hundred pixels and more."""


class Placement:
    """The map from the ground (metres) to AFTER's pixels, 0.0 at the first pixel's centre."""

    def __init__(self, scenario: Scenario) -> None:
        wish = scenario.placement
        self.wish, self.gsd = wish, scenario.gsd
        self.gsd_after = scenario.gsd * wish.scale
        self.width = max(64, round(scenario.width * wish.crop / wish.scale))
        self.height = max(64, round(scenario.height * wish.crop / wish.scale))
        self.middle = scenario.width * scenario.gsd / 2, scenario.height * scenario.gsd / 2
        turn = math.radians(wish.rotation_deg)
        self.cos, self.sin = math.cos(turn), math.sin(turn)
        rng = np.random.default_rng((scenario.seed, 51))
        self.warp = [
            make_waves(rng, length=wish.warp_length_m, count=10, narrow=True) for _ in range(2)
        ]
        self.terrain = make_waves(rng, length=2.5 * wish.warp_length_m, count=10, narrow=True)
        view = math.radians(scenario.after.view_azimuth)
        self.sight = math.sin(view), -math.cos(view)

    @property
    def corner(self) -> tuple[float, float]:
        """Nominal ground position of AFTER's upper left corner, without turn, metres."""
        return (
            self.middle[0] - self.width * self.gsd_after / 2,
            self.middle[1] - self.height * self.gsd_after / 2,
        )

    def _error(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Columns and rows by which content is off at ground positions."""
        wish = self.wish
        dc, dr = (np.full(np.shape(x), s) for s in wish.shift_px)
        if wish.warp_px:
            dc = dc + wish.warp_px * self.warp[0].at(x, y)
            dr = dr + wish.warp_px * self.warp[1].at(x, y)
        if wish.terrain_px:
            rise = wish.terrain_px * self.terrain.at(x, y)
            dc, dr = dc + self.sight[0] * rise, dr + self.sight[1] * rise
        return dc, dr

    def to_after(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return AFTER's column and row of ground positions."""
        dx, dy = (x - self.middle[0]) / self.gsd_after, (y - self.middle[1]) / self.gsd_after
        dc, dr = self._error(x, y)
        return (
            self.cos * dx + self.sin * dy + self.width / 2 - 0.5 + dc,
            self.cos * dy - self.sin * dx + self.height / 2 - 0.5 + dr,
        )

    def to_ground(self, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Return the ground positions of AFTER's pixels: :meth:`to_after` undone."""
        a, b = cols - self.width / 2 + 0.5, rows - self.height / 2 + 0.5
        dc, dr = np.zeros_like(a), np.zeros_like(b)
        for _ in range(12):
            u, v = (a - dc) * self.gsd_after, (b - dr) * self.gsd_after
            x = self.cos * u - self.sin * v + self.middle[0]
            y = self.sin * u + self.cos * v + self.middle[1]
            dc, dr = self._error(x, y)
        return x, y

    def ground_of(self, window: Window) -> tuple[Floats, Floats]:
        """Return the ground positions of all pixels of a window of AFTER."""
        return _by_spline(window, self.to_ground)

    def after_of(self, window: Window) -> tuple[Floats, Floats]:
        """Return AFTER's column and row for all pixels of a window of BEFORE."""

        def there(cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
            return self.to_after((cols + 0.5) * self.gsd, (rows + 0.5) * self.gsd)

        return _by_spline(window, there)


def _by_spline(window: Window, function: object) -> tuple[Floats, Floats]:
    """Evaluate a smooth map of columns and rows on nodes, and interpolate it to all pixels."""
    cols = window.col + np.arange(-1, window.width // STEP + 3, dtype=np.float64) * STEP
    rows = window.row + np.arange(-1, window.height // STEP + 3, dtype=np.float64) * STEP
    nodes = function(*np.meshgrid(cols, rows))  # type: ignore[operator]
    at = (
        window.row + np.arange(window.height, dtype=np.float64),
        window.col + np.arange(window.width, dtype=np.float64),
    )
    first, second = (RectBivariateSpline(rows, cols, n, s=0)(*at) for n in nodes)
    return first, second
