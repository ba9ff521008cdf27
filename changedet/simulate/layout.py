"""What one cell of a town holds: how it is split, and what is put into each kind of block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely
import shapely.affinity

from changedet.simulate.materials import ROOFS
from changedet.simulate.things import Building, Cell, Plot, Rect, Street

if TYPE_CHECKING:
    from changedet.simulate.town import Town

Parts = tuple[tuple[float, float, float, float], ...]
_NAMES = list(ROOFS)
_WEIGHTS = np.array([ROOFS[name][1] for name in _NAMES]) / sum(ROOFS[n][1] for n in _NAMES)
SHED_ROOFS = ("asbestos", "dark", "zinc", "rust", "bitumen")
BLOCK = {  # largest block along and across, metres; half the street's width; its surface
    "houses": (150.0, 66.0, 3.0),
    "slabs": (230.0, 150.0, 3.6),
    "works": (230.0, 205.0, 4.0),
    "schools": (230.0, 150.0, 3.4),
    "parks": (230.0, 205.0, 2.2),
    "fields": (230.0, 205.0, 2.2),
}


class Filler:
    """Gathers what is put into one cell, and refuses what would stand on something else."""

    def __init__(self, town: Town, zone: str, first: int, rng: np.random.Generator) -> None:
        self.town, self.rng, self.first = town, rng, first
        self.cell = Cell(zone)
        self._circles: list[tuple[float, float, float]] = []

    def add(self, p: float, q: float, turn: float, parts: Parts, *, kind: str, roof: str,
            form: str, height: float) -> bool:  # fmt: skip
        """Put a building at street coordinates, unless something is in the way."""
        x, y, street = self.town.streets.to_ground(p, q)
        angle = street + turn
        rings = [shapely.box(u - a / 2, v - b / 2, u + a / 2, v + b / 2) for u, v, a, b in parts]
        shape = shapely.union_all(rings) if len(rings) > 1 else rings[0]
        cos, sin = math.cos(angle), math.sin(angle)
        shape = shapely.affinity.affine_transform(shape, [cos, -sin, sin, cos, x, y])
        reach = math.sqrt(max((abs(u) + a / 2) ** 2 + (abs(v) + b / 2) ** 2
                              for u, v, a, b in parts))  # fmt: skip
        for number, (ox, oy, r) in enumerate(self._circles):
            near = math.hypot(x - ox, y - oy) < reach + r + 1.2
            if near and shape.distance(self.cell.buildings[number].shape) < 1.2:
                return False
        edge = np.array(shape.exterior.coords)
        if self.town.on_strip(edge[:, 0], edge[:, 1], 4.0).any():
            return False
        self._circles.append((x, y, reach))
        self.cell.buildings.append(Building(
            number=self.first + len(self._circles), x=x, y=y, angle=angle, parts=parts, kind=kind,
            roof=roof, form=form, height=height, seed=int(self.rng.integers(1 << 31)), shape=shape,
        ))  # fmt: skip
        return True

    def plot(self, rect: Rect, use: str) -> None:
        """Give a rectangle of ground a use."""
        self.cell.plots.append(Plot(rect=rect, use=use, seed=int(self.rng.integers(1 << 31))))

    def roofing(self) -> str:
        """Draw a roofing of private houses."""
        return str(self.rng.choice(_NAMES, p=_WEIGHTS))


def fill_cell(town: Town, rect: Rect, zone: str, first: int, rng: np.random.Generator) -> Cell:
    """Return all that stands in a cell; ``first`` is the number before that of its buildings."""
    filler = Filler(town, zone, first, rng)
    p0, q0, p1, q1 = rect
    wide = float(rng.choice([3.6, 4.5, 5.5]))
    streets = filler.cell.streets
    streets.append(Street(rect=(p0 - 5, q0 - wide, p1 + 5, q0 + wide), surface="asphalt",
                          lanes=wide > 4))  # fmt: skip
    streets.append(Street(rect=(p0 - wide, q0 - 5, p0 + wide, q1 + 5), surface="asphalt",
                          lanes=wide > 4))  # fmt: skip
    inner = (p0 + wide + 1.5, q0 + wide + 1.5, p1 - 5.5, q1 - 5.5)
    for block in list(_split(filler, inner, zone)):
        _fill_block(filler, block, zone)
    filler.cell.trees = plant(filler, rect)
    return filler.cell


def _split(filler: Filler, rect: Rect, zone: str) -> list[Rect]:
    """Cut a rectangle into blocks and lay the streets between."""
    p0, q0, p1, q1 = rect
    long, deep, half = BLOCK[zone]
    wide, tall = p1 - p0, q1 - q0
    if wide <= long * 1.08 and tall <= deep * 1.12:
        return [rect]
    rng = filler.rng
    surface = "asphalt" if zone != "houses" or rng.random() < 0.55 else "dirt"
    at = rng.uniform(0.36, 0.64)
    if wide / long > tall / deep:
        c = p0 + at * wide
        street = (c - half, q0 - 3, c + half, q1 + 3)
        pieces = [(p0, q0, c - half, q1), (c + half, q0, p1, q1)]
    else:
        c = q0 + at * tall
        street = (p0 - 3, c - half, p1 + 3, c + half)
        pieces = [(p0, q0, p1, c - half), (p0, c + half, p1, q1)]
    filler.cell.streets.append(Street(rect=street, surface=surface, lanes=False))
    return [block for piece in pieces for block in _split(filler, piece, zone)]


def _fill_block(filler: Filler, block: Rect, zone: str) -> None:
    place = {
        "houses": _houses, "slabs": _slabs, "works": _works, "schools": _school,
        "parks": _park, "fields": _field,
    }  # fmt: skip
    place[zone](filler, block)


def _houses(filler: Filler, block: Rect) -> None:
    rng = filler.rng
    p0, q0, p1, q1 = block
    if min(p1 - p0, q1 - q0) < 14:
        return
    if p1 - p0 < q1 - q0:  # plots run along the longer side
        along0, along1, far0, far1, swap = q0, q1, p0, p1, True
    else:
        along0, along1, far0, far1, swap = p0, p1, q0, q1, False
    sides = (1, -1) if far1 - far0 > 44 else (1,)
    depth = (far1 - far0) / len(sides)
    for side in sides:
        edge = along0
        while along1 - edge > 12:
            width = rng.uniform(15, 24)
            if along1 - edge < width + 13:
                width = along1 - edge
            base = far0 if side > 0 else far1
            _homestead(filler, (edge, edge + width), base, side, depth, swap=swap)
            edge += width


def _homestead(filler: Filler, along: tuple[float, float], base: float, side: int, depth: float,
               *, swap: bool) -> None:  # fmt: skip
    """Lay out one plot: a house near the street, sheds and beds behind."""
    rng = filler.rng
    middle, width = sum(along) / 2, along[1] - along[0]
    quarter = np.pi / 2 if swap else 0.0

    def place(a: float, off: float) -> tuple[float, float]:
        b = base + side * off
        return (b, a) if swap else (a, b)

    back = base + side * depth
    low, high = min(base, back), max(base, back)
    rect = (low, along[0], high, along[1]) if swap else (along[0], low, along[1], high)
    filler.plot(rect, "garden")
    if rng.random() < 0.95:
        long, wide = min(rng.uniform(8.5, 14), width - 3.5), rng.uniform(7, 10.5)
        long = max(long, 6.0)
        parts = [(0.0, 0.0, long, wide)]
        lot = rng.random()
        if lot < 0.28:
            parts.append((long * rng.uniform(-0.25, 0.25), side * wide * 0.55,
                          rng.uniform(3.5, 6), wide * rng.uniform(0.6, 0.9)))  # fmt: skip
        elif lot < 0.5:
            annex = rng.uniform(2.5, 4.5)
            parts.append((long / 2 + annex / 2 - 0.2, rng.uniform(-0.2, 0.2) * wide, annex,
                          wide * rng.uniform(0.4, 0.7)))  # fmt: skip
        turn = quarter + rng.choice([0.0, np.pi / 2], p=[0.62, 0.38]) + rng.normal(0, 0.05)
        form = str(rng.choice(["gable", "hip", "half"], p=[0.58, 0.32, 0.10]))
        at = middle + rng.uniform(-0.12, 0.12) * width
        p, q = place(at, 3.0 + rng.uniform(0.5, 6) + wide / 2)
        a, b = place(at + rng.choice([-1, 1]) * (long / 2 + 1.2), 0.0), place(at, 9.0 + wide / 2)
        c = a[0] if not swap else a[1]
        drive = (min(a[0], b[0]), c - 1.3, max(a[0], b[0]), c + 1.3) if swap else (
            c - 1.3, min(a[1], b[1]), c + 1.3, max(a[1], b[1]))  # fmt: skip
        filler.plot(drive, "drive")
        height = float(rng.choice([2.9, 3.2, 3.5, 5.8], p=[0.35, 0.3, 0.23, 0.12]))
        filler.add(p, q, turn, tuple(parts), kind="house", roof=filler.roofing(), form=form,
                   height=height)  # fmt: skip
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.12, 0.42, 0.32, 0.14]))):
        off = rng.uniform(17, max(18.0, min(depth - 3, 31)))
        p, q = place(middle + rng.uniform(-0.36, 0.36) * width, off)
        size = (0.0, 0.0, rng.uniform(3.2, 8.5), rng.uniform(2.6, 4.8))
        filler.add(p, q, quarter + rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.06), (size,),
                   kind="shed", roof=str(rng.choice(SHED_ROOFS)),
                   form="lean", height=rng.uniform(1.9, 2.7))  # fmt: skip


def _slabs(filler: Filler, block: Rect) -> None:
    rng = filler.rng
    p0, q0, p1, q1 = block
    filler.plot(block, "court")
    floors = float(rng.choice([5, 5, 5, 9]))
    step = rng.uniform(46, 58)
    q = q0 + rng.uniform(10, 14)
    row = 0
    while q < q1 - 8:
        across = row % 2 == 1 and rng.random() < 0.7
        p = p0 + 8 + (rng.uniform(0, 10) if across else 0)
        while p < p1 - 14:
            long, wide = rng.uniform(40, 60), rng.uniform(11, 14)
            tall = 2.9 * (floors if rng.random() < 0.85 else float(rng.choice([5, 9]))) + 1
            room = p1 - p if not across else q1 - q
            long = min(long, room - 6)
            if long > 24:
                turn = (np.pi / 2 if across else 0.0) + rng.normal(0, 0.012)
                reach = wide if across else long
                place = (p + reach / 2, q + (long / 2 - 4 if across else 0.0))
                filler.add(*place, turn, ((0.0, 0.0, long, wide),), kind="slab", roof="bitumen",
                           form="flat", height=tall)  # fmt: skip
            p += (wide + rng.uniform(24, 40)) if across else long + rng.uniform(9, 22)
        q += step
        row += 1
    _garages(filler, block)
    if rng.random() < 0.7:
        size = (0.0, 0.0, rng.uniform(14, 26), rng.uniform(10, 16))
        filler.add(rng.uniform(p0 + 15, p1 - 15), rng.uniform(q0 + 10, q1 - 10), 0.0, (size,),
                   kind="shop", roof="bitumen", form="flat", height=4.2)  # fmt: skip


def _garages(filler: Filler, block: Rect) -> None:
    rng = filler.rng
    p0, q0, p1, q1 = block
    for _ in range(int(rng.integers(0, 3))):
        p, q = rng.uniform(p0 + 10, p1 - 30), rng.uniform(q0 + 26, q1 - 4)
        count = int(rng.integers(4, 10))
        size = (0.0, 0.0, 3.7 * count, 5.8)
        filler.add(p, q, 0.0, (size,), kind="garages",
                   roof=str(rng.choice(["bitumen", "dark", "asbestos"])), form="lean",
                   height=2.5)  # fmt: skip


def _works(filler: Filler, block: Rect) -> None:
    rng = filler.rng
    p0, q0, p1, q1 = block
    filler.plot(block, "yard")
    q = q0 + 18
    while q < q1 - 14:
        p = p0 + 6
        deep = 0.0
        while p < p1 - 18:
            long, wide = rng.uniform(22, 70), rng.uniform(12, 30)
            long = min(long, p1 - p - 4)
            form = str(rng.choice(["low", "flat", "saw"], p=[0.5, 0.3, 0.2]))
            roof = str(rng.choice(["zinc", "asbestos", "bitumen", "rust", "green", "white"]))
            if long > 14 and rng.random() < 0.8:
                filler.add(p + long / 2, q + wide / 2 - 8, rng.normal(0, 0.01),
                           ((0.0, 0.0, long, wide),), kind="hall", roof=roof, form=form,
                           height=rng.uniform(5, 9.5))  # fmt: skip
            deep = max(deep, wide)
            p += long + rng.uniform(8, 24)
        q += deep + rng.uniform(12, 26)
    for _ in range(8):
        size = (0.0, 0.0, rng.uniform(4, 12), rng.uniform(3, 7))
        filler.add(rng.uniform(p0 + 6, p1 - 6), rng.uniform(q0 + 6, q1 - 6), 0.0, (size,),
                   kind="shed", roof="zinc", form="lean", height=3.0)  # fmt: skip


def _school(filler: Filler, block: Rect) -> None:
    rng = filler.rng
    p0, q0, p1, q1 = block
    filler.plot(block, "school")
    if p1 - p0 < 70 or q1 - q0 < 62:
        _houses(filler, block)
        return
    long, wide, wing = rng.uniform(44, 62), 13.0, rng.uniform(18, 30)
    parts = ((0.0, 0.0, long, wide), (-long / 2 + 7, wing / 2, 14.0, wing),
             (long / 2 - 7, wing / 2, 14.0, wing))  # fmt: skip
    filler.add((p0 + p1) / 2, q0 + 18, 0.0, parts, kind="school", roof="bitumen", form="flat",
               height=float(rng.choice([7.5, 10.5])))  # fmt: skip
    for _ in range(4):
        size = (0.0, 0.0, rng.uniform(10, 24), rng.uniform(8, 13))
        filler.add(rng.uniform(p0 + 14, p1 - 14), rng.uniform(q0 + 50, q1 - 8),
                   rng.choice([0.0, np.pi / 2]), (size,), kind="shop", roof=filler.roofing(),
                   form=str(rng.choice(["flat", "gable"])), height=rng.uniform(4, 7))  # fmt: skip


def _park(filler: Filler, block: Rect) -> None:
    filler.plot(block, "park")


def _field(filler: Filler, block: Rect) -> None:
    p0, q0, p1, q1 = block
    cut = p0 + filler.rng.uniform(0.3, 0.7) * (p1 - p0)
    filler.plot((p0, q0, cut, q1), "field")
    filler.plot((cut, q0, p1, q1), "field")


def plant(filler: Filler, rect: Rect) -> np.ndarray:
    """Draw the trees of a cell: groups, rows along streets, and single ones in gardens."""
    rng, town, cell = filler.rng, filler.town, filler.cell
    p0, q0, p1, q1 = rect
    density = {"houses": 1.05, "slabs": 0.9, "works": 0.35, "schools": 0.9, "parks": 2.6,
               "fields": 0.12}[cell.zone]  # fmt: skip
    wish = rng.poisson(density * town.options.trees_per_ha * (p1 - p0) * (q1 - q0) / 1e4)
    rows: list[tuple[float, float, float, float, float, float]] = []
    while len(rows) < wish:
        p, q = rng.uniform(p0, p1), rng.uniform(q0, q1)
        lot = rng.random()
        if lot < 0.22:  # along a street
            street = cell.streets[int(rng.integers(len(cell.streets)))].rect
            a, b = street[2] - street[0], street[3] - street[1]
            off = rng.choice([-1, 1]) * rng.uniform(1.5, 3.5)
            far = int(off > 0) * 2
            if a > b:
                p, q = rng.uniform(street[0], street[2]), street[1 + far] + off
            else:
                p, q = street[far] + off, rng.uniform(street[1], street[3])
        x, y, _ = town.streets.to_ground(p, q)
        count = 1 if lot < 0.5 else int(rng.integers(2, 9))
        tall = rng.random() < 0.14
        for _ in range(count):
            bush = rng.random() < 0.3
            radius = float(np.clip(rng.lognormal(0.60 if bush else 1.0, 0.38), 0.9, 6.5))
            radius *= 0.55 if bush else 0.75 if tall else 1.0
            height = radius * (1.1 if bush else 4.2 if tall else rng.uniform(1.7, 2.3)) + 0.8
            rows.append((x, y, radius, min(height, 19), 2.0 if bush else float(tall),
                         float(rng.integers(1 << 24))))  # fmt: skip
            x, y = x + rng.normal(0, 3.0), y + rng.normal(0, 3.0)
    return _free(filler, np.array(rows).reshape(-1, 6), rect)


def _free(filler: Filler, trees: np.ndarray, rect: Rect) -> np.ndarray:
    """Leave out trees that would stand on a building, a street or a strip, or in another cell."""
    if not len(trees):
        return trees
    cell, town = filler.cell, filler.town
    x, y, radius = trees[:, 0], trees[:, 1], trees[:, 2]
    good = ~town.on_strip(x, y, 1.0)
    p, q = town.streets.to_street(x, y)
    good &= (p > rect[0]) & (p < rect[2]) & (q > rect[1]) & (q < rect[3])
    for street in cell.streets:
        a = street.rect
        good &= ~((p > a[0] - 0.6) & (p < a[2] + 0.6) & (q > a[1] - 0.6) & (q < a[3] + 0.6))
    if cell.buildings:
        tree = shapely.STRtree([b.shape for b in cell.buildings])
        hit = tree.query(shapely.points(x, y), "dwithin", distance=radius * 0.6)[0]
        good[hit] = False
    return np.asarray(trees[good])
