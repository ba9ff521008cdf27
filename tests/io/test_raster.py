"""Reading: validity, scale, zoom, odd rasters; the same values whatever the encoding."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.enums import ColorInterp

from changedet.core.errors import InputError
from changedet.core.grid import Window
from changedet.io.raster import (
    close_rasters,
    inspect_raster,
    put_on_metres,
    read_window,
    set_scale,
)


def read_all(path: Path, **options):
    raster = inspect_raster(path, role="before", **options)
    values, valid = read_window(raster, raster.grid.window)
    return raster, values, valid


@pytest.mark.parametrize(
    "options",
    [
        {"tiled": True, "compress": "deflate"},
        {"compress": "lzw", "interleave": "band"},
        {"bigtiff": "YES"},
        {"driver": "PNG"},
        {"driver": "JP2OpenJPEG", "quality": 100, "reversible": "YES"},
        {"driver": "COG"},
    ],
)
def test_encodings_give_equal_values(save, options: dict, scene) -> None:
    image = scene(height=256, width=200)
    _, values, valid = read_all(save(image, **options))
    np.testing.assert_array_equal(values, image)
    assert values.dtype == np.float32
    assert valid.all()


def test_window_may_reach_beyond_the_image(save, scene) -> None:
    image = scene()
    raster = inspect_raster(save(image), role="before")
    values, valid = read_window(raster, Window(row=-5, col=150, height=20, width=30))
    assert values.shape == (3, 20, 30)
    assert valid.sum() == 15 * 10
    np.testing.assert_array_equal(values[:, 5:, :10], image[:, :15, 150:])
    assert not values[:, ~valid].any()
    nothing, invalid = read_window(raster, Window(row=500, col=500, height=4, width=4))
    assert not nothing.any()
    assert not invalid.any()


def test_roles_pick_and_order_bands(save, scene) -> None:
    image = scene(4)
    raster = inspect_raster(save(image, photometric="minisblack"), role="before")
    assert raster.roles == ("red", "green", "blue", "nir")
    values, _ = read_window(raster, raster.grid.window, roles=("nir", "red"))
    np.testing.assert_array_equal(values, image[[3, 0]])
    with pytest.raises(KeyError, match="swir1"):
        read_window(raster, raster.grid.window, roles=("swir1",))


def test_nodata_of_a_possible_value_must_stand_in_all_bands(save, scene) -> None:
    image = scene()
    image[:, 50, 50] = 0
    image[0, 60, 60] = 0
    raster, _, valid = read_all(save(image, nodata=0))
    assert raster.masked_by == "nodata"
    assert np.count_nonzero(~valid) == 1
    assert not valid[50, 50]


def test_sentinel_nodata_and_nan_spoil_a_pixel_in_any_band(save, scene) -> None:
    image = scene().astype(np.float32)
    image[1, 10, 10] = -9999
    image[2, 20, 20] = np.nan
    image[0, 30, 30] = np.inf
    raster, values, valid = read_all(save(image, nodata=-9999))
    assert {tuple(map(int, place)) for place in np.argwhere(~valid)} == {
        (10, 10),
        (20, 20),
        (30, 30),
    }
    assert np.isfinite(values).all()
    assert raster.dtype == "float32"
    assert 190 <= raster.white <= 200


def test_internal_mask(save, scene) -> None:
    mask = np.full((120, 160), 255, np.uint8)
    mask[:, :30] = 0
    raster, values, valid = read_all(save(scene(), mask=mask))
    assert raster.masked_by == "mask"
    np.testing.assert_array_equal(valid, mask > 0)
    assert not values[:, ~valid].any()


@pytest.mark.parametrize("driver", ["GTiff", "PNG"])
def test_alpha(save, driver: str, scene) -> None:
    image = scene(4)
    image[3] = 255
    image[3, :, 100:] = 0
    options = {"photometric": "rgb", "alpha": "unspecified"} if driver == "GTiff" else {}
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    path = save(image, driver=driver, colours=colours if options else None, **options)
    raster, _, valid = read_all(path)
    assert (raster.masked_by, raster.alpha, raster.roles) == ("alpha", 4, ("red", "green", "blue"))
    np.testing.assert_array_equal(valid, image[3] > 0)


def test_fourth_band_called_alpha_by_gdal_is_near_infrared_when_it_varies(save, scene) -> None:
    image = scene(4)
    raster, values, valid = read_all(save(image))  # GDAL writes uint8 x 4 as RGBA
    assert raster.roles == ("red", "green", "blue", "nir")
    assert raster.alpha is None
    assert valid.all()
    np.testing.assert_array_equal(values, image)


def test_option_makes_alpha_data(save, scene) -> None:
    image = scene(4)
    image[3] = 255
    raster, _, _ = read_all(save(image), bands={"red": 1, "nir": 4})
    assert (raster.bands, raster.bands_from) == ((("red", 1), ("nir", 4)), "option")


def test_palette_is_expanded(save, scene) -> None:
    index = (scene(1) // 64).astype(np.uint8)
    table = {0: (9, 8, 7, 255), 1: (10, 20, 30, 255), 2: (50, 60, 70, 255), 3: (1, 2, 3, 255)}
    raster, values, valid = read_all(save(index, table=table))
    assert raster.palette
    assert [(said.code, said.severity) for said in raster.findings] == [("palette", "warn")]
    assert valid.all()
    expected = np.array([table[i][:3] for i in range(4)])[index[0]]
    np.testing.assert_array_equal(np.moveaxis(values, 0, -1), expected)


def test_scale_and_offset_tags_are_applied(save, scene) -> None:
    image = scene(1).astype(np.uint16) * 10
    raster, values, _ = read_all(save(image, scale=((0.0001,), (-0.1,))))
    np.testing.assert_allclose(values[0], image[0] * 0.0001 - 0.1, atol=1e-6)
    assert raster.white == pytest.approx(2047 * 0.0001 - 0.1)


@pytest.mark.parametrize("crs", ["EPSG:32637", "EPSG:4326"])
@pytest.mark.parametrize("kind", ["whole", "nodata", "mask"])
def test_validity_alone_is_that_of_the_values(save, scene, kind: str, crs: str) -> None:
    image, mask = scene(), np.full((120, 160), 255, np.uint8)
    image[:, 20:50, 30:90] = 0
    mask[:, :30] = 0
    size = 1.0 if crs == "EPSG:32637" else 1e-5
    place = {"crs": crs, "transform": Affine(size, 0, 38, 0, -size, 48)}
    more = {"whole": {}, "nodata": {"nodata": 0}, "mask": {"mask": mask}}[kind]
    raster = put_on_metres(inspect_raster(save(image, **place, **more), role="before"))
    for window in (raster.grid.window, Window(row=-8, col=16, height=64, width=80)):
        for zoom in (1, 4):
            nothing, alone = read_window(raster, window, roles=(), zoom=zoom)
            assert nothing.shape == (0, *alone.shape)
            np.testing.assert_array_equal(alone, read_window(raster, window, zoom=zoom)[1])


def test_zoom_is_the_mean_over_valid_pixels(save, scene) -> None:
    image = scene(1, height=102, width=99)
    image[0, :, :7] = 0
    path = save(image, nodata=0)
    raster = inspect_raster(path, role="before")
    values, valid = read_window(raster, raster.grid.window, zoom=4)
    assert valid.shape == (26, 25)
    np.testing.assert_allclose(values[0, 3, 5], image[0, 12:16, 20:24].mean(), rtol=1e-5)
    np.testing.assert_allclose(values[0, 3, 2], image[0, 12:16, 8:12].mean(), rtol=1e-5)
    assert not valid[:, 0].any()
    assert not valid[3, 1]  # one column of four is valid
    assert valid[25, 5]  # two rows of four are inside
    assert valid[3, 24]  # three columns of four are inside
    part, _ = read_window(raster, Window(row=8, col=12, height=16, width=16), zoom=4)
    np.testing.assert_array_equal(part, values[:, 2:6, 3:7])


def test_bit_depth_and_dates_and_pickle(save, scene, utm) -> None:
    image = scene(1).astype(np.uint16) * 8
    path = save(image, nbits=12, tags={"TIFFTAG_DATETIME": "2023:02:07 08:15:00"}, **utm)
    raster, _, _ = read_all(path)
    assert raster.white == 4095
    assert raster.date == "2023-02-07T08:15:00"
    assert raster.grid.gsd_m == 0.5
    assert raster.native_crs == "EPSG:32637"
    assert len(raster.sha256) == 64
    assert pickle.loads(pickle.dumps(raster)) == raster  # noqa: S301 - our own bytes
    assert hash(raster) == hash(pickle.loads(pickle.dumps(raster)))  # noqa: S301


def test_scale_is_given_only_to_images_without_georeference(save, scene, utm) -> None:
    bare = inspect_raster(save(scene()), role="before")
    assert bare.grid.gsd_m is None
    assert set_scale(bare, 0.3).grid.gsd_m == 0.3
    placed = inspect_raster(save(scene(), "placed.tif", **utm), role="before")
    assert set_scale(placed, 0.3) is placed


@pytest.mark.parametrize(
    ("dtype", "match"),
    [("complex64", "complex64"), ("int8", "int8"), ("int64", "int64")],
)
def test_types_that_are_refused(save, dtype: str, match: str, scene) -> None:
    with pytest.raises(InputError, match=match):
        inspect_raster(save(scene().astype(dtype)), role="before")


def test_one_bit_too_small_and_pages(save, tmp_path: Path, scene) -> None:
    with pytest.raises(InputError, match="1-bit"):
        inspect_raster(save(scene(1) // 128, nbits=1), role="before")
    with pytest.raises(InputError, match="too small"):
        inspect_raster(save(scene(height=63)), role="before")
    one = save(scene(1), "one.tif")
    save(scene(1), "two.tif")
    import tifffile

    with tifffile.TiffWriter(tmp_path / "pages.tif") as pages:
        for _ in range(2):
            pages.write(scene(1)[0])
    with pytest.raises(InputError, match="2 pages"):
        inspect_raster(tmp_path / "pages.tif", role="before")
    assert inspect_raster(one, role="before").count == 1


@pytest.mark.parametrize("size", [1e-12, float("nan"), float("inf")])
def test_nonsense_transform_is_refused(save, size: float, scene) -> None:
    path = save(scene(), crs="EPSG:32637", transform=Affine(size, 0, 3e5, 0, -size, 4e6))
    with pytest.raises(InputError, match=r"nonsense|lies outside"):
        inspect_raster(path, role="before")


def test_vanished_or_shortened_file_is_an_input_error(save, scene) -> None:
    path = save(scene(height=600, width=600), tiled=True)
    raster = inspect_raster(path, role="before")
    close_rasters()
    path.write_bytes(path.read_bytes()[:-200_000])
    with pytest.raises(InputError, match=str(path)):
        read_window(raster, raster.grid.window)
    path.unlink()
    with pytest.raises(InputError, match=str(path)):
        read_window(raster, raster.grid.window)


def test_threads_read_the_same(save, scene) -> None:
    image = scene(height=400, width=400)
    raster = inspect_raster(save(image, driver="PNG"), role="before")
    windows = [Window(row=r, col=c, height=90, width=90) for r in range(0, 310, 60) for c in (0, 9)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda w: read_window(raster, w)[0], windows * 3))
    for window, values in zip(windows * 3, results, strict=True):
        np.testing.assert_array_equal(values, image[(slice(None), *window.slices)])


def test_hostile_gdal_environment_changes_nothing(
    save, monkeypatch: pytest.MonkeyPatch, scene
) -> None:
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    monkeypatch.setenv("GDAL_PNG_WHOLE_IMAGE_OPTIM", "YES")
    path = save(scene(height=300, width=300), driver="PNG")
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(300) + content[middle + 300 :])
    with pytest.raises(InputError, match="damaged"):
        inspect_raster(path, role="before")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("hole", [False, True])
def test_values_are_those_of_the_file_whatever_their_type(
    save: Callable[..., Path], utm: dict[str, Any], dtype: str, hole: bool
) -> None:
    values = np.random.default_rng(4).uniform(20, 230, (3, 120, 160)).astype(dtype)
    nodata = 7 if hole else None
    if hole:
        values[:, 30:50, 40:70] = 7
    raster = inspect_raster(save(values, nodata=nodata, **utm), role="before")
    found, valid = read_window(raster, raster.grid.window)
    assert valid.mean() == pytest.approx(1 - 600 / 19_200 if hole else 1)
    np.testing.assert_array_equal(found, np.where(valid, values, 0).astype(np.float32))
