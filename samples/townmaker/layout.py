"""Where things stand: streets, plots, buildings and trees."""

from __future__ import annotations

import numpy as np
import shapely
import shapely.affinity

from townmaker.scene import FINE, MARGIN, ROOFS, Array, Building, Tree, noise


class Town:
    """Layout of a town over ``size`` metres: streets, plots, buildings, trees, cars."""

    def __init__(self, size: float, seed: int) -> None:
        self.size, self.rng = size, np.random.default_rng(seed)
        self.side = round((size + 2 * MARGIN) / FINE)
        axis = (np.arange(self.side, dtype=np.float32) + 0.5) * FINE - MARGIN
        self.x, self.y = np.meshgrid(axis, axis)
        self.p, self.q = self.warp(self.x, self.y)
        self.buildings: list[Building] = []
        self.trees: list[Tree] = []
        self.beds: list[tuple[float, float, float, float, int]] = []
        self._place_blocks()
        self._place_trees()

    @staticmethod
    def warp(x: Array, y: Array) -> tuple[Array, Array]:
        """Street coordinates: along p and q the town is a grid, on the ground it winds."""
        p = x + 15 * np.sin(y / 62 + 0.6) + 5 * np.sin(x / 41)
        q = y + 13 * np.sin(x / 71 + 1.1) + 4 * np.sin(y / 37 + 2)
        return p, q

    def ground(self, p: float, q: float) -> tuple[float, float, float]:
        """Ground position and street direction at street coordinates."""
        x, y = p, q
        for _ in range(25):
            pp, qq = self.warp(np.float32(x), np.float32(y))  # type: ignore[arg-type]
            x, y = x + 0.8 * (p - float(pp)), y + 0.8 * (q - float(qq))
        step = 1.0
        _, left = self.warp(np.float32(x - step), np.float32(y))  # type: ignore[arg-type]
        _, right = self.warp(np.float32(x + step), np.float32(y))  # type: ignore[arg-type]
        return x, y, float(np.arctan2(-(float(right) - float(left)) / (2 * step), 1.0))

    def _place_blocks(self) -> None:
        reach = self.size + 40
        for row, q0 in enumerate(np.arange(-68.0, reach, 68.0)):
            for column, p0 in enumerate(np.arange(-125.0, reach, 125.0)):
                kind = self._zone(row, column)
                if kind == "slabs":
                    self._place_slabs(p0, q0)
                elif kind == "works":
                    self._place_works(p0, q0)
                elif kind == "houses":
                    self._place_houses(p0, q0)

    def _zone(self, row: int, column: int) -> str:
        if column >= 4 and row <= 3:
            return "slabs"
        if (row, column) == (4, 2):
            return "park"
        if column <= 1 and row >= 6:
            return "field"
        if (row, column) in {(6, 4), (7, 4)}:
            return "works"
        return "houses"

    def _add(self, p: float, q: float, turn: float, parts: list[tuple[float, float, float, float]],
             kind: str, roof: str, tall: float) -> None:  # fmt: skip
        x, y, street = self.ground(p, q)
        angle = street + turn
        rings = [shapely.box(u - a / 2, v - b / 2, u + a / 2, v + b / 2) for u, v, a, b in parts]
        shape = shapely.affinity.rotate(shapely.union_all(rings), np.degrees(angle), origin=(0, 0))
        shape = shapely.affinity.translate(shape, x, y)
        if any(shape.distance(other.shape) < 1.2 for other in self.buildings):
            return
        seed = int(self.rng.integers(1 << 31))
        self.buildings.append(Building(x, y, angle, parts, kind, roof, tall, seed, shape=shape))

    def _place_houses(self, p0: float, q0: float) -> None:
        rng = self.rng
        names = list(ROOFS)
        weights = [ROOFS[name][0] for name in names]
        for side in (1, -1):
            edge = p0 + 9.0
            while edge < p0 + 100:
                width = rng.uniform(17, 25)
                if edge + width > p0 + 104:
                    width = p0 + 119 - edge
                base = q0 + (0 if side > 0 else 68)
                middle = edge + width / 2
                if rng.random() < 0.94:
                    length, wide = rng.uniform(10, 15), rng.uniform(7.5, 10)
                    length = min(length, width - 4)
                    parts = [(0.0, 0.0, length, wide)]
                    if rng.random() < 0.35:
                        parts.append((length * rng.uniform(-0.25, 0.25), side * wide * 0.55,
                                      rng.uniform(4, 6), wide * 0.9))  # fmt: skip
                    set_back = 4.5 + rng.uniform(2, 6) + wide / 2
                    turn = rng.choice([0.0, np.pi / 2], p=[0.65, 0.35]) + rng.normal(0, 0.04)
                    roof = str(rng.choice(names, p=weights))
                    self._add(middle, base + side * set_back, turn, parts, "house", roof,
                              rng.uniform(2.7, 3.6))  # fmt: skip
                if rng.random() < 0.85:
                    roof = str(rng.choice(["asbestos", "dark", "zinc"]))
                    self._add(middle + rng.uniform(-0.3, 0.3) * width,
                              base + side * rng.uniform(21, 28), rng.choice([0.0, np.pi / 2]),
                              [(0.0, 0.0, rng.uniform(4.5, 8), rng.uniform(3.2, 4.8))],
                              "shed", roof, rng.uniform(2, 2.6))  # fmt: skip
                self.beds.append((edge, edge + width, base + side * 17, base + side * 33.5,
                                  int(rng.integers(1 << 31))))  # fmt: skip
                edge += width

    def _place_slabs(self, p0: float, q0: float) -> None:
        rng = self.rng
        for p, q, turn, long in (
            (p0 + 34, q0 + 12, 0.0, 50.0), (p0 + 96, q0 + 12, 0.0, 48.0),
            (p0 + 15, q0 + 44, np.pi / 2, 36.0), (p0 + 64, q0 + 50, 0.0, 52.0),
        ):  # fmt: skip
            if rng.random() < 0.9:
                self._add(p, q, turn + rng.normal(0, 0.015), [(0.0, 0.0, long, 12.0)], "slab",
                          "bitumen", float(rng.choice([9.0, 14.5, 14.5])))  # fmt: skip
        for k in range(6):
            self._add(p0 + 104, q0 + 36 + 4.4 * k, 0.0, [(0.0, 0.0, 6.0, 3.6)], "shed", "dark", 2.3)

    def _place_works(self, p0: float, q0: float) -> None:
        for p, q, long, wide in ((p0 + 40, q0 + 22, 56.0, 18.0), (p0 + 94, q0 + 38, 28.0, 20.0),
                                 (p0 + 30, q0 + 50, 34.0, 12.0)):  # fmt: skip
            self._add(p, q, 0.0, [(0.0, 0.0, long, wide)], "hall", "zinc", 6.5)

    def _place_trees(self) -> None:
        rng = self.rng
        taken = shapely.STRtree([b.shape for b in self.buildings])
        wish = int(self.size**2 / 85)
        park = noise((self.side, self.side), 30 / FINE, rng)
        while wish > 0:
            x, y = rng.uniform(-MARGIN, self.size + MARGIN, 2)
            wish -= 1
            col, row = int((x + MARGIN) / FINE) - 1, int((y + MARGIN) / FINE) - 1
            p, q = float(self.p[row, col]), float(self.q[row, col])
            street = min(abs((p + 62.5) % 125 - 62.5), abs((q + 34) % 68 - 34))
            zone = self._zone(int(q // 68) + 1, int(p // 125) + 1)
            if street < 3.8 or (zone == "field" and rng.random() < 0.93):
                continue
            dense = zone == "park" or park[row, col] > 0.9
            if not dense and street > 6.5 and rng.random() < 0.3:
                continue
            radius = float(np.clip(rng.lognormal(0.98, 0.38), 1.2, 5.5))
            if taken.query(shapely.Point(x, y), "dwithin", radius * 0.55).size:
                continue
            tree = Tree(
                x, y, radius, radius * rng.uniform(1.5, 2.1) + 1, int(rng.integers(1 << 31))
            )
            self.trees.append(tree)
            for _ in range(int(rng.integers(0, 4)) if dense else 0):
                dx, dy = rng.normal(0, 1.5 * radius, 2)
                size = radius * rng.uniform(0.6, 1.1)
                if not taken.query(shapely.Point(x + dx, y + dy), "dwithin", size * 0.6).size:
                    self.trees.append(
                        Tree(x + dx, y + dy, size, 1.8 * size + 1, int(rng.integers(1 << 31)))
                    )

    def patch(self, x: float, y: float, reach: float) -> tuple[slice, slice] | None:
        """Slices of the canvas around a ground position; None where it lies outside."""
        col, row, half = (x + MARGIN) / FINE, (y + MARGIN) / FINE, reach / FINE
        c0, c1 = max(0, int(col - half)), min(self.side, int(col + half) + 1)
        r0, r1 = max(0, int(row - half)), min(self.side, int(row + half) + 1)
        return (slice(r0, r1), slice(c0, c1)) if r1 - r0 > 7 and c1 - c0 > 7 else None

    def local(self, b: Building, sl: tuple[slice, slice]) -> tuple[Array, Array]:
        """Coordinates along and across a building, metres."""
        dx, dy = self.x[sl] - np.float32(b.x), self.y[sl] - np.float32(b.y)
        cos, sin = np.float32(np.cos(b.angle)), np.float32(np.sin(b.angle))
        return dx * cos + dy * sin, -dx * sin + dy * cos

    def at(self, field_: Array, x: float, y: float) -> float:
        col = int(np.clip((x + MARGIN) / FINE, 0, self.side - 1))
        row = int(np.clip((y + MARGIN) / FINE, 0, self.side - 1))
        return float(field_[row, col])
