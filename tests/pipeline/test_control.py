from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from changedet.core.errors import InputError, NotComparable
from changedet.core.options import RunOptions
from changedet.pipeline import run_pair
from changedet.pipeline.control import read_control


def options_of(before: Path, after: Path, **wishes: Any) -> RunOptions:
    return RunOptions(control_before=before, control_after=after, **wishes)


def test_without_one_there_is_none() -> None:
    assert read_control(RunOptions()) is None


def test_a_control_is_the_null_of_a_pair(small_files: Any, tmp_path: Path) -> None:
    """BEFORE beside itself with a little noise is a control in which nothing happened."""
    with rasterio.open(small_files.before) as file:
        values, profile = file.read(), file.profile
    noisy = values.astype(np.int16) + np.random.default_rng(4).integers(-4, 5, values.shape)
    again = tmp_path / "again.tif"
    with rasterio.open(again, "w", **profile) as file:
        file.write(noisy.clip(1, 255).astype(values.dtype))
    options = options_of(small_files.before, again, footprints=small_files.footprints)
    control = read_control(options)
    assert control is not None
    assert control.objects.samples >= 20
    assert control.objects.centre < -4  # far more alike than unrelated places
    assert control.floor is not None
    assert control.floor.share < 0.05
    folder = tmp_path / "out"
    folder.mkdir()
    record = run_pair(small_files.before, small_files.after, options=options, folder=folder).record
    assert record.null is not None
    assert record.null["source"].startswith(f"the control pair {small_files.before.name}")
    assert record.thresholds is not None
    floor = record.thresholds["vegetation_floor"]
    assert floor["season_source"] == f"the control pair {control.name}"
    assert floor["season_share"] == pytest.approx(control.floor.share, abs=1e-5)
    assert record.built is not None
    assert record.built.destroyed_ha
    assert record.null["unchanged_centre"] == pytest.approx(control.pixels.centre, abs=1e-3) or (
        record.null["unchanged_centre"] == pytest.approx(control.objects.centre, abs=1e-3)
    )


def test_a_control_that_shows_too_little_is_refused(small_files: Any, tmp_path: Path) -> None:
    with rasterio.open(small_files.before) as file:
        values, profile = file.read(), file.profile
    flat = tmp_path / "flat.tif"
    with rasterio.open(flat, "w", **profile) as file:
        file.write(np.full_like(values, 90))
    with pytest.raises(NotComparable, match="the control pair"):
        read_control(options_of(small_files.before, flat))
    with pytest.raises(InputError, match="no such file"):
        read_control(options_of(small_files.before, tmp_path / "none.tif"))
