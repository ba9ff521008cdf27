"""Why a building got its grade, in one sentence, from what the decision rested on."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from changedet.core.grades import DAMAGED_FROM, DESTROYED_FROM, POSSIBLE_FROM, POSSIBLE_RATE
from changedet.report import words
from changedet.report.language import Number, Phrase, Text, phrase
from changedet.report.palette import GRADES


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


def why(view: BuildingView) -> Text:
    """Say in one sentence why a building got its grade.

    Parameters
    ----------
    view : BuildingView
        Its measures and those of the pair are used, not its pictures.
    """
    grade = grade_name(view.grade)
    if not math.isfinite(view.of("probability")):
        reason = not_analysed(str(view.measures.reason[view.number]))
        return phrase("building-why-not-graded", grade=grade, reason=reason)
    return phrase(
        "building-why", grade=grade, alike=_alike(view), order=_order(view), said=_said(view)
    )


def grade_name(grade: str) -> Text:
    """Return a grade in the language of the reader."""
    return next((style.label for style in GRADES if style.name == grade), words.plain(grade))


def not_analysed(reason: str) -> Text:
    """Return why a building was not analysed, as the buildings layer says it, as a phrase.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> tell(not_analysed("below 20 m2"), "uk")
    'менша за 20 м²'
    """
    if (size := re.fullmatch(r"below ([\d.]+) m2", reason)) is not None:
        least = float(size[1])
        return phrase("unseen-below", area=Number(least, digits=len(f"{least:g}".replace(".", ""))))
    key = _REASONS.get(reason)
    return words.plain(reason, limit=200) if key is None else Phrase(key)


_REASONS = {
    "not seen in both images": "unseen-both",
    "too small for this pixel size": "unseen-small",
    "saturated or under snow": "unseen-white",
    "under cloud or smoke": "unseen-cloud",
    "pixels too large to see whether it stands": "unseen-pixels",
}
"""What the pipeline writes into the buildings layer."""


def _said(view: BuildingView) -> Text:
    """Say which probability the grade was cut by."""
    facts = {
        "destroyed": _two(view.of("probability")),
        "hurt": _two(view.of("damage_probability")),
        "prior": _two(view.prior),
    }
    hurt = view.of("damage_probability")
    if not view.separable:
        return phrase(
            "building-why-not-separable", destroyed=facts["destroyed"], prior=facts["prior"]
        )
    if view.of("probability") >= DESTROYED_FROM:
        return phrase("building-why-destroyed", destroyed=facts["destroyed"], prior=facts["prior"])
    if hurt >= DAMAGED_FROM:
        return phrase("building-why-damaged", **facts)
    if hurt >= POSSIBLE_FROM and view.grade == "No visible damage":
        rate = phrase("percent", share=Number(POSSIBLE_RATE * 100, digits=2))
        return phrase("building-why-too-many-intact", hurt=facts["hurt"], rate=rate)
    if hurt >= POSSIBLE_FROM:
        return phrase(
            "building-why-possibly", hurt=facts["hurt"], least=Number(DAMAGED_FROM, digits=1)
        )
    return phrase("building-why-intact", hurt=facts["hurt"], least=Number(POSSIBLE_FROM, digits=1))


def _alike(view: BuildingView) -> Text:
    own, usual = view.of("similarity"), max(view.unchanged_similarity, 1e-6)
    share = own / usual
    how = (
        "hardly" if share < 0.3 else "less" if share < 0.65 else "little" if share < 0.85 else "as"
    )
    return phrase(f"alike-{how}", own=_spreads(own), usual=_spreads(usual))


def _order(view: BuildingView) -> Text:
    lost = view.of("order_loss")
    how = "lost" if lost >= 3 else "part" if lost >= 1.5 else "kept"
    return phrase(f"order-{how}", lost=_spreads(lost))


def _spreads(value: float) -> Text:
    """Return a measure in spreads with one decimal place."""
    return "0" if abs(value) < 0.05 else Number(round(value, 1), digits=3, decimals=1)


def _two(probability: float) -> Text:
    """Return a probability with two digits that never says 0 or 1."""
    if probability > 0.995:
        return phrase("over", limit=Number(0.99, digits=2))
    if probability < 0.005:
        return phrase("under", limit=Number(0.01, digits=1))
    return Number(max(round(probability, 2), 0.01), digits=2, decimals=2)
