"""A pair: what is wrong with two images together."""

from __future__ import annotations

import datetime as dt
import pickle
import shutil
import warnings

import pytest
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from changedet.core.errors import NotComparable
from changedet.core.options import RunOptions
from changedet.io import sources
from changedet.io.raster import read_window
from changedet.io.sources import open_pair


def codes(pair) -> dict[str, str]:
    return {finding.code: finding.severity for finding in pair.findings}


def at(gsd: float, left: float = 300_000, crs: str = "EPSG:32637") -> dict:
    return {"crs": crs, "transform": Affine(gsd, 0, left, 0, -gsd, 4_100_000)}


def test_pair_without_remarks(save, scene) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    after = save(scene(seed=1), "b.tif", **at(0.5, 300_020))
    with open_pair(before, after) as pair:
        assert pair.findings == ()
        assert pair.overlap_share == pytest.approx(0.75)
        assert pair.grid == pair.before.grid
        assert pickle.loads(pickle.dumps(pair)) == pair  # noqa: S301 - our own bytes


def test_images_that_lie_apart_are_refused_with_both_extents(save, scene) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    for place in (at(0.5, 301_000), at(0.5, crs="EPSG:32638")):
        after = save(scene(seed=1), "b.tif", **place)
        extents = r"before covers lon .* after covers lon"
        with pytest.raises(NotComparable, match=extents) as caught, open_pair(before, after):
            pass
        assert caught.value.code == "no_overlap"


def test_small_overlap_and_other_crs(save, scene) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    after = save(scene(seed=1), "b.tif", **at(0.5, 300_076))
    with open_pair(before, after) as pair:
        assert codes(pair) == {"small_overlap": "warn"}


@pytest.mark.parametrize(
    ("gsd", "severity"), [(0.7, None), (1.0, "degrade"), (1.6, "refuse"), (0.1, "refuse")]
)
def test_pixel_sizes(save, scene, gsd: float, severity: str | None) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    after = save(scene(seed=1), "b.tif", **at(gsd))
    with open_pair(before, after) as pair:
        assert codes(pair).get("gsd_ratio") == severity


def test_identical_files_and_one_georeference(save, scene, tmp_path) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    shutil.copy(before, tmp_path / "b.tif")
    with open_pair(before, tmp_path / "b.tif") as pair:
        assert codes(pair) == {"identical": "warn"}
    bare = save(scene(seed=1), "c.png", driver="PNG")
    with open_pair(before, bare) as pair:
        assert codes(pair) == {"one_georeference": "warn"}
        assert pair.overlap_share is None


def test_scale_of_images_without_georeference(save, scene) -> None:
    first = save(scene(), "a.png", driver="PNG")
    second = save(scene(seed=1), "b.png", driver="PNG")
    with open_pair(first, second) as pair:
        assert pair.grid.gsd_m is None
    with open_pair(first, second, RunOptions(gsd=0.3)) as pair:
        assert pair.grid.gsd_m == 0.3
        assert pair.findings == ()
    placed = save(scene(), "c.tif", **at(0.5))
    with open_pair(placed, second, RunOptions(gsd=0.3)) as pair:
        assert pair.grid.gsd_m == 0.5
        assert codes(pair)["gsd_ignored"] == "warn"


def test_swapped_dates(save, scene) -> None:
    first, second = save(scene(), "a.tif"), save(scene(seed=1), "b.tif")
    options = RunOptions(before_date=dt.date(2024, 1, 1), after_date=dt.date(2023, 1, 1))
    with open_pair(first, second, options) as pair:
        assert codes(pair) == {"dates_swapped": "warn", "no_scale": "warn"}


