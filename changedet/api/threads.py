"""OpenCV's own threads, held back where work is spread by us."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import cv2


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV use one thread: its own would only fight with those of an executor."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@cache
def settle_worker() -> None:
    """Make this process fit to compute for others: what :func:`one_thread` does, but for good.

    Top-level and without arguments, so that it can be the ``initializer`` of a process pool; doing
    it again costs nothing. GDAL's block cache needs no word here: every read caps it.
    """
    cv2.setNumThreads(1)
    # Nobody reads a worker's warnings, and that an image has no georeference is no surprise.
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
