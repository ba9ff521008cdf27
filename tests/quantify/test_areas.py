from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.core.blocks import blocks
from changedet.core.grid import Grid, Window
from changedet.quantify.areas import COUNTS, CellGrid, Tally, hectares, share


def make_grid(width: int, height: int, gsd: float | None) -> Grid:
    return Grid(
        width=width,
        height=height,
        transform=Affine.scale(gsd or 1.0, -(gsd or 1.0)),
        unit_m=None if gsd is None else 1.0,
    )


GRIDS = st.builds(
    make_grid,
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from([None, 30.0, 47.3, 100.0, 600.0]),
)


@given(GRIDS)
def test_cells_cover_each_pixel_once(grid: Grid) -> None:
    cells = CellGrid.over(grid)
    number = cells.index(grid.window)
    painted = np.full(grid.shape, -1)
    for cell in range(cells.rows * cells.cols):
        window = cells.window(cell, grid)
        assert (painted[window.slices] == -1).all()
        painted[window.slices] = cell
    assert np.array_equal(painted, number)


@settings(deadline=None)
@given(GRIDS, st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_tallies_of_blocks_add_up_to_the_whole(grid: Grid, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = {name: rng.random(grid.shape) < 0.4 for name in ("inside", "built", "gained")}
    cells = CellGrid.over(grid)
    whole = Tally.of(masks, cells=cells, window=grid.window)
    parts = Tally.zero(cells)
    for block in blocks(grid, size=size):
        piece = {name: mask[block.core.slices] for name, mask in masks.items()}
        parts = parts + Tally.of(piece, cells=cells, window=block.core)
    assert np.array_equal(parts.counts, whole.counts)
    for name, mask in masks.items():
        assert parts.total(name) == mask.sum()
    assert parts.total("vegetation") == 0


def test_a_cell_is_500_m() -> None:
    grid = make_grid(1400, 900, 0.5)
    cells = CellGrid.over(grid)
    assert (cells.rows, cells.cols, cells.side_px) == (1, 2, 1000.0)
    assert cells.window(1, grid) == Window(row=0, col=1000, height=900, width=400)
    assert CellGrid.over(make_grid(1400, 900, None)).cols == 3


@settings(deadline=None)
@given(GRIDS, st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 30))
def test_rectangles_of_cells_are_the_pixels_of_their_numbers(
    grid: Grid, seed: int, row: int, col: int
) -> None:
    cells = CellGrid.over(grid)
    window = Window(row=row, col=col, height=40, width=50) & grid.window
    if not window.height or not window.width:
        return
    mask = np.random.default_rng(seed).random(window.shape) < 0.3
    tally = Tally.of({"built": mask}, cells=cells, window=window)
    counted = np.bincount(cells.index(window)[mask], minlength=cells.rows * cells.cols)
    assert [tally.cell("built", number) for number in range(counted.size)] == counted.tolist()


def test_counts_go_to_their_cells() -> None:
    grid = make_grid(20, 10, 100.0)
    cells = CellGrid.over(grid)
    built = np.zeros(grid.shape, bool)
    built[2, 3] = built[7, 12] = built[8, 12] = True
    tally = Tally.of({"built": built}, cells=cells, window=grid.window)
    assert tally.cell("built", 0) == 1
    assert tally.cell("built", cells.cols + 2) == 2
    assert tally.total("built") == 3
    assert tally.counts.shape == (len(COUNTS), 8)


def test_hectares_and_shares() -> None:
    assert hectares(10_000, 1.0) == 1.0
    assert hectares(0, 0.25) == 0.0
    assert hectares(5, None) is None
    assert share(1, 3) == pytest.approx(1 / 3, abs=1e-6)
    assert share(3, 0) == 0.0
