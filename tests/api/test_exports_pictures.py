"""``--export pictures`` from a result folder."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from changedet import api
from changedet.api.exports import Kit, pictures
from changedet.api.views import grid_of, views_of_folder
from changedet.io.raster import read_small
from changedet.result import read_record

FILES = {
    "before.jpg", "after.jpg", "before_after.png", "map.png", "change.webp", "change.gif",
    "captions.txt",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(small_result: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small result, with its pictures."""
    place = tmp_path_factory.mktemp("published") / "out"
    shutil.copytree(small_result.folder, place)
    api.rebuild_report(place, lang="uk", export=("pictures",))
    return place


def opened(path: Path) -> np.ndarray:
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def kit_of(place: Path, target: Path, **changes: Any) -> Kit:
    record = read_record(place / "result.json").model_copy(update=changes)
    views = views_of_folder(place, record)
    assert views is not None
    return Kit(folder=place, target=target, record=record, views=views, lang="en")


def test_all_pictures_are_there_and_can_be_opened(folder: Path) -> None:
    assert {path.name for path in (folder / "pictures").iterdir()} == FILES
    for name in FILES - {"captions.txt"}:
        assert opened(folder / "pictures" / name).std() > 5
    assert (folder / "pictures" / "captions.txt").read_text("utf-8").startswith("# Українська")
    assert (folder / "pictures" / "change.webp").stat().st_size < 4_000_000


def test_both_images_show_the_same_ground_pixel_for_pixel(folder: Path) -> None:
    record = read_record(folder / "result.json")
    assert record.grid is not None
    first, last = (opened(folder / "pictures" / f"{name}.jpg") for name in ("before", "after"))
    assert first.shape == last.shape == (record.grid.height, record.grid.width, 3)
    # The result's own aligned image, stretched: the same up to the JPEG.
    views = views_of_folder(folder, record)
    assert views is not None
    assert np.abs(last - views.after)[views.valid].mean() < 6
    assert np.abs(first - views.before)[views.valid].mean() < 6


def test_means_are_those_of_the_reader_of_any_image(folder: Path, tmp_path: Path) -> None:
    kit = kit_of(folder, tmp_path)
    assert kit.record.grid is not None
    grid = grid_of(kit.record.grid)
    zoom = 3
    values, valid = pictures._read_after(kit, grid, zoom)
    whole = read_small(folder / "maps" / "aligned.tif", size=max(grid.shape)).astype(float)
    part = whole[:3, 30:33, 60:63]
    assert valid[10, 20]
    assert values[:, 10, 20] == pytest.approx(part.mean(axis=(1, 2)), abs=0.01)


@pytest.mark.parametrize("gone", ["missing", "other"])
def test_without_the_image_before_the_report_gives_its_own(
    folder: Path, tmp_path: Path, gone: str
) -> None:
    record = read_record(folder / "result.json")
    image = record.inputs.before
    other = record.inputs.after.path if gone == "other" else str(tmp_path / "gone.tif")
    inputs = record.inputs.model_copy(update={"before": image.model_copy(update={"path": other})})
    pictures.write(kit_of(folder, tmp_path, inputs=inputs))
    first, last = (opened(tmp_path / "pictures" / f"{name}.jpg") for name in ("before", "after"))
    assert first.shape == last.shape
    kept = opened(folder / "pictures" / "before.jpg")
    assert np.abs(first - kept).mean() < 6


def test_an_older_export_goes_with_its_result(
    small_files: Any, folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "out"
    shutil.copytree(folder, place)
    (place / "pictures" / "mine.txt").write_text("mine", "utf-8")
    api.register(small_files.before, small_files.after, output=place, overwrite=True)
    assert [path.name for path in (place / "pictures").iterdir()] == ["mine.txt"]


def test_stages_are_told_to_the_end(small_files: Any, tmp_path: Path) -> None:
    told: list[str] = []
    api.run(
        small_files.before, small_files.after, output=tmp_path / "out", export=("pictures",),
        credit="© Owner", progress=lambda stage, part: told.append(stage) if part == 1 else None,
    )  # fmt: skip
    assert told[-3:] == ["figures", "report", "export"]
    with Image.open(tmp_path / "out" / "pictures" / "before.jpg") as picture:
        assert picture.getexif()[0x8298].encode("latin-1").decode() == "Imagery: © Owner"
