"""OpenCV's own threads, held back where work is spread by us; and memory, kept between blocks."""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import cv2

_TRIM, _MMAP = -1, -3
"""Parameters of glibc's ``mallopt``: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD."""
_MOST_MMAP = 32 * 2**20
"""Largest threshold that glibc takes, bytes: larger arrays are mapped and given back one by one."""
_WORKING, _RESTING = 256 * 2**20, 64 * 2**20
"""Free memory at the end of the heap that is kept, bytes; 64 MB is where glibc's own rule ends."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV use one thread: its own would only fight with those of an executor."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    keep_heap(_WORKING)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        keep_heap(_RESTING)


def keep_heap(size: int) -> None:
    """Let this process keep ``size`` bytes of free memory instead of asking for them again.

    A block takes and frees hundreds of arrays of some megabytes. Given back to the system, each
    is zeroed anew, page by page: a twelfth of the CPU time of the evidence. Nothing is done where
    the C library is not glibc.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP, _MOST_MMAP)
    mallopt(_TRIM, size)


@cache
def settle_worker() -> None:
    """Make this process fit to compute for others: what :func:`one_thread` does, but for good.

    Top-level and without arguments, so that it can be the ``initializer`` of a process pool; doing
    it again costs nothing. GDAL's block cache needs no word here: every read caps it.
    """
    cv2.setNumThreads(1)
    keep_heap(_WORKING)
    # Nobody reads a worker's warnings, and that an image has no georeference is no surprise.
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
