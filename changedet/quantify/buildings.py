"""Buildings: sums per footprint that add up over blocks, then a grade for each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from changedet.core.grades import DAMAGED_FROM, DESTROYED_FROM, POSSIBLE_FROM

DESTROYED = "Destroyed"
DAMAGED = "Damaged"
POSSIBLY = "Possibly damaged"
NONE = "No visible damage"
NOT_ANALYSED = "Not analysed"
GRADES = (DESTROYED, DAMAGED, POSSIBLY, NONE, NOT_ANALYSED)
"""Words of the Copernicus EMS rapid mapping grading, most severe first."""

UNOSAT = {DESTROYED: 1, DAMAGED: 2, POSSIBLY: 4, NONE: 6, NOT_ANALYSED: 0}
"""UNOSAT's damage class beside our grade; 0 where they have none."""

MIN_SEEN_SHARE = 0.6
"""Share of a footprint that must be analysed for a grade."""
MIN_PIXELS = 12
"""Pixels of a footprint that must be analysed for a grade."""
STEPS = 1000
"""Measures are summed as integers of 1/1000: the order of the blocks changes nothing. Where blocks
are cut may move a sum by a few of these steps, because a pixel's window is summed in float."""


ROWS = (
    "pixels", "analysed", "dissimilarity", "drop", "lost", "veiled", "white", "matched", "match"
)  # fmt: skip
"""What is summed for each footprint; the measures in 1/1000. A footprint is matched as a whole, at
most once: ``matched`` is 0 or 1, ``match`` its similarity."""


