"""What is written comes back: values, scale, colours, tags; a bad disk is said so."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from changedet.core.blocks import blocks
from changedet.core.errors import EnvironmentFault
from changedet.core.grid import Grid
from changedet.io.raster import check_raster, create_raster, write_cog

GRID = Grid(
    width=1300,
    height=1100,
    transform=Affine(0.5, 0, 3e5, 0, -0.5, 4e6),
    crs="EPSG:32637",
    unit_m=1.0,
)


def test_evidence_keeps_scale_nodata_and_tags_through_the_cog(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 251, GRID.shape, dtype=np.uint8)
    staged, final = tmp_path / "staged.tif", tmp_path / "map.tif"
    with create_raster(
        staged,
        GRID,
        dtype="uint8",
        nodata=255,
        scale=0.004,
        descriptions=["pixel_change"],
        tags={"CHANGEDET_VERSION": "1.2.3"},
    ) as raster:
        for block in blocks(GRID, size=512):
            raster.write(values[block.core.slices], block.core)
    write_cog(staged, final)
    check_raster(final)
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []
    with rasterio.open(final) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.scales == (0.004,)
        assert dataset.nodata == 255
        assert dataset.overviews(1)
        assert dataset.descriptions == ("pixel_change",)
        assert dataset.tags()["CHANGEDET_VERSION"] == "1.2.3"
        assert dataset.transform == GRID.transform
        assert dataset.crs.to_epsg() == 32637
        np.testing.assert_array_equal(dataset.read(1), values)


def test_a_draft_is_plain_and_its_cog_is_that_of_a_compressed_one(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 9, (3, *GRID.shape), dtype=np.uint8)
    for effort in (0, 6):
        staged = tmp_path / f"{effort}.tif"
        with create_raster(staged, GRID, count=3, dtype="uint8", nodata=0, zlevel=effort) as raster:
            raster.write(values, GRID.window)
        write_cog(staged, tmp_path / f"cog{effort}.tif", level=1)
    with rasterio.open(tmp_path / "0.tif") as draft, rasterio.open(tmp_path / "cog0.tif") as final:
        assert draft.compression is None
        assert final.compression.name == "deflate"
        np.testing.assert_array_equal(final.read(), values)
    assert (tmp_path / "cog0.tif").read_bytes() == (tmp_path / "cog6.tif").read_bytes()


def test_classes_keep_their_colours_and_whole_numbers_in_overviews(tmp_path: Path) -> None:
    values = np.zeros(GRID.shape, dtype=np.uint8)
    values[300:, 200:] = 4
    staged, final = tmp_path / "staged.tif", tmp_path / "classes.tif"
    with create_raster(
        staged, GRID, dtype="uint8", colours={0: (1, 2, 3), 4: (5, 6, 7, 255)}
    ) as raster:
        raster.write(values, GRID.window)
    write_cog(staged, final, overview_resampling="mode")
    with rasterio.open(final) as dataset:
        assert dataset.colormap(1)[4] == (5, 6, 7, 255)
        assert dataset.colorinterp == (ColorInterp.palette,)
    with rasterio.open(final, overview_level=0) as small:
        assert set(np.unique(small.read(1))) == {0, 4}


def test_aligned_bands_are_not_called_alpha(tmp_path: Path) -> None:
    path = tmp_path / "aligned.tif"
    names = ["red", "green", "blue", "nir"]
    with create_raster(path, GRID, count=4, dtype="uint8", nodata=0, descriptions=names) as raster:
        raster.write(np.ones((4, *GRID.shape), np.uint8), GRID.window)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[:3] == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        assert dataset.colorinterp[3] != ColorInterp.alpha


def test_correspondence_without_georeference(tmp_path: Path) -> None:
    path = tmp_path / "correspondence.tif"
    grid = Grid(width=90, height=80)
    values = np.random.default_rng(0).normal(size=(2, 80, 90))
    with create_raster(path, grid, count=2, dtype="float64", nodata=float("nan")) as raster:
        raster.write(values, grid.window)
    check_raster(path)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        dataset = rasterio.open(path)
    with dataset:
        assert dataset.crs is None
        np.testing.assert_array_equal(dataset.read(), values)


def test_file_that_is_not_whole_is_the_environments_fault(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    with create_raster(path, GRID, dtype="uint8") as raster:
        raster.write(np.random.default_rng(0).integers(0, 9, GRID.shape, np.uint8), GRID.window)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EnvironmentFault, match="not whole"):
        check_raster(path)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        create_raster(tmp_path / "no" / "map.tif", GRID, dtype="uint8")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_full_disk_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    values = np.random.default_rng(0).integers(0, 255, GRID.shape, np.uint8)
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(EnvironmentFault):  # noqa: PT012 - writing, closing or reading back
            with create_raster(path, GRID, dtype="uint8") as raster:
                raster.write(values, GRID.window)
            check_raster(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
