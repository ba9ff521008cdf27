"""What must not change a figure, and what must: one small pair, looked at in many ways."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import Resampling, reproject, transform_bounds
from scipy import ndimage

MAPS = ("aligned", "pixel_change", "structural_change", "classes")
Compare = Callable[..., Any]


def figures(outcome: Any) -> dict[str, Any]:
    """Everything in result.json that is a finding."""
    found: dict[str, Any] = outcome.record.model_dump(exclude={"provenance", "figures"})
    return found


def read_image(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    with rasterio.open(path) as file:
        place = {"crs": file.crs, "transform": file.transform}
        return file.read(), place


def save_image(path: Path, image: np.ndarray, **options: Any) -> Path:
    profile: dict[str, Any] = {"driver": "GTiff", "count": len(image), "height": image.shape[1],
               "width": image.shape[2], "dtype": image.dtype.name}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **(profile | options)) as file:
            file.write(image)
    return path


@pytest.fixture(scope="module")
def before(small_files: Any) -> tuple[np.ndarray, dict[str, Any]]:
    return read_image(small_files.before)


@pytest.fixture(scope="module")
def after(small_files: Any) -> tuple[np.ndarray, dict[str, Any]]:
    return read_image(small_files.after)


def values_of(part: Any, ending: str) -> Iterator[Any]:
    """Walk a document and yield every value whose key ends so."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key.endswith(ending):
                yield value
            yield from values_of(value, ending)
    elif isinstance(part, list):
        for value in part:
            yield from values_of(value, ending)


@pytest.mark.parametrize("graded", [False, True], ids=["found", "footprints"])
def test_blocks_and_threads_change_nothing(
    compare: Compare, small_files: Any, request: pytest.FixtureRequest, graded: bool
) -> None:
    whole = request.getfixturevalue("graded_run" if graded else "small_run")
    wishes = {"footprints": small_files.footprints} if graded else {}
    assert whole.record.built.destroyed_ha > 0.1
    with ThreadPoolExecutor(2) as executor:
        cut = compare(
            small_files.before,
            small_files.after,
            block_size=256,
            jobs=2,
            executor=executor,
            **wishes,
        )
    assert figures(cut) == figures(whole)
    for name in MAPS:
        assert np.array_equal(cut.read(name), whole.read(name)), name


def test_an_image_against_itself_is_no_change(compare: Compare, small_files: Any) -> None:
    same = compare(small_files.before, small_files.before)
    assert same.record.status == "ok"
    assert [note.code for note in same.record.warnings] == ["identical"]
    built, vegetation = same.record.built, same.record.vegetation
    assert (built.destroyed_ha, built.destroyed_share, built.low_ha) == (0, 0, 0)
    assert (vegetation.lost_ha, vegetation.lost_share, vegetation.gained_ha) == (0, 0, 0)
    assert built.before_ha > 0.3
    assert same.record.registration.max_shift_px == pytest.approx(0, abs=0.02)
    assert np.isin(same.read("classes"), (0, 1)).all()


def test_shift_noise_and_light_are_no_change(
    compare: Compare, small_files: Any, before: Any, tmp_path: Path
) -> None:
    image, place = before
    rng = np.random.default_rng(2)
    moved = np.stack([ndimage.shift(band.astype(float), (0.4, 0.4), order=3, mode="nearest")
                      for band in image])  # fmt: skip
    lit = np.clip(1.05 * moved + rng.normal(0, 3, moved.shape), 0, 255).astype(np.uint8)
    after = save_image(tmp_path / "after.tif", lit, **place)
    found = compare(small_files.before, after).record
    assert found.status == "ok"
    assert found.built.destroyed_share <= 0.01
    assert found.vegetation.lost_share <= 0.02
    assert found.radiometry["green"].gain == pytest.approx(1 / 1.05, abs=0.02)
    assert found.registration.rmse_px < 0.3


def test_a_town_where_nothing_happened(compare: Compare, quiet_files: Any) -> None:
    found = compare(quiet_files.before, quiet_files.after).record
    assert found.built.destroyed_share <= 0.03
    assert found.built.low_ha == 0
    assert found.vegetation.lost_share <= 0.03


def test_without_a_scale_there_are_shares_and_no_hectares(
    compare: Compare, before: Any, after: Any, small_run: Any, tmp_path: Path
) -> None:
    paths = [save_image(tmp_path / f"{name}.png", image, driver="PNG")
             for name, (image, _) in (("before", before), ("after", after))]  # fmt: skip
    bare = compare(*paths).record
    document = bare.model_dump(mode="json", exclude={"provenance"})
    hectares = list(values_of(document, "_ha"))
    assert len(hectares) >= 11
    assert set(hectares) == {None}
    assert bare.grid.gsd_m is None
    assert bare.built.destroyed_share > 0.2
    assert bare.vegetation.lost_share > 0.2

    scaled = compare(*paths, gsd=0.5).record
    known = small_run.record
    assert scaled.built.before_ha == pytest.approx(known.built.before_ha, rel=0.03)
    assert scaled.built.destroyed_ha == pytest.approx(known.built.destroyed_ha, rel=0.03)
    assert scaled.vegetation.lost_ha == pytest.approx(known.vegetation.lost_ha, rel=0.03)


