"""Pairs that look hopeless and must not be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

Compare = Callable[..., Any]


def test_a_town_of_which_nothing_stands_is_not_refused(compare: Compare, simulated: Any) -> None:
    town = simulated(21, prevalence=0.95)
    assert town.hectares["built_destroyed"] > 0.8 * town.hectares["built_before"]
    record = compare(town.before, town.after).record
    assert record.status in {"ok", "degraded"}
    assert record.refusals == ()
    assert record.built.destroyed_ha > 0.5 * town.hectares["built_destroyed"]


def test_a_hole_of_nan_and_inf_counts_nowhere_and_the_record_is_strict_json(
    compare: Compare, small_files: Any, tmp_path: Path
) -> None:
    with rasterio.open(small_files.after) as file:
        image, profile = file.read().astype(np.float32), file.profile
    image[:, :192, :192] = np.nan
    image[:, 192:200, :192] = np.inf
    profile.update(dtype="float32", photometric=None)
    path = tmp_path / "after.tif"
    kept = {key: profile[key] for key in ("crs", "transform", "width", "height", "count", "dtype")}
    with rasterio.open(path, "w", driver="GTiff", **kept) as file:
        file.write(image)
    record = compare(small_files.before, path).record
    assert record.grid.analysed_share == pytest.approx(0.74, abs=0.03)

    def never(token: str) -> None:
        raise ValueError(token)

    text = record.model_dump_json()
    assert json.loads(text, parse_constant=never)["status"] == record.status
    assert "NaN" not in text
    assert "Infinity" not in text
