"""Grid: a coordinate reference system, an affine transform and a shape, as one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from affine import Affine


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A rectangle of pixels: first row and column, height and width.

    May reach beyond the grid it belongs to; readers then return invalid pixels there.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 0 or self.width < 0:
            raise ValueError(f"a window cannot have a negative size: {self}")

    @property
    def stop_row(self) -> int:
        """Row after the last one."""
        return self.row + self.height

    @property
    def stop_col(self) -> int:
        """Column after the last one."""
        return self.col + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    def pad(self, margin: int) -> Window:
        """Grow by ``margin`` pixels on every side (shrink where it is negative)."""
        return Window(
            row=self.row - margin,
            col=self.col - margin,
            height=self.height + 2 * margin,
            width=self.width + 2 * margin,
        )

    def __and__(self, other: Window) -> Window:
        """Return the common rectangle; one of zero size where there is none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        return Window(
            row=row,
            col=col,
            height=max(0, min(self.stop_row, other.stop_row) - row),
            width=max(0, min(self.stop_col, other.stop_col) - col),
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of this window in an array that starts at (0, 0)."""
        return slice(self.row, self.stop_row), slice(self.col, self.stop_col)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Where an image lies: CRS, pixel-to-CRS transform, shape and scale.

    Parameters
    ----------
    width, height : int
        Pixels.
    transform : Affine
        Pixel corner (col, row) to CRS (x, y); identity without a georeference.
    crs : str or None
        What ``rasterio.crs.CRS.from_user_input`` takes; None without a georeference.
    unit_m : float or None
        Metres per unit of the transform; None where no scale is known.
    """

    width: int
    height: int
    transform: Affine = Affine.identity()
    crs: str | None = None
    unit_m: float | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a grid needs at least one pixel, not {self.width} x {self.height}")
        area = abs(self.transform.determinant)
        if not math.isfinite(area) or area == 0:
            raise ValueError("the transform has no finite, non-zero pixel area")
        if self.unit_m is not None and not (math.isfinite(self.unit_m) and self.unit_m > 0):
            raise ValueError(f"unit_m must be a positive number of metres, not {self.unit_m}")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(row=0, col=0, height=self.height, width=self.width)

    @property
    def res(self) -> float:
        """Pixel size in CRS units (the root of the pixel's area)."""
        return math.sqrt(abs(self.transform.determinant))

    @property
    def gsd_m(self) -> float | None:
        """Ground sample distance in metres, None where no scale is known."""
        return None if self.unit_m is None else self.res * self.unit_m

    @property
    def pixel_area_m2(self) -> float | None:
        """Ground area of a pixel in square metres, None where no scale is known."""
        return None if self.gsd_m is None else self.gsd_m**2

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in CRS units, of the grid's four corners."""
        corners = [self.transform @ (c, r) for c in (0, self.width) for r in (0, self.height)]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def xy(self, col: float, row: float) -> tuple[float, float]:
        """CRS position of a pixel position; (0, 0) is the centre of the first pixel."""
        x, y = self.transform @ (col + 0.5, row + 0.5)
        return float(x), float(y)

    def colrow(self, x: float, y: float) -> tuple[float, float]:
        """Pixel position of a CRS position; (0, 0) is the centre of the first pixel."""
        col, row = ~self.transform @ (x, y)
        return float(col) - 0.5, float(row) - 0.5

    def crop(self, window: Window) -> Self:
        """Return the grid of ``window``, which may reach beyond this one."""
        return replace(
            self,
            width=window.width,
            height=window.height,
            transform=self.transform @ Affine.translation(window.col, window.row),
        )

    def pad(self, margin: int) -> Self:
        """Grow by ``margin`` pixels on every side."""
        return self.crop(self.window.pad(margin))

    def zoom_out(self, factor: float) -> Self:
        """Return the grid with pixels ``factor`` times as large, over the same ground.

        The shape is rounded up; the last row and column may reach beyond this grid.
        """
        if factor <= 0:
            raise ValueError(f"a zoom factor must be positive, not {factor}")
        return replace(
            self,
            width=math.ceil(self.width / factor),
            height=math.ceil(self.height / factor),
            transform=self.transform @ Affine.scale(factor),
        )

    def __and__(self, other: Grid) -> tuple[float, float, float, float] | None:
        """Return the common bounds of two grids of one CRS; None where they do not touch."""
        if self.crs != other.crs:
            raise ValueError("grids of different CRS have no common bounds; transform one first")
        a, b = self.bounds, other.bounds
        left, bottom, right, top = (
            max(a[0], b[0]),
            max(a[1], b[1]),
            min(a[2], b[2]),
            min(a[3], b[3]),
        )
        return (left, bottom, right, top) if left < right and bottom < top else None
