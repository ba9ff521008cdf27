"""Undeclared fill is found where it is, and dark or bright places are left alone."""

from __future__ import annotations

import numpy as np
import pytest

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