def test_a_south_up_image_gives_the_same_hectares(
    compare: Compare, sample_files: Any, sample_result: Any, tmp_path: Path
) -> None:
    image, place = read_image(sample_files.before)
    t = place["transform"]
    flipped = save_image(
        tmp_path / "before.tif",
        np.ascontiguousarray(image[:, ::-1]),
        crs=place["crs"],
        transform=Affine(t.a, 0, t.c, 0, -t.e, t.f + image.shape[1] * t.e),
    )
    found = compare(flipped, sample_files.after, footprints=sample_files.footprints)
    assert_same_hectares(found.record, sample_result.record)


def test_degrees_give_the_same_hectares(
    compare: Compare, sample_files: Any, sample_result: Any, tmp_path: Path
) -> None:
    image, place = read_image(sample_files.before)
    with rasterio.open(sample_files.before) as file:
        west, south, east, north = transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    # Half a metre both ways: degrees of longitude are shorter than those of latitude.
    step = 0.5 / 111_200
    degrees = Affine(step / np.cos(np.radians(north)), 0, west, 0, -step, north)
    shape = (3, int((north - south) / step) + 1, int((east - west) / degrees.a) + 1)
    target = np.zeros(shape, np.uint8)
    for source, wanted in zip(image, target, strict=True):
        reproject(
            source,
            wanted,
            src_transform=place["transform"],
            src_crs=place["crs"],
            dst_transform=degrees,
            dst_crs="EPSG:4326",
            resampling=Resampling.cubic,
        )
    before = save_image(
        tmp_path / "before.tif", target, crs="EPSG:4326", transform=degrees, nodata=0
    )
    found = compare(before, sample_files.after, footprints=sample_files.footprints).record
    assert found.grid.crs == "EPSG:32637"
    assert found.inputs.before.crs == "EPSG:4326"
    assert_same_hectares(found, sample_result.record)


def assert_same_hectares(found: Any, expected: Any) -> None:
    assert found.status == expected.status == "ok"
    for part, figure in (
        ("built", "before_ha"),
        ("built", "destroyed_ha"),
        ("vegetation", "before_ha"),
        ("vegetation", "lost_ha"),
    ):
        value = getattr(getattr(expected, part), figure)
        assert getattr(getattr(found, part), figure) == pytest.approx(value, rel=0.03), figure


def write_aoi(path: Path, box: tuple[float, float, float, float], crs: str) -> Path:
    left, bottom, right, top = box
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    path.write_text(
        json.dumps({
            "type": "FeatureCollection",
            "crs": {"type": "name", "properties": {"name": crs}},
            "features": [{"type": "Feature", "properties": {},
                          "geometry": {"type": "Polygon", "coordinates": [ring]}}],
        }),
        "utf-8",
    )  # fmt: skip
    return path


def test_an_aoi_bounds_every_figure(
    compare: Compare, small_files: Any, before: Any, graded_run: Any, tmp_path: Path
) -> None:
    t = before[1]["transform"]
    half = (*(t @ (0, 384)), *(t @ (192, 0)))
    aoi = write_aoi(tmp_path / "aoi.geojson", half, "urn:ogc:def:crs:EPSG::32637")
    found = compare(
        small_files.before, small_files.after, footprints=small_files.footprints, aoi=aoi
    )
    classes, whole = found.read("classes"), graded_run.read("classes")
    assert (classes[:, 192:] == 0).all()
    assert np.array_equal(classes[:, :192] == 0, whole[:, :192] == 0)
    seen = (whole[:, :192] > 0).mean()
    assert found.record.grid.analysed_share == pytest.approx(seen, abs=1e-5)
    assert found.record.built.destroyed_ha * 4e4 == pytest.approx((classes == 2).sum(), abs=2)
    assert 0 < found.record.built.before_ha < 0.8 * graded_run.record.built.before_ha


def test_what_after_does_not_cover_counts_nowhere(
    compare: Compare, small_files: Any, after: Any, graded_run: Any, tmp_path: Path
) -> None:
    image, place = after
    rows, cols = np.indices(image.shape[1:])
    wedge = cols > 250 + rows // 4
    cut = save_image(
        tmp_path / "after.tif", np.where(wedge, 0, np.maximum(image, 1)), nodata=0, **place
    )
    found = compare(small_files.before, cut, footprints=small_files.footprints)
    classes, whole = found.read("classes"), graded_run.read("classes")
    inner = cols > 250 + rows // 4 + 12
    assert (classes[inner] == 0).all()
    assert (classes[cols < 235 + rows // 4] > 0).mean() > 0.97
    record = found.record
    assert record.grid.analysed_share == pytest.approx((classes > 0).mean(), abs=1e-5)
    assert record.not_observable_share == pytest.approx((classes == 0).mean(), abs=1e-5)
    assert record.built.before_ha < 0.9 * graded_run.record.built.before_ha
    for name in ("pixel_change", "structural_change"):
        assert np.array_equal(found.read(name) == 255, classes == 0)
    both = (classes > 0) & (whole > 0)
    assert ((classes == 2) == (whole == 2))[both].mean() > 0.97
    assert record.buildings.not_analysed > graded_run.record.buildings.not_analysed
