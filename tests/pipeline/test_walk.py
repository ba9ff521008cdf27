from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio

from changedet.core.errors import InputError, NotComparable
from changedet.core.options import RunOptions
from changedet.io.sources import open_pair
from changedet.io.vector import Outlines
from changedet.pipeline import register_pair, run_pair
from changedet.pipeline.prepare import align_pair, check_outlines, georeference
from changedet.pipeline.scene import Scene
from changedet.result import Record

Compare = Callable[..., Any]

NOTHING = ("nothing_valid", "no_texture", "no_overlap")


@pytest.fixture(scope="module")
def save(small_files: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes an image where the small pair lies."""
    folder = tmp_path_factory.mktemp("images")
    with rasterio.open(small_files.before) as file:
        place = {"crs": file.crs, "transform": file.transform}

    def write(name: str, image: np.ndarray, **options: Any) -> Path:
        path = folder / f"{name}.tif"
        profile = {
            "driver": "GTiff", "count": len(image), "height": image.shape[1],
            "width": image.shape[2], "dtype": image.dtype.name, **place, **options,
        }  # fmt: skip
        with rasterio.open(path, "w", **profile) as file:
            file.write(image)
        return path

    return write


def numbers_in(part: Any, *, below: str = "") -> list[str]:
    """Keys of a document that end like a figure of area and are not null."""
    if isinstance(part, dict):
        return [name for key, value in part.items() for name in numbers_in(value, below=key)]
    if isinstance(part, list):
        return [name for value in part for name in numbers_in(value, below=below)]
    area = below.endswith(("_ha", "_share")) and below != "supported_share"
    return [below] if area and part is not None else []


def assert_refused(outcome: Any, *codes: str) -> None:
    record: Record = outcome.record
    assert record.status == "refused"
    assert {note.code for note in record.refusals} & set(codes), record.refusals
    assert all(len(note.message) > 20 for note in record.refusals)
    document = json.loads(record.to_json())
    assert numbers_in(document) == []
    assert document["built"] is document["vegetation"] is document["cells"] is None
    assert list(outcome.folder.iterdir()) == []


def test_noise_is_refused(compare: Compare, small_files: Any, save: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 384, 384), dtype=np.uint8)
    assert_refused(compare(small_files.before, save("noise", noise)), "no_match")
    assert_refused(compare(save("noise2", noise), small_files.after), "no_match")


@pytest.mark.parametrize("value", [0, 117, 255])
def test_a_constant_is_refused(compare: Compare, small_files: Any, save: Any, value: int) -> None:
    flat = save(f"flat{value}", np.full((3, 384, 384), value, np.uint8))
    assert_refused(compare(small_files.before, flat), *NOTHING)
    assert_refused(compare(flat, small_files.after), *NOTHING)


def test_another_place_is_refused(
    compare: Compare, small_files: Any, quiet_files: Any, save: Any
) -> None:
    with rasterio.open(quiet_files.after) as file:
        other = save("elsewhere", file.read())
    assert_refused(compare(small_files.before, other), "no_match")


def test_images_that_lie_apart_are_refused(compare: Compare, small_files: Any, save: Any) -> None:
    with rasterio.open(small_files.after) as file:
        image, transform = file.read(), file.transform
    far = save("far", image, transform=transform.translation(5000, 0) @ transform)
    assert_refused(compare(small_files.before, far), "no_overlap")


def test_force_goes_on_and_says_so(compare: Compare, small_files: Any, save: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 384, 384), dtype=np.uint8)
    forced = compare(small_files.before, save("noise3", noise), force=True)
    assert forced.record.status == "degraded"
    assert forced.record.refusals
    assert forced.record.built is not None
    assert (forced.folder / "maps" / "classes.tif").is_file()


@pytest.mark.parametrize("walk", [run_pair, register_pair])
def test_a_refusal_halfway_leaves_nothing(
    small_files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: Callable[..., Any]
) -> None:
    def refuse(*args: Any) -> None:
        raise NotComparable("the model spreads AFTER beyond reason", code="implausible_model")

    monkeypatch.setattr(Scene, "read_after", refuse)
    made = walk(small_files.before, small_files.after, options=RunOptions(), folder=tmp_path)
    assert_refused(SimpleNamespace(record=made.record, folder=tmp_path), "implausible_model")


def test_without_colour_no_plants_are_claimed_anywhere(
    compare: Compare, small_files: Any, save: Any
) -> None:
    grey = []
    for name in ("before", "after"):
        with rasterio.open(getattr(small_files, name)) as file:
            image = file.read().mean(axis=0, keepdims=True).round().astype(np.uint8)
        grey.append(save(f"grey_{name}", image))
    record = compare(*grey, footprints=small_files.footprints).record
    assert record.status == "ok"
    assert "no_colour" in {note.code for note in record.warnings}
    assert list(record.radiometry) == ["pan"]
    assert record.built.destroyed_share > 0.2
    plants = record.vegetation.model_dump(exclude={"method", "interval_kind", "separable"})
    assert set(plants.values()) == {None}
    for cell in record.cells:
        assert cell.vegetation_before_ha is cell.vegetation_lost_ha is None
        assert cell.vegetation_lost_share is None
        assert cell.built_before_ha > 0


def test_an_aoi_outside_is_an_input_error(small_files: Any, tmp_path: Path) -> None:
    aoi = tmp_path / "aoi.geojson"
    aoi.write_text('{"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}')
    with pytest.raises(InputError, match=r"aoi\.geojson"):
        run_pair(
            small_files.before,
            small_files.after,
            options=RunOptions(aoi=aoi),
            folder=tmp_path,
        )


def test_geometries_that_were_not_used_as_they_are_are_counted() -> None:
    skipped = {"empty": 2, "invalid": 1, "outside": 7}
    none = np.empty(0, dtype=object)
    found = check_outlines(
        Outlines(geometries=none, ids=(), skipped=skipped, repaired=3), what="footprints"
    )
    (said,) = found
    assert (said.code, said.severity) == ("footprints_geometry", "warn")
    assert "3 were repaired" in said.message
    assert "2 are empty" in said.message
    assert "7" not in said.message
    sound = {"empty": 0, "invalid": 0, "outside": 7}
    assert (
        check_outlines(Outlines(geometries=none, ids=(), skipped=sound, repaired=0), what="aoi")
        == ()
    )


def test_nothing_but_the_results_is_left(small_run: Any) -> None:
    assert {path.name for path in small_run.folder.iterdir()} == {"maps", "vectors.gpkg"}


def test_progress_is_told_stage_by_stage(small_files: Any, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    outcome = register_pair(
        small_files.before,
        small_files.after,
        options=RunOptions(),
        folder=tmp_path,
        progress=lambda stage, part: told.append((stage, part)),
    )
    assert [stage for stage, part in told if part == 1.0] == ["register", "warp"]
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {
        "aligned.tif", "correspondence.tif", "registration_error.tif",
    }  # fmt: skip
    record = outcome.record
    assert record.status == "ok"
    assert record.built is None
    assert record.grid is not None
    assert record.grid.analysed_share is None


def test_the_alignment_is_the_true_one(small_files: Any) -> None:
    with open_pair(small_files.before, small_files.after, RunOptions()) as pair:
        alignment = align_pair(pair, RunOptions())
    rows, cols = np.mgrid[10:374:20, 10:374:20].astype(float)
    truth = small_files.read_truth("correspondence")[:, 10:374:20, 10:374:20]
    error = np.hypot(*np.subtract(alignment.to_after(cols, rows), truth))
    assert np.median(error) < 0.5
    assert alignment.rmse_px < 1


def test_the_georeference_is_condensed_to_pixels(
    small_files: Any, save: Any, tmp_path: Path
) -> None:
    with rasterio.open(small_files.after) as file:
        image, transform = file.read(), file.transform
    moved = save("moved", image, transform=transform @ transform.translation(-12.5, 7.25))
    with open_pair(small_files.before, moved, RunOptions()) as pair:
        mapping = georeference(pair)
    assert mapping is not None
    cols, rows = mapping.at(np.array([0.0, 100.0]), np.array([0.0, 50.0]))
    assert cols == pytest.approx([12.5, 112.5], abs=1e-3)
    assert rows == pytest.approx([-7.25, 42.75], abs=1e-3)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    probe = Path(__file__).with_name("memory_probe.py")
    peaks = []
    for side in (2000, 4000):
        folder = tmp_path / str(side)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, str(probe), str(side), str(folder)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        peaks.append(float(done.stdout))
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 1500


def test_a_file_with_itself_needs_no_texture_to_be_aligned(
    tmp_path: Path, save: Callable[..., Path]
) -> None:
    smooth = np.linspace(40, 200, 96 * 96).reshape(96, 96).round().astype(np.uint8)
    image = save("smooth", np.stack([smooth, smooth, smooth]))
    found = run_pair(image, image, options=RunOptions(), folder=tmp_path).record
    assert found.status != "refused"
    assert found.registration is not None
    assert (found.registration.model, found.registration.rmse_px) == ("identity", None)
    assert found.built is not None
    assert found.built.destroyed_ha == 0


def test_footprints_do_not_make_coarse_pixels_fine(
    simulated: Callable[..., Any], compare: Compare
) -> None:
    files = simulated(17, gsd=2.0)
    outcome = compare(files.before, files.after, footprints=files.footprints)
    record = outcome.record
    assert record.status == "degraded"
    assert "too_coarse" in {note.code for note in record.warnings}
    assert record.built is not None
    assert record.built.destroyed_ha is None
    assert record.built.destroyed_share is None
    assert record.buildings is not None
    assert record.buildings.not_analysed == record.buildings.total
    assert 2 not in np.unique(outcome.read("classes"))
