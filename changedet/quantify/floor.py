"""The floor of a vegetation loss: what season and view make vanish where nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

ALIKE = 10.0
"""Similarity above that of unrelated places, in spreads of it, from which on a place stands."""
LEAST_SAMPLES = 150
"""Samples of plants that stand without which the season is not estimated."""
MOST_SHARE = 0.15
"""Share of the plants, the most alike, that is used at most."""
BINS = 5
"""Classes of the index before, each with its own shift."""

DIRECTIONS = 8
"""Directions in which buildings may lean."""
LEAN_M = 8.0
"""How far beside a building its lean hides the ground, metres."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """Share of the plants that stand which the rule for lost takes all the same.

    It may come from the pair itself or from elsewhere: whoever makes one says where from.
    """

    share: float = 0.0
    """Of the plants that stand, 0..1."""
    error: float = 0.0
    """Of that share."""
    shift: float = 0.0
    """Mean change of the index of plants that stand: the season."""
    source: str = "not known: too few plants stand whose structure is as it was"

    def left(self, lost: float, before: float) -> float:
        """Return the loss without the floor: lost = true + share * (before - true)."""
        return max(0.0, (lost - self.share * before) / max(1e-6, 1 - self.share))


NO_FLOOR = Floor(error=0.05)
"""Where the season is not known: green cover of real pairs without an event moved by up to 5 points
after their colours were aligned (excess green, six pairs)."""


def fit_season(
    before: NDArray[np.floating],
    difference: NDArray[np.floating],
    alike: NDArray[np.floating],
    *,
    falls_to: Callable[[NDArray[np.floating]], NDArray[np.floating]],
) -> Floor:
    """Estimate the floor from plants whose structure is as it was.

    Their index moves with season and light alone. The median of the move in each of five classes
    of the index is found even where some of them are lost after all, and so is its spread, from
    the better half. All plants are then moved by it, and those counted that the rule would lose.

    Parameters
    ----------
    before, difference : ndarray, shape (n,)
        Index of plants before, and after minus before.
    alike : ndarray, shape (n,)
        Similarity above that of unrelated places, in spreads of it; larger = more alike.
    falls_to : callable
        Takes the index before, returns the index after below which the rule calls it lost.
    """
    if before.size == 0:
        return NO_FLOOR
    cut = max(ALIKE, float(np.quantile(alike, 1 - MOST_SHARE)))
    stands = alike >= cut
    if stands.sum() < LEAST_SAMPLES:
        return NO_FLOOR
    first, move = before[stands], difference[stands]
    edges = np.quantile(first, np.linspace(0, 1, BINS + 1))
    number = np.clip(np.searchsorted(edges, first, side="right") - 1, 0, BINS - 1)
    classes = [k for k in range(BINS) if (number == k).any()]
    centres = np.array([np.median(first[number == k]) for k in classes])
    shifts = np.array([np.median(move[number == k]) for k in classes])
    rest = move - np.interp(first, centres, shifts)
    up, down = rest[rest > 0], -rest[rest < 0]
    if not up.size or not down.size:
        return Floor(shift=float(shifts.mean()), source="the pair itself")
    spread = max(1e-4, 1.4826 * float(min(np.median(up), np.median(down))))
    expected = before + np.interp(before, centres, shifts)
    share = float(ndtr((falls_to(before) - expected) / spread).mean())
    return Floor(
        share=share,
        # The tail of a normal distribution is not known better than to a half of it.
        error=0.5 * share,
        shift=float(shifts.mean()),
        source="the pair itself",
    )


def count_floor(
    before: NDArray[np.floating],
    difference: NDArray[np.floating],
    *,
    falls_to: Callable[[NDArray[np.floating]], NDArray[np.floating]],
    source: str,
) -> Floor:
    """Count what the rule takes where nothing happened: the floor of a control pair.

    Parameters
    ----------
    before, difference : ndarray, shape (n,)
        Index of plants before, and after minus before.
    falls_to : callable
        As in :func:`fit_season`.
    source : str
        Where the samples are from.
    """
    if before.size < LEAST_SAMPLES:
        return NO_FLOOR
    share = float((before + difference < falls_to(before)).mean())
    # Two pairs are never quite alike, and samples of one meadow fall together.
    error = max(0.25 * share, float(np.sqrt(share * (1 - share) / (before.size / 25))))
    return Floor(share=share, error=error, shift=float(np.median(difference)), source=source)


def count_beside(
    lost: BoolArray, standing: BoolArray, *, gsd_m: float, window_row: int, window_col: int
) -> tuple[NDArray[np.bool_], ...]:
    """Mark what was lost beside a building, for each of eight directions from it.

    A high building leans the other way under another view: it hides a strip on one side, and
    shows one on the other. What really is lost around buildings has no side.

    Parameters
    ----------
    lost, standing : ndarray of bool, shape (height, width)
        Vegetation lost; buildings that stand at both dates.
    gsd_m : float
        Ground sample distance, metres.
    window_row, window_col : int
        Where the arrays lie on the grid: of each metre one pixel is looked at.

    Returns
    -------
    tuple of ndarray of bool, shape of the arrays
        Pixels that are looked at and lost, from east counter-clockwise in array axes.
    """
    zoom = max(1, round(1 / gsd_m))
    rows, cols = -window_row % zoom, -window_col % zoom
    thin = (slice(rows, None, zoom), slice(cols, None, zoom))
    gone, stands = lost[thin], standing[thin].astype(np.uint8)
    gone = gone & (stands == 0)
    reach = max(1, round(LEAN_M / (gsd_m * zoom)))
    found = []
    for number in range(DIRECTIONS):
        angle = 2 * np.pi * number / DIRECTIONS
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        end = (round(reach + reach * np.cos(angle)), round(reach + reach * np.sin(angle)))
        cv2.line(kernel, (reach, reach), end, 1, 1)
        whole = np.zeros(lost.shape, bool)
        whole[thin] = gone & (cv2.dilate(stands, kernel) > 0)
        found.append(whole)
    return tuple(found)


def lean_reach_px(gsd_m: float) -> int:
    """Return how far :func:`count_beside` looks, in pixels of the grid."""
    zoom = max(1, round(1 / gsd_m))
    return zoom * (max(1, round(LEAN_M / (gsd_m * zoom))) + 1)


def fit_lean(beside: NDArray[np.integer], gsd_m: float) -> tuple[int, int]:
    """Return how many lost pixels are only hidden by buildings that lean, and the error.

    Parameters
    ----------
    beside : ndarray of int, shape (:data:`DIRECTIONS`,)
        Sums of :func:`count_beside`.
    gsd_m : float
        Ground sample distance, metres.
    """
    zoom = max(1, round(1 / gsd_m))
    half, quarter = DIRECTIONS // 2, DIRECTIONS // 4
    sided = beside - np.roll(beside, half)
    most = int(sided.argmax())
    # Across the lean only chance makes one side differ from the other.
    chance = abs(int(sided[(most + quarter) % DIRECTIONS]))
    hidden = int(sided[most]) * zoom * zoom
    return hidden, min(hidden, chance * zoom * zoom + hidden // 4)
