"""Tiles: the bounded sample of the scene that the fit is made on, whatever the blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from changedet.core.blocks import Block, blocks
from changedet.core.grid import Grid
from changedet.pipeline import plants
from changedet.pipeline.evidence import (
    measure_change,
)
from changedet.pipeline.measure import (
    Pair,
    find_built,
    grey_pair,
    measure_built,
    order_drop,
    read_pair,
    relit,
    similarity,
    spectral_bands,
    supported,
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


def sample_built(
    tile: Block, *, scene: Scene, stretch: Stretch, gsd_m: float
) -> NDArray[np.float32]:
    """Sample the score of built area in one tile, shape (n,)."""
    before, valid = scene.read_before(tile.padded)
    nothing = np.zeros(tile.padded.shape, bool)
    codes = scene.codes(tile.padded)
    pair = Pair(before, before, valid, nothing, scene.inside(tile.padded), codes)
    score = measure_built(scene, pair, stretch, gsd_m)[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    use = (pair.valid_before & pair.inside & ~pair.hidden)[tile.trim][::STRIDE_PX, ::STRIDE_PX]
    return np.asarray(score[use])


def sample_tile(
    tile: Block,
    *,
    scene: Scene,
    plan: Plan,
    disturbed: tuple[Block, ...] = (),
    wholes: bool = True,
) -> TileSample:
    """Measure one tile and keep every fourth pixel; of ``disturbed`` ones the objects thrice."""
    pair = read_pair(scene, tile.padded)
    valid = pair.analysed
    before, after = grey_pair(scene, pair, plan.stretch, plan.before_blur)
    built = find_built(scene, pair, plan, tile.padded)
    support = plan.sizes.support
    alike = similarity(before, after, valid, plan.sizes)
    drop = order_drop(before, after, valid, plan.sizes)
    picked = _Picker(tile, valid)
    on_built = picked(built)
    _, bands_before, bands_after = spectral_bands(scene, pair)
    plants = np.full(valid.shape, np.nan, np.float32)
    if scene.index is not None:
        plants = vegetation_index(scene.index, pair.before, scene.before.roles, scene.white)
    return TileSample(
        before=np.stack([picked(band) for band in bands_before]),
        after=np.stack([picked(band) for band in bands_after]),
        alike=picked(supported(alike, np.zeros_like(valid), valid, support)),
        index_before=picked(plants),
        on_built=on_built,
        similarity=picked(supported(alike, built, valid, support))[on_built],
        drop=picked(supported(drop, built, valid, support))[on_built],
        place=picked(_eighths(valid.shape, tile))[on_built],
        chance=sample_chance(tile, (before, after, valid), built, picked, plan=plan),
        objects=sample_objects(
            scene,
            plan,
            tile,
            (before, after, valid),
            built=built,
            maps=(alike, drop),
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
    tile: Block, *, scene: Scene, plan: Plan
) -> tuple[NDArray[np.float32], PlantSample | None]:
    """Measure change and the plants of one tile, where sample_tile sampled."""
    pair = relit(read_pair(scene, tile.padded), plan, tile.padded)
    picked = _Picker(tile, pair.analysed)
    change = picked(measure_change(scene, pair, plan, tile.padded))
    if scene.index is None:
        return change, None
    return change, plants.sample_plants(scene, pair, plan).thin(picked)
