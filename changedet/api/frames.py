"""A result as tables of geopandas and cubes of xarray, where these libraries are there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from changedet.api.views import grid_of
from changedet.core.errors import InputError, MissingExtra, UsageError
from changedet.core.grid import Grid
from changedet.io.places import parse_crs
from changedet.io.raster import read_small
from changedet.io.vector import own_layers, read_own_layer
from changedet.report.views import EVIDENCE_NODATA, EVIDENCE_STEPS
from changedet.result import CLASS_NAMES, GridRecord, Record

MOST_PIXELS = 50_000_000
"""Read at once without being asked for, pixels of the grid."""
_MAPS = {
    "pixel_change": "evidence of spectral change",
    "structural_change": "evidence of structural change",
    "classes": "decided class of change",
    "after": "AFTER on BEFORE's grid",
}
_FILES = {"after": "aligned"}


def _library(name: str, feature: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtra("notebook", f"{feature} ({name})") from None


def _grid(record: Record) -> GridRecord:
    if record.status == "refused" or record.grid is None:
        raise InputError("a refused pair has no maps and no layers; see record.refusals")
    return record.grid


def layer_frame(folder: Path, record: Record, layer: str) -> Any:
    """Read a layer of vectors.gpkg; see :meth:`changedet.api.results.Result.to_geodataframe`."""
    geopandas = _library("geopandas", "to_geodataframe")
    crs, path = _grid(record).crs, folder / "vectors.gpkg"
    if not path.is_file():
        raise InputError(f"{path}: the layers are missing; run the pair again")
    known = sorted(own_layers(path) - {"layer_styles"})
    if layer not in known:
        raise UsageError(f"no layer {layer[:40]!r}; there are {', '.join(known)}")
    shapes, columns = read_own_layer(path, layer)
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs=crs)


def map_dataset(
    folder: Path, record: Record, names: tuple[str, ...], *, zoom: int | None = None
) -> Any:
    """Read maps; see :meth:`changedet.api.results.Result.to_xarray`."""
    xarray = _library("xarray", "to_xarray")
    grid, place = grid_of(_grid(record)), folder / "maps"
    paths = {name: place / f"{_FILES.get(name, name)}.tif" for name in _MAPS}
    there = [name for name, path in paths.items() if path.is_file()]
    unknown = [name for name in names if name not in there]
    if unknown or not there:
        wrong = f"no map {unknown[0][:40]!r}" if unknown else f"{place}: no maps"
        raise UsageError(f"{wrong}; there are {', '.join(there) or 'none'}")
    _check_size(grid.width * grid.height, zoom)
    data: dict[str, Any] = {}
    for name in names or there:
        values = read_small(
            paths[name], zoom=zoom or 1, resampling="nearest" if name == "classes" else "average"
        )
        data[name] = _variable(name, values)
    height, width = next(iter(data.values()))[1].shape[-2:]
    step = Affine.scale(grid.width / width, grid.height / height)
    transform = grid.transform @ step
    coords: dict[str, Any] = {"spatial_ref": ((), 0, _spatial_ref(grid.crs, transform))}
    if transform.b == 0 and transform.d == 0:
        coords |= _axes(transform, (height, width), grid)
    if "after" in data:
        coords["band"] = ("band", list(_band_names(record, len(data["after"][1]))))
    made = xarray.Dataset(data, coords=coords, attrs=_attributes(record))
    for name in data:
        # CF keeps the pointer to the CRS in the encoding, where rioxarray and to_netcdf look.
        made[name].encoding["grid_mapping"] = "spatial_ref"
    return made


def _check_size(pixels: int, zoom: int | None) -> None:
    if zoom is not None and zoom < 1:
        raise UsageError(f"zoom is a whole number from 1 on, not {zoom}")
    if zoom is None and pixels > MOST_PIXELS:
        wanted = int(np.ceil(np.sqrt(pixels / MOST_PIXELS)))
        raise UsageError(
            f"the maps have {pixels / 1e6:.0f} megapixels: give zoom={wanted} to read them "
            "smaller, or zoom=1 to read them all the same"
        )


def _variable(name: str, values: NDArray[Any]) -> tuple[Any, ...]:
    """Return dimensions, values and attributes of one map."""
    about: dict[str, Any] = {"long_name": _MAPS[name]}
    if name == "after":
        if values.dtype.kind in "iu":
            about["_FillValue"] = values.dtype.type(np.iinfo(values.dtype).min)
        return ("band", "y", "x"), values, about
    flat = values[0]
    if name == "classes":
        about["flag_values"] = np.arange(len(CLASS_NAMES), dtype=np.uint8)
        about["flag_meanings"] = " ".join(word.replace(" ", "_") for word in CLASS_NAMES)
        return ("y", "x"), flat, about
    scaled = flat.astype(np.float32) / np.float32(EVIDENCE_STEPS)
    scaled[flat == EVIDENCE_NODATA] = np.nan
    about["units"] = "1"
    about["valid_range"] = np.array([0, 1], np.float32)
    return ("y", "x"), scaled, about


def _spatial_ref(crs: str | None, transform: Affine) -> dict[str, Any]:
    """Return the attributes of CF's grid mapping, as GDAL and rioxarray write them."""
    about: dict[str, Any] = {"GeoTransform": " ".join(repr(float(v)) for v in transform.to_gdal())}
    if crs is not None:
        wkt = parse_crs(crs).to_wkt()
        about |= {"crs_wkt": wkt, "spatial_ref": wkt}
    return about


def _axes(transform: Affine, shape: tuple[int, int], grid: Grid) -> dict[str, Any]:
    """Return the centres of the pixels along both axes."""
    height, width = shape
    x = transform.c + (np.arange(width) + 0.5) * transform.a
    y = transform.f + (np.arange(height) + 0.5) * transform.e
    placed = grid.crs is not None
    unit = {} if placed else {"units": "pixel"}
    if placed and grid.unit_m is not None and abs(grid.unit_m - 1) < 0.01:
        unit = {"units": "m"}
    names = ("projection_x_coordinate", "projection_y_coordinate") if placed else ("", "")
    found = {}
    for axis, values, name in (("x", x, names[0]), ("y", y, names[1])):
        about = {"axis": axis.upper(), **unit}
        if name:
            about["standard_name"] = name
        found[axis] = (axis, values, about)
    return found


def _band_names(record: Record, count: int) -> tuple[str, ...]:
    names = tuple(record.inputs.after.bands)
    return names if len(names) == count else tuple(f"band {n}" for n in range(1, count + 1))


def _attributes(record: Record) -> dict[str, Any]:
    """Return what should stay with the maps wherever they go."""
    return {
        "title": record.title,
        "status": record.status,
        "before_date": record.inputs.before.date or "",
        "after_date": record.inputs.after.date or "",
        "source": f"changedet {record.provenance.version}",
    }
