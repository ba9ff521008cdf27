"""Objects of a window: footprints, or regions of the built mask, and what is measured of each.

A footprint is looked for as a whole once, by the block that holds its centroid. The tiles of the
fit measure their objects in other ways too: in AFTER moved away (what chance gives), in AFTER
moved by the error of the co-registration and noised (how sure a measure is), and in BEFORE itself
warped and noised (a synthetic null).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.matching import EDGE_PX, edge_field, match_object
from changedet.core.blocks import Block
from changedet.core.grid import Window
from changedet.io.shapes import burn
from changedet.pipeline.measure import grey_pair, order_drop, read_pair, similarity
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.buildings import FootprintSums

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Greys = tuple[FloatArray, FloatArray, BoolArray]
"""Grey images of both dates and what is analysed, of one window."""
Place = tuple[slice, slice]

REACH_M = 11.0
"""Largest shift of a building as a whole: a block of 27 m between views 22 degrees apart."""
MOST_REACH_PX = 40
MOST_SIDE_PX = 1500
"""Wider outlines are not looked for as a whole: memory must not grow with them."""
REGION_M2 = (40.0, 3000.0)
"""Area of a region of the built mask that is taken for one object."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What was measured of n objects; every array has shape (n,)."""

    similarity: FloatArray
    """Mean of the windowed similarity."""
    drop: FloatArray
    """Mean loss of coherence."""
    match: FloatArray
    """Similarity as a whole, where it fits best."""

    @classmethod
    def joined(cls, parts: list[Measures]) -> Measures:
        """Put the objects of several tiles into one."""
        empty = [np.zeros(0, np.float32)]
        return cls(
            np.concatenate([part.similarity for part in parts] or empty),
            np.concatenate([part.drop for part in parts] or empty),
            np.concatenate([part.match for part in parts] or empty),
        )


def reach_px(gsd_m: float) -> int:
    """Return the largest shift that is tried for a building as a whole, pixels."""
    return int(min(MOST_REACH_PX, max(2, round(REACH_M / gsd_m))))


def window_of(scene: Scene, number: int, reach: int) -> Window:
    """Return the pixels that a footprint with its margin needs to be looked for."""
    grown = scene.footprints[number].buffer(scene.footprint_margin)
    return scene.pixels_of(grown.bounds).pad(reach + EDGE_PX + 1)


def owned_by(scene: Scene, core: Window) -> list[int]:
    """Return the footprints whose centroid lies in ``core``, ascending."""
    found = []
    for number in scene.footprints_near(core):
        centre = scene.footprints[number].centroid
        col, row = scene.grid.colrow(centre.x, centre.y)
        inside_rows = core.row - 0.5 <= row < core.stop_row - 0.5
        if inside_rows and core.col - 0.5 <= col < core.stop_col - 0.5:
            found.append(number)
    return found


def mask_of(scene: Scene, number: int, window: Window, analysed: BoolArray) -> BoolArray:
    """Burn a footprint with its margin into a window, where that is analysed."""
    grown = scene.footprints[number].buffer(scene.footprint_margin)
    return burn((grown,), scene.grid.crop(window)) & analysed


def match_footprints(
    sums: FootprintSums,
    scene: Scene,
    plan: Plan,
    block: Block,
    greys: Greys,
    *,
    masks: dict[int, tuple[Window, BoolArray]],
) -> None:
    """Look for the footprints of one block as a whole and add their similarity, in place.

    ``masks`` has those footprints, with their margin, that were burnt already.
    """
    reach = reach_px(plan.gsd_m)
    more = reach + EDGE_PX + 1
    numbers = owned_by(scene, block.core)
    fields = edge_field(greys[0]), edge_field(greys[1])
    for number in numbers:
        known = masks.get(number)
        window = window_of(scene, number, reach) if known is None else known[0].pad(more)
        if max(window.shape) > MOST_SIDE_PX:
            continue
        edges = None
        if (window & block.padded) == window:
            place = _within(window, block.padded)
            before, after, analysed = greys[0][place], greys[1][place], greys[2][place]
            edges = fields[0][place], fields[1][place]
        else:
            before, after, analysed = _read_greys(scene, plan, window)
        if known is None:
            mask = mask_of(scene, number, window, analysed)
        else:
            mask = np.pad(known[1], more) & analysed
        match = match_object(before, after, mask, search=reach, edges=edges)
        if match is not None:
            sums.add_match(number, match.similarity)


def _read_greys(scene: Scene, plan: Plan, window: Window) -> Greys:
    """Read a window that reaches beyond its block."""
    pair = read_pair(scene, window)
    before, after = grey_pair(scene, pair, plan.stretch, plan.before_blur)
    return before, after, pair.analysed


def _within(window: Window, padded: Window) -> Place:
    return (
        slice(window.row - padded.row, window.stop_row - padded.row),
        slice(window.col - padded.col, window.stop_col - padded.col),
    )


def tile_objects(
    scene: Scene, plan: Plan, tile: Block, built: BoolArray, analysed: BoolArray
) -> list[tuple[Place, BoolArray]]:
    """List the objects that fit into a tile: their place in its arrays, and their masks."""
    reach = reach_px(plan.gsd_m)
    if not scene.has_footprints:
        return list(_regions(built & analysed, plan.gsd_m, reach))
    windows = {number: window_of(scene, number, reach) for number in owned_by(scene, tile.core)}
    inside = {n: window for n, window in windows.items() if (window & tile.padded) == window}
    masks = _masks_of(scene, inside, tile.padded, reach + EDGE_PX + 1)
    found = []
    for number, window in inside.items():
        place = _within(window, tile.padded)
        found.append((place, masks[number] & analysed[place]))
    return [(place, mask) for place, mask in found if mask.any()]


