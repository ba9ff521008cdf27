"""Facts of a run that stand in its record."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from changedet.pipeline.record import peak_mb


@pytest.mark.skipif(sys.platform != "linux", reason="/proc of Linux")
def test_the_peak_is_that_of_this_process_and_not_of_the_one_that_started_it() -> None:
    held = np.ones(100_000_000)
    assert peak_mb() > held.nbytes / 1e6
    code = "from changedet.pipeline.record import peak_mb; print(peak_mb())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 50 < float(done.stdout) < held.nbytes / 1e6
