from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from changedet.core.errors import NotComparable
from changedet.core.grid import Window
from changedet.pipeline.scene import GreyReader, Scene, pick_zoom, visible_roles
from changedet.register.lattice import IDENTITY, Chain, Mapping


def with_bands(scene: Scene, before: str, after: str) -> Scene:
    """Give the two dates other bands; nothing is read."""
    first, second = (
        tuple((role, number) for number, role in enumerate(text.split(), start=1))
        for text in (before, after)
    )
    return replace(
        scene,
        before=replace(scene.before, bands=first),
        after=replace(scene.after, bands=second),
    )


def with_affine(scene: Scene, affine: np.ndarray) -> Scene:
    chain = Chain(base=Mapping(affine=IDENTITY), model=Mapping(affine=affine))
    return replace(scene, alignment=replace(scene.alignment, chain=chain))


@pytest.mark.parametrize(
    ("bands", "visible"),
    [
        ("red green blue nir", ("red", "green", "blue")),
        ("nir pan", ("pan",)),
        ("green nir", ("green", "nir")),
        ("red green nir rededge", ("red", "green", "nir")),
    ],
)
def test_grey_is_of_the_visible_bands(
    true_scene: Scene, bands: str, visible: tuple[str, ...]
) -> None:
    assert visible_roles(with_bands(true_scene, bands, bands).before) == visible


INDICES = {
    ("red green blue", "red green blue"): (("red", "green", "blue"), "exg", "exg"),
    ("red green blue nir", "red green blue"): (("red", "green", "blue"), "exg", "ndvi"),
    ("red green blue nir", "red nir"): (("red", "nir"), "ndvi", "ndvi"),
    ("pan", "red green blue"): ((), None, None),
    ("red green", "red green"): (("red", "green"), None, None),
}


@pytest.mark.parametrize("bands", INDICES, ids=" / ".join)
def test_the_index_is_what_both_dates_allow(true_scene: Scene, bands: tuple[str, str]) -> None:
    scene = with_bands(true_scene, *bands)
    assert (scene.shared_roles, scene.index, scene.before_index) == INDICES[bands]


def test_after_is_read_where_it_lies(true_scene: Scene, small_files: Any) -> None:
    window = Window(row=60, col=70, height=120, width=110)
    before, seen_before = true_scene.read_before(window)
    after, seen_after = true_scene.read_after(window)
    assert before.shape == after.shape == (3, 120, 110)
    assert seen_before.all()
    assert seen_after.all()
    with rasterio.open(true_scene.after.path) as file:
        still = file.read()[:, 60:180, 70:180]
    same = small_files.read_truth("classes")[60:180, 70:180] == 1
    aligned, unaligned = (
        np.corrcoef(before[1][same], other[1][same])[0, 1] for other in (after, still)
    )
    assert aligned > 0.8
    assert aligned > unaligned + 0.1


def test_a_whole_shift_is_exact(true_scene: Scene) -> None:
    moved = with_affine(true_scene, np.array([[1.0, 0, 5], [0, 1, -3]]))
    with rasterio.open(true_scene.after.path) as file:
        whole = file.read().astype(float)
    values, valid = moved.read_after(Window(row=100, col=100, height=40, width=50))
    assert valid.all()
    assert np.abs(values - whole[:, 97:137, 105:155]).max() < 0.6
    _, valid = moved.read_after(Window(row=0, col=360, height=20, width=24))
    assert not valid[:3].any()
    assert not valid[:, 19:].any()
    assert valid[6:, :15].all()


def test_what_lies_outside_after_is_not_valid(true_scene: Scene) -> None:
    away = with_affine(true_scene, np.array([[1.0, 0, 5000], [0, 1, 0]]))
    values, valid = away.read_after(Window(row=0, col=0, height=8, width=9))
    assert values.shape == (3, 8, 9)
    assert not valid.any()


