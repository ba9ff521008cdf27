"""The scene: what every task needs to read the same place from both dates."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree, box
from shapely.geometry.base import BaseGeometry

from changedet.core.errors import NotComparable
from changedet.core.grid import Grid, Window
from changedet.core.kernels import box_mean, sample_at, sample_valid
from changedet.io.raster import Raster, read_own, read_window
from changedet.io.shapes import burn
from changedet.register.alignment import Alignment

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

COARSE_GSD_M = 9.0
"""Pixels of 10 m (some products say 9.9) and more mix whole houses and streets."""
MANY_BANDS = 4
"""With three bands the least correlated variate is mostly noise of compression."""
_SPLINE_MARGIN = 14
_MAX_READ_PX = 2**26
"""More of AFTER than this for one block means a model that cannot be right."""


def visible_roles(raster: Raster) -> tuple[str, ...]:
    """Pick the bands whose mean is the grey image: RGB, else pan, else the first three."""
    colour = tuple(role for role in ("red", "green", "blue") if role in raster.roles)
    if len(colour) == 3:
        return colour
    return ("pan",) if "pan" in raster.roles else raster.roles[:3]


@dataclass(frozen=True, kw_only=True, slots=True)
class GreyReader:
    """One date as a grey image, for the co-registration."""

    raster: Raster

    @property
    def grid(self) -> Grid:
        """Grid of the image."""
        return self.raster.grid

    def read(self, window: Window, zoom: int) -> tuple[FloatArray, BoolArray]:
        """Read a window as the mean of the visible bands."""
        values, valid = read_window(
            self.raster, window, roles=visible_roles(self.raster), zoom=zoom
        )
        return values.mean(axis=0, dtype=np.float32), valid


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What hides the ground, written cell by cell before anything is fitted."""

    path: str
    """Raster of codes (see :mod:`changedet.compare.observable`)."""
    zoom: int
    """Pixels of the grid along a cell."""
    shares: dict[str, float]
    """Share of the grid (or of the AOI) that is saturated, cloud, smoke, snow; by cells."""
    thin_decided: bool
    """Whether smoke could be told from the rest."""
    colour: bool
    """Whether snow and shadow could be told: both dates have red, green and blue."""
    levels: tuple[tuple[float, float], tuple[float, float]] | None
    """Grey range of both dates without what is hidden, shares of white; None where little is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Both images, the grid, and how AFTER lies on it; picklable."""

    before: Raster
    after: Raster
    grid: Grid
    alignment: Alignment
    zoom: int = 1
    """Whole zoom-out at which AFTER is read: its pixels per pixel of the grid, rounded down."""
    aoi: tuple[BaseGeometry, ...] = ()
    footprints: tuple[BaseGeometry, ...] = field(default=(), repr=False)
    observed: Observed | None = None
    """None before it was looked for: nothing is hidden then."""

    @property
    def shared_roles(self) -> tuple[str, ...]:
        """Bands that both dates have; empty where there are none in common."""
        return tuple(role for role in self.before.roles if role in self.after.roles)

    @property
    def is_multispectral(self) -> bool:
        """Whether pixels are coarse and bands many: then statistics of bands tell change best."""
        gsd = self.grid.gsd_m
        return gsd is not None and gsd >= COARSE_GSD_M and len(self.shared_roles) >= MANY_BANDS

    @property
    def index(self) -> str | None:
        """Vegetation index that both dates allow: ``ndvi``, ``exg`` or None."""
        shared = self.shared_roles
        if "red" in shared and "nir" in shared:
            return "ndvi"
        return "exg" if {"red", "green", "blue"} <= set(shared) else None

    @property
    def before_index(self) -> str | None:
        """Vegetation index that BEFORE alone allows, for the built-up score."""
        roles = set(self.before.roles)
        if {"red", "nir"} <= roles:
            return "ndvi"
        return "exg" if {"red", "green", "blue"} <= roles else None

    @property
    def white(self) -> float:
        """Nominal maximum of BEFORE's values, to which AFTER is normalised."""
        return self.before.white

    @property
    def after_pixel(self) -> float:
        """Size of a pixel of AFTER in pixels of the grid (above 1: AFTER is coarser)."""
        return 1 / _scale(self.alignment, self.grid)

    def overview_seen(self, zoom: int) -> BoolArray:
        """Mark, ``zoom`` grid pixels a pixel, what both dates and the AOI cover."""
        whole = self.grid.window
        _, valid = read_window(self.before, whole, roles=(), zoom=zoom)
        rows, cols = valid.shape
        at_cols, at_rows = self.alignment.to_after(
            *np.meshgrid((np.arange(cols) + 0.5) * zoom - 0.5, (np.arange(rows) + 0.5) * zoom - 0.5)
        )
        after = self.after.grid
        step = max(1, -(-max(after.shape) // 1024))
        _, valid_after = read_window(self.after, after.window, roles=(), zoom=step)
        seen = valid & sample_valid(
            valid_after, (at_cols + 0.5) / step - 0.5, (at_rows + 0.5) / step - 0.5
        )
        if self.aoi:
            coarse = self.grid.zoom_out(zoom)
            seen &= burn(self.aoi, coarse)
        return seen

    @property
    def has_footprints(self) -> bool:
        """Whether outlines say what was built."""
        return bool(self.footprints)

    def footprints_near(self, window: Window, *, margin: float = 0.0) -> list[int]:
        """Return the numbers of the footprints whose bounds touch a window, ascending."""
        left, bottom, right, top = self.grid.crop(window).bounds
        found = self.tree.query(box(left - margin, bottom - margin, right + margin, top + margin))
        return sorted(int(number) for number in found)

    @property
    def footprint_margin(self) -> float:
        """How far around a footprint its evidence is gathered: 2 m, in CRS units."""
        return 2.0 / self.grid.unit_m if self.grid.unit_m else 2.0 * self.grid.res

    def pixels_of(self, bounds: tuple[float, float, float, float]) -> Window:
        """Return the window of the grid that holds bounds in CRS units."""
        left, bottom, right, top = bounds
        corners = [self.grid.colrow(x, y) for x in (left, right) for y in (bottom, top)]
        cols, rows = zip(*corners, strict=True)
        row, col = int(np.floor(min(rows))), int(np.floor(min(cols)))
        return Window(
            row=row,
            col=col,
            height=int(np.ceil(max(rows))) - row + 1,
            width=int(np.ceil(max(cols))) - col + 1,
        )

    @property
    def aligned_dtype(self) -> str:
        """Data type of aligned.tif: AFTER's."""
        return self.after.dtype

    @cached_property
    def tree(self) -> STRtree:
        """Spatial index of the footprints."""
        return STRtree(self.footprints)

    @cached_property
    def packed(self) -> bytes:
        """The scene as bytes: written once, however many tasks it goes with."""
        state = {part.name: getattr(self, part.name) for part in fields(self)}
        # Outlines one by one would take ten times as long.
        for name in ("aoi", "footprints"):
            state[name] = shapely.to_wkb(np.array(state[name], dtype=object))
        return pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL)

    def __reduce__(self) -> tuple[Callable[[bytes], Scene], tuple[bytes]]:
        return _unpack, (self.packed,)

    def inside(self, window: Window) -> BoolArray:
        """Mark the pixels of a window that lie in the grid and in the AOI."""
        inside = np.zeros(window.shape, bool)
        part = window & self.grid.window
        rows = slice(part.row - window.row, part.stop_row - window.row)
        cols = slice(part.col - window.col, part.stop_col - window.col)
        inside[rows, cols] = True
        if self.aoi:
            inside &= burn(self.aoi, self.grid.crop(window))
        return inside

    def codes(self, window: Window) -> NDArray[np.uint8]:
        """Return what hides each pixel of a window, and whether it lies in shadow."""
        if self.observed is None:
            return np.zeros(window.shape, np.uint8)
        zoom = self.observed.zoom
        row, col = window.row // zoom, window.col // zoom
        cells = Window(
            row=row,
            col=col,
            height=-(-window.stop_row // zoom) - row,
            width=-(-window.stop_col // zoom) - col,
        )
        codes = read_own(self.observed.path, cells)[0].repeat(zoom, 0).repeat(zoom, 1)
        down, right = window.row - row * zoom, window.col - col * zoom
        return np.asarray(codes[down : down + window.height, right : right + window.width])

    def read_before(self, window: Window) -> tuple[FloatArray, BoolArray]:
        """Read BEFORE: shape (bands, height, width) and validity."""
        return read_window(self.before, window)

    def read_after(self, window: Window) -> tuple[FloatArray, BoolArray]:
        """Read AFTER on the grid: warped once, from its own pixels, by a cubic spline."""
        at_cols, at_rows = self.alignment.to_after(
            np.arange(window.col, window.stop_col)[None, :],
            np.arange(window.row, window.stop_row)[:, None],
        )
        zoom = self.zoom
        source = around(at_cols, at_rows, _SPLINE_MARGIN * zoom, self.after.grid.window)
        roles = self.after.roles
        if source.height == 0 or source.width == 0:
            shape = (len(roles), *window.shape)
            return np.zeros(shape, np.float32), np.zeros(window.shape, bool)
        if source.height * source.width > _MAX_READ_PX * zoom * zoom:
            raise NotComparable(
                "the model of the co-registration spreads AFTER beyond reason; "
                "check that both images show one place",
                code="implausible_model",
            )
        # Blocks of the zoomed-out image begin at whole multiples in every block of the walk.
        row, col = source.row // zoom * zoom, source.col // zoom * zoom
        source = Window(row=row, col=col, height=source.stop_row - row, width=source.stop_col - col)
        values, valid = read_window(self.after, source, zoom=zoom)
        if zoom == 1:
            at_cols, at_rows = at_cols - col, at_rows - row
        else:
            at_cols = (at_cols - col + 0.5) / zoom - 0.5
            at_rows = (at_rows - row + 0.5) / zoom - 0.5
        seen = sample_valid(valid, at_cols, at_rows, margin=2.5)
        warped = sample_at(_fill(values, valid), at_cols, at_rows, order=3, fill=0.0)
        if seen.all():
            return warped, seen
        return np.where(seen, warped, np.float32(0)), seen


@lru_cache(maxsize=2)
def _unpack(packed: bytes) -> Scene:
    """Return a scene that came from another process; its tasks there share it and its index."""
    state: dict[str, Any] = pickle.loads(packed)  # noqa: S301 - written by `packed`
    for name in ("aoi", "footprints"):
        state[name] = tuple(shapely.from_wkb(state[name]))
    return Scene(**state)


def pick_zoom(alignment: Alignment, grid: Grid) -> int:
    """Return AFTER's pixels per pixel of the grid, rounded down, at least 1."""
    return max(1, int(_scale(alignment, grid) + 0.02))


def _scale(alignment: Alignment, grid: Grid) -> float:
    """Pixels of AFTER per pixel of the grid, from three corners."""
    cols, rows = alignment.to_after(
        np.array([0.0, grid.width - 1.0, 0.0]), np.array([0.0, 0.0, grid.height - 1.0])
    )
    across = float(np.hypot(cols[1] - cols[0], rows[1] - rows[0])) / max(1, grid.width - 1)
    down = float(np.hypot(cols[2] - cols[0], rows[2] - rows[0])) / max(1, grid.height - 1)
    return max(float(np.sqrt(across * down)), 1e-6)


def around(
    cols: NDArray[np.float64], rows: NDArray[np.float64], margin: int, whole: Window
) -> Window:
    """Return the part of ``whole`` that holds positions in pixels and ``margin`` around them."""
    left, right = int(np.floor(cols.min())) - margin, int(np.ceil(cols.max())) + margin
    top, bottom = int(np.floor(rows.min())) - margin, int(np.ceil(rows.max())) + margin
    return Window(row=top, col=left, height=bottom - top + 1, width=right - left + 1) & whole


def _fill(values: FloatArray, valid: BoolArray) -> FloatArray:
    """Give invalid pixels the mean of valid neighbours: a spline rings at a cliff."""
    if valid.all() or not valid.any():
        return values
    filled = [np.where(valid, band, box_mean(band, valid, size=9)[0]) for band in values]
    return np.stack(filled)
