from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from changedet.core.errors import InputError
from changedet.core.options import RunOptions
from changedet.pipeline import describe_pair
from changedet.pipeline.estimate import WORK_S, estimate_seconds, work_seconds


def test_what_would_be_done(small_files: Any, tmp_path: Path) -> None:
    found = describe_pair(small_files.before, small_files.after, RunOptions(block_size=256))
    assert json.loads(json.dumps(found)) == found
    grid = {"crs": "EPSG:32637", "gsd_m": 0.5, "width": 384, "height": 384}
    assert {key: found["grid"][key] for key in grid} == grid
    assert found["grid"]["hectares"] == pytest.approx(384**2 * 0.25 / 1e4)
    assert found["overlap_share"] == pytest.approx(1)
    assert (found["blocks"]["count"], found["blocks"]["size_px"]) == (4, 256)
    assert found["before"]["bands"] == {"red": 1, "green": 2, "blue": 3}
    assert found["after"]["driver"] == "GTiff"
    assert found["findings"] == []


def test_time_grows_with_the_image_and_falls_with_jobs() -> None:
    def seconds(megapixels: float, **wishes: Any) -> float:
        wanted = {"footprints": True, "speed": 1.0, **wishes}
        return estimate_seconds(round(megapixels * 1e6), **wanted)

    assert seconds(300) - seconds(200) == pytest.approx(seconds(200) - seconds(100))
    assert 0 < seconds(0) < seconds(1) < seconds(100, jobs=2) < seconds(100)
    assert seconds(100, jobs=64) > 0.2 * seconds(100)
    assert seconds(9, speed=2) == pytest.approx(seconds(9) / 2)


def test_the_speed_of_this_machine_is_measured() -> None:
    here = WORK_S / work_seconds()
    assert 0.02 < here < 50
    given = estimate_seconds(10**7, footprints=False, speed=here)
    assert estimate_seconds(10**7, footprints=False) == pytest.approx(given, rel=0.5)


def test_memory_grows_with_blocks_and_jobs(small_files: Any) -> None:
    def memory(**wishes: int) -> int:
        options = RunOptions.model_validate(wishes)
        needed = describe_pair(small_files.before, small_files.after, options)["memory_mb"]
        return int(needed)

    assert memory(block_size=128) < memory(block_size=256) < memory(block_size=256, jobs=2)


def test_footprints_need_no_margin_for_built_area(small_files: Any) -> None:
    found, given = (
        describe_pair(small_files.before, small_files.after, options)["blocks"]["margin_px"]
        for options in (RunOptions(), RunOptions(footprints=small_files.footprints))
    )
    assert given <= found


def test_an_image_against_itself_is_found(small_files: Any) -> None:
    found = describe_pair(small_files.before, small_files.before, RunOptions())["findings"]
    assert len(found) == 1
    assert found[0].startswith("warn: both images are the same file")


def test_a_missing_file_is_named(small_files: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.tif"):
        describe_pair(tmp_path / "gone.tif", small_files.after, RunOptions())
