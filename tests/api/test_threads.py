"""One thread of OpenCV, and memory that stays."""

from __future__ import annotations

import platform
import subprocess
import sys

import cv2
import pytest

from changedet.api.threads import one_thread

PROBE = """
import resource
import numpy as np
from changedet.api.threads import one_thread

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    begin = faults()
    for _ in range(40):
        arrays = [np.ones(2**22, np.float32) for _ in range(5)]
        del arrays
    return faults() - begin

work()
outside = work()
with one_thread():
    work()
    inside = work()
print(outside, inside)
"""


def test_opencv_has_one_thread_inside_and_its_own_again_outside() -> None:
    before = cv2.getNumThreads()
    with one_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a rule of glibc")
def test_freed_arrays_are_not_given_back_between_blocks() -> None:
    """Five arrays of 16 MB, taken and freed 40 times: their pages are asked for once."""
    done = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True)
    outside, inside = map(int, done.stdout.split())
    assert inside < outside / 10
