"""The small pair, run once with everything that a user gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio

from changedet import api


@pytest.fixture(scope="session")
def small_result(small_files: Any) -> api.Result:
    """Return the small pair compared in a temporary folder, as in a notebook."""
    return api.run(small_files.before, small_files.after, footprints=small_files.footprints)


@pytest.fixture(scope="session")
def refused_result(small_files: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Result:
    """Return what is left of a pair that must not be compared."""
    flat = tmp_path_factory.mktemp("flat") / "flat.tif"
    with rasterio.open(small_files.after) as file:
        profile = {"crs": file.crs, "transform": file.transform, "width": 384, "height": 384}
    with rasterio.open(flat, "w", driver="GTiff", count=3, dtype="uint8", **profile) as file:
        file.write(np.full((3, 384, 384), 117, np.uint8))
    return api.run(small_files.before, flat)


@pytest.fixture(scope="session")
def registered(small_files: Any) -> api.RegistrationResult:
    """Return the small pair co-registered and nothing more."""
    result = api.register(small_files.before, small_files.after)
    assert isinstance(result, api.RegistrationResult)
    return result
