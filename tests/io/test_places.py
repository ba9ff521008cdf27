"""True ground size, the metric grid, and positions between grids, against known geodesy."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.warp import Resampling, reproject

from changedet.core.errors import InputError
from changedet.core.grid import Grid, Window
from changedet.io.places import (
    ground_size,
    lonlat_bounds,
    move_points,
    pick_metric_crs,
    set_unit,
)
from changedet.io.raster import inspect_raster, locate, put_on_metres, read_window

DEGREES = {"crs": "EPSG:4326", "transform": Affine(6e-6, 0, 36.9, 0, -5e-6, 37.6)}


def test_degree_at_the_equator_and_at_sixty_north() -> None:
    for lat, metres in ((0.0, 111_320 * 110_574), (60.0, 55_800 * 111_412)):
        grid = Grid(
            width=100,
            height=100,
            transform=Affine(1e-5, 0, 10, 0, -1e-5, lat + 5e-4),
            crs="EPSG:4326",
        )
        size = ground_size(grid)
        assert size is not None
        assert size[0] == pytest.approx(math.sqrt(metres) * 1e-5, rel=1e-4)


@pytest.mark.parametrize(
    ("crs", "transform", "gsd"),
    [
        ("EPSG:32637", Affine(0.5, 0, 5e5, 0, -0.5, 4.1e6), 0.5),
        ("EPSG:3857", Affine(1, 0, 4e6, 0, -1, 6.1e6), 0.66993),  # 48 degrees north
        ("EPSG:2263", Affine(2, 0, 1e6, 0, -2, 2e5), 0.6096),  # feet
    ],
)
def test_unit_is_true_on_the_ground(crs: str, transform: Affine, gsd: float) -> None:
    grid = set_unit(Grid(width=1000, height=1000, transform=transform, crs=crs))
    assert grid.gsd_m == pytest.approx(gsd, rel=1e-4)


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (36.9, 37.6, "EPSG:32637"),
        (180.0, 10.0, "EPSG:32660"),
        (-180.0, -10.0, "EPSG:32701"),
        (0.0, 85.0, "EPSG:32661"),
        (0.0, -85.0, "EPSG:32761"),
    ],
)
def test_zone(lon: float, lat: float, crs: str) -> None:
    assert pick_metric_crs(lon, lat) == crs


def test_bounds_across_the_antimeridian_stay_small() -> None:
    grid = Grid(
        width=100, height=100, transform=Affine(0.001, 0, 179.95, 0, -0.001, 10), crs="EPSG:4326"
    )
    bounds = lonlat_bounds(grid)
    assert bounds is not None
    west, _, east, _ = bounds
    assert (west, east) == pytest.approx((179.95, 180.05))


@pytest.mark.parametrize(
    "georeference",
    [
        {"crs": "EPSG:32637", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 4.1e6)},
        {"crs": "EPSG:32637", "transform": Affine(0.5, 0, 5e5, 0, 0.5, 4.1e6)},  # south-up
        {"crs": "EPSG:32637", "transform": Affine(0.4, 0.3, 5e5, 0.3, -0.4, 4.1e6)},  # rotated
        {"crs": "EPSG:2263", "transform": Affine(2, 0, 1e6, 0, -2, 2e5)},
        {},
    ],
)
def test_what_is_true_already_is_kept(save, georeference: dict, scene) -> None:
    raster = inspect_raster(save(scene(), **georeference), role="before")
    assert put_on_metres(raster) is raster
    assert raster.grid.transform == georeference.get("transform", Affine.identity())


@pytest.mark.parametrize(
    "georeference",
    [DEGREES, {"crs": "EPSG:3857", "transform": Affine(1, 0, 4e6, 0, -1, 6.1e6)}],
)
def test_degrees_and_web_mercator_go_to_utm(save, georeference: dict, scene) -> None:
    raster = inspect_raster(save(scene(), **georeference), role="before")
    metric = put_on_metres(raster)
    assert metric.grid.crs is not None
    assert metric.grid.crs.startswith("EPSG:326")
    assert metric.grid.transform.e < 0 < metric.grid.transform.a
    assert metric.grid.gsd_m == pytest.approx(raster.grid.gsd_m, rel=1e-9)
    _, valid = read_window(metric, metric.grid.window)
    area, native = valid.sum() * metric.grid.pixel_area_m2, 120 * 160 * raster.grid.pixel_area_m2
    assert area == pytest.approx(native, rel=0.02)
    # and back: the corner of the metric grid's valid area lies on the native image
    cols, rows = locate(metric.grid, raster, np.array([80.0]), np.array([60.0]))
    back = locate(raster.grid, metric, cols, rows)
    np.testing.assert_allclose(np.ravel(back), [80.0, 60.0], atol=1e-6)


def test_metric_pixels_agree_with_gdal(save, scene) -> None:
    raster = inspect_raster(save(scene(), **DEGREES), role="before")
    metric = put_on_metres(raster)
    values, valid = read_window(metric, metric.grid.window)
    oracle = np.full(values.shape, np.nan, dtype=np.float32)
    reproject(
        scene().astype(np.float32),
        oracle,
        src_transform=raster.grid.transform,
        src_crs="EPSG:4326",
        dst_transform=metric.grid.transform,
        dst_crs=metric.grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.cubic,
    )
    both = valid & np.isfinite(oracle).all(axis=0)
    assert both.mean() > 0.85
    assert np.abs(values - oracle)[:, both].mean() < 0.5


def test_metric_windows_are_pieces_of_the_whole(save, scene) -> None:
    image = scene()
    image[:, :, :30] = 0
    metric = put_on_metres(inspect_raster(save(image, nodata=0, **DEGREES), role="before"))
    whole, whole_valid = read_window(metric, metric.grid.window)
    window = Window(row=37, col=21, height=64, width=70)
    part, valid = read_window(metric, window)
    np.testing.assert_array_equal(valid, whole_valid[window.slices])
    assert np.abs(part - whole[(slice(None), *window.slices)]).max() < 0.2
    assert not whole_valid[:, :25].any()


def test_locate_follows_both_georeferences(save, scene, utm) -> None:
    after = inspect_raster(
        save(scene(), crs="EPSG:32637", transform=Affine(1, 0, 300_010, 0, -1, 4_099_990)),
        role="after",
    )
    grid = Grid(width=100, height=100, unit_m=1.0, **utm)
    cols, rows = locate(grid, after, np.array([20.0, 40.0]), np.array([20.0, 20.0]))
    np.testing.assert_allclose(cols, [-0.25, 9.75], atol=1e-6)
    np.testing.assert_allclose(rows, [-0.25, -0.25], atol=1e-6)
    bare = Grid(width=100, height=100)
    same = locate(bare, after, np.array([3.0]), np.array([4.0]))
    np.testing.assert_array_equal(np.ravel(same), [3, 4])


def test_world_file_needs_a_crs(save, scene) -> None:
    path = save(scene(), "image.jpg", driver="JPEG")
    path.with_suffix(".jgw").write_text("0.5\n0\n0\n-0.5\n500000.25\n4099999.75\n")
    raster = inspect_raster(path, role="before")
    assert raster.grid.crs is None
    assert [finding.code for finding in raster.findings] == ["georeference_unused"]
    from rasterio.crs import CRS

    path.with_suffix(".prj").write_text(CRS.from_epsg(32637).to_wkt(version="WKT1_ESRI"))
    placed = inspect_raster(path, role="before")
    assert placed.grid.transform == Affine(0.5, 0, 500_000, 0, -0.5, 4_100_000)
    assert placed.grid.gsd_m == 0.5


def test_image_beyond_its_crs_is_refused(save, scene) -> None:
    path = save(scene(), crs="EPSG:4326", transform=Affine(6e-6, 0, 10, 0, -6e-6, 300.0))
    with pytest.raises(InputError, match="outside of its CRS"):
        inspect_raster(path, role="before")


def test_an_image_of_another_planet_is_refused(save, scene) -> None:
    moon = "+proj=longlat +R=1737400 +no_defs"
    path = save(scene(1), crs=moon, transform=Affine(1e-5, 0, 10, 0, -1e-5, 10))
    xs, ys = move_points(np.zeros(3), np.zeros(3), source="IAU_2015:30110", target="OGC:CRS84")
    assert np.isnan(xs).all()
    assert np.isnan(ys).all()
    with pytest.raises(InputError, match="outside of its CRS"):
        inspect_raster(path, role="before")


def test_a_strange_proj_folder_is_named(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from changedet.io.places import move_points; x = np.zeros(1);"
        "move_points(x + 5e5, x, source='EPSG:32637', target='OGC:CRS84')"
    )
    environment = {**os.environ, "PROJ_DATA": str(tmp_path), "PROJ_LIB": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "EnvironmentFault: PROJ does not find its database: unset PROJ_LIB" in done.stderr