def _masks_of(
    scene: Scene, windows: dict[int, Window], padded: Window, more: int
) -> dict[int, BoolArray]:
    """Burn footprints with their margins into their windows, all that lie apart at once.

    ``more`` pixels of a window lie around the footprint on every side.
    """
    grown = {n: scene.footprints[n].buffer(scene.footprint_margin) for n in windows}
    boxes = {n: scene.pixels_of(shape.bounds) for n, shape in grown.items()}
    grid, masks, rest = scene.grid.crop(padded), {}, list(windows)
    while rest:
        apart: list[int] = []
        for number in rest:
            common = (boxes[number] & boxes[other] for other in apart)
            if not any(box.height and box.width for box in common):
                apart.append(number)
        burnt = burn(tuple(grown[n] for n in apart), grid)
        for n in apart:
            masks[n] = np.pad(burnt[_within(boxes[n], padded)], more)
        rest = [number for number in rest if number not in masks]
    return masks


def _regions(built: BoolArray, gsd_m: float, reach: int) -> Iterator[tuple[Place, BoolArray]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(built.astype(np.uint8))
    more, pixel = reach + EDGE_PX + 1, gsd_m * gsd_m
    for number in range(1, count):
        left, top, width, height, size = (int(value) for value in stats[number])
        rows = slice(top - more, top + height + more)
        cols = slice(left - more, left + width + more)
        fits = rows.start >= 0 and cols.start >= 0
        fits = fits and rows.stop <= built.shape[0] and cols.stop <= built.shape[1]
        if fits and REGION_M2[0] <= size * pixel <= REGION_M2[1]:
            yield (rows, cols), labels[rows, cols] == number


def measure_objects(
    objects: list[tuple[Place, BoolArray]],
    greys: Greys,
    maps: tuple[FloatArray, FloatArray],
    *,
    plan: Plan,
) -> Measures:
    """Measure objects in one pair of grey images.

    Parameters
    ----------
    objects : list of (place, mask)
        From :func:`tile_objects`.
    greys : tuple
        Of the tile.
    maps : tuple of two ndarray
        Windowed similarity and loss of coherence of the same grey images.
    """
    before, after, _ = greys
    reach = reach_px(plan.gsd_m)
    fields = edge_field(before), edge_field(after)
    rows = []
    for place, mask in objects:
        edges = fields[0][place], fields[1][place]
        match = match_object(before[place], after[place], mask, search=reach, edges=edges)
        whole = np.nan if match is None else match.similarity
        rows.append((maps[0][place][mask].mean(), maps[1][place][mask].mean(), whole))
    table = np.asarray(rows, np.float32).reshape(-1, 3)
    return Measures(table[:, 0], table[:, 1], table[:, 2])


def chance_matches(
    objects: list[tuple[Place, BoolArray]],
    greys: Greys,
    shifts: tuple[tuple[int, int], ...],
    *,
    plan: Plan,
) -> FloatArray:
    """Look for objects where they cannot be: in AFTER moved away by rows and columns.

    Returns
    -------
    ndarray of float32
        Similarities that mean nothing; empty where no object fits into the tile.
    """
    before, after, analysed = greys
    reach = reach_px(plan.gsd_m)
    found = []
    field = edge_field(before)
    for shift in shifts:
        elsewhere = np.roll(after, shift, (0, 1))
        field_there = edge_field(elsewhere)
        seen = np.roll(analysed, shift, (0, 1))
        for place, mask in objects:
            if seen[place].mean() < 0.9:
                continue
            edges = field[place], field_there[place]
            match = match_object(before[place], elsewhere[place], mask, search=reach, edges=edges)
            if match is not None:
                found.append(match.similarity)
    return np.asarray(found, np.float32)


def disturbed(image: FloatArray, *, error_px: float, noise: float, seed: int) -> FloatArray:
    """Move an image by the error of a co-registration along both axes, and add noise to it.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Grey.
    error_px : float
        Shift along each axis, pixels.
    noise : float
        Standard deviation, grey levels.
    seed : int
        The same seed gives the same noise.
    """
    shift = np.array([[1, 0, error_px], [0, 1, -error_px]])
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(
        image, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    random = np.random.default_rng(seed)
    return np.asarray(moved + random.normal(0, noise, image.shape), np.float32)


def noise_of(image: FloatArray) -> float:
    """Estimate the noise of an image, grey levels, from where it is smooth.

    References
    ----------
    Immerkaer 1996, doi:10.1006/cviu.1996.0060, with a median in place of the mean, since a town
    is full of edges.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return 1.4826 * float(np.median(np.abs(cv2.filter2D(image, cv2.CV_32F, kernel)))) / 6


def measure_disturbed(
    objects: list[tuple[Place, BoolArray]], greys: Greys, *, plan: Plan, synthetic: bool
) -> Measures:
    """Measure objects in AFTER, or (``synthetic``) in BEFORE, moved by the error and noised."""
    before, after, analysed = greys
    noise = noise_of(after)
    if synthetic:
        # BEFORE's own noise is in both: that of AFTER is what the difference would have besides.
        noise = float(np.hypot(noise, noise_of(before)))
    image = disturbed(
        before if synthetic else after, error_px=plan.error_px, noise=noise, seed=len(objects)
    )
    maps = (
        similarity(before, image, analysed, plan.sizes),
        order_drop(before, image, analysed, plan.sizes),
    )
    return measure_objects(objects, (before, image, analysed), maps, plan=plan)
