from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from changedet.core.errors import InputError
from changedet.core.options import RunOptions
from changedet.pipeline import describe_pair


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
