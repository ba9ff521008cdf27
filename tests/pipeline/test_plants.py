from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import changedet
from changedet.compare.structure import window_sizes
from changedet.core.grid import Grid
from changedet.io.raster import create_raster, inspect_raster, read_window
from changedet.pipeline.fit import block_margin
from changedet.pipeline.plants import reach_px
from changedet.quantify.built import reach_px as built_reach


def test_an_image_against_itself_has_lost_nothing(small_files: Any, tmp_path: Path) -> None:
    """Shifted by less than a pixel, one twentieth brighter, and noisy."""
    raster = inspect_raster(small_files.before, role="before")
    image, _ = read_window(raster, raster.grid.window)
    rng = np.random.default_rng(5)
    move = np.array([[1, 0, 0.4], [0, 1, -0.3]])
    size = image.shape[:0:-1]
    moved = [cv2.warpAffine(band, move, size, flags=cv2.INTER_CUBIC) for band in image]
    noisy = 1.05 * np.stack(moved) + rng.normal(0, 1.5, image.shape)
    path = tmp_path / "again.tif"
    with create_raster(path, raster.grid, count=3, dtype="uint8") as writer:
        writer.write(np.rint(noisy).clip(1, 255).astype(np.uint8), raster.grid.window)
    found = changedet.run(small_files.before, path).vegetation
    assert found.before_ha > 0.5
    assert found.lost_share <= 0.005
    assert found.low_ha == 0
    assert found.canopy.lost_share is None or found.canopy.lost_share <= 0.005


def paint(burnt: np.ndarray | None) -> np.ndarray:
    """A patchwork of woods and bare ground in six bands, blue to the longer infrared."""
    rng = np.random.default_rng(2)
    bare = cv2.GaussianBlur(rng.normal(0, 1, (256, 256)).astype(np.float32), (0, 0), 4) * 5
    bare = np.clip(bare + 0.3 + rng.normal(0, 0.05, bare.shape), 0, 1)
    green = np.array([400, 600, 450, 3600, 1800, 900])[:, None, None]
    soil = np.array([1000, 1400, 1900, 2600, 3300, 2900])[:, None, None]
    char = np.array([400, 450, 500, 800, 1700, 1900])[:, None, None]
    image = green * (1 - bare) + soil * bare
    if burnt is not None:
        image = np.where(burnt & (bare < 0.5), char * (1 + 0.3 * bare), image)
    return np.asarray(image + rng.normal(0, 15, image.shape)).clip(1, 10_000).astype(np.uint16)


def test_burns_are_told_by_shortwave_infrared(tmp_path: Path) -> None:
    burnt = np.zeros((256, 256), bool)
    burnt[40:120, 60:160] = True
    grid = Grid(width=256, height=256)
    for name, image in (("before", paint(None)), ("after", paint(burnt))):
        with create_raster(tmp_path / f"{name}.tif", grid, count=6, dtype="uint16") as writer:
            writer.write(image, grid.window)
    bands = {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}
    found = changedet.run(
        tmp_path / "before.tif", tmp_path / "after.tif", bands=bands, gsd=10
    ).vegetation
    woods = paint(None)[3] > 3100
    truth = (woods & burnt).sum() * 0.01
    assert found.burnt_ha == pytest.approx(truth, rel=0.15)
    assert found.lost_ha == pytest.approx(truth, rel=0.15)
    assert "0.75 m" in found.canopy.reason


@pytest.mark.parametrize("gsd", [0.3, 0.5, 0.7, 1.0, 3.0, 10.0])
def test_plants_look_no_further_than_the_built_score(gsd: float) -> None:
    sizes = window_sizes(gsd, residual_px=0.5)
    assert reach_px(gsd) > 0
    # A block reads no more than it did for the built score alone (whole eights of pixels).
    assert block_margin(sizes, gsd, built=True) <= -(-max(sizes.margin, built_reach(gsd)) // 8) * 8
