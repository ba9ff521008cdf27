"""Where things stand: streets, plots, buildings and trees, block by block, at any size.

Along the street coordinates (p, q) a town is a grid of large cells; on the ground it is turned
and winds. Each cell is split at random into blocks with streets between, so crossings do not
line up, and everything in a cell is drawn from the seed and the cell's number alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from changedet.core.scenario import Scenario, TownOptions
from changedet.simulate.layout import fill_cell
from changedet.simulate.things import Cell, Rect

CELL = (230.0, 205.0)
"""Mean size of a cell along p and q, metres."""


class Streets:
    """The map between the ground and street coordinates."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((seed, 1))
        self.turn = float(rng.uniform(0.05, 0.45) * rng.choice([-1, 1]))
        self.cos, self.sin = math.cos(self.turn), math.sin(self.turn)
        length = rng.uniform((330, 130), (620, 210), (2, 2))
        self.k = 2 * np.pi / length
        self.amplitude = rng.uniform((14, 3), (26, 6), (2, 2))
        self.phase = rng.uniform(0, 2 * np.pi, (2, 2))

    def _bend(self, axis: int, value: float) -> float:
        k, a, f = self.k[axis], self.amplitude[axis], self.phase[axis]
        return float(a[0] * math.sin(k[0] * value + f[0]) + a[1] * math.sin(k[1] * value + f[1]))

    def to_street(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return street coordinates of ground positions."""
        u, v = self.cos * x + self.sin * y, -self.sin * x + self.cos * y
        p, q = u.copy(), v.copy()
        for n in range(2):
            p += self.amplitude[0, n] * np.sin(self.k[0, n] * v + self.phase[0, n])
            q += self.amplitude[1, n] * np.sin(self.k[1, n] * u + self.phase[1, n])
        return p, q

    def to_ground(self, p: float, q: float) -> tuple[float, float, float]:
        """Return the ground position and the direction of the street (radians) at (p, q)."""
        u, v = p, q
        for _ in range(12):
            last = u
            u = p - self._bend(0, v)
            v = q - self._bend(1, u)
            if abs(u - last) < 1e-3:
                break
        slope = (self._bend(1, u + 0.5) - self._bend(1, u - 0.5)) / 1.0
        x, y = self.cos * u - self.sin * v, self.sin * u + self.cos * v
        return x, y, math.atan2(-slope, 1.0) + self.turn


def _line(seed: int, axis: int, number: int) -> float:
    """Return where main street ``number`` runs along an axis, metres."""
    rng = np.random.default_rng((seed, 2, axis, number + 100_000))
    return float((number + rng.uniform(-0.16, 0.16)) * CELL[axis])


class Town:
    """A town over ``width`` by ``height`` metres; cells are made when they are first asked for."""

    def __init__(self, scenario: Scenario) -> None:
        self.seed, self.options = scenario.seed, scenario.town
        self.width, self.height = scenario.width * scenario.gsd, scenario.height * scenario.gsd
        self.streets = Streets(self.seed)
        self._cells = _cells_inside(self)
        self._zones = _zones(self.seed, list(self._cells), self.options)
        self.cell = lru_cache(maxsize=256)(self._make)
        rng = np.random.default_rng((self.seed, 3))
        self.river = _curve(rng, self) if self.options.river else None
        self.railway = _curve(rng, self, gentle=True) if self.options.railway else None

    def near(self, bounds: Rect) -> Iterator[Cell]:
        """Yield the cells that reach into bounds (left, upper, right, lower), metres."""
        left, upper, right, lower = bounds
        for key, (x0, y0, x1, y1) in self._cells.items():
            if x0 < right and x1 > left and y0 < lower and y1 > upper:
                yield self.cell(key)

    def all_cells(self) -> Iterator[Cell]:
        """Yield all cells, in a fixed order."""
        for key in self._cells:
            yield self.cell(key)

    def on_strip(self, x: np.ndarray, y: np.ndarray, extra: float) -> np.ndarray:
        """Tell which positions lie on the river or the railway, or within ``extra`` metres."""
        found = np.zeros(np.shape(x), bool)
        for strip in (self.river, self.railway):
            if strip is not None:
                found |= np.abs(strip.offset(x, y)) < strip.half + extra
        return found

    def _make(self, key: tuple[int, int]) -> Cell:
        i, j = key
        rect = (
            _line(self.seed, 0, i), _line(self.seed, 1, j),
            _line(self.seed, 0, i + 1), _line(self.seed, 1, j + 1),
        )  # fmt: skip
        number = 1000 * list(self._cells).index(key)
        return fill_cell(self, rect, self._zones[key], number, np.random.default_rng(
            (self.seed, 4, i + 100_000, j + 100_000)))  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """A river or a railway: a winding line across the town."""

    along: tuple[float, float]
    """Unit vector of its mean direction."""
    through: tuple[float, float]
    """A point near it, metres."""
    wave: tuple[float, float, float]
    """Amplitude and wavelength (metres) and phase of its winding."""
    half: float
    """Half its width, metres."""

    def offset(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return signed distances from its middle, metres."""
        dx, dy = x - self.through[0], y - self.through[1]
        s = dx * self.along[0] + dy * self.along[1]
        across = -dx * self.along[1] + dy * self.along[0]
        a, length, phase = self.wave
        return np.asarray(across - a * np.sin(2 * np.pi * s / length + phase))


def _curve(rng: np.random.Generator, town: Town, *, gentle: bool = False) -> Strip:
    turn = town.streets.turn + (rng.uniform(-0.25, 0.25) if gentle else rng.uniform(1.2, 1.9))
    place = rng.uniform(0.12, 0.25) if rng.random() < 0.5 else rng.uniform(0.75, 0.88)
    through = (town.width * 0.5, town.height * place) if gentle else (
        town.width * place, town.height * 0.5)  # fmt: skip
    wave = (8.0, 900.0) if gentle else (22.0, 380.0)
    return Strip(
        along=(math.cos(turn), math.sin(turn)),
        through=through,
        wave=(*wave, float(rng.uniform(0, 6.28))),
        half=7.0 if gentle else float(rng.uniform(7, 12)),
    )


def _cells_inside(town: Town) -> dict[tuple[int, int], Rect]:
    """Return the cells that touch the town and a rim around it, with their ground bounds."""
    reach = 60.0
    xs, ys = np.meshgrid(
        np.linspace(-reach, town.width + reach, 2 + int(town.width / 100)),
        np.linspace(-reach, town.height + reach, 2 + int(town.height / 100)),
    )
    p, q = town.streets.to_street(xs, ys)
    found: dict[tuple[int, int], Rect] = {}
    for i in range(math.floor(p.min() / CELL[0]) - 1, math.ceil(p.max() / CELL[0]) + 1):
        for j in range(math.floor(q.min() / CELL[1]) - 1, math.ceil(q.max() / CELL[1]) + 1):
            p0, p1 = _line(town.seed, 0, i), _line(town.seed, 0, i + 1)
            q0, q1 = _line(town.seed, 1, j), _line(town.seed, 1, j + 1)
            ring = [
                town.streets.to_ground(a, b)[:2]
                for a in np.linspace(p0, p1, 4)
                for b in np.linspace(q0, q1, 4)
            ]
            x, y = np.array(ring).T
            box = (x.min() - 8, y.min() - 8, x.max() + 8, y.max() + 8)
            if (box[0] < town.width + reach and box[2] > -reach
                    and box[1] < town.height + reach and box[3] > -reach):  # fmt: skip
                found[i, j] = box
    return found


def _zones(
    seed: int, keys: list[tuple[int, int]], options: TownOptions
) -> dict[tuple[int, int], str]:
    """Give each cell a use by the rank of a smooth field, so that the shares come out."""
    rng = np.random.default_rng((seed, 5))
    shares = {
        "slabs": options.slabs, "schools": options.schools, "parks": options.parks,
        "works": options.works, "fields": options.fields,
    }  # fmt: skip
    left = dict.fromkeys(keys, "houses")
    free = np.array(keys, float)
    for zone, share in shares.items():
        if share == 0 or not len(free):
            continue
        centre = free[rng.integers(len(free))]
        far = 0.25 if zone in {"schools", "parks"} else 1.0
        rank = far * np.hypot(*(free - centre).T) + rng.exponential(1.0, len(free))
        count = share * len(keys)
        take = int(count) + (rng.random() < count - int(count))
        chosen = np.argsort(rank)[:take]
        for i, j in free[chosen].astype(int):
            left[int(i), int(j)] = zone
        free = np.delete(free, chosen, axis=0)
    return left
