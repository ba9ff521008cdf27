"""Built area that was found without footprints, as outlines that can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import shapely
from shapely.affinity import affine_transform

from changedet.core.grid import Grid, Window
from changedet.io.shapes import trace
from changedet.io.vector import Layer, Outlines
from changedet.pipeline.apply import DESTROYED
from changedet.pipeline.outputs import CHUNK, building_layer
from changedet.pipeline.plants import BUILT
from changedet.quantify import buildings
from changedet.quantify.buildings import Assessment

REASON = "a region found in the before image, no outline that was given"
NOT_SEPARABLE = "destroyed and unchanged cannot be told apart on this pair"
SIMPLER_PX = 1.5
"""How far a corner of an outline may lie off the pixels' staircase, pixels."""


def found_layers(
    strips: Iterable[tuple[Window, np.ndarray, np.ndarray]],
    grid: Grid,
    *,
    least_px: int,
    separable: bool,
) -> Iterator[Layer]:
    """Trace what was taken for built, destroyed and kept apart, a few thousand regions at a time.

    Parameters
    ----------
    strips : iterable of (Window, ndarray of uint8, ndarray of uint8)
        Full rows from top to bottom: state and classes.
    grid : Grid
        Of the maps.
    least_px : int
        Smaller regions are left out.
    separable : bool
        Where False no region has a grade.

    Yields
    ------
    Layer
        ``buildings``; regions are no single buildings, and each says so in ``reason``.
    """
    codes = (
        (window, np.where((state & BUILT) > 0, np.where(classes == DESTROYED, 2, 1), 0))
        for window, state, classes in strips
    )
    regions = (
        (code, outline)
        for code, outline in trace(((w, c.astype(np.uint8)) for w, c in codes), least=1)
        if outline.area >= least_px
    )
    number = 0
    while part := list(islice(regions, CHUNK)):
        yield _layer(grid, part, first=number + 1, separable=separable)
        number += len(part)


def _layer(
    grid: Grid, regions: list[tuple[int, shapely.Polygon]], *, first: int, separable: bool
) -> Layer:
    t = grid.transform
    place = [t.a, t.b, t.d, t.e, t.c, t.f]
    outlines = np.empty(len(regions), object)
    outlines[:] = [affine_transform(one.simplify(SIMPLER_PX), place) for _, one in regions]
    gone = np.array([code == 2 for code, _ in regions])
    grade = np.where(gone, buildings.DESTROYED, buildings.NONE).astype(object)
    if not separable:
        grade[:] = buildings.NOT_ANALYSED
    area = grid.pixel_area_m2
    unknown = np.full(len(regions), np.nan)
    return building_layer(
        Outlines(
            geometries=outlines,
            ids=tuple(f"found-{first + k}" for k in range(len(regions))),
            skipped={},
            repaired=0,
        ),
        Assessment(
            grade=grade,
            score=unknown,
            probability=unknown,
            lost_share=gone.astype(float) if separable else unknown,
            reason=np.full(len(regions), REASON if separable else NOT_SEPARABLE, object),
            similarity=unknown,
            order_loss=unknown,
            damage_probability=unknown,
        ),
        None if area is None else np.array([one.area for _, one in regions]) * area,
    )
