from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.core.blocks import Block, blocks
from changedet.core.grid import Grid, Window


@settings(max_examples=60)
@given(st.integers(1, 130), st.integers(1, 130), st.integers(1, 64), st.integers(0, 9))
def test_cores_cover_the_grid_once(width: int, height: int, size: int, margin: int) -> None:
    counts = np.zeros((height, width), int)
    for block in blocks(Grid(width=width, height=height), size=size, margin=margin):
        counts[block.core.slices] += 1
        assert max(block.core.shape) <= size
    assert (counts == 1).all()


@given(st.integers(0, 20), st.integers(1, 40), st.integers(1, 40))
def test_trim_cuts_the_core_out_of_the_padded_array(margin: int, height: int, width: int) -> None:
    block = Block(core=Window(row=7, col=9, height=height, width=width), margin=margin)
    rows, cols = np.mgrid[
        block.padded.row : block.padded.stop_row, block.padded.col : block.padded.stop_col
    ]
    assert rows[block.trim].shape == (height, width)
    assert (rows[block.trim][0, 0], cols[block.trim][0, 0]) == (7, 9)


def test_every_block_has_the_same_margin_at_the_edges_too() -> None:
    first = next(blocks(Grid(width=10, height=10), size=4, margin=3))
    assert first.padded == Window(row=-3, col=-3, height=10, width=10)


def test_order_is_row_by_row() -> None:
    corners = [(b.core.row, b.core.col) for b in blocks(Grid(width=5, height=5), size=3)]
    assert corners == [(0, 0), (0, 3), (3, 0), (3, 3)]


@pytest.mark.parametrize("wrong", [{"size": 0}, {"margin": -1}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="size"):
        list(blocks(Grid(width=5, height=5), **wrong))


def test_a_narrowed_block_reads_the_middle_of_what_the_wide_one_reads() -> None:
    block = Block(core=Window(row=128, col=64, height=40, width=56), margin=96)
    inner = block.narrowed(59)
    assert (inner.margin, inner.core) == (64, block.core)
    assert block.narrowed(200).margin == 96
    rows, cols = np.mgrid[
        block.padded.row : block.padded.stop_row, block.padded.col : block.padded.stop_col
    ]
    place = block.place_of(inner)
    assert rows[place].shape == inner.padded.shape
    assert (rows[place][0, 0], cols[place][0, 0]) == (inner.padded.row, inner.padded.col)
    assert np.array_equal(rows[place][inner.trim], rows[block.trim])
