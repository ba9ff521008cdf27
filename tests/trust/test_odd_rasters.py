"""One picture in many files: what is read, and how large a pixel is, stay the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import Resampling, calculate_default_transform, reproject

from changedet.core.options import RunOptions
from changedet.io.raster import inspect_raster, put_on_metres, read_window
from changedet.io.sources import open_pair

SIDE = 200
UTM = "EPSG:32637"
PLACE = Affine(0.5, 0, 426_000, 0, -0.5, 5_383_600)
SOUTH_UP = Affine(0.5, 0, 426_000, 0, 0.5, 5_383_600 - SIDE / 2)


def paint() -> np.ndarray:
    """Squares of different grey, none of them black, and smooth in between."""
    rows, cols = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    base = 110 + 40 * np.sin(rows / 11) + 30 * np.cos(cols / 7 + rows / 40)
    return np.stack([base, base + 12, base - 15]).clip(20, 250).astype(np.uint8)


def save(path: Path, image: np.ndarray, **options: Any) -> Path:
    tags = options.pop("tags", {})
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(image), "height": image.shape[1],
        "width": image.shape[2], "dtype": image.dtype.name, "crs": UTM, "transform": PLACE,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **(profile | options)) as file:
            file.write(image)
            file.update_tags(**tags)
    return path


ENCODINGS: dict[str, dict[str, Any]] = {
    "bigtiff": {"BIGTIFF": "YES"},
    "planar_lzw": {"interleave": "band", "compress": "lzw", "tiled": True},
    "deflate_predictor": {"compress": "deflate", "predictor": 2},
    "big_endian_strips": {"ENDIANNESS": "BIG", "blockysize": 7},
    "point": {"tags": {"AREA_OR_POINT": "Point"}},
    "jp2": {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"},
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_changes_neither_values_nor_the_area_of_a_pixel(
    tmp_path: Path, name: str
) -> None:
    image = paint()
    raster = put_on_metres(
        inspect_raster(save(tmp_path / f"x.{name[:3]}", image, **ENCODINGS[name]), role="a")
    )
    values, valid = read_window(raster, raster.grid.window)
    assert valid.all()
    np.testing.assert_array_equal(values, image)
    assert raster.grid.gsd_m == pytest.approx(0.5, abs=1e-9)
    assert tuple(raster.grid.transform) == pytest.approx(tuple(PLACE), abs=0.26)


def test_twelve_bits_keep_values_and_white(tmp_path: Path) -> None:
    image = paint().astype(np.uint16) * 16
    raster = inspect_raster(save(tmp_path / "x.tif", image, nbits=12), role="a")
    values, _ = read_window(raster, raster.grid.window)
    np.testing.assert_array_equal(values, image)
    assert raster.white == 4095


def test_a_south_up_image_lies_on_the_same_ground(tmp_path: Path) -> None:
    """The overlap of an image with itself, turned over in the file."""
    image = paint()
    before = save(tmp_path / "a.tif", image)
    after = save(tmp_path / "b.tif", image[:, ::-1], transform=SOUTH_UP)
    with open_pair(before, after, RunOptions()) as pair:
        assert pair.overlap_share == pytest.approx(1.0, abs=1e-6)
        assert pair.after.grid.gsd_m == pair.before.grid.gsd_m == 0.5


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        "EPSG:3857",
        "EPSG:3413",
        "+proj=utm +zone=37 +datum=WGS84 +units=us-ft +no_defs",
        "+proj=laea +lat_0=48 +lon_0=38 +datum=WGS84 +no_defs",
    ],
    ids=["degrees", "web_mercator", "polar", "feet", "equal_area"],
)
def test_the_ground_that_is_covered_is_true_in_every_crs(tmp_path: Path, crs: str) -> None:
    """A hectare is one in degrees, feet and where the projection stretches by more than two."""
    bounds = rasterio.transform.array_bounds(SIDE, SIDE, PLACE)
    transform, width, height = calculate_default_transform(UTM, crs, SIDE, SIDE, *bounds)
    image = np.zeros((3, height, width), np.uint8)
    for source, target in zip(paint(), image, strict=True):
        reproject(
            source, target, src_crs=UTM, src_transform=PLACE, dst_crs=crs,
            dst_transform=transform, resampling=Resampling.nearest,
        )  # fmt: skip
    path = save(tmp_path / "x.tif", image, crs=crs, transform=transform, nodata=0)
    raster = put_on_metres(inspect_raster(path, role="a"))
    _, valid = read_window(raster, raster.grid.window)
    assert raster.grid.gsd_m is not None
    hectares = np.count_nonzero(valid) * raster.grid.gsd_m**2 / 10_000
    assert hectares == pytest.approx(1.0, rel=0.08)  # the rim is lost to resampling


@pytest.mark.parametrize("what", ["gcps", "rpcs"])
def test_control_points_or_polynomials_alone_are_told_and_give_no_scale(
    tmp_path: Path, what: str
) -> None:
    points = [
        rasterio.control.GroundControlPoint(row=r, col=c, x=38 + c / 1e5, y=48 - r / 1e5)
        for r, c in ((0, 0), (0, 199), (199, 0), (199, 199))
    ]
    coefficients = [1.0, *[0.0] * 19]
    rpc = rasterio.rpc.RPC(
        0.0, 1.0, 48.0, 0.01, coefficients, coefficients, 0.0, 100.0, 38.0, 0.01,
        coefficients, coefficients, 0.0, 100.0, 0.0, 0.0,
    )  # fmt: skip
    path = save(tmp_path / "x.tif", paint(), crs=None, transform=Affine.identity())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "r+") as file:
            if what == "gcps":
                file.gcps = points, rasterio.crs.CRS.from_epsg(4326)
            else:
                file.rpcs = rpc
    raster = inspect_raster(path, role="a")
    assert raster.grid.gsd_m is None
    (said,) = [finding for finding in raster.findings if finding.code == "georeference_unused"]
    assert "orthorectify" in said.message
