"""Raster: what is known of an image file, as one frozen value without an open handle."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from changedet.core.errors import Finding
from changedet.core.grid import Grid
from changedet.io.viewing import Viewing

MaskedBy = Literal["nodata", "alpha", "mask", "fill", "none"]
BandsFrom = Literal["option", "description", "colour interpretation", "count"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FillRegion:
    """Where an image has undeclared fill: a value, and the rough place of its region.

    A pixel is fill where all used bands lie within ``tolerance`` of ``value`` and the
    decimated region, joined to the image's border, covers it. So the answer for a pixel
    does not depend on the block that it is read with.

    Parameters
    ----------
    value : float
        Digital number of the fill, the same in all used bands.
    tolerance : float
        Digital numbers; lossy compression makes fill noisy.
    grow : int
        Pixels around fill that are not valid either (resampling and ringing).
    zoom : int
        Side of a cell of the region in pixels.
    shape : (int, int)
        Rows and columns of the region.
    packed : bytes
        The region, bits packed by numpy and compressed by zlib.
    """

    value: float
    tolerance: float
    grow: int
    zoom: int
    shape: tuple[int, int]
    packed: bytes

    @classmethod
    def pack(
        cls, region: np.ndarray, *, value: float, tolerance: float, grow: int, zoom: int
    ) -> FillRegion:
        """Make one from a boolean array (rows, columns), True = may be fill."""
        rows, cols = region.shape
        packed = zlib.compress(np.packbits(region).tobytes(), level=6)
        return cls(
            value=value,
            tolerance=tolerance,
            grow=grow,
            zoom=zoom,
            shape=(rows, cols),
            packed=packed,
        )

    def region(self) -> np.ndarray:
        """Return the boolean array (rows, columns), True = may be fill; read only."""
        return _unpack(self.packed, self.shape)


@lru_cache(maxsize=8)
def _unpack(packed: bytes, shape: tuple[int, int]) -> np.ndarray:
    bits = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
    region = np.unpackbits(bits, count=shape[0] * shape[1]).astype(bool).reshape(shape)
    region.flags.writeable = False
    return region


@dataclass(frozen=True, kw_only=True, slots=True)
class Raster:
    """An image file as it was understood; picklable, hashable, no open handle.

    Parameters
    ----------
    path : str
        Absolute path.
    name : str
        The path as the user gave it, for messages.
    driver : str
        The one GDAL driver that opens it.
    grid : Grid
        What it is read on: ``native_grid``, or the metric grid of :func:`put_on_metres`.
    native_grid : Grid
        Of the file; identity transform and no CRS without a georeference.
    dtype : str
        numpy name of the file's data type.
    count : int
        Bands in the file.
    bands : tuple of (str, int)
        Role and band number (from 1) of the bands that are read, in the order of
        ``core.options.BAND_ROLES``. All are band 1 for a palette image.
    bands_from : str
        Where the roles came from.
    nodata : float or None
        The file's nodata value.
    masked_by : str
        What tells invalid pixels: the strongest of nodata, alpha, mask, fill, none.
    alpha : int or None
        Number of the alpha band.
    palette : bool
        Whether band 1 is an index into a colour table.
    fill : tuple of float or None
        Undeclared fill that was found, per used band.
    fill_regions : tuple of FillRegion
        Where it is.
    white : float
        Nominal maximum of the values that :func:`read_window` returns.
    overviews : tuple of int
        Decimation factors stored in the file.
    date : str or None
        ISO 8601, from the file's tags.
    viewing : Viewing
        Sun and view angles, from the file's tags.
    sha256 : str
        Of the file's bytes.
    findings : tuple of Finding
        What the user should know of this image.
    """

    path: str
    name: str
    driver: str
    grid: Grid
    native_grid: Grid
    dtype: str
    count: int
    bands: tuple[tuple[str, int], ...]
    bands_from: BandsFrom
    nodata: float | None
    masked_by: MaskedBy
    alpha: int | None = None
    palette: bool = False
    fill: tuple[float, ...] | None = None
    fill_regions: tuple[FillRegion, ...] = ()
    white: float
    overviews: tuple[int, ...] = ()
    date: str | None = None
    viewing: Viewing = field(default_factory=Viewing)
    sha256: str
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if not self.bands:
            raise ValueError("a raster needs at least one band with a role")
        if self.masked_by == "alpha" and self.alpha is None:
            raise ValueError("masked_by is alpha, but there is no alpha band")

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles of the bands that are read, in their order."""
        return tuple(role for role, _ in self.bands)

    @property
    def native_width(self) -> int:
        """Columns of the file."""
        return self.native_grid.width

    @property
    def native_height(self) -> int:
        """Rows of the file."""
        return self.native_grid.height

    @property
    def native_crs(self) -> str | None:
        """CRS of the file, None without a georeference."""
        return self.native_grid.crs

    @property
    def is_warped(self) -> bool:
        """Whether it is read on another grid than the file's."""
        return self.grid != self.native_grid


def set_scale(raster: Raster, gsd: float) -> Raster:
    """Give an image without a georeference its scale.

    Parameters
    ----------
    raster : Raster
        One with a CRS is returned as it is: its georeference is believed.
    gsd : float
        Metres per pixel.
    """
    if raster.grid.crs is not None:
        return raster
    grid = replace(raster.grid, unit_m=gsd)
    return replace(raster, grid=grid, native_grid=grid)
