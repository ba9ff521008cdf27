"""Where on Earth: true ground size, the metric grid of an image, positions between grids."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import rasterio.warp
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError

from changedet.core.errors import EnvironmentFault, InputError
from changedet.core.grid import Grid, Window
from changedet.io.description import Raster

_WGS84_A = 6378137.0
_WGS84_E2 = 0.00669437999014
LONLAT = "OGC:CRS84"
"""Longitude and latitude in degrees, in this order."""
_MAX_AREA_ERROR = 0.01
_EDGE_POINTS = 33
_CRS_TEXT = re.compile(
    r"\s*(?:[A-Z][\w.-]*:[\w.-]+\s*\Z|urn:ogc:def:crs:[\w:.-]*\s*\Z|\w+\s*\[|\{|\+\w+)",
    re.IGNORECASE,
)
"""A code, a URN, WKT, PROJJSON or a PROJ string. GDAL would also read files and ask servers."""

Points = tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=64)
def parse_crs(text: str) -> CRS:
    """Return rasterio's CRS of a text; cached, because PROJ is slow at this.

    Raises
    ------
    rasterio.errors.CRSError
        Where it is not known, or the text is a path or an address.
    """
    if not _CRS_TEXT.match(text):
        raise CRSError(f"not the name or the text of a CRS: {text[:80]!r}")
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        _check_database(error)
        raise


def _check_database(error: Exception) -> None:
    """Raise EnvironmentFault where an error of PROJ only says that it has no database."""
    if "proj.db" in str(error) or "no database context" in str(error):
        raise EnvironmentFault(
            "PROJ does not find its database: unset PROJ_LIB and PROJ_DATA, "
            "rasterio brings its own (see changedet doctor)"
        ) from error


def name_crs(crs: CRS | None) -> str | None:
    """Name a dataset's CRS: ``EPSG:n`` where it has a code, WKT elsewhere.

    None where there is no CRS that ties the image to the Earth (also a local one).
    """
    if crs is None or not (crs.is_geographic or crs.is_projected):
        return None
    try:
        code = crs.to_epsg(confidence_threshold=100)
        if code is not None and CRS.from_epsg(code) == crs:
            return f"EPSG:{code}"
    except CRSError:
        # a code that PROJ does not know: the WKT says it all
        pass
    return str(crs.to_wkt())


def wkt_of(text: str) -> str:
    """Return a CRS as WKT 2 (ISO 19162), which says all of it."""
    return str(parse_crs(text).to_wkt(version="WKT2_2019"))


def move_points(xs: np.ndarray, ys: np.ndarray, *, source: str, target: str) -> Points:
    """Transform positions from one CRS to another (x = easting or longitude).

    Returns
    -------
    xs, ys : ndarray of float64, the shape of the input
        NaN where the transformation is not defined.

    Raises
    ------
    EnvironmentFault
        Where PROJ was led away from its database.
    """
    shape = np.shape(xs)
    xs, ys = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    if source == target or xs.size == 0:
        return xs, ys
    try:
        moved = rasterio.warp.transform(
            parse_crs(source), parse_crs(target), xs.ravel(), ys.ravel()
        )
    except CPLE_BaseError as error:
        _check_database(error)
        # no way from one to the other, as from another planet
        return np.full(shape, np.nan), np.full(shape, np.nan)
    out_x, out_y = (np.array(axis, dtype=float).reshape(shape) for axis in moved[:2])
    bad = ~(np.isfinite(out_x) & np.isfinite(out_y))
    out_x[bad] = np.nan
    out_y[bad] = np.nan
    return out_x, out_y


def move_pixels(source: Grid, target: Grid, cols: np.ndarray, rows: np.ndarray) -> Points:
    """Pixel positions of one grid as pixel positions of another, over both CRS.

    Positions are floats, 0.0 is the centre of the first pixel. Where one of the grids has
    no CRS nothing is known of the relation, and the positions come back as they are.

    Returns
    -------
    cols, rows : ndarray of float64
        NaN where the transformation is not defined.
    """
    cols, rows = np.asarray(cols, dtype=float), np.asarray(rows, dtype=float)
    if source.crs is None or target.crs is None:
        return cols, rows
    xs, ys = move_points(*to_xy(source, cols, rows), source=source.crs, target=target.crs)
    to_pixel = ~target.transform
    out_cols = to_pixel.a * xs + to_pixel.b * ys + to_pixel.c - 0.5
    out_rows = to_pixel.d * xs + to_pixel.e * ys + to_pixel.f - 0.5
    return out_cols, out_rows


def to_xy(grid: Grid, cols: np.ndarray, rows: np.ndarray) -> Points:
    """CRS positions of pixel positions; 0.0 is the centre of the first pixel."""
    t = grid.transform
    cols, rows = cols + 0.5, rows + 0.5
    return t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f


def locate(grid: Grid, raster: Raster, cols: np.ndarray, rows: np.ndarray) -> Points:
    """Pixel positions of ``grid`` as pixel positions of ``raster.grid``.

    By the georeferences alone; identity where one of the two has none.

    Parameters
    ----------
    grid : Grid
        BEFORE's.
    raster : Raster
        AFTER.
    cols, rows : ndarray
        Positions in pixels of ``grid``; 0.0 is the centre of the first pixel.
    """
    return move_pixels(grid, raster.grid, cols, rows)


def edge_positions(grid: Grid) -> Points:
    """Pixel positions along the grid's outline, closed, clockwise from the upper left."""
    ts = np.linspace(0.0, 1.0, _EDGE_POINTS)[:-1]
    width, height = grid.width, grid.height
    zero, one = np.zeros_like(ts), np.ones_like(ts)
    cols = np.concatenate([ts, one, 1 - ts, zero]) * width - 0.5
    rows = np.concatenate([zero, ts, one, 1 - ts]) * height - 0.5
    return cols, rows


