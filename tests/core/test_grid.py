from __future__ import annotations

import math

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from changedet.core.grid import Grid, Window

UTM = Grid(
    width=40,
    height=30,
    transform=Affine(0.5, 0, 426_000, 0, -0.5, 5_383_600),
    crs="EPSG:32637",
    unit_m=1.0,
)

sizes = st.integers(1, 5000)
offsets = st.integers(-3000, 3000)
windows = st.builds(Window, row=offsets, col=offsets, height=sizes, width=sizes)


def test_window_edges_and_slices() -> None:
    window = Window(row=2, col=3, height=4, width=5)
    assert (window.stop_row, window.stop_col, window.shape) == (6, 8, (4, 5))
    assert window.slices == (slice(2, 6), slice(3, 8))


def test_window_refuses_a_negative_size() -> None:
    with pytest.raises(ValueError, match="negative"):
        Window(row=0, col=0, height=-1, width=1)


@given(windows, st.integers(0, 50))
def test_padding_and_back_is_the_same_window(window: Window, margin: int) -> None:
    assert window.pad(margin).pad(-margin) == window


@given(windows, windows)
def test_common_window_is_symmetric_and_inside_both(a: Window, b: Window) -> None:
    both = a & b
    assert both == b & a
    if both.height and both.width:
        for one in (a, b):
            assert one.row <= both.row
            assert both.stop_row <= one.stop_row
            assert one.col <= both.col
            assert both.stop_col <= one.stop_col


def test_windows_apart_have_an_empty_common_window() -> None:
    first = Window(row=0, col=0, height=2, width=2)
    assert (first & Window(row=5, col=0, height=2, width=2)).height == 0


def test_scale_of_a_metric_grid() -> None:
    assert UTM.res == 0.5
    assert UTM.gsd_m == 0.5
    assert UTM.pixel_area_m2 == 0.25
    assert UTM.bounds == (426_000, 5_383_585, 426_020, 5_383_600)


def test_scale_in_feet_and_without_scale() -> None:
    feet = Grid(width=1, height=1, transform=Affine.scale(2, -2), unit_m=0.3048)
    assert feet.gsd_m == pytest.approx(0.6096)
    assert Grid(width=1, height=1).gsd_m is None
    assert Grid(width=1, height=1).pixel_area_m2 is None


def test_rotated_grid_keeps_its_pixel_size() -> None:
    grid = Grid(width=10, height=10, transform=Affine.rotation(30) @ Affine.scale(0.6, -0.6))
    assert grid.res == pytest.approx(0.6)


def test_pixel_zero_is_the_centre_of_the_first_pixel() -> None:
    assert UTM.xy(0, 0) == (426_000.25, 5_383_599.75)
    assert UTM.colrow(426_000.25, 5_383_599.75) == (0, 0)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(-170, 170))
def test_position_there_and_back(col: float, row: float, degrees: float) -> None:
    turn = Affine.translation(4e5, 5e6) @ Affine.rotation(degrees) @ Affine.scale(0.7, -0.4)
    grid = Grid(width=9, height=9, transform=turn)
    there = grid.colrow(*grid.xy(col, row))
    assert there == pytest.approx((col, row), abs=1e-4)


@given(windows, st.floats(-100, 100), st.floats(-100, 100))
def test_crop_moves_the_origin_only(window: Window, col: float, row: float) -> None:
    cropped = UTM.crop(window)
    assert cropped.shape == window.shape
    expected = UTM.xy(col + window.col, row + window.row)
    assert cropped.xy(col, row) == pytest.approx(expected, abs=1e-6)


def test_pad_reaches_beyond() -> None:
    assert UTM.pad(2).bounds == (425_999, 5_383_584, 426_021, 5_383_601)
    assert UTM.pad(2).shape == (34, 44)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 17))
def test_zoom_out_covers_the_same_ground(width: int, height: int, factor: int) -> None:
    grid = Grid(width=width, height=height, transform=UTM.transform, unit_m=1.0)
    small = grid.zoom_out(factor)
    assert small.width == math.ceil(width / factor)
    assert small.gsd_m == pytest.approx(0.5 * factor)
    assert small.bounds[0] == grid.bounds[0]
    assert small.bounds[3] == grid.bounds[3]
    assert small.bounds[2] >= grid.bounds[2]


def test_common_bounds() -> None:
    shifted = UTM.crop(Window(row=10, col=20, height=30, width=40))
    assert UTM & shifted == (426_010, 5_383_585, 426_020, 5_383_595)
    assert UTM & UTM.crop(Window(row=0, col=500, height=3, width=3)) is None
    with pytest.raises(ValueError, match="different CRS"):
        UTM & Grid(width=1, height=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0, "height": 1},
        {"width": 1, "height": 1, "transform": Affine.scale(0)},
        {"width": 1, "height": 1, "transform": Affine.scale(math.nan)},
        {"width": 1, "height": 1, "unit_m": 0.0},
        {"width": 1, "height": 1, "unit_m": math.inf},
    ],
)
def test_a_grid_is_validated_where_it_is_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"pixel|unit_m"):
        Grid(**wrong)  # type: ignore[arg-type]


def test_zoom_factor_must_be_positive() -> None:
    with pytest.raises(ValueError, match="zoom"):
        UTM.zoom_out(0)
