"""Observe: a walk over cells of about 2 m that says, before anything is fitted, what is hidden."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from changedet.compare.observable import (
    CELL_M,
    CLEAR,
    MARGIN,
    SAMPLE_MARGIN,
    SHADOW,
    SNOW,
    VeilPlan,
    VeilSample,
    find_unseen,
    fit_veils,
)
from changedet.compare.structure import NOMINAL_GSD_M
from changedet.core.blocks import Block, blocks
from changedet.core.grid import Grid, Window
from changedet.core.kernels import sample_at, sample_valid
from changedet.core.spread import spread
from changedet.io.raster import Raster, create_raster, read_window
from changedet.io.shapes import burn
from changedet.pipeline.apply import HIDDEN
from changedet.pipeline.scene import Observed, Scene, around, visible_roles
from changedet.pipeline.tiles import overview_zoom, pick_tiles

_COLOURS = ("red", "green", "blue")
_BLOCK_CELLS, _TILE_CELLS = 512, 128
"""Sides of the blocks of this walk and of the tiles that its plan is fitted on, cells."""
_STRIDE = 2
_MIN_CELLS = 500
_MUCH_HIDDEN = 0.02
"""Share of what both dates cover from which hidden cells would move the grey range."""


@dataclass(frozen=True, slots=True, eq=False)
class CellCodes:
    """The codes of one block of cells, and how many there are of each inside grid and AOI."""

    window: Window
    codes: NDArray[np.uint8]
    counts: NDArray[np.int64]
    """Cells by code, shape (5,); only those that both dates cover."""
    inside: int


def cell_zoom(gsd_m: float | None) -> int:
    """Return the power of two that brings pixels nearest to :data:`CELL_M`.

    Examples
    --------
    >>> cell_zoom(0.5), cell_zoom(0.31), cell_zoom(10.0)
    (4, 8, 1)
    """
    gsd, zoom = gsd_m or NOMINAL_GSD_M, 1
    while zoom < 8 and gsd * zoom * 2 <= CELL_M * np.sqrt(2):
        zoom *= 2
    return zoom


def observe(scene: Scene, path: Path, *, executor: Executor | None) -> Observed:
    """Find what hides the ground in either date and write it cell by cell.

    Parameters
    ----------
    scene : Scene
        With its alignment.
    path : Path
        The working raster to write: the codes of :mod:`changedet.compare.observable`.
    executor : concurrent.futures.Executor, optional
        Tiles and blocks are computed on it.

    Returns
    -------
    Observed
    """
    zoom = cell_zoom(scene.grid.gsd_m)
    cells = scene.grid.zoom_out(zoom)
    cell_m = (scene.grid.gsd_m or NOMINAL_GSD_M) * zoom
    plan = _fit(scene, cells, zoom=zoom, cell_m=cell_m, executor=executor)
    job = partial(_observe_block, scene=scene, plan=plan, zoom=zoom)
    counts, inside = np.zeros(SNOW + 1, np.int64), 0
    with create_raster(path, cells, dtype="uint8", zlevel=0) as writer:
        todo = blocks(cells, size=_BLOCK_CELLS, margin=MARGIN)
        for found in spread(job, todo, executor=executor):
            writer.write(found.codes[None], found.window)
            counts += found.counts
            inside += found.inside
    hidden = int(counts[CLEAR + 1 :].sum()) / max(1, int(counts.sum()))
    return Observed(
        path=str(path),
        zoom=zoom,
        shares={name: float(counts[code]) / max(1, inside) for name, code in HIDDEN.items()},
        thin_decided=plan is not None and plan.thin_decided,
        colour=plan is not None and plan.colour,
        levels=plan.levels if plan is not None and hidden > _MUCH_HIDDEN else None,
    )


def _fit(
    scene: Scene, cells: Grid, *, zoom: int, cell_m: float, executor: Executor | None
) -> VeilPlan | None:
    """Fit the plan on fixed tiles; None where the dates have next to nothing in common."""
    step = overview_zoom(cells)
    seen = scene.overview_seen(zoom * step)
    tiles = pick_tiles(cells, seen, step, SAMPLE_MARGIN, size=_TILE_CELLS)
    job = partial(_sample_tile, scene=scene, zoom=zoom, cell_m=cell_m)
    samples = list(spread(job, tiles, executor=executor))
    if sum(sample.alike.size for sample in samples) < _MIN_CELLS:
        return None
    return fit_veils(samples, cell_m=cell_m)


def _sample_tile(tile: Block, *, scene: Scene, zoom: int, cell_m: float) -> VeilSample:
    before, after, valid = read_cells(scene, tile.padded, zoom)
    keep = np.zeros(valid.shape, bool)
    keep[tile.trim] = True
    keep[1::_STRIDE] = False
    keep[:, 1::_STRIDE] = False
    inside = _inside(scene, tile.padded, zoom)
    return VeilSample.of(before, after, valid, cell_m=cell_m, keep=keep & inside)


def _observe_block(block: Block, *, scene: Scene, plan: VeilPlan | None, zoom: int) -> CellCodes:
    inside = _inside(scene, block.core, zoom)
    codes = np.zeros(block.core.shape, np.uint8)
    counts = np.zeros(SNOW + 1, np.int64)
    if plan is not None:
        before, after, valid = read_cells(scene, block.padded, zoom)
        if valid[block.trim].any():
            codes = find_unseen(before, after, valid, plan)[block.trim]
            counted = (codes & ~np.uint8(SHADOW))[valid[block.trim] & inside]
            counts = np.bincount(counted, minlength=SNOW + 1)
    return CellCodes(block.core, codes, counts, int(inside.sum()))


def _inside(scene: Scene, window: Window, zoom: int) -> NDArray[np.bool_]:
    cells = scene.grid.zoom_out(zoom)
    inside = np.zeros(window.shape, bool)
    part = window & cells.window
    rows = slice(part.row - window.row, part.stop_row - window.row)
    cols = slice(part.col - window.col, part.stop_col - window.col)
    inside[rows, cols] = True
    if scene.aoi:
        inside &= burn(scene.aoi, cells.crop(window))
    return inside


def read_cells(
    scene: Scene, window: Window, zoom: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Read a window of cells of both dates, AFTER where it lies on the grid.

    Parameters
    ----------
    scene : Scene
        With its alignment.
    window : Window
        In cells; may reach beyond the grid.
    zoom : int
        Pixels of the grid along a cell.

    Returns
    -------
    before, after : ndarray of float32, shape (3 or 1, height, width)
        Red, green and blue where both dates have them, else their grey images; as shares of the
        nominal white, 0 where not valid.
    valid : ndarray of bool, shape (height, width)
        True = both dates show it.
    """
    pixels = Window(
        row=window.row * zoom,
        col=window.col * zoom,
        height=window.height * zoom,
        width=window.width * zoom,
    )
    before, valid = _levels(scene, scene.before, pixels, zoom)
    cols = (np.arange(window.col, window.stop_col) + 0.5) * zoom - 0.5
    rows = (np.arange(window.row, window.stop_row) + 0.5) * zoom - 0.5
    at_cols, at_rows = scene.alignment.to_after(cols[None, :], rows[:, None])
    step = max(1, int(zoom / scene.after_pixel + 0.02))
    source = around(at_cols, at_rows, 3 * step, scene.after.grid.window)
    if source.height == 0 or source.width == 0:
        return before, np.zeros_like(before), np.zeros_like(valid)
    row, col = source.row // step * step, source.col // step * step
    source = Window(row=row, col=col, height=source.stop_row - row, width=source.stop_col - col)
    values, seen = _levels(scene, scene.after, source, step)
    at_cols = (at_cols - col + 0.5) / step - 0.5
    at_rows = (at_rows - row + 0.5) / step - 0.5
    valid &= sample_valid(seen, at_cols, at_rows, margin=1.5)
    after = sample_at(values, at_cols, at_rows, order=1, fill=0.0)
    return np.where(valid, before, np.float32(0)), np.where(valid, after, np.float32(0)), valid


def _levels(
    scene: Scene, raster: Raster, window: Window, zoom: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    coloured = all(set(_COLOURS) <= set(date.roles) for date in (scene.before, scene.after))
    roles = _COLOURS if coloured else visible_roles(raster)
    values, valid = read_window(raster, window, roles=roles, zoom=zoom)
    if not coloured:
        values = values.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.asarray(values / np.float32(raster.white), np.float32), np.asarray(valid)
