"""Footprints onto the roofs of a simulated town."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.affinity import translate

import changedet as cd
from changedet.core.options import DecideOptions
from changedet.io.vector import read_own_layer
from changedet.pipeline.outlining import Outlining, align_outlines
from changedet.pipeline.scene import Scene


def moved_by(scene: Scene, east: float, north: float) -> Scene:
    return replace(
        scene, footprints=tuple(translate(shape, east, north) for shape in scene.footprints)
    )


def distances(one: Scene, other: Scene) -> np.ndarray:
    pairs = zip(one.footprints, other.footprints, strict=True)
    return np.array([first.centroid.distance(second.centroid) for first, second in pairs])


@pytest.mark.parametrize("shift", [(3.0, 2.0), (-4.0, 5.0)])
def test_footprints_come_back_to_their_roofs(true_scene: Scene, shift: tuple[float, float]) -> None:
    wrong = moved_by(true_scene, *shift)
    right, done = align_outlines(wrong)
    assert np.median(distances(true_scene, right)) < 0.7
    assert done.share == 1.0
    assert done.after is not None
    assert done.before is not None
    assert done.after > done.before + 0.1
    np.testing.assert_allclose(done.median_m, [-shift[0], -shift[1]], atol=0.7)
    (finding,) = done.check()
    assert (finding.code, finding.severity) == ("footprints_shifted", "warn")
    areas = [shape.area for shape in right.footprints]
    np.testing.assert_allclose(areas, [shape.area for shape in wrong.footprints])


def test_footprints_that_fit_are_left_alone(true_scene: Scene) -> None:
    same, done = align_outlines(true_scene)
    assert distances(true_scene, same).max() <= 0.3
    assert done.check() == ()


def test_footprints_of_another_place_are_told_not_moved(true_scene: Scene) -> None:
    wrong = moved_by(true_scene, 24.0, -31.0)
    same, done = align_outlines(wrong)
    assert same is wrong
    assert [finding.code for finding in done.check()] == ["footprints_do_not_fit"]


def test_the_shift_does_not_depend_on_the_executor(true_scene: Scene) -> None:
    wrong = moved_by(true_scene, 3.0, 2.0)
    with ThreadPoolExecutor(3) as executor:
        assert align_outlines(wrong, executor=executor)[1] == align_outlines(wrong)[1]


def test_large_pixels_show_no_roof(true_scene: Scene) -> None:
    coarse = replace(true_scene, grid=replace(true_scene.grid, unit_m=5.0))
    assert align_outlines(coarse) == (coarse, Outlining())


@pytest.mark.parametrize("align", [True, False])
def test_the_record_and_the_layer_tell_of_the_shift(
    simulated: Any, tmp_path: Path, align: bool
) -> None:
    files = simulated(15, placement={"footprint_shift_m": (4.0, 3.0)})
    result = cd.run(
        files.before,
        files.after,
        footprints=files.footprints,
        output=tmp_path / "out",
        decide=DecideOptions(align_footprints=align),
    )
    part = result.record.footprints
    assert part is not None
    assert part.given >= part.analysed > 0
    codes = {note.code for note in result.record.warnings}
    shapes, _ = read_own_layer(tmp_path / "out" / "vectors.gpkg", "buildings")
    given, _ = read_own_layer(files.footprints, "footprints")
    apart = min(shapes[0].centroid.distance(shape.centroid) for shape in given)
    if align:
        np.testing.assert_allclose(part.shift_m_median, [-4.0, 3.0], atol=0.8)
        assert part.aligned_share == 1.0
        assert "footprints_shifted" in codes
        assert apart > 3.5
    else:
        assert part.shift_m_median == (0.0, 0.0)
        assert part.edges_given is None
        assert "footprints_shifted" not in codes
        assert apart < 1e-6
