"""A cloud painted over the small pair leaves numerator, denominator and buildings alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio

import changedet.pipeline.observe as module
from changedet.compare.observable import CLEAR, CLOUD, SHADOW
from changedet.core.grid import Window
from changedet.core.options import RunOptions
from changedet.io.sources import open_pair
from changedet.pipeline.observe import cell_zoom, observe, read_cells
from changedet.pipeline.scene import Scene

Paint = Callable[..., Path]


@pytest.fixture(scope="module")
def cloudy(small_files: Any, tmp_path_factory: pytest.TempPathFactory) -> Paint:
    """Return a function that writes one date of the small pair under a soft white disc."""
    folder = tmp_path_factory.mktemp("cloudy")

    def paint(name: str, *, radius: float, row: int = 150, col: int = 190) -> Path:
        source = small_files.folder / f"{name}.tif"
        with rasterio.open(source) as file:
            image, profile = file.read(), file.profile
        rows, cols = np.mgrid[: image.shape[1], : image.shape[2]]
        opacity = np.clip((radius - np.hypot(rows - row, cols - col)) / 30 + 0.5, 0, 1)
        path = folder / f"{name}-{radius}.tif"
        with rasterio.open(path, "w", **profile) as file:
            file.write(np.round(image + (252.0 - image) * opacity).astype(np.uint8))
        return path

    return paint


@pytest.fixture(scope="module")
def cloudy_run(small_files: Any, cloudy: Paint, compare: Callable[..., Any]) -> Any:
    """Return the small pair with a cloud of 60 px over AFTER, with footprints."""
    after = cloudy("after", radius=60)
    return compare(small_files.before, after, footprints=small_files.footprints)


def under(radius: float) -> Any:
    rows, cols = np.mgrid[:384, :384]
    # AFTER lies a few pixels off: its middle is clear of that.
    return np.hypot(rows - 150, cols - 190) < radius - 15


def test_what_a_cloud_hides_has_no_class_and_no_evidence(cloudy_run: Any) -> None:
    hidden = under(60)
    assert (cloudy_run.read("classes")[hidden] == 0).all()
    for name in ("pixel_change", "structural_change"):
        assert (cloudy_run.read(name)[hidden] == 255).all()


def test_the_shares_say_why_and_add_up(cloudy_run: Any) -> None:
    record = cloudy_run.record
    seen = record.observable
    # Its rim is soft over 30 px, and two more cells are left out.
    assert np.pi * 60**2 < seen.cloud_share * 384**2 < np.pi * 80**2
    parts = (seen.saturated_share, seen.cloud_share, seen.smoke_share, seen.snow_share)
    assert sum(parts) + seen.outside_share == pytest.approx(record.not_observable_share, abs=1e-5)
    assert record.grid.analysed_share == pytest.approx(1 - record.not_observable_share, abs=1e-5)
    assert record.status == "degraded"
    assert "cloud" in {note.code for note in record.warnings}


def test_hidden_buildings_are_not_analysed(cloudy_run: Any, graded_run: Any) -> None:
    meta, _, shapes, fields = pyogrio.raw.read(
        cloudy_run.folder / "vectors.gpkg", layer="buildings"
    )
    values = dict(zip(meta["fields"], fields, strict=True))
    hidden = values["reason"] == "under cloud or smoke"
    assert hidden.sum() >= 3
    assert (values["grade"][hidden] == "Not analysed").all()
    assert len(shapes) == cloudy_run.record.buildings.total == graded_run.record.buildings.total
    assert cloudy_run.record.built.before_ha < graded_run.record.built.before_ha


def test_the_rest_is_judged_as_without_the_cloud(cloudy_run: Any, graded_run: Any) -> None:
    clear = ~under(130)
    here, there = (run.read("classes")[clear] == 2 for run in (cloudy_run, graded_run))
    assert (here != there).mean() < 0.03


def test_a_cloud_over_much_refuses_the_pair(
    small_files: Any, cloudy: Paint, compare: Callable[..., Any]
) -> None:
    after = cloudy("after", radius=150)
    refused = compare(small_files.before, after).record
    assert refused.status == "refused"
    assert "cloud" in {note.code for note in refused.refusals}
    assert refused.built is None
    forced = compare(small_files.before, after, force=True).record
    assert forced.status == "degraded"
    assert forced.observable.cloud_share > 0.3


def test_nothing_hides_the_small_pair(graded_run: Any) -> None:
    seen = graded_run.record.observable
    assert seen.cloud_share == seen.smoke_share == seen.snow_share == seen.saturated_share == 0
    assert 0 < seen.shadow_share < 0.4
    assert graded_run.record.status == "ok"


def test_a_cloud_over_before_is_found_too(
    true_scene: Scene, small_files: Any, cloudy: Paint, tmp_path: Path
) -> None:
    with open_pair(cloudy("before", radius=60), small_files.after, RunOptions()) as pair:
        scene = replace(true_scene, before=pair.before, after=pair.after)
        found = observe(scene, tmp_path / "codes.tif", executor=None)
        codes = replace(scene, observed=found).codes(scene.grid.window)
    assert ((codes & ~np.uint8(SHADOW))[under(60)] == CLOUD).all()
    assert found.levels is not None, "the grey range is taken from what is clear"
    assert found.levels[0][1] < 0.95


def test_codes_depend_neither_on_blocks_nor_on_windows(
    true_scene: Scene, small_files: Any, cloudy: Paint, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with open_pair(small_files.before, cloudy("after", radius=60), RunOptions()) as pair:
        scene = replace(true_scene, before=pair.before, after=pair.after)
        whole = replace(scene, observed=observe(scene, tmp_path / "a.tif", executor=None))
        monkeypatch.setattr(module, "_BLOCK_CELLS", 24)
        parts = replace(scene, observed=observe(scene, tmp_path / "b.tif", executor=None))
    every = whole.codes(scene.grid.window)
    assert np.array_equal(every, parts.codes(scene.grid.window))
    part = whole.codes(Window(row=-5, col=37, height=61, width=400))
    assert np.array_equal(part[5:, :347], every[:56, 37:])
    assert (part[:5] == CLEAR).all()
    assert (part[:, 347:] == CLEAR).all()


def test_cells_of_both_dates_show_the_same_place(true_scene: Scene) -> None:
    before, after, valid = read_cells(true_scene, Window(row=8, col=8, height=80, width=80), 4)
    assert before.shape == after.shape == (3, 80, 80)
    assert valid.mean() > 0.9
    grey = [date.mean(axis=0)[valid] for date in (before, after)]
    shifted = np.roll(after.mean(axis=0), 3, 1)[valid]
    there, off = (np.corrcoef(grey[0], other)[0, 1] for other in (grey[1], shifted))
    assert there > off + 0.1


@pytest.mark.parametrize(
    ("gsd_m", "zoom"), [(0.3, 8), (0.5, 4), (0.6, 4), (1.0, 2), (2.0, 1), (30.0, 1), (None, 4)]
)
def test_cells_are_about_two_metres(gsd_m: float | None, zoom: int) -> None:
    assert cell_zoom(gsd_m) == zoom
