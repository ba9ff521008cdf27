from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import shapely.affinity

from changedet import api
from changedet.api.views import to_display, views_of_folder, views_of_outcome
from changedet.core.options import RunOptions
from changedet.pipeline import run_pair


def test_colours_are_stretched_together() -> None:
    values = np.stack([np.linspace(0, 100, 400).reshape(20, 20) + k for k in (0, 50, 100)])
    valid = np.ones((20, 20), bool)
    valid[0, 0] = False
    shown = to_display(values, valid)
    assert shown.dtype == np.uint8
    assert shown.shape == (20, 20, 3)
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[valid].min() >= 1
    middle = shown[10, 10].astype(int)
    assert middle[1] - middle[0] == pytest.approx(middle[2] - middle[1], abs=1)


@pytest.mark.parametrize("bands", [1, 2])
def test_what_has_not_three_bands_is_grey(bands: int) -> None:
    values = np.random.default_rng(0).uniform(0, 4000, (bands, 9, 9))
    shown = to_display(values, np.ones((9, 9), bool))
    assert np.array_equal(shown[..., 0], shown[..., 2])


def test_nothing_valid_is_black() -> None:
    shown = to_display(np.full((3, 4, 4), np.nan), np.zeros((4, 4), bool))
    assert not shown.any()


def test_views_of_a_folder_are_those_of_the_run(
    small_files: Any, small_result: api.Result, tmp_path: Path
) -> None:
    options = RunOptions(footprints=small_files.footprints)
    outcome = run_pair(small_files.before, small_files.after, options=options, folder=tmp_path)
    fresh = views_of_outcome(outcome, tmp_path)
    stored = views_of_folder(small_result.folder, small_result.record)
    assert fresh is not None
    assert stored is not None
    for name in ("before", "after", "valid", "pixel_change", "structural_change", "classes"):
        assert np.array_equal(getattr(fresh, name), getattr(stored, name)), name
    assert stored.grid == fresh.grid
    assert stored.zoom == fresh.zoom == 1
    assert len(fresh.histograms) == 2
    assert len(stored.buildings) == len(fresh.buildings) > 50
    for one, other in zip(stored.buildings, fresh.buildings, strict=True):
        assert (one.id, one.grade) == (other.id, other.grade)
        assert np.allclose(one.ring, other.ring, atol=1e-3)
        assert one.area_m2 == pytest.approx(other.area_m2, abs=0.01)
    assert np.allclose(stored.tie_points, fresh.tie_points, equal_nan=True)


def read_rings(files: Any) -> dict[str, shapely.Polygon]:
    """Return the footprints by id in pixels, 0.0 at the centre of the first."""
    meta, _, outlines, columns = pyogrio.raw.read(files.footprints)
    with rasterio.open(files.before) as file:
        a, b, c, d, e, f = tuple(~file.transform)[:6]
    ids = columns[list(meta["fields"]).index("id")]
    return {
        str(number): shapely.affinity.affine_transform(outline, [a, b, d, e, c - 0.5, f - 0.5])
        for number, outline in zip(ids, shapely.from_wkb(outlines), strict=True)
    }


def test_views_lie_where_the_image_does(small_result: api.Result, small_files: Any) -> None:
    views = views_of_folder(small_result.folder, small_result.record)
    assert views is not None
    assert views.before.shape == (384, 384, 3)
    assert views.valid.mean() == pytest.approx(
        small_result.record.grid.analysed_share,
        abs=1e-4,  # type: ignore[union-attr]
    )
    true = read_rings(small_files)
    assert {outline.id for outline in views.buildings} == set(true)
    for outline in views.buildings:
        ring = shapely.Polygon(outline.ring)
        assert ring.symmetric_difference(true[outline.id]).area < 1e-3
    destroyed = [outline.ring.mean(axis=0) for outline in views.buildings
                 if outline.grade == "Destroyed"]  # fmt: skip
    inside = [middle for middle in destroyed if 0 < middle.min() < middle.max() < 383]
    assert len(inside) > 15
    codes = [views.classes[round(row), round(col)] for col, row in inside]
    assert np.mean(np.array(codes) == 2) > 0.9


def test_a_refusal_has_nothing_to_view(refused_result: api.Result) -> None:
    assert views_of_folder(refused_result.folder, refused_result.record) is None
