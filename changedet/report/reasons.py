"""Why a building got its grade, in one sentence, from what the decision rested on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from changedet.core.grades import DAMAGED_FROM, DESTROYED_FROM, POSSIBLE_FROM, POSSIBLE_RATE
from changedet.report import words

"""Probabilities that the grades begin at: destroyed; damaged or destroyed for the two others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measures:
    """What the grades of all buildings of a pair rest on; every array has one element each."""

    grade: NDArray[np.object_]
    similarity: NDArray[np.float64]
    """Above that of unrelated places, in its spreads; NaN where not analysed."""
    order_loss: NDArray[np.float64]
    """Beyond that of unchanged buildings, in their spreads."""
    probability: NDArray[np.float64]
    """Of *destroyed*."""
    damage_probability: NDArray[np.float64]
    """Of *damaged or destroyed*."""
    reason: NDArray[np.object_]
    """Why not analysed, else empty."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildingView:
    """One building of a result, near enough to see it.

    Parameters
    ----------
    id : str
        As in the buildings layer.
    before, after : ndarray, uint8, (h, w, 3)
        Display colours, the same place on both dates.
    outline, ring : ndarray, float, (n, 2)
        The outline, and what its evidence was gathered over (2 m more): pixels of the pictures.
    metres : float or None
        Width of the pictures; None where no scale is known.
    number : int
        Which of the buildings.
    measures : Measures
        Of all buildings.
    unchanged_similarity : float
        Where unchanged buildings of this pair lie.
    prior : float
        Estimated share of destroyed buildings, 0..1.
    separable : bool
        Whether destroyed and unchanged could be told apart on this pair.
    """

    id: str
    before: NDArray[np.uint8] = field(repr=False)
    after: NDArray[np.uint8] = field(repr=False)
    outline: NDArray[np.float64] = field(repr=False)
    ring: NDArray[np.float64] = field(repr=False)
    metres: float | None
    number: int
    measures: Measures = field(repr=False)
    unchanged_similarity: float
    prior: float
    separable: bool

    @property
    def grade(self) -> str:
        """The grade, Copernicus EMS words."""
        return str(self.measures.grade[self.number])

    def of(self, name: str) -> float:
        """Return a measure of this building; NaN where it was not analysed."""
        return float(getattr(self.measures, name)[self.number])


def why(view: BuildingView) -> str:
    """Say in one sentence why a building got its grade.

    Parameters
    ----------
    view : BuildingView
        Its measures and those of the pair are used, not its pictures.
    """
    if not math.isfinite(view.of("probability")):
        reason = words.plain(view.measures.reason[view.number], limit=200)
        return f"{view.grade}: {reason}."
    facts = f"{_alike(view)}, {_order(view)}"
    destroyed, hurt = view.of("probability"), view.of("damage_probability")
    at_prior = f"at a prior of {_two(view.prior)}"
    if not view.separable:
        said = (
            f"probability of destroyed {_two(destroyed)} {at_prior}, but destroyed and unchanged "
            "buildings cannot be told apart on this pair, so nothing graver is claimed"
        )
    elif destroyed >= DESTROYED_FROM:
        said = f"probability {_two(destroyed)} {at_prior}"
    elif hurt >= DAMAGED_FROM:
        said = (
            f"probability of damaged or destroyed {_two(hurt)}, of destroyed {_two(destroyed)} "
            f"{at_prior}"
        )
    elif hurt >= POSSIBLE_FROM and view.grade == "No visible damage":
        said = (
            f"probability of damaged or destroyed {_two(hurt)}, but of all buildings flagged from "
            f"there on more than {POSSIBLE_RATE:.0%} would be intact"
        )
    elif hurt >= POSSIBLE_FROM:
        said = (
            f"probability of damaged or destroyed {_two(hurt)}, too little to be sure "
            f"(from {DAMAGED_FROM:g})"
        )
    else:
        said = f"probability of damaged or destroyed {_two(hurt)}, below {POSSIBLE_FROM:g}"
    return f"{view.grade}: {facts}; {said}."


def _alike(view: BuildingView) -> str:
    own, usual = view.of("similarity"), max(view.unchanged_similarity, 1e-6)
    share = own / usual
    numbers = f"({own:.1f} spreads above chance, unchanged buildings {usual:.1f})"
    if share < 0.3:
        return f"hardly more alike than unrelated places {numbers}"
    if share < 0.65:
        return f"much less alike than unchanged buildings {numbers}"
    if share < 0.85:
        return f"a little less alike than unchanged buildings {numbers}"
    return f"as alike as unchanged buildings {numbers}"


def _order(view: BuildingView) -> str:
    lost = view.of("order_loss")
    if lost >= 3:
        return f"its order lost ({lost:.1f} spreads)"
    if lost >= 1.5:
        return f"a part of its order lost ({lost:.1f} spreads)"
    return f"its order kept ({lost:.1f} spreads lost)"


def _two(probability: float) -> str:
    """Write a probability with two digits that never says 0 or 1."""
    if probability > 0.995:
        return "over 0.99"
    return "under 0.01" if probability < 0.005 else f"{probability:.2f}"
