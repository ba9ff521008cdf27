"""What happens to each thing: a clustered field of damage decides, and shares come out as set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from changedet.core.scenario import Scenario
from changedet.simulate.frames import Array, Frame, Textures, make_waves
from changedet.simulate.things import Building, Rect
from changedet.simulate.town import Town

GRADES = ("Destroyed", "Damaged", "Possibly damaged", "No visible damage")
ALIVE, GONE, DEAD, CHARRED = 0, 1, 2, 3
"""Fates of a tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What became of a building."""

    grade: str = GRADES[3]
    event: str = ""
    """rubble, burnt, cleared; holed, part; debris; reroofed, tarp."""
    lost_share: float = 0.0
    """Share of the footprint whose roof is gone."""


INTACT = Fate()


@dataclass(frozen=True, kw_only=True, slots=True)
class Crater:
    """A crater; metres."""

    x: float
    y: float
    radius: float
    seed: int


class Events:
    """Decides, from the seed and the place alone, what happens to what."""

    def __init__(self, town: Town, scenario: Scenario) -> None:
        self.town, self.wish, self.seed = town, scenario.events, scenario.seed
        rng = np.random.default_rng((self.seed, 11))
        self.field = make_waves(rng, length=self.wish.range_m / 1.6)
        self._scores: dict[int, float] = {}
        self._cut_buildings, self._cut_trees = self._cuts()
        self._cut_ground = self._ground_cut(rng)

    def _inside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x >= 0) & (y >= 0) & (x < self.town.width) & (y < self.town.height)

    def _cuts(self) -> tuple[tuple[float, ...], float]:
        """Return the scores above which buildings and trees are lost, from the whole town."""
        lots, trees = [], []
        for cell in self.town.all_cells():
            t = cell.trees[self._inside(cell.trees[:, 0], cell.trees[:, 1])]
            trees.append(self._tree_score(t))
            if not cell.buildings:
                continue
            x, y, seeds = np.array([(b.x, b.y, b.seed) for b in cell.buildings]).T
            score = self._score(x, y, seeds)
            lots.append(score[self._inside(x, y)])
            numbers = (b.number for b in cell.buildings)
            self._scores |= zip(numbers, score.tolist(), strict=True)
        p = self.wish.prevalence
        shares = np.cumsum([p, min(0.12, 0.35 * (1 - p)) * (p > 0), 0.25 * (1 - p) * (p > 0) * 0.4])
        if not lots:
            return (math.inf,) * 3, math.inf
        order = np.sort(np.concatenate(lots))[::-1]
        counts = np.round(shares * len(order)).astype(int)
        cuts = [order[n - 1] if n else math.inf for n in counts]
        scores = np.concatenate(trees)
        lost = self.wish.trees_lost
        tree_cut = float(np.quantile(scores, 1 - lost)) if lost and len(scores) else math.inf
        return tuple(float(c) for c in cuts), tree_cut

    def _score(self, x: np.ndarray, y: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return self.field.at(x, y) + 0.6 * _normal(seeds)

    def _level(self, x: float, y: float) -> float:
        return float(self.field.at(np.array(x), np.array(y)))

    def _tree_score(self, trees: np.ndarray) -> np.ndarray:
        return self.field.at(trees[:, 0], trees[:, 1]) + 0.6 * _normal(trees[:, 5])

    def _ground_cut(self, rng: np.random.Generator) -> float:
        if self.wish.ground_lost == 0:
            return math.inf
        x, y = rng.uniform(0, 1, (2, 4000)) * [[self.town.width], [self.town.height]]
        level = self.field.at(x, y) + 0.8 * rng.standard_normal(4000)
        return float(np.quantile(level, 1 - self.wish.ground_lost))

    def of_building(self, b: Building) -> Fate:
        """Return the fate of a building."""
        score = self._scores[b.number]
        rng = np.random.default_rng((self.seed, 12, b.seed))
        if score >= self._cut_buildings[0]:
            return Fate(grade=GRADES[0], event=self._end(b, rng.random()), lost_share=1.0)
        if score >= self._cut_buildings[1]:
            share = float(rng.uniform(0.12, 0.45))
            event = "part" if rng.random() < (0.5 if b.kind == "slab" else 0.25) else "holed"
            return Fate(grade=GRADES[1], event=event, lost_share=share)
        if score >= self._cut_buildings[2]:
            share = float(rng.choice([0.0, rng.uniform(0.02, 0.08)]))
            return Fate(grade=GRADES[2], event="holed" if share else "debris", lost_share=share)
        if b.kind in {"house", "shed"} and rng.random() < self.wish.renewed:
            tarp = self.wish.prevalence > 0 and rng.random() < 0.4
            return Fate(event="tarp" if tarp else "reroofed")
        return INTACT

    def _end(self, b: Building, lot: float) -> str:
        """Return how a destroyed building ends."""
        if lot < self.wish.rubble:
            return "rubble"
        cleared = lot < self.wish.rubble + self.wish.cleared
        return "cleared" if cleared and b.kind not in {"slab", "school"} else "burnt"

    def of_trees(self, trees: np.ndarray) -> np.ndarray:
        """Return a fate for each row of a cell's trees."""
        lost = self._tree_score(trees) >= self._cut_trees
        lot = (trees[:, 5] * 0.61803) % 1
        kind = np.where(lot < 0.55, GONE, np.where(lot < 0.8, DEAD, CHARRED))
        return np.where(lost, kind, ALIVE)

    def churned(self, frame: Frame, textures: Textures) -> Array | None:
        """Return how far the ground is burnt or churned over a frame, 0..1; None for nowhere."""
        if math.isinf(self._cut_ground):
            return None
        level = self.field.over(frame)
        level += np.float32(0.66) * textures.cover("soft", frame, grain=26, salt=31)
        level += np.float32(0.45) * textures.cover("fractal", frame, grain=5, salt=32)
        level -= np.float32(self._cut_ground)
        return np.clip(level * 1.3 + 0.5, 0, 1, out=level)

    def _squares(
        self, bounds: Rect, side: float, salt: int
    ) -> Iterator[tuple[int, int, np.random.Generator]]:
        """Yield the squares that bounds touch, and one around, each with its own luck."""
        for i in range(math.floor(bounds[0] / side) - 1, math.floor(bounds[2] / side) + 2):
            for j in range(math.floor(bounds[1] / side) - 1, math.floor(bounds[3] / side) + 2):
                yield i, j, np.random.default_rng((self.seed, salt, i + 100_000, j + 100_000))

    def craters(self, bounds: Rect) -> Iterator[Crater]:
        """Yield the craters that reach into bounds, in a fixed order."""
        if self.wish.craters_per_ha == 0:
            return
        side = 40.0
        for i, j, rng in self._squares(bounds, side, 13):
            x, y = (i + 0.5) * side, (j + 0.5) * side
            level = math.exp(1.1 * self._level(x, y) - 0.6)
            for _ in range(rng.poisson(self.wish.craters_per_ha * side**2 / 1e4 * level)):
                yield Crater(
                    x=(i + rng.random()) * side, y=(j + rng.random()) * side,
                    radius=float(np.clip(rng.lognormal(0.55, 0.4), 0.8, 5)),
                    seed=int(rng.integers(1 << 31)),
                )  # fmt: skip

    def tracks(self, bounds: Rect) -> Iterator[tuple[np.ndarray, int]]:
        """Yield mud tracks as polylines (n, 2) with a seed, where the field is high."""
        if self.wish.ground_lost == 0:
            return
        side = 130.0
        for i, j, rng in self._squares(bounds, side, 14):
            x, y = (i + rng.random()) * side, (j + rng.random()) * side
            if self._level(x, y) < 0.1 or rng.random() < 0.4:
                continue
            turn = rng.uniform(0, 6.28)
            bend = rng.normal(0, 0.12, 24)
            heading = turn + np.cumsum(bend)
            steps = 5.0 * np.column_stack([np.cos(heading), np.sin(heading)])
            yield np.array([x, y]) + np.cumsum(steps, 0), int(rng.integers(1 << 31))

    def new_buildings(
        self, bounds: Rect
    ) -> Iterator[tuple[float, float, float, float, float, int]]:
        """Yield x, y, angle, length, width and seed of what was built between the dates."""
        if self.wish.built_per_ha == 0:
            return
        side = 90.0
        for i, j, rng in self._squares(bounds, side, 15):
            for _ in range(rng.poisson(self.wish.built_per_ha * side**2 / 1e4)):
                yield (
                    (i + rng.random()) * side, (j + rng.random()) * side,
                    self.town.streets.turn + rng.choice([0, np.pi / 2]),
                    rng.uniform(6, 14), rng.uniform(5, 9), int(rng.integers(1 << 31)),
                )  # fmt: skip


def _normal(seeds: np.ndarray) -> np.ndarray:
    """Return a standard normal number for each seed, the same for the same seed."""
    mixed = (np.asarray(seeds, np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    other = (mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(11)
    u = (mixed.astype(np.float64) % 2**40 + 0.5) / 2**40
    v = (other.astype(np.float64) % 2**40 + 0.5) / 2**40
    return np.asarray(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v))
