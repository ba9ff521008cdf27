"""Undeclared fill is found where it is, and dark or bright places are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from changedet.core.grid import Window
from changedet.io.raster import inspect_raster, read_window


def wedge(height: int, width: int) -> np.ndarray:
    rows, cols = np.mgrid[0:height, 0:width]
    return cols < 40 - rows * 0.4


@pytest.mark.parametrize("value", [0, 255])
def test_wedge_of_black_or_white_is_fill(save, value: int, scene) -> None:
    image = scene()
    fill = wedge(*image.shape[1:])
    image[:, fill] = value
    image[:, 60:64, 80:84] = value  # an isolated place of that value is image
    raster = inspect_raster(save(image), role="before")
    assert raster.masked_by == "fill"
    assert raster.fill == (value,) * 3
    _, valid = read_window(raster, raster.grid.window)
    assert not valid[fill].any()
    assert valid[60:64, 80:84].all()
    assert np.mean(valid == ~fill) > 0.99


@pytest.mark.parametrize("driver", ["JPEG", "JP2OpenJPEG"])
def test_noisy_fill_of_lossy_codecs(save, driver: str, scene) -> None:
    image = scene(height=256, width=256)
    fill = np.zeros((256, 256), dtype=bool)
    fill[:, :50] = True
    image[:, fill] = 0
    raster = inspect_raster(save(image, driver=driver, quality=70), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert raster.masked_by == "fill"
    assert not valid[:, :49].any()
    assert valid[:, 60:].all()


def test_thin_collar_of_a_large_image_is_fill(save, scene) -> None:
    image = scene(1, height=200, width=6200)
    image[:, :, :2] = 0
    raster = inspect_raster(save(image, tiled=True), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert not valid[:, :2].any()
    assert valid[:, 3:].all()


def test_ragged_saturation_that_runs_out_of_the_image_is_not_fill(save, scene) -> None:
    image = scene(height=300, width=300)
    rows, cols = np.mgrid[0:300, 0:300]
    image[:, np.hypot(rows - 110, cols - 150) < 109] = 255  # a disc that grazes the border
    speckle = np.random.default_rng(1).random((300, 300)) < 0.4
    image[:, speckle & (rows > 250)] = 0
    raster = inspect_raster(save(image), role="before")
    assert raster.masked_by == "none"


def test_answer_does_not_depend_on_the_window(save, scene, utm) -> None:
    image = scene(height=300, width=260)
    image[:, wedge(300, 260)] = 0
    image[:, 280:, :] = 0
    raster = inspect_raster(save(image, tiled=True, **utm), role="before")
    whole_values, whole = read_window(raster, raster.grid.window)
    for row in range(0, 300, 70):
        for col in range(0, 260, 90):
            window = Window(row=row, col=col, height=70, width=90)
            values, valid = read_window(raster, window)
            inside = (window & raster.grid.window).shape
            expected = whole[row : row + 70, col : col + 90]
            np.testing.assert_array_equal(valid[: inside[0], : inside[1]], expected)
            np.testing.assert_array_equal(
                values[:, : inside[0], : inside[1]],
                whole_values[:, row : row + 70, col : col + 90],
            )


def test_saturated_cloud_at_the_border_is_image(save, scene) -> None:
    """It is as white and as constant as a collar, but fades into what lies beside it."""
    image = scene(height=256, width=256).astype(float)
    rows, cols = np.mgrid[:256, :256]
    opacity = np.clip((110 - np.hypot(rows - 128, cols)) / 24 + 0.5, 0, 1)
    image = np.round(image + (300 - image) * opacity).clip(0, 255).astype(np.uint8)
    white = (image == 255).all(axis=0)
    assert white[:, 0].sum() > 150
    raster = inspect_raster(save(image), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert valid.all()


def test_snow_with_sharp_roofs_in_it_is_image(save, scene) -> None:
    image = scene(height=256, width=256)
    keep = np.zeros((256, 256), bool)
    for row in range(16, 256, 32):
        keep[row : row + 12] = True
    image[:, ~keep] = 255  # bands of snow, each joined to the border or not
    keep[:, :8] = keep[:, -8:] = True
    raster = inspect_raster(
        save(np.where(keep, scene(height=256, width=256), image)), role="before"
    )
    _, valid = read_window(raster, raster.grid.window)
    assert valid.mean() > 0.9


def lake(height: int, width: int, *, seed: int) -> np.ndarray:
    """A lake as water lies in ground: what is below a level of smooth noise, in the middle."""
    noise = ndimage.gaussian_filter(
        np.random.default_rng(seed).normal(size=(height, width)), 9, mode="wrap"
    )
    rows, cols = np.mgrid[0:height, 0:width]
    from_middle = np.hypot((rows - height / 2) / height, (cols - width / 2) / width)
    labels, _ = ndimage.label(noise / noise.std() - 12 * from_middle + 2.5 > 0)
    found: np.ndarray = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return found


def codes(raster) -> list[str]:
    return [finding.code for finding in raster.findings]


JPEG = {"compress": "jpeg", "photometric": "ycbcr", "tiled": True}
BOX = ((210.0, 195.0), (120.0, 130.0), 0.0)
SLANTED = np.array([[120, 200], [230, 130], [290, 220], [180, 290]])


@pytest.mark.parametrize(
    ("options", "turned"),
    [
        ({}, False),
        ({}, True),
        ({"driver": "JP2OpenJPEG"}, False),
        ({"driver": "JP2OpenJPEG"}, True),
    ],
)
def test_a_black_hole_inside_the_image_is_masked_and_said(
    save, scene, options: dict, turned: bool
) -> None:
    image = scene(height=400, width=400)
    hole = np.zeros((400, 400), np.uint8)
    if turned:
        cv2.fillConvexPoly(hole, SLANTED, 1)
    else:
        hole[130:260, 150:270] = 1
    image[:, hole > 0] = 0
    raster = inspect_raster(save(image, **options), role="before")
    _, valid = read_window(raster, raster.grid.window)
    far = ndimage.distance_transform_edt(hole == 0) > 9
    assert codes(raster) == ["hole"]
    assert raster.masked_by == "fill"
    assert valid[hole > 0].mean() < 0.01
    assert valid[far].all()
    said = float(raster.findings[0].message.split("%")[0]) / 100
    assert said == pytest.approx(np.mean(hole), rel=0.1)


@pytest.mark.parametrize("turned", [False, True])
def test_a_hole_in_a_jpeg_is_at_least_told(save, scene, turned: bool) -> None:
    """Ringing may spoil its outline."""
    hole = np.zeros((400, 400), np.uint8)
    cv2.fillConvexPoly(hole, SLANTED if turned else cv2.boxPoints(BOX).astype(int), 1)
    image = np.where(hole, np.uint8(0), scene(height=400, width=400))
    (code,) = codes(inspect_raster(save(image, **JPEG), role="before"))
    assert code in {"hole", "constant_area"}


def test_a_black_tile_that_touches_the_border_with_a_short_side_is_masked_too(save, scene) -> None:
    image = scene(height=300, width=300)
    image[:, 0:250, 100:133] = 0
    raster = inspect_raster(save(image), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert not valid[0:250, 100:133].any()
    assert valid[260:].all()


def test_a_missing_tile_of_a_large_image_is_masked(save, scene) -> None:
    """Where the image is looked at in cells of several pixels."""
    image = scene(1, height=2500, width=2500)
    image[:, 1003:1515, 901:1413] = 0
    raster = inspect_raster(save(image, tiled=True), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert codes(raster) == ["hole"]
    assert not valid[1003:1515, 901:1413].any()
    assert valid.mean() > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_water_that_is_clipped_to_zero_is_told_and_not_masked(save, scene, seed: int) -> None:
    image = scene(height=400, width=400)
    water = lake(400, 400, seed=seed)
    assert 0.02 < water.mean() < 0.5
    image[:, water] = 0
    raster = inspect_raster(save(image), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert codes(raster) == ["constant_area"]
    assert valid.all()


def test_dark_water_deep_shadow_and_dark_roofs_are_image(save, scene) -> None:
    image = scene(height=400, width=400)
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 4, image.shape).astype(np.uint8)
    water = lake(400, 400, seed=1)
    roof = np.zeros((400, 400), bool)
    roof[10:70, 300:390] = True  # at night: a rectangle as large as a hole, with noise
    image[:, water | roof] = dark[:, water | roof]
    for row in range(300, 380, 40):
        image[:, row : row + 12, 20:80] = 0  # shadows of blocks: exactly 0, but small
    raster = inspect_raster(save(image), role="before")
    _, valid = read_window(raster, raster.grid.window)
    assert codes(raster) == []
    assert raster.masked_by == "none"
    assert valid.all()
