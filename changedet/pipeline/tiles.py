"""Tiles: the bounded sample of the scene that the fit is made on, whatever the blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from changedet.core.blocks import Block, blocks
from changedet.core.grid import Grid, Window
from changedet.pipeline import plants
from changedet.pipeline.evidence import change_reach_px, measure_change
from changedet.pipeline.matched import Greys
from changedet.pipeline.measure import (
    Pair,
    find_built,
    gather,
    grey_pair,
    inset,
    measure_built,
    order_drop,
    read_pair,
    relit,
    similarity,
    spectral_bands,
    vegetation_index,
)
from changedet.pipeline.nulls import (
    TILE_PX,
    ObjectSample,
    sample_chance,
    sample_objects,
)
from changedet.pipeline.plan import Plan, Stretch
from changedet.pipeline.plants import PlantSample
from changedet.pipeline.scene import Scene

Scalar = TypeVar("Scalar", bound=np.generic)

MAX_TILES = 16
STRIDE_PX = 4
ROOM = 128 * 1024 * 1024
"""Bytes of pixels that are kept between the looks at the tiles: all of them, or none."""


@dataclass(frozen=True, slots=True, eq=False)
class TileSample:
    """Samples of one tile: every fourth pixel that both dates show, n of them."""

    before: NDArray[np.float32]
    """Shape (bands, n)."""
    after: NDArray[np.float32]
    """Shape (bands, n), not normalised."""
    alike: NDArray[np.float32]
    """Similarity gathered over all pixels of the support, shape (n,)."""
    index_before: NDArray[np.float32]
    """Vegetation index, shape (n,); NaN without one."""
    on_built: NDArray[np.bool_]
    """Shape (n,)."""
    similarity: NDArray[np.float32]
    """Gathered over built pixels, shape (built samples,)."""
    drop: NDArray[np.float32]
    """Loss of coherence, gathered over built pixels, shape (built samples,)."""
    place: NDArray[np.int64]
    """Which 64th of the tile they are from, shape (built samples,)."""
    chance: NDArray[np.float32]
    """Similarity to unrelated places, shape (built samples of all directions,)."""
    objects: ObjectSample
    """Of what stands in the tile, as wholes."""


def overview_zoom(grid: Grid, *, most: int = 1024) -> int:
    """Return the whole zoom-out at which the grid has at most ``most`` pixels a side."""
    return max(1, -(-max(grid.shape) // most))


def pick_tiles(
    grid: Grid, seen: NDArray[np.bool_], zoom: int, margin: int, *, size: int = TILE_PX
) -> list[Block]:
    """Pick at most :data:`MAX_TILES` tiles, evenly over those that both dates cover.

    Parameters
    ----------
    seen : ndarray of bool
        Overview of what both dates cover, ``zoom`` grid pixels a pixel.
    """
    tiles = list(blocks(grid, size=size, margin=margin))

    def covered(tile: Block) -> float:
        core = tile.core
        part = seen[
            core.row // zoom : -(-core.stop_row // zoom),
            core.col // zoom : -(-core.stop_col // zoom),
        ]
        return float(part.mean()) * core.height * core.width if part.size else 0.0

    shares = np.array([covered(tile) for tile in tiles])
    least = min(0.3 * size * size, 0.5 * float(shares.max(initial=0)))
    good = [tile for tile, share in zip(tiles, shares, strict=True) if share > max(least, 0)]
    if len(good) <= MAX_TILES:
        return good
    step = np.linspace(0, len(good) - 1, MAX_TILES)
    return [good[round(k)] for k in step]


class Kept:
    """Pixels and scores of the tiles of a small scene, which are looked at up to three times.

    Parameters
    ----------
    scene : Scene
        Whose tiles they are.
    tiles : sequence of Block
        All that will be looked at. Where they need more than :data:`ROOM`, or work is done in
        other processes, nothing is kept and everything is read again.
    """

    def __init__(self, scene: Scene, tiles: Sequence[Block]) -> None:
        bands = len(scene.before.roles) + len(scene.after.roles) + 1
        pixels = sum(tile.padded.height * tile.padded.width for tile in tiles)
        self.keeps = 4 * (bands + 1) * pixels <= ROOM
        self.scores: dict[Window, NDArray[np.float32]] = {}
        self._pairs: dict[Window, Pair] = {}

    def read(self, scene: Scene, window: Window) -> Pair:
        """Read the pixels of a tile, or take those that were read."""
        pair = self._pairs.get(window) or read_pair(scene, window)
        if self.keeps:
            self._pairs[window] = pair
        return pair

    def read_before(self, scene: Scene, window: Window) -> Pair:
        """Read what is needed of BEFORE alone; AFTER is empty where nothing is kept."""
        if self.keeps:
            return self.read(scene, window)
        before, valid = scene.read_before(window)
        nothing = np.zeros(window.shape, bool)
        return Pair(before, before, valid, nothing, scene.inside(window), scene.codes(window))


def _near(tile: Block, reach: int) -> tuple[Block, int]:
    """Return a tile with a margin of ``reach`` or little more, and how much less that is."""
    margin = min(tile.margin, -(-reach // 8) * 8)
    return Block(core=tile.core, margin=margin), tile.margin - margin


def sample_built(
    tile: Block, *, scene: Scene, stretch: Stretch, gsd_m: float, kept: Kept
) -> NDArray[np.float32]:
    """Sample the score of built area in one tile, shape (n,)."""
    pair = kept.read_before(scene, tile.padded)
    whole = measure_built(scene, pair, stretch, gsd_m)
    if kept.keeps:
        kept.scores[tile.padded] = whole
    score = whole[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    use = (pair.valid_before & pair.inside & ~pair.hidden)[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    return np.asarray(score[use])


def sample_tile(
    tile: Block,
    *,
    scene: Scene,
    plan: Plan,
    kept: Kept,
    disturbed: tuple[Block, ...] = (),
    wholes: bool = True,
) -> TileSample:
    """Measure one tile and keep every fourth pixel; of ``disturbed`` ones the objects thrice."""
    pair = kept.read(scene, tile.padded)
    greys: Greys = (*grey_pair(scene, pair, plan.stretch, plan.before_blur), pair.analysed)
    built = find_built(scene, pair, plan, tile.padded, score=kept.scores.get(tile.padded))
    sizes = plan.sizes
    near, cut = _near(tile, sizes.margin)
    # Objects reach into the margin; windows alone need less of it.
    outer = 0 if wholes else cut
    here = (slice(outer, built.shape[0] - outer), slice(outer, built.shape[1] - outer))
    before, after, valid = greys[0][here], greys[1][here], greys[2][here]
    alike, drop = similarity(before, after, valid, sizes), order_drop(before, after, valid, sizes)
    maps = (alike, drop)
    if wholes and cut:
        inner = (slice(cut, -cut), slice(cut, -cut))
        alike, drop, valid = alike[inner], drop[inner], valid[inner]
    seen = inset(pair, cut)
    near_built = built[cut : built.shape[0] - cut, cut : built.shape[1] - cut]
    shown = near_built & valid
    picked = _Picker(near, valid)
    on_built = picked(near_built)
    _, bands_before, bands_after = spectral_bands(scene, seen)
    plants = np.full(valid.shape, np.nan, np.float32)
    if scene.index is not None:
        plants = vegetation_index(scene.index, seen.before, scene.before.roles, scene.white)
    return TileSample(
        before=np.stack([picked(band) for band in bands_before]),
        after=np.stack([picked(band) for band in bands_after]),
        alike=picked(gather(alike, valid, sizes.support)),
        index_before=picked(plants),
        on_built=on_built,
        similarity=picked(gather(alike, shown, sizes.support))[on_built],
        drop=picked(gather(drop, shown, sizes.support))[on_built],
        place=picked(_eighths(valid.shape, near))[on_built],
        chance=sample_chance(tile, greys, built, picked, plan=plan, cut=cut),
        objects=sample_objects(
            scene,
            plan,
            tile,
            greys,
            built=built,
            maps=maps,
            disturb=tile in disturbed,
            wholes=wholes,
        ),
    )


def _eighths(shape: tuple[int, int], tile: Block) -> NDArray[np.int64]:
    """Return the number of the square, of the 64 of a tile's core, that each pixel lies in."""
    rows = (np.arange(shape[0]) - tile.margin).clip(0, TILE_PX - 1) * 8 // TILE_PX
    cols = (np.arange(shape[1]) - tile.margin).clip(0, TILE_PX - 1) * 8 // TILE_PX
    return np.asarray(rows[:, None] * 8 + cols[None, :], np.int64)


class _Picker:
    """Takes the same samples out of every map of a tile."""

    def __init__(self, tile: Block, use: NDArray[np.bool_]) -> None:
        self.tile = tile
        self.use = self._thin(use)

    def _thin(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        return image[self.tile.trim][::STRIDE_PX, ::STRIDE_PX]

    def __call__(self, image: NDArray[Scalar]) -> NDArray[Scalar]:
        return np.asarray(self._thin(image)[self.use])


def sample_change(
    tile: Block, *, scene: Scene, plan: Plan, kept: Kept
) -> tuple[NDArray[np.float32], PlantSample | None]:
    """Measure change and the plants of one tile, where sample_tile sampled."""
    pair = relit(kept.read(scene, tile.padded), plan, tile.padded)
    near, cut = _near(tile, change_reach_px(plan.gsd_m))
    seen = inset(pair, cut)
    change = _Picker(near, seen.analysed)(measure_change(scene, seen, plan, near.padded))
    if scene.index is None:
        return change, None
    return change, plants.sample_plants(scene, pair, plan).thin(_Picker(tile, pair.analysed))
