"""Buildings as one value each, and how well a score or a decision tells the destroyed ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from changedet.io.vector import read_own_layer
from tests.benchmarks import metrics
from tests.benchmarks.images import Mask, Pair, read_band, read_unit
from tests.benchmarks.metrics import Array
from tests.benchmarks.peers import PEERS, decide

LEVELS = {"No visible damage": 1, "Possibly damaged": 2, "Damaged": 3, "Destroyed": 4}
"""The grades in order; 0 is "Not analysed"."""
HALF = 0.5
"""Share of a footprint from which on a map says "destroyed"."""
BUILT_DESTROYED = 2
"""Code in classes.tif."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Buildings:
    """Buildings on BEFORE's grid with their truth (or what stands for it).

    Parameters
    ----------
    ids : ndarray of int, shape (n,)
        As in the footprints file.
    level : ndarray of int, shape (n,)
        True grade 1..4, see :data:`LEVELS`.
    labels : ndarray of int, shape (height, width)
        0 none, k + 1 for building k.
    """

    ids: NDArray[np.integer]
    level: NDArray[np.integer]
    labels: NDArray[np.integer]

    @property
    def pixels(self) -> NDArray[np.integer]:
        """Return the size of each building, pixels."""
        return np.bincount(self.labels.ravel(), minlength=len(self.ids) + 1)[1:]

    def mean(self, values: NDArray[np.generic]) -> Array:
        """Return the mean of a map in each footprint, NaN where it has no value."""
        return metrics.mean_by_label(values, self.labels, len(self.ids))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Verdict:
    """What a method says of each building; a score that is not finite is "not analysed"."""

    score: Array
    destroyed: Mask
    damaged: Mask
    """Destroyed or damaged: what is a false alarm on an intact building."""
    level: NDArray[np.integer] | None = None
    """Grade 1..4, where the method gives grades."""


def graded(folder: Path, buildings: Buildings) -> Verdict:
    """Return the grades of the layer ``buildings`` in the order of ``buildings``."""
    _, columns = read_own_layer(folder / "vectors.gpkg", "buildings")
    place = {int(name): number for number, name in enumerate(buildings.ids)}
    score = np.full(len(buildings.ids), np.nan)
    level = np.zeros(len(buildings.ids), np.int64)
    for name, grade, value in zip(columns["id"], columns["grade"], columns["score"], strict=True):
        if str(name).isdecimal() and int(name) in place:
            score[place[int(name)]] = value
            level[place[int(name)]] = LEVELS.get(str(grade), 0)
    score[level == 0] = np.nan
    return Verdict(score=score, destroyed=level == 4, damaged=level >= 3, level=level)


def mapped(folder: Path, buildings: Buildings) -> Verdict | None:
    """Return what the maps of a run without footprints say of each building.

    The score is the mean structural change; destroyed is what class 2 covers by half. None where
    the maps are not on the buildings' grid.
    """
    classes = read_band(folder / "maps" / "classes.tif")
    if classes.shape != buildings.labels.shape:
        return None
    score = buildings.mean(read_unit(folder / "maps" / "structural_change.tif"))
    share = buildings.mean(np.where(classes == 0, np.nan, classes == BUILT_DESTROYED))
    called = np.nan_to_num(share) >= HALF
    return Verdict(score=score, destroyed=called, damaged=called)


def peer_maps(pair: Pair) -> Iterator[tuple[str, Array, Mask]]:
    """Yield name, score and own decision of every peer."""
    for name, peer in PEERS.items():
        score = peer(pair.before, pair.after, pair.valid)
        yield name, score, decide(name, score)


def peer_verdicts(pair: Pair, buildings: Buildings) -> Iterator[tuple[str, Verdict]]:
    """Yield what every peer says of each building."""
    for name, score, changed in peer_maps(pair):
        share = buildings.mean(np.where(np.isfinite(score), changed, np.nan))
        called = np.nan_to_num(share) >= HALF
        yield name, Verdict(score=buildings.mean(score), destroyed=called, damaged=called)


def judge(verdict: Verdict, buildings: Buildings, *, among: Mask | None = None) -> dict[str, float]:
    """Return the figures of a verdict over the buildings that it analysed.

    Parameters
    ----------
    verdict, buildings :
        In the same order.
    among : array of bool, optional
        Only these buildings, so that two methods are judged on the same ones.

    Returns
    -------
    dict
        ``auc`` (Destroyed against No visible damage), ``auc_rest`` and ``ap`` (Destroyed against
        the rest), ``f1`` of the decision "destroyed", ``kappa`` (quadratic, where there are
        grades), ``area_ratio`` (area called destroyed over that of truly destroyed buildings),
        ``false_alarms`` (share of the intact ones called destroyed or damaged), ``buildings``.
    """
    seen = np.isfinite(verdict.score)
    if among is not None:
        seen &= among
    level, pixels = buildings.level[seen], buildings.pixels[seen]
    score, called = verdict.score[seen], verdict.destroyed[seen]
    lost, intact = level == 4, level == 1
    clear = lost | intact
    figures = {
        "auc": metrics.auc(score[clear], lost[clear]),
        "auc_rest": metrics.auc(score, lost),
        "ap": metrics.average_precision(score, lost),
        "f1": metrics.f1(called, lost),
        "area_ratio": 1 + metrics.relative_bias(pixels[called].sum(), pixels[lost].sum()),
        "false_alarms": float(verdict.damaged[seen][intact].mean()) if intact.any() else np.nan,
        "buildings": int(seen.sum()),
    }
    if verdict.level is not None:
        figures["kappa"] = metrics.quadratic_kappa(verdict.level[seen], level, levels=4)
    return figures
