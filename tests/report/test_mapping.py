from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from changedet.core.grid import Grid
from changedet.report import mapping
from changedet.report.language import tell


def test_the_bar_is_a_round_length_of_at_most_a_quarter(grid_with):
    bar = mapping.scale_bar(grid_with())
    # 400 pixels of 2 m are 800 m wide.
    assert (bar.metres, bar.share, bar.label) == (200.0, 0.25, "200 m")
    assert tell(bar.text, "uk") == "200 м"
    wide = mapping.scale_bar(Grid(width=1000, height=5, unit_m=30.0))
    assert wide.label == "5 km"


def test_no_scale_no_bar(grid_with):
    assert mapping.scale_bar(grid_with(georeferenced=False)) is None


@pytest.mark.parametrize(("rotation", "angle"), [(0, 0), (30, 30), (-90, -90)])
def test_north_follows_the_rotation(grid_with, rotation, angle):
    # Pixel rows turned counter-clockwise by 30 degrees: north is 30 degrees clockwise from up.
    assert mapping.north_angle(grid_with(rotation=rotation)) == pytest.approx(angle)


def test_north_of_a_south_up_grid_is_down():
    grid = Grid(width=4, height=4, transform=Affine.scale(2, 2), crs="EPSG:32615")
    assert abs(mapping.north_angle(grid)) == pytest.approx(180)


def test_no_georeference_no_north(grid_with):
    assert mapping.north_angle(grid_with(georeferenced=False)) is None


def test_cells_come_back_in_pixels(grid_with):
    grid = grid_with()
    left, bottom, right, top = grid.bounds
    ring = mapping.bounds_ring(grid, (left, bottom, right, top))
    assert ring.tolist() == [[-0.5, -0.5], [399.5, -0.5], [399.5, 299.5], [-0.5, 299.5]]


@pytest.mark.parametrize(
    ("row", "col", "name"), [(0, 0, "upper left"), (15, 15, "centre"), (29, 29, "lower right")]
)
def test_where_it_is_densest(row, col, name):
    chosen = np.zeros((30, 30), np.bool_)
    chosen[row, col] = True
    assert tell(mapping.thirds(chosen)) == f"in the {name}"


def test_nowhere():
    assert mapping.thirds(np.zeros((3, 3), np.bool_)) is None
