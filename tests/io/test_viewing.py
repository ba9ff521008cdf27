from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from changedet.io.raster import inspect_raster
from changedet.io.viewing import Viewing, read_viewing


@pytest.mark.parametrize(
    "tags",
    [
        {"SUN_ELEVATION": "57.4", "SUN_AZIMUTH": "162", "OFF_NADIR": "12.5"},
        {"IMAGE_1.meanSunEl": "57.4", "IMAGE_1.meanSunAz": "162.0",
         "IMAGE_1.meanOffNadirViewAngle": '"12.5";'},
        {"view:sun_elevation": "57.4", "view:sun_azimuth": "-198", "view:off_nadir": "-12.5"},
    ],
)  # fmt: skip
def test_three_ways_to_write_angles(tags: dict[str, str]) -> None:
    assert read_viewing(tags) == Viewing(sun_elevation=57.4, sun_azimuth=162.0, off_nadir=12.5)


@pytest.mark.parametrize("text", ["", "noon", "nan", "inf", "-999", "1e9"])
def test_what_is_no_angle_is_not_known(text: str) -> None:
    assert read_viewing({"SUN_ELEVATION": text, "OFF_NADIR": text}) == Viewing()


def test_angles_come_from_the_tags_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = np.random.default_rng(0).integers(1, 255, (3, 80, 80), np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", count=3, width=80, height=80, dtype="uint8", crs="EPSG:32637",
        transform=rasterio.Affine(0.5, 0, 3e5, 0, -0.5, 4e6),
    ) as file:  # fmt: skip
        file.write(image)
        file.update_tags(SUN_ELEVATION="41.5", SUN_AZIMUTH="170")
    found = inspect_raster(path, role="before").viewing
    assert found == Viewing(sun_elevation=41.5, sun_azimuth=170.0)