def test_dates_in_the_files_are_compared_too(save, scene) -> None:
    late, early = (
        save(scene(seed=day), f"{day}.tif", tags={"TIFFTAG_DATETIME": f"2023:05:{day} 08:41:00"})
        for day in (16, 15)
    )
    with open_pair(late, early, RunOptions(gsd=0.5)) as pair:
        assert codes(pair) == {"dates_swapped": "warn"}
    with open_pair(early, late, RunOptions(gsd=0.5)) as pair:
        assert codes(pair) == {}
    with open_pair(late, early, RunOptions(gsd=0.5, before_date=dt.date(2023, 5, 1))) as pair:
        assert codes(pair) == {}


def test_a_transform_without_a_crs_is_not_ignored_in_silence(save, scene) -> None:
    place = {"transform": Affine(0.5, 0, 500_000, 0, -0.5, 4_100_000)}
    first, second = save(scene(), "a.tif", **place), save(scene(seed=1), "b.tif", **place)
    with open_pair(first, second) as pair:
        assert codes(pair) == {"georeference_unused": "warn", "no_scale": "warn"}


def test_after_in_degrees_keeps_its_grid_but_knows_its_size(save, scene) -> None:
    before = save(scene(), "a.tif", **at(0.6))
    degrees = {"crs": "EPSG:4326", "transform": Affine(6e-6, 0, 36.7517, 0, -6e-6, 37.0249)}
    after = save(scene(seed=1), "b.tif", **degrees)
    with open_pair(before, after) as pair:
        assert pair.after.grid.crs == "EPSG:4326"
        assert pair.after.grid.gsd_m == pytest.approx(0.596, abs=0.002)
    with open_pair(after, before) as pair:
        assert pair.grid.crs == "EPSG:32637"
        assert pair.before.native_crs == "EPSG:4326"


def test_the_georeference_warning_is_off_while_a_pair_is_open(save, scene) -> None:
    # Threads share the filters of the process: hushing it call by call is a race.
    before = save(scene(), "a.tif", **at(0.5))
    with open_pair(before, before):
        warnings.warn("of a memory dataset", NotGeoreferencedWarning, stacklevel=1)
    with pytest.raises(NotGeoreferencedWarning):
        warnings.warn("afterwards", NotGeoreferencedWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lzw.tif", {"compress": "lzw", "tiled": True}),
        ("planar.tif", {"interleave": "band", "BIGTIFF": "YES"}),
        ("image.png", {"driver": "PNG"}),
        ("image.jp2", {"driver": "JP2OpenJPEG", "quality": 100, "reversible": "yes"}),
    ],
)
def test_the_same_picture_in_another_encoding_is_identical(save, scene, name, options) -> None:
    before = save(scene(), "a.tif", **at(0.5))
    place = {} if name.endswith("png") else at(0.5)
    after = save(scene(), name, **options, **place)
    with open_pair(before, after) as pair:
        assert pair.before.sha256 != pair.after.sha256
        assert codes(pair)["identical"] == "warn"


def test_a_picture_that_differs_in_one_pixel_is_another(save, scene) -> None:
    image = scene()
    before = save(image, "a.tif", **at(0.5))
    image[1, 100, 7] += 1
    with open_pair(before, save(image, "b.tif", **at(0.5))) as pair:
        assert codes(pair) == {}


def test_two_empty_pictures_are_not_called_identical(save, scene) -> None:
    empty = scene() * 0
    before = save(empty, "a.tif", nodata=0, **at(0.5))
    after = save(empty, "b.tif", nodata=0, compress="lzw", **at(0.5))
    with open_pair(before, after) as pair:
        assert codes(pair) == {}


def test_two_pictures_of_a_place_are_told_apart_by_a_few_rows(save, scene, monkeypatch) -> None:
    """The search for equal pixels must not read two large images once more."""
    read = []
    monkeypatch.setattr(
        sources,
        "read_window",
        lambda raster, window, **more: (
            read.append(window.height),
            read_window(raster, window, **more),
        )[1],
    )
    before = save(scene(height=900), "a.tif", **at(0.5))
    with open_pair(before, save(scene(height=900, seed=1), "b.tif", **at(0.5))):
        pass
    assert sum(read) <= 32
