from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.affinity import affine_transform, rotate, scale, translate

from changedet.core.grid import Grid, Window
from changedet.io.shapes import burn, burn_each

TRANSFORMS = (
    Affine(0.5, 0, 4000.0, 0, -0.5, 9000.0),
    Affine.identity(),
    Affine.translation(300, 200) @ Affine.rotation(27) @ Affine.scale(0.7, -0.7),
)


def as_gdal(shapes: list[shapely.Geometry], grid: Grid) -> np.ndarray:
    wanted = [(shape, 1) for shape in shapes]
    burnt = rasterize(wanted, out_shape=grid.shape, transform=grid.transform, dtype=np.uint8)
    return np.asarray(burnt, bool)


def on(grid: Grid, shape: shapely.Geometry) -> shapely.Geometry:
    """Bring a shape from pixels to the grid's coordinates."""
    t = grid.transform
    return affine_transform(shape, [t.a, t.b, t.d, t.e, t.c, t.f])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_pixels_of_polygons_are_those_of_gdal(transform: Affine) -> None:
    grid = Grid(width=90, height=70, transform=transform)
    random = np.random.default_rng(5)
    shapes = []
    for _ in range(60):
        house = scale(shapely.box(0, 0, 1, 1), *random.uniform(0.2, 25, 2))
        house = translate(rotate(house, random.uniform(0, 90)), *random.uniform(-20, 90, 2))
        kind = random.integers(4)
        if kind == 1:
            house = house.buffer(2.0)
        elif kind == 2:
            house = house.buffer(6.0).difference(house)
        elif kind == 3:
            house = shapely.MultiPolygon([house, translate(house, 40, 5)])
        shapes.append(on(grid, house))
    for shape in shapes:
        assert np.array_equal(burn([shape], grid), as_gdal([shape], grid))
    assert np.array_equal(burn(shapes, grid), as_gdal(shapes, grid))


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_level_edges_are_those_of_gdal(offset: float) -> None:
    grid = Grid(width=40, height=30, transform=Affine.identity())
    shapes = [
        shapely.box(3 + offset, 4 + offset, 12 + offset, 9 + offset),
        shapely.box(30 + offset, -4 + offset, 60 + offset, 9.2),
        shapely.Polygon([(5, 15), (20, 15 + offset), (12.5, 25), (9.5, 20 + offset)]),
    ]
    for shape in shapes:
        assert np.array_equal(burn([shape], grid), as_gdal([shape], grid))


def test_a_triangle_in_three_rows() -> None:
    grid = Grid(width=6, height=3, transform=Affine.identity())
    marked = burn([shapely.Polygon([(0, 0), (6, 0), (3, 3)])], grid)
    # Centres on the left edge are out, on the right edge in: no pixel belongs to two neighbours.
    assert marked.astype(int).tolist() == [
        [0, 1, 1, 1, 1, 1],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 1, 0, 0],
    ]


def test_what_is_empty_or_elsewhere_marks_nothing() -> None:
    grid = Grid(width=6, height=3, transform=Affine.identity())
    assert not burn([], grid).any()
    assert not burn([shapely.Polygon(), shapely.box(20, 20, 30, 30)], grid).any()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_many_polygons_in_windows_of_their_own_are_those_of_gdal(transform: Affine) -> None:
    """Also where a window cuts a polygon, misses it or is empty, and where GDAL has to do it."""
    grid = Grid(width=90, height=70, transform=transform)
    random = np.random.default_rng(9)
    # On a turned grid rounding decides which side of the centres a level edge lies.
    top = 4.5 if transform.b == 0 else 4.3
    shapes, windows = [on(grid, shapely.box(3, top, 12, 9)), shapely.Polygon()], []
    for _ in range(40):
        house = rotate(shapely.box(0, 0, *random.uniform(0.2, 25, 2)), random.uniform(0, 90))
        house = translate(house, *random.uniform(-10, 80, 2))
        pieces = [house, translate(house, 40, 5)]
        shapes.append(on(grid, shapely.MultiPolygon(pieces) if random.random() < 0.3 else house))
    for _ in shapes:
        row, col = (int(value) for value in random.integers(-20, 30, 2))
        height, width = (int(value) for value in random.integers(0, 90, 2))
        windows.append(Window(row=row, col=col, height=height, width=width))
    windows[::3] = [Window(row=0, col=0, height=70, width=90)] * len(windows[::3])
    windows[2] = Window(row=5, col=5, height=0, width=8)
    found = burn_each(shapes, grid, windows)
    assert sum(mask.any() for mask in found) > 5
    for shape, window, mask in zip(shapes, windows, found, strict=True):
        assert mask.shape == window.shape
        if mask.size and not shape.is_empty:
            assert np.array_equal(mask, as_gdal([shape], grid.crop(window)))
    assert burn_each([], grid, []) == []
