"""Outlining: footprints are laid onto the roofs that BEFORE shows, before anything is compared."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import shapely
from affine import Affine
from shapely.affinity import translate

from changedet.core.errors import Finding
from changedet.core.grid import Window
from changedet.core.kernels import double_angle, fill_invalid, gradients
from changedet.core.spread import spread
from changedet.decide.checks import limits_of
from changedet.io.raster import read_window
from changedet.io.vector import Outlines
from changedet.pipeline.scene import Scene, visible_roles
from changedet.quantify.buildings import NOT_ANALYSED, Assessment
from changedet.quantify.built import COARSEST_M
from changedet.quantify.outlines import (
    APART_M,
    CELL_M,
    REACH_M,
    SPACING_M,
    Points,
    Shifts,
    Surface,
    choose_shifts,
    place_points,
    score_shifts,
)
from changedet.result import Footprints

PIXEL_M = 1.0
"""Pixels are averaged up to this size: an edge of a roof needs no more."""
LARGE_M = 2.0
"""Median shift above which the user is told, metres."""
LEAST_SURPRISE, _ = limits_of("footprints")
"""Standard errors above chance below which the outlines do not seem to belong to the image."""
_SIGMA = 1.0  # blur before the derivative, working pixels
_LEAST_M = 0.01  # a shift below is none


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlining:
    """What was done to the outlines."""

    median_m: tuple[float, float] = (0.0, 0.0)
    """Median shift to the east and to the north, metres (along the grid's axes)."""
    p90_m: float = 0.0
    """Length that one shift in ten exceeds, metres."""
    share: float = 0.0
    """Share of the outlines that were moved."""
    before: float | None = None
    """Mean of how well edges run along the outlines as given; None where it was not looked at."""
    after: float | None = None
    """The same where they are now."""
    surprise: float = np.inf
    """The same in standard errors of outlines that have nothing to do with the image."""

    def check(self) -> tuple[Finding, ...]:
        """Tell of a shift that a user should know of."""
        if self.surprise < LEAST_SURPRISE:
            message = (
                "edges in the before image do not run along the footprints, nor within 8 m of "
                "them: they may be of another place, another time or another image"
            )
            return (Finding(code="footprints_do_not_fit", message=message, severity="warn"),)
        east, north = self.median_m
        if np.hypot(east, north) <= LARGE_M:
            return ()
        message = (
            f"the footprints lay beside the roofs of the before image and were moved: by "
            f"{east:+.1f} m east and {north:+.1f} m north in the middle; check them in QGIS, or "
            "give --no-align-footprints to judge them where they were given"
        )
        return (Finding(code="footprints_shifted", message=message, severity="warn"),)


def align_outlines(scene: Scene, *, executor: Executor | None = None) -> tuple[Scene, Outlining]:
    """Move the footprints of a scene onto the edges in BEFORE, where these show by how much.

    Cells of 250 m, each read with what its search needs: memory does not grow with the image,
    and cells do not depend on blocks.

    Parameters
    ----------
    scene : Scene
        With footprints.
    executor : concurrent.futures.Executor, optional
        Cells are measured on it.

    Returns
    -------
    scene : Scene
        With the moved footprints: shape and area are those that were given.
    outlining : Outlining
    """
    gsd = scene.grid.gsd_m
    if not scene.has_footprints or gsd is None or gsd > COARSEST_M:
        return scene, Outlining()
    zoom = max(1, int(PIXEL_M / gsd + 0.02))
    side = max(1, round(CELL_M / (gsd * zoom))) * zoom
    shape = -(-scene.grid.height // side), -(-scene.grid.width // side)
    places = [(row, col) for row in range(shape[0]) for col in range(shape[1])]
    windows = [
        Window(row=row * side, col=col * side, height=side, width=side) for row, col in places
    ]
    job = partial(measure_cell, scene=scene, zoom=zoom)
    found = spread(job, windows, executor=executor)
    cells = {
        place: surface for place, surface in zip(places, found, strict=True) if surface is not None
    }
    shifts = choose_shifts(cells, shape, cell=side / zoom, apart=APART_M / (gsd * zoom))
    return _moved(scene, shifts, zoom)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Laid:
    """Outlines as they are judged, and what was done to them."""

    outlines: Outlines
    outlining: Outlining


def on_roofs(outlines: Outlines, scene: Scene) -> Outlines:
    """Return the outlines where the scene has them now."""
    shapes = np.empty(len(scene.footprints), dtype=object)
    shapes[:] = scene.footprints
    return replace(outlines, geometries=shapes)


def footprints_record(laid: Laid | None, assessment: Assessment | None) -> Footprints | None:
    """Return the part of the record about the outlines; None without outlines."""
    if laid is None or assessment is None:
        return None
    done, outlines = laid.outlining, laid.outlines
    return Footprints(
        given=outlines.given,
        analysed=len(outlines) - assessment.count(NOT_ANALYSED),
        repaired=outlines.repaired,
        shift_m_median=(round(done.median_m[0], 2), round(done.median_m[1], 2)),
        shift_m_p90=round(done.p90_m, 2),
        aligned_share=round(done.share, 4),
        edges_given=_rounded(done.before),
        edges_aligned=_rounded(done.after),
    )


def measure_cell(window: Window, *, scene: Scene, zoom: int) -> Surface | None:
    """Measure how well edges run along the outlines in one cell, for every shift."""
    near = scene.footprints_near(window)
    if not near or scene.grid.gsd_m is None:
        return None
    pixel = scene.grid.gsd_m * zoom
    reach = int(np.ceil(REACH_M / pixel))
    margin = (reach + 4) * zoom
    padded = window.pad(margin)
    points = _points(scene, near, padded, zoom, spacing=SPACING_M / pixel)
    low, high = reach + 4 - 0.5, reach + 4 - 0.5 + window.width // zoom
    points = points.chosen(
        (points.col >= low) & (points.col < high) & (points.row >= low) & (points.row < high)
    )
    if not len(points.col):
        return None
    values, valid = read_window(scene.before, padded, roles=visible_roles(scene.before), zoom=zoom)
    if not valid.any():
        return None
    grey = fill_invalid(values.mean(axis=0, dtype=np.float32), valid)
    down, right = gradients(grey, sigma=_SIGMA)
    contrast = 2 * float(np.median(np.hypot(down, right)[valid]))
    edges = double_angle(grey, valid, contrast=contrast, sigma=_SIGMA)
    return score_shifts(edges, points, reach=reach)


def _points(
    scene: Scene, numbers: list[int], window: Window, zoom: int, *, spacing: float
) -> Points:
    """Place points along outlines, in working pixels of a window."""
    shapes = np.array([scene.footprints[number] for number in numbers], dtype=object)
    rings, of_shape = shapely.get_rings(shapes, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    to_pixels = ~scene.grid.crop(window).transform
    cols, rows = to_pixels @ (xy[:, 0], xy[:, 1])
    corners = np.stack([np.asarray(cols), np.asarray(rows)], axis=1) / zoom - 0.5
    return place_points(corners, of_ring, of_shape[of_ring], spacing=spacing)


def _moved(scene: Scene, shifts: Shifts, zoom: int) -> tuple[Scene, Outlining]:
    """Move every footprint by the shift at its middle."""
    grid = scene.grid
    bounds = shapely.bounds(np.array(scene.footprints, dtype=object))
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    cols, rows = ~grid.transform @ (middles[:, 0], middles[:, 1])
    t, unit = grid.transform, grid.unit_m or 1.0
    step = shifts.at(np.asarray(cols) / zoom, np.asarray(rows) / zoom) * zoom
    linear = Affine(t.a, t.b, 0, t.d, t.e, 0)
    east, north = (np.asarray(part) for part in linear @ (step[0], step[1]))
    moved = np.hypot(east, north) * unit >= _LEAST_M
    footprints = tuple(
        translate(shape, float(x), float(y)) if move else shape
        for shape, x, y, move in zip(scene.footprints, east, north, moved, strict=True)
    )
    outlining = Outlining(
        median_m=(float(np.median(east)) * unit, float(np.median(north)) * unit),
        p90_m=float(np.percentile(np.hypot(east, north), 90)) * unit,
        share=float(moved.mean()),
        before=shifts.before,
        after=shifts.after,
        surprise=shifts.surprise,
    )
    return (replace(scene, footprints=footprints) if moved.any() else scene), outlining


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