@dataclass(frozen=True, slots=True, eq=False)
class FootprintSums:
    """Sums over the pixels of each footprint (grown by 2 m), shape (len(ROWS), n)."""

    values: NDArray[np.int64] = field(repr=False)

    @classmethod
    def zero(cls, count: int) -> FootprintSums:
        """Return the sums of nothing for ``count`` footprints."""
        return cls(np.zeros((len(ROWS), count), np.int64))

    def __add__(self, other: FootprintSums) -> FootprintSums:
        """Add the sums of another block."""
        return FootprintSums(self.values + other.values)

    def add_footprint(
        self,
        number: int,
        inside: NDArray[np.bool_],
        analysed: NDArray[np.bool_],
        measures: dict[str, NDArray[np.float32]],
        lost: NDArray[np.bool_],
        *,
        veiled: NDArray[np.bool_] | None = None,
        white: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add the pixels of one footprint in one block, in place.

        Parameters
        ----------
        number : int
            Which footprint.
        inside, analysed, lost : ndarray of bool, one shape
            Its pixels; those that both dates show; those with evidence above one half.
        measures : dict of ndarray
            ``dissimilarity`` and ``drop``, the same shape.
        veiled, white : ndarray of bool, optional
            What cloud or smoke hides; what is saturated or under snow.
        """
        seen = inside & analysed
        column = self.values[:, number]
        column[0] += int(inside.sum())
        column[1] += int(seen.sum())
        for row, name in ((2, "dissimilarity"), (3, "drop")):
            column[row] += int(np.rint(np.float64(measures[name][seen]) * STEPS).sum())
        column[4] += int((seen & lost).sum())
        for row, hidden in ((5, veiled), (6, white)):
            if hidden is not None:
                column[row] += int((inside & ~analysed & hidden).sum())

    def add_match(self, number: int, similarity: float) -> None:
        """Add the similarity of one footprint as a whole, in place."""
        column = self.values[:, number]
        column[7] += 1
        column[8] += round(similarity * STEPS)

    @property
    def match(self) -> NDArray[np.float64]:
        """Similarity of each footprint as a whole, where it fits best; NaN where not looked for."""
        similarity = self.values[8] / STEPS
        return np.asarray(np.where(self.values[7] == 1, similarity, np.nan))

    @property
    def analysed(self) -> NDArray[np.int64]:
        """Analysed pixels of each footprint."""
        return np.asarray(self.values[1])

    def hidden_most(self, name: str) -> NDArray[np.bool_]:
        """Mark the footprints of whose unseen pixels half or more are ``veiled`` or ``white``."""
        unseen = self.values[0] - self.values[1]
        hidden = self.values[ROWS.index(name)]
        return np.asarray((hidden > 0) & (2 * hidden >= unseen))

    @property
    def seen_share(self) -> NDArray[np.float64]:
        """Analysed share of each footprint's pixels inside the grid, 0..1."""
        return np.asarray(self.values[1] / np.maximum(self.values[0], 1))

    def mean(self, name: str) -> NDArray[np.float64]:
        """Return the mean of a measure, or the share lost, over the analysed pixels."""
        scale = 1 if name == "lost" else STEPS
        return np.asarray(self.values[ROWS.index(name)] / scale / np.maximum(self.values[1], 1))


@dataclass(frozen=True, slots=True)
class Assessment:
    """Grades of all footprints; every array has one element a footprint."""

    grade: NDArray[np.object_]
    score: NDArray[np.float64]
    """Distance from the null in its spreads; NaN where not analysed."""
    probability: NDArray[np.float64]
    """Posterior probability of *destroyed* (model, not calibrated); NaN where not analysed."""
    lost_share: NDArray[np.float64]
    """Share of the analysed pixels with evidence above 0.5; NaN where not analysed."""
    reason: NDArray[np.object_]
    """Why a footprint was not analysed, else empty."""
    similarity: NDArray[np.float64]
    """Above that of unrelated places, in its spreads: 0 = no more alike; NaN where not analysed."""
    order_loss: NDArray[np.float64]
    """Loss of coherence beyond that of unchanged buildings, in their spreads; NaN as above."""
    damage_probability: NDArray[np.float64]
    """Posterior probability of *damaged or destroyed*; NaN where not analysed."""

    def count(self, grade: str) -> int:
        """Return how many footprints have a grade."""
        return int(np.sum(self.grade == grade))


def why_not_analysed(
    sums: FootprintSums, area_m2: NDArray[np.floating] | None, *, min_area_m2: float
) -> NDArray[np.object_]:
    """Say for each footprint why it gets no grade; an empty string where it gets one.

    Parameters
    ----------
    sums : FootprintSums
        Over the whole image.
    area_m2 : ndarray, shape (n,), or None
        Areas of the outlines; None where no scale is known.
    min_area_m2 : float
        Outlines below are slivers.
    """
    reason = np.full(sums.values.shape[1], "", dtype=object)
    reason[sums.seen_share < MIN_SEEN_SHARE] = "not seen in both images"
    reason[sums.analysed < MIN_PIXELS] = "too small for this pixel size"
    reason[sums.analysed == 0] = "not seen in both images"
    unseen = reason == "not seen in both images"
    reason[unseen & sums.hidden_most("white")] = "saturated or under snow"
    reason[unseen & sums.hidden_most("veiled")] = "under cloud or smoke"
    if area_m2 is not None:
        reason[area_m2 < min_area_m2] = f"below {min_area_m2:g} m2"
    return reason


def grade_buildings(
    probability: NDArray[np.floating],
    score: NDArray[np.floating],
    lost_share: NDArray[np.floating],
    reason: NDArray[np.object_],
    *,
    hurt: NDArray[np.floating],
    possible: NDArray[np.bool_],
    similarity: NDArray[np.floating],
    order_loss: NDArray[np.floating],
    separable: bool,
) -> Assessment:
    """Grade each footprint from its probabilities.

    *Destroyed*: more likely than not. *Damaged*: damaged or destroyed with a probability of at
    least 0.9, since new roofs, cars and shadows do to a roof what a hole does. *Possibly damaged*:
    from 0.2, within the set that ``possible`` marks. Never an EMS-98 grade: those cannot be seen
    from above.

    Parameters
    ----------
    probability, score, lost_share : ndarray, shape (n,)
        See :class:`Assessment`.
    reason : ndarray of str, shape (n,)
        From :func:`why_not_analysed`.
    hurt : ndarray, shape (n,)
        Probability of *damaged or destroyed*.
    possible : ndarray of bool, shape (n,)
        The largest set with a bearable rate of false discoveries.
    similarity, order_loss : ndarray, shape (n,)
        What the grades rest on, see :class:`Assessment`.
    separable : bool
        Where False nothing is graded above *Possibly damaged*.
    """
    grade = np.full(len(probability), NONE, dtype=object)
    grade[(hurt >= POSSIBLE_FROM) & possible] = POSSIBLY
    grade[(hurt >= DAMAGED_FROM) & separable] = DAMAGED
    grade[(probability >= DESTROYED_FROM) & separable] = DESTROYED
    unseen = reason != ""
    grade[unseen] = NOT_ANALYSED

    def known(values: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.where(unseen, np.nan, values)

    return Assessment(
        grade=grade,
        score=known(score),
        probability=known(probability),
        lost_share=known(lost_share),
        reason=reason,
        similarity=known(similarity),
        order_loss=known(order_loss),
        damage_probability=known(hurt),
    )
