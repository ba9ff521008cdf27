"""A building of a result folder, explained."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import changedet as cd
from changedet.api.explaining import view_of_building
from changedet.api.results import Result
from changedet.core.errors import InputError
from changedet.io.vector import read_own_layer
from changedet.result import read_record


@pytest.fixture(name="graded")
def _graded(small_result: Result) -> Result:
    return small_result


def test_any_building_of_a_folder_is_explained(graded: Result) -> None:
    again = Result(record=read_record(graded.folder / "result.json"), folder=graded.folder)
    _, columns = read_own_layer(graded.folder / "vectors.gpkg", "buildings")
    grades = columns["grade"].tolist()
    for grade in sorted(set(grades)):
        name = columns["id"][grades.index(grade)]
        figure = again.explain_building(name)
        texts = [part.get_text() for part in figure.findobj(lambda p: hasattr(p, "get_text"))]
        assert any(f"Building {name}. {grade}:" in " ".join(text.split()) for text in texts)


def test_the_layer_holds_what_the_grade_rests_on(graded: Result) -> None:
    _, columns = read_own_layer(graded.folder / "vectors.gpkg", "buildings")
    known = columns["grade"] != "Not analysed"
    for name in ("similarity", "order_loss", "probability", "damage_probability"):
        np.testing.assert_array_equal(np.isfinite(columns[name].astype(float)), known)
    gone = columns["grade"] == "Destroyed"
    calm = columns["grade"] == "No visible damage"
    assert np.median(columns["similarity"][gone]) < np.median(columns["similarity"][calm]) - 3
    assert np.median(columns["order_loss"][gone]) > np.median(columns["order_loss"][calm]) + 1
    both = columns["damage_probability"][known] >= columns["probability"][known] - 1e-6
    assert both.all()


def test_the_pictures_show_the_building_in_its_place(graded: Result, small_files: Any) -> None:
    shapes, columns = read_own_layer(graded.folder / "vectors.gpkg", "buildings")
    number = int(np.flatnonzero(columns["grade"] == "No visible damage")[0])
    view = view_of_building(graded.folder, graded.record, columns["id"][number])
    height, width = view.before.shape[:2]
    middle = (view.outline.min(axis=0) + view.outline.max(axis=0)) / 2
    assert np.abs(middle - [(width - 1) / 2, (height - 1) / 2]).max() < 1.1
    grid_gsd = graded.record.grid.gsd_m
    x, y = view.outline.T
    area = abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2 * grid_gsd**2
    assert area == pytest.approx(shapes[number].area, rel=1e-6)
    # the same place on both dates: an intact building goes with itself
    one, other = (image.mean(axis=2).ravel() for image in (view.before, view.after))
    assert np.corrcoef(one, other)[0, 1] > 0.4


def test_what_is_missing_is_said(graded: Result, small_files: Any, tmp_path: Path) -> None:
    _, columns = read_own_layer(graded.folder / "vectors.gpkg", "buildings")
    name = columns["id"][0]
    with pytest.raises(InputError, match="no building 'nobody'"):
        graded.explain_building("nobody")
    gone = graded.record.model_copy(
        update={
            "inputs": graded.record.inputs.model_copy(
                update={
                    "before": graded.record.inputs.before.model_copy(
                        update={"path": str(tmp_path / "gone.tif")}
                    )
                }
            )
        }
    )
    moved = Result(record=gone, folder=graded.folder)
    with pytest.raises(InputError, match=r"is not there any more; say where it lies now"):
        moved.explain_building(name)
    with pytest.raises(InputError, match="not the image before of this result"):
        moved.explain_building(name, before=small_files.after)
    copy = shutil.copy(small_files.before, tmp_path / "copy.tif")
    assert moved.explain_building(name, before=copy)


def test_without_footprints_there_is_nothing_to_explain(
    small_files: Any, graded: Result, tmp_path: Path
) -> None:
    result = cd.run(small_files.before, small_files.after, output=tmp_path / "out")
    with pytest.raises(InputError, match="no buildings were graded"):
        result.explain_building("1")
    refused = graded.record.model_copy(update={"buildings": None})
    with pytest.raises(InputError, match="refused pair"):
        Result(record=refused, folder=graded.folder).explain_building("1")