def test_a_model_beyond_reason_is_refused(true_scene: Scene) -> None:
    wild = with_affine(true_scene, np.array([[1e4, 0, 0], [0, 1e4, 0]]))
    huge = replace(wild.after, grid=replace(wild.after.grid, width=10**6, height=10**6))
    with pytest.raises(NotComparable, match="beyond reason"):
        replace(wild, after=huge).read_after(Window(row=0, col=0, height=50, width=50))


@pytest.mark.parametrize(("scale", "zoom"), [(0.5, 1), (1.0, 1), (1.97, 1), (1.99, 2), (3.4, 3)])
def test_the_zoom_is_afters_pixels_rounded_down(true_scene: Scene, scale: float, zoom: int) -> None:
    scene = with_affine(true_scene, np.array([[scale, 0, 0], [0, scale, 0]]))
    assert pick_zoom(scene.alignment, scene.grid) == zoom
    assert scene.after_pixel == pytest.approx(1 / scale)


def test_a_finer_after_is_averaged_the_same_in_every_block(true_scene: Scene) -> None:
    scene = replace(with_affine(true_scene, np.array([[2.3, 0, 3.3], [0, 2.3, 1.1]])), zoom=2)
    whole, _ = scene.read_after(Window(row=20, col=20, height=90, width=100))
    for row, col in ((51, 37), (52, 38), (53, 40), (54, 41)):
        part, _ = scene.read_after(Window(row=row, col=col, height=30, width=40))
        expected = whole[:, row - 20 : row + 10, col - 20 : col + 20]
        assert np.abs(expected - part).max() < 0.05


def test_inside_is_the_grid_and_the_aoi(true_scene: Scene) -> None:
    window = Window(row=-4, col=370, height=10, width=20)
    inside = true_scene.inside(window)
    expected = np.zeros((10, 20), bool)
    expected[4:, :14] = True
    assert np.array_equal(inside, expected)
    left, top = true_scene.grid.transform @ (375, 2)
    cut = replace(true_scene, aoi=(shapely.box(left, top - 500, left + 500, top),))
    expected[:6] = expected[:, :5] = False
    assert np.array_equal(cut.inside(window), expected)


def test_footprints_near_a_window(true_scene: Scene) -> None:
    window = Window(row=100, col=100, height=60, width=60)
    left, bottom, right, top = true_scene.grid.crop(window).bounds
    frame = shapely.box(left, bottom, right, top)
    expected = [k for k, s in enumerate(true_scene.footprints)
                if shapely.box(*s.bounds).intersects(frame)]  # fmt: skip
    assert true_scene.footprints_near(window) == expected
    assert expected
    assert len(true_scene.footprints_near(true_scene.grid.window)) == len(true_scene.footprints)


def test_pixels_of_bounds_hold_them(true_scene: Scene) -> None:
    for shape in true_scene.footprints[:20]:
        window = true_scene.pixels_of(shape.bounds)
        left, bottom, right, top = true_scene.grid.crop(window).bounds
        assert left <= shape.bounds[0]
        assert right >= shape.bounds[2]
        assert bottom <= shape.bounds[1]
        assert top >= shape.bounds[3]


def test_the_overview_sees_what_both_dates_cover(true_scene: Scene) -> None:
    half = with_affine(true_scene, np.array([[1.0, 0, 192], [0, 1, 0]]))
    seen = half.overview_seen(4)
    assert seen.shape == (96, 96)
    assert seen[:, :47].all()
    assert not seen[:, 49:].any()


def test_a_scene_can_be_sent_to_another_process(true_scene: Scene) -> None:
    copy = pickle.loads(pickle.dumps(true_scene))  # noqa: S301
    window = Window(row=10, col=20, height=30, width=40)
    assert np.array_equal(copy.read_after(window)[0], true_scene.read_after(window)[0])
    assert copy.footprints_near(window) == true_scene.footprints_near(window)


def test_grey_is_the_mean_of_the_visible_bands(true_scene: Scene) -> None:
    window = Window(row=10, col=20, height=30, width=40)
    grey, valid = GreyReader(raster=true_scene.before).read(window, 1)
    assert np.allclose(grey, true_scene.read_before(window)[0].mean(axis=0))
    assert valid.all()
