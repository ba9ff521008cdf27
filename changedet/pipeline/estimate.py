"""How long a run will take on this machine, before anything is done.

The cost of a run is a fixed part, one for each megapixel of the sample that is fitted to, which is
bounded, and one for each megapixel of the grid. They were measured
(``python -m tests.benchmarks cost``); a fraction of a second of the same kind of work tells how
fast this machine is beside the one that they were measured on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """CPU seconds of a run.

    Parameters
    ----------
    fixed : float
        Start, figures, report.
    sampled : float
        For each million pixels up to :data:`SAMPLE_MPX`: fit, co-registration, pictures.
    megapixel : float
        For each million pixels.
    """

    fixed: float
    sampled: float
    megapixel: float


SAMPLE_MPX = 5.0
"""Beyond it a larger image is not sampled more."""
WITH_FOOTPRINTS = Cost(fixed=5.1, sampled=3.6, megapixel=1.9)
WITHOUT_FOOTPRINTS = Cost(fixed=3.8, sampled=3.2, megapixel=1.7)
WORK_S = 0.0149
"""What :func:`work_seconds` returned where the costs were measured."""
_SHARED = 0.75
"""Part of the cost for a megapixel that ``jobs`` share; the rest is one after the other."""


def work_seconds() -> float:
    """Return the CPU seconds of a little work like that of a run: the least of five times."""
    rng = np.random.default_rng(1)
    image = rng.random((768, 768), np.float32)
    taken = []
    for _ in range(5):
        start = time.thread_time()
        mean = cv2.boxFilter(image, -1, (19, 19))
        power = cv2.sqrBoxFilter(image, -1, (19, 19))
        np.sqrt(np.maximum(power - mean * mean, 0))
        np.percentile(image, [1, 50, 99])
        np.exp(-image)
        taken.append(time.thread_time() - start)
    return min(taken)


def estimate_seconds(
    pixels: int, *, footprints: bool, jobs: int = 1, speed: float | None = None
) -> float:
    """Return about how many seconds a run takes.

    Parameters
    ----------
    pixels : int
        Of the grid.
    footprints : bool
        Whether buildings are given.
    jobs : int
        Blocks that are computed at the same time.
    speed : float, optional
        Of this machine, 1 for that of the measurements; measured where it is not given.
    """
    cost = WITH_FOOTPRINTS if footprints else WITHOUT_FOOTPRINTS
    size = pixels / 1e6
    each = cost.megapixel * size * (1 - _SHARED * (1 - 1 / jobs))
    alone = cost.fixed + cost.sampled * min(size, SAMPLE_MPX) + each
    return alone / (WORK_S / work_seconds() if speed is None else speed)
