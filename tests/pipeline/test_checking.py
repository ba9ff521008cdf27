"""The checks of real walks agree with their warnings and refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from changedet.result import Check, Record

Compare = Callable[..., Any]


def checks_of(record: Record) -> dict[str, Check]:
    return {check.code: check for check in record.checks}


def tagged(source: Path, target: Path, **tags: str) -> Path:
    shutil.copy(source, target)
    with rasterio.open(target, "r+") as file:
        file.update_tags(**tags)
    return target


def test_a_good_pair_passes_what_is_known(compare: Compare, small_files: Any) -> None:
    record = compare(small_files.before, small_files.after).record
    checks = checks_of(record)
    assert record.status == "ok"
    assert {check.verdict for check in record.checks} == {"ok", "unknown"}
    for code in ("overlap", "match", "residual", "gsd_ratio", "pixel_size", "null", "separation"):
        check = checks[code]
        assert check.verdict == "ok"
        sign = -1 if check.less_is_worse else 1
        assert sign * check.value <= sign * check.limit_ok, check
    assert checks["day_of_year"].value == 7
    assert checks["residual"].value == pytest.approx(record.registration.rmse_px)
    for code in ("snow", "cloud_smoke"):
        assert (checks[code].verdict, checks[code].value) == ("ok", pytest.approx(0, abs=0.01))
    for code in ("sun_elevation_least", "captions", "view_difference"):
        assert (checks[code].verdict, checks[code].value) == ("unknown", None)


def test_a_low_sun_is_refused_before_any_work(
    compare: Compare, small_files: Any, tmp_path: Path
) -> None:
    before = tagged(small_files.before, tmp_path / "a.tif", SUN_ELEVATION="58", SUN_AZIMUTH="350")
    after = tagged(small_files.after, tmp_path / "b.tif", SUN_ELEVATION="18", SUN_AZIMUTH="15")
    record = compare(before, after).record
    checks = checks_of(record)
    assert record.status == "refused"
    assert {note.code for note in record.refusals} == {"sun_elevation", "low_sun"}
    assert checks["sun_elevation_difference"].value == 40
    assert checks["sun_elevation_least"].verdict == "refused"
    assert (checks["sun_azimuth_difference"].value, checks["sun_azimuth_difference"].verdict) == (
        25,
        "degraded",
    )
    assert checks["residual"].verdict == "unknown"


def test_the_season_is_told(compare: Compare, small_files: Any) -> None:
    dates = {"before_date": "2022-05-08", "after_date": "2023-09-30"}
    record = compare(small_files.before, small_files.after, **dates).record
    check = checks_of(record)["day_of_year"]
    assert (record.status, check.verdict) == ("degraded", "degraded")
    (note,) = record.warnings
    assert (note.code, note.message) == ("season", check.message)


def test_a_pair_that_does_not_match_is_refused_in_the_table(
    compare: Compare, small_files: Any, tmp_path: Path
) -> None:
    path = tmp_path / "noise.tif"
    noise = np.random.default_rng(0).integers(0, 255, (3, 384, 384), dtype=np.uint8)
    with rasterio.open(small_files.before) as file:
        profile = {**file.profile, "count": 3}
    with rasterio.open(path, "w", **profile) as file:
        file.write(noise)
    record = compare(small_files.before, path).record
    refused = [check for check in record.checks if check.verdict == "refused"]
    assert [check.message for check in refused] == [note.message for note in record.refusals]
    assert refused[0].code == "match"
