"""Vegetation before and after: one index, one threshold, and the change beyond its noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.kernels import without_nan
from changedet.quantify.canopy import NO_CANOPY, CanopyPlan
from changedet.quantify.floor import NO_FLOOR, Floor

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

RANGE = {"ndvi": (0.15, 0.45), "exg": (0.03, 0.12)}
"""Where the threshold between plants and the rest may lie, by index."""
SPREAD = {"ndvi": (0.03, 0.15), "exg": (0.015, 0.06)}
"""Least and most believable noise of a difference of the index."""
FLOOR = {"ndvi": 0.03, "exg": 0.04}
"""Share of the vegetation by which the figure moves with season and light alone."""
MISSED = {"ndvi": 0.08, "exg": 0.06}
"""Share of the loss that the index does not show: pale grass that was hardly green before."""
LOSS_SPREADS = {"low": 3.5, "central": 1.5, "high": 0.5}
"""Drop of the vegetation index, in units of its noise, that the three figures ask for."""
PALE = {"central": 0.6, "high": 0.4}
"""How far from bare ground to the threshold a pale plant begins; for the low figure none does."""
PALE_BARE = 0.35
"""How far from bare ground its index may end."""
PALE_DROP = 2.0
"""Drop of its index, in units of the noise."""
PALE_AMONG = {"central": 0.3, "high": 0.15}
"""Share of the plants around that are lost: alone, a pale place that browns is only the season."""
PALE_WITHIN_M = 20.0
"""Half the side of the square that is looked at for it, metres."""
WEAKER = 0.25
"""Part of its index, beyond what the season takes, that a plant has lost whose state is worse."""
BURNT_DNBR = 0.27
"""Fall of the normalised burn ratio from which on plants are burnt (Key & Benson 2006:
moderate-low severity and more)."""
FARMED_ANYWAY = 0.5
"""Share of the fields that look bare after and not before by farm work alone, between two dates of
different years: not known better than that."""
TOLERANCE_M = 1.5
"""Bound of :func:`tolerant_maximum`: about half the radius of a crown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VegetationPlan:
    """What turns the index of both dates into plants, loss and gain."""

    index: str
    """``ndvi`` or ``exg``."""
    threshold: float
    """Index at and above which a pixel is vegetation; the same for both dates."""
    shift: float
    """Median difference of the index (after minus before) where nothing changed."""
    spread: float
    """Robust standard deviation of that difference."""
    separability: float
    """Otsu's eta of the index before."""
    bare: float = -1.0
    """Median index before of what is no vegetation."""
    floor: Floor = NO_FLOOR
    """What the season makes vanish where nothing happened."""
    brightness: float = 1.0
    """What brings BEFORE's visible bands to whole numbers of about a thousand."""
    plants_level: float = 0.0
    """Median brightness, in these numbers, of plants before."""
    canopy: CanopyPlan = NO_CANOPY
    """How canopy is told from grass."""

    def is_vegetation(self, index: FloatArray) -> BoolArray:
        """Mark vegetation; NaN is not."""
        return np.asarray(index >= self.threshold)

    def lost(self, before: FloatArray, after: FloatArray, *, spreads: float) -> BoolArray:
        """Mark vegetation of before that is none any more.

        Parameters
        ----------
        before, after : ndarray of float32, shape (height, width)
            Index; AFTER made tolerant by :func:`tolerant_maximum`.
        spreads : float
            Drop of the index that is asked for, in units of its noise.
        """
        unshifted = after - np.float32(self.shift)
        lost = unshifted < self.threshold - 0.5 * self.spread
        lost &= self.is_vegetation(before)
        lost &= np.subtract(before, unshifted, out=unshifted) > spreads * self.spread
        return np.asarray(lost)

    def falls_to(self, before: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the index after, the shift taken off, below which a plant counts as lost."""
        bound = self.threshold - 0.5 * self.spread
        return np.asarray(np.minimum(bound, before - LOSS_SPREADS["central"] * self.spread))

    def pale_lost(
        self, before: FloatArray, after: FloatArray, *, lost: BoolArray, figure: str, gsd_m: float
    ) -> BoolArray:
        """Mark pale plants, hardly green before, that are bare now where much is lost around.

        Thin grass stands below the threshold, as does dust on a roof; that it is gone is seen,
        and where the plants around are gone it is no other thing.

        Parameters
        ----------
        before, after : ndarray of float32, shape (height, width)
            Index; very low where it is not known.
        lost : ndarray of bool
            What :meth:`lost` marked.
        figure : str
            ``central`` or ``high``.
        gsd_m : float
            Ground sample distance, metres.
        """
        after = after - np.float32(self.shift)
        room = self.threshold - self.bare
        pale = (before < self.threshold) & (before > self.bare + PALE[figure] * room)
        pale &= after < self.bare + PALE_BARE * room
        pale &= after > -2
        pale &= np.subtract(before, after, out=after) > PALE_DROP * self.spread
        side = 2 * pale_reach_px(gsd_m) + 1
        # Whole numbers: running sums of them are exact, wherever a block begins.
        counts = [
            cv2.boxFilter(mask.view(np.uint8), cv2.CV_32S, (side, side), normalize=False)
            for mask in (lost, self.is_vegetation(before))
        ]
        return np.asarray(pale & (counts[0] > PALE_AMONG[figure] * counts[1]))

    def weaker(self, before: FloatArray, after: FloatArray) -> BoolArray:
        """Mark plants whose index fell by a part of it, and by more than season and noise."""
        drop = before - (after - np.float32(self.shift)) + np.float32(min(self.floor.shift, 0.0))
        least = np.maximum(np.float32(WEAKER) * before, np.float32(3 * self.spread))
        return np.asarray(self.is_vegetation(before) & (drop > least))

    def gained(self, before: FloatArray, after: FloatArray, *, spreads: float) -> BoolArray:
        """Mark vegetation of after where there was none; BEFORE made tolerant."""
        rise = (after - np.float32(self.shift)) - before
        new = (after - np.float32(self.shift)) >= self.threshold + 0.5 * self.spread
        none_before = before < self.threshold
        return np.asarray(new & none_before & (rise > spreads * self.spread))


def tolerant_maximum(index: FloatArray, *, gsd_m: float, error_px: float) -> FloatArray:
    """Take the largest index as near as the residual shift reaches: plants there still stand.

    Parameters
    ----------
    index : ndarray of float32, shape (height, width)
        NaN counts as no vegetation.
    gsd_m : float
        Ground sample distance, metres.
    error_px : float
        90 % error of the co-registration, pixels; a fraction of one grants nothing, or every loss
        would shrink by a pixel all around, and more than :data:`TOLERANCE_M` is not granted,
        or every clearing would shrink by it.
    """
    known = without_nan(index, -9.0)
    reach = min(round(TOLERANCE_M / gsd_m), int(error_px))
    if reach < 1:
        return known
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(known, kernel), np.float32)


def pale_reach_px(gsd_m: float) -> int:
    """Return how far :meth:`VegetationPlan.pale_lost` looks around, in pixels of the grid."""
    return max(2, round(PALE_WITHIN_M / gsd_m))


def plan_vegetation(
    index: str,
    *,
    threshold: float,
    separability: float,
    stable_difference: NDArray[np.floating],
    bare: float = -1.0,
) -> VegetationPlan:
    """Make the plan from the scene's own threshold and the noise on its stable pixels.

    Parameters
    ----------
    index : {"ndvi", "exg"}
        Which index it is.
    threshold, separability : float
        Otsu's, of the index before; the threshold is held inside :data:`RANGE`.
    stable_difference : ndarray, shape (n,)
        Index after minus before on the least changed pixels.
    bare : float
        Median index before below the threshold; -1 where that is not known.
    """
    shift, spread = 0.0, SPREAD[index][1]
    if stable_difference.size >= 50:
        shift = float(np.median(stable_difference))
        spread = 1.4826 * float(np.median(np.abs(stable_difference - shift)))
    low, high = RANGE[index]
    return VegetationPlan(
        index=index,
        threshold=min(max(threshold, low), high),
        shift=float(np.clip(shift, -0.1, 0.1)),
        spread=min(max(spread, SPREAD[index][0]), SPREAD[index][1]),
        separability=separability,
        bare=bare,
    )


def share_of_fields(lost_share: float) -> float:
    """Return the part of the fields that became bare which was lost, as what grew around them was.

    A field may be bare by farm work, whatever happened. Where ``lost_share`` of all other plants
    was lost, so was as much of the fields; of those that were not, :data:`FARMED_ANYWAY` are bare
    all the same. What is bare was lost in the proportion of the two.

    Examples
    --------
    >>> [round(share_of_fields(share), 2) for share in (0.0, 0.1, 0.5, 0.9)]
    [0.0, 0.18, 0.67, 0.95]
    """
    lost = min(max(lost_share, 0.0), 1.0)
    return lost / max(lost + (1 - lost) * FARMED_ANYWAY, 1e-9)