def lonlat_bounds(grid: Grid) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) in degrees; None without a georeference.

    Where the image crosses the antimeridian, east is larger than 180.
    """
    if grid.crs is None:
        return None
    cols, rows = edge_positions(grid)
    lons, lats = move_points(*to_xy(grid, cols, rows), source=grid.crs, target=LONLAT)
    if not np.isfinite(lons).any():
        return None
    if np.nanmax(lons) - np.nanmin(lons) > 180:
        lons = np.where(lons < 0, lons + 360, lons)
    return (
        float(np.nanmin(lons)),
        float(np.nanmin(lats)),
        float(np.nanmax(lons)),
        float(np.nanmax(lats)),
    )


def ground_size(grid: Grid) -> tuple[float, float, float] | None:
    """Measure a pixel at the grid's centre on the ellipsoid.

    Returns
    -------
    gsd, lon, lat : float
        Root of the pixel's true ground area in metres, and where, in degrees. None where
        the grid has no CRS, or its centre lies outside of what the CRS can express.
    """
    if grid.crs is None:
        return None
    col, row = grid.width / 2 - 0.5, grid.height / 2 - 0.5
    # a step long enough for the differences to be exact, short enough to be local
    step = max(1.0, min(grid.width, grid.height) / 16)
    cols, rows = np.array([col, col + step, col]), np.array([row, row, row + step])
    lons, lats = move_points(*to_xy(grid, cols, rows), source=grid.crs, target=LONLAT)
    if not np.isfinite(lons).all() or not (np.abs(lats) <= 90).all():
        return None
    phi = math.radians(lats[0])
    curve = 1 - _WGS84_E2 * math.sin(phi) ** 2
    metres_lon = math.radians(1) * _WGS84_A / math.sqrt(curve) * math.cos(phi)
    metres_lat = math.radians(1) * _WGS84_A * (1 - _WGS84_E2) / curve**1.5
    de = ((lons[1:] - lons[0] + 180) % 360 - 180) * metres_lon
    dn = (lats[1:] - lats[0]) * metres_lat
    area = abs(de[0] * dn[1] - de[1] * dn[0]) / step**2
    if not math.isfinite(area) or area <= 0:
        return None
    return math.sqrt(area), (float(lons[0]) + 180) % 360 - 180, float(lats[0])


def set_unit(grid: Grid) -> Grid:
    """Give a grid with a CRS its ``unit_m``: the true one, at the centre of the grid.

    The CRS's own metres or feet where they are true within 1 % of area; elsewhere
    (degrees, Web Mercator) what makes ``gsd_m`` right at the centre.
    """
    size = ground_size(grid)
    if size is None or grid.crs is None:
        return grid
    return replace(grid, unit_m=_true_unit(grid, size[0]) or size[0] / grid.res)


def _true_unit(grid: Grid, gsd: float) -> float | None:
    """Metres per unit of the CRS, where that is true on the ground within 1 % of area."""
    crs = parse_crs(grid.crs or "")
    if not crs.is_projected:
        return None
    unit = float(crs.linear_units_factor[1])
    return unit if abs((grid.res * unit / gsd) ** 2 - 1) <= _MAX_AREA_ERROR else None


def pick_metric_crs(lon: float, lat: float) -> str:
    """Name the local UTM zone of WGS 84 (polar stereographic beyond 84 N and 80 S).

    Examples
    --------
    >>> pick_metric_crs(36.9, 37.6), pick_metric_crs(-70.0, -33.4)
    ('EPSG:32637', 'EPSG:32719')
    """
    if lat > 84:
        return "EPSG:32661"
    if lat < -80:
        return "EPSG:32761"
    zone = min(60, int((lon + 180) // 6) + 1)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def put_on_metres(raster: Raster) -> Raster:
    """Give an image a grid whose pixels are true ground squares.

    Parameters
    ----------
    raster : Raster
        One in degrees, in Web Mercator, or in any CRS whose pixels differ by more than 1 %
        from their true ground area is put on a north-up grid of the local UTM zone, at
        its own GSD. Another one is returned as it is, south-up or rotated too.

    Raises
    ------
    InputError
        Where the georeference cannot be expressed on the Earth.
    """
    native = raster.native_grid
    if native.crs is None:
        return raster
    size = ground_size(native)
    if size is None:
        raise InputError(f"{raster.name}: its georeference lies outside of its CRS; correct it")
    gsd, lon, lat = size
    if _true_unit(native, gsd) is not None:
        return raster
    target = pick_metric_crs(lon, lat)
    cols, rows = edge_positions(native)
    xs, ys = move_points(*to_xy(native, cols, rows), source=native.crs, target=target)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise InputError(f"{raster.name}: its georeference does not fit one UTM zone; cut it")
    left, top = math.floor(xs.min() / gsd) * gsd, math.ceil(ys.max() / gsd) * gsd
    grid = Grid(
        width=max(1, math.ceil((xs.max() - left) / gsd)),
        height=max(1, math.ceil((top - ys.min()) / gsd)),
        transform=Affine(gsd, 0.0, left, 0.0, -gsd, top),
        crs=target,
        unit_m=1.0,
    )
    if grid.width * grid.height > 4 * native.width * native.height + 10_000:
        raise InputError(f"{raster.name}: its georeference does not fit one UTM zone; cut it")
    return replace(raster, grid=grid)


def source_window(source: Grid, target: Grid, window: Window, *, margin: int) -> Window | None:
    """Window of ``source`` that a window of ``target`` needs, ``margin`` pixels around it.

    None where they do not touch, or the relation is not defined there.
    """
    cols, rows = edge_positions(target.crop(window))
    cols, rows = move_pixels(target, source, cols + window.col, rows + window.row)
    if not (np.isfinite(cols).all() and np.isfinite(rows).all()):
        return None
    first_col, first_row = math.floor(cols.min()), math.floor(rows.min())
    wanted = Window(
        row=first_row,
        col=first_col,
        height=math.ceil(rows.max()) - first_row + 1,
        width=math.ceil(cols.max()) - first_col + 1,
    ).pad(margin)
    clipped = wanted & source.window
    return clipped if clipped.height and clipped.width else None
