"""The door to vector files: outlines in, a GeoPackage out. The only place that uses pyogrio."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError

from changedet.core.environment import NO_NETWORK
from changedet.core.errors import EnvironmentFault, InputError
from changedet.core.grid import Grid
from changedet.io.contents import check_content
from changedet.io.formats import check_file, shown
from changedet.io.misplaced import explain_nothing_inside, grid_bounds
from changedet.io.output import free_space
from changedet.io.places import move_points, name_crs, parse_crs

_ID_COLUMNS = ("id", "building_id", "osm_id", "gml_id", "objectid")
_SETTINGS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "OGR_SQLITE_LOAD_EXTENSIONS": None,
    "CPL_DEBUG": "OFF",
    **NO_NETWORK,
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outlines:
    """Polygons in the CRS of a grid.

    Parameters
    ----------
    geometries : ndarray of object, shape (n,)
        shapely Polygons, valid, not empty, each touching the grid.
    ids : tuple of int or str
        One per polygon; the parts of a multipolygon are ``7``, ``7-2``, ``7-3``.
    skipped : dict
        Features left out by reason: ``empty``, ``invalid`` (not repairable), ``outside``.
    repaired : int
        Features whose geometry was invalid and was made valid.
    given : int
        Features of the layer.
    """

    geometries: np.ndarray
    ids: tuple[int | str, ...]
    skipped: dict[str, int]
    repaired: int
    given: int = 0

    def __len__(self) -> int:
        """Return the number of polygons."""
        return len(self.ids)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layer:
    """A layer to write.

    Parameters
    ----------
    name : str
        Of the layer.
    geometries : sequence of shapely geometries
        May be empty.
    columns : mapping of str to ndarray
        Attributes, one array per column (numbers, or objects of str and None).
    geometry_type : str
        "Polygon", "MultiPolygon", "Point", "LineString"; "None" for a table, whose geometries
        are all None.
    qml : str, optional
        How QGIS shows it: the text of a QML style.
    about : str
        What it is, for its metadata.
    """

    name: str
    geometries: Sequence[Any] | np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    geometry_type: str = "Polygon"
    qml: str | None = None
    about: str = ""

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != len(self.geometries):
                raise ValueError(
                    f"layer {self.name}: column {name} has {len(column)} values "
                    f"for {len(self.geometries)} geometries"
                )


def read_polygons(path: str | Path, *, grid: Grid, what: str) -> Outlines:
    """Read the polygons of a file that touch a grid, in the grid's CRS.

    Parameters
    ----------
    path : path-like
        GeoPackage, GeoJSON, FlatGeobuf or Shapefile, by content. The first layer of
        polygons is read, and of it what lies near the grid.
    grid : Grid
        With a CRS.
    what : str
        For messages: "footprints", "aoi".

    Raises
    ------
    InputError
        Missing, unreadable, another format, without a CRS, or nothing inside the grid.
    """
    name = f"{what} {shown(path)}"
    if grid.crs is None:
        raise InputError(
            f"{name}: cannot be placed, because the before image has no georeference; "
            "give an image with a CRS"
        )
    try:
        absolute = check_file(path)
        check_content(absolute)
    except InputError as error:
        raise InputError(f"{what} {error}") from None
    with _Ogr():
        try:
            layer, crs, total, bounds = _pick_layer(absolute, name)
            with np.errstate(invalid="ignore"):
                ids, shapes, used = _read_layer(absolute, layer, crs, grid)
        except (DataSourceError, DataLayerError, FieldError, ValueError, OSError) as error:
            if isinstance(error, InputError):
                raise
            reason = shown(" ".join(str(error).split()))[:160]
            raise InputError(f"{name}: cannot be read ({reason}); save it anew") from error
    with np.errstate(invalid="ignore"):  # what is no number is counted
        outlines = _clean(ids, shapes, grid, crs, outside=max(0, total - used))
    if not len(outlines):
        raise InputError(f"{name}: {explain_nothing_inside(bounds, crs, grid, total=total)}")
    return replace(outlines, given=total)


class _Ogr:
    """Set pyogrio's GDAL up for a ``with`` block, and leave the user's settings after it."""

    def __enter__(self) -> None:
        self._before = {key: pyogrio.get_gdal_config_option(key) for key in _SETTINGS}
        pyogrio.set_gdal_config_options(_SETTINGS)
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        # what OGR merely remarks on (odd fields, ring order) does not concern the user
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="pyogrio")
        warnings.filterwarnings("ignore", message="'crs' was not provided")

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        pyogrio.set_gdal_config_options(self._before)


def _pick_layer(path: Path, name: str) -> tuple[str, str, int, tuple[float, ...]]:
    """Find the first layer of polygons: its name, CRS, number of features and bounds."""
    for layer, kind in pyogrio.list_layers(path):
        if kind is None or not ("Polygon" in kind or kind in ("Unknown", "GeometryCollection")):
            continue
        info = pyogrio.read_info(
            path, layer=layer, force_feature_count=True, force_total_bounds=True
        )
        if not info["features"]:
            raise InputError(f"{name}: layer {shown(layer)} is empty; nothing to analyse")
        crs = _layer_crs(info["crs"])
        if crs is None:
            raise InputError(f"{name}: has no CRS; save it with one (GeoPackage, or a .prj)")
        bounds = tuple(float(edge) for edge in info["total_bounds"] or ())
        return str(layer), crs, int(info["features"]), bounds
    raise InputError(f"{name}: holds no polygons; outlines are needed")


def _layer_crs(text: str | None) -> str | None:
    return name_crs(parse_crs(text)) if text else None


def _read_layer(
    path: Path, layer: str, crs: str, grid: Grid
) -> tuple[list[int | str], np.ndarray, int]:
    """Read the features near the grid: ids, shapely geometries, how many."""
    fields = list(pyogrio.read_info(path, layer=layer)["fields"])
    by_name = {str(column).lower(): str(column) for column in fields}
    column = next((by_name[key] for key in _ID_COLUMNS if key in by_name), None)
    _, fids, wkb, values = pyogrio.raw.read(
        path,
        layer=layer,
        columns=[column] if column else [],
        bbox=grid_bounds(grid, crs),
        force_2d=True,
        return_fids=True,
    )
    with np.errstate(all="ignore"):  # coordinates that are no numbers are counted below
        shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    ids = _unique_ids(values[0]) if column else None
    return (ids or [int(fid) for fid in fids]), np.atleast_1d(shapes), len(fids)


def _unique_ids(values: np.ndarray) -> list[int | str] | None:
    """Take the column as ids; None where it is not unique or has gaps."""
    ids: list[int | str] = []
    for given in values.tolist():
        whole = isinstance(given, float) and given.is_integer()
        value = int(given) if whole else given
        if not isinstance(value, (int, str)) or value == "":
            return None
        ids.append(value)
    return ids if len(set(ids)) == len(ids) else None


def _clean(
    ids: list[int | str], shapes: np.ndarray, grid: Grid, crs: str, *, outside: int
) -> Outlines:
    """Transform, repair, split and cut off what does not touch the grid."""
    skipped = {"empty": 0, "invalid": 0, "outside": outside}
    none = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    skipped["empty"] = int(np.count_nonzero(none))
    shapes = shapes.copy()
    shapes[none] = None
    shapes = shapely.transform(shapes, lambda xy: _moved(xy, crs, grid.crs or ""))
    frame = shapely.polygons([grid.transform @ c for c in _corners(grid)])
    shapely.prepare(frame)
    geometries: list[Any] = []
    names: list[int | str] = []
    repaired = 0
    # also within: the bounds pass over a corner that is no number
    corners, owners = shapely.get_coordinates(shapes, return_index=True)
    broken = set(owners[~np.isfinite(corners).all(axis=1)].tolist())
    for place, (number, shape) in enumerate(zip(ids, shapes, strict=True)):
        if shape is None:
            continue
        if place in broken:
            skipped["invalid"] += 1
            continue
        whole = bool(shapely.is_valid(shape))
        repaired += not whole
        flat = _flat(shape if whole else shapely.make_valid(shape))
        parts = [part for part in shapely.get_parts(flat) if shapely.area(part) > 0]
        inside = [part for part in parts if shapely.intersects(frame, part)]
        if not inside:
            skipped["outside" if parts else "invalid"] += 1
            continue
        geometries.extend(inside)
        names.append(number)
        names.extend(f"{number}-{index}" for index in range(2, len(inside) + 1))
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return Outlines(geometries=array, ids=tuple(names), skipped=skipped, repaired=repaired)


def _flat(shape: Any) -> Any:
    """Keep the polygons of a geometry, also those inside a collection."""
    parts: list[Any] = []
    for part in shapely.get_parts(np.atleast_1d(shape)):
        kind = shapely.get_type_id(part)
        if kind == shapely.GeometryType.POLYGON:
            parts.append(part)
        elif kind in (shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION):
            parts.extend(shapely.get_parts(_flat(part)))
    return shapely.multipolygons(parts) if parts else shapely.MultiPolygon()


def _corners(grid: Grid) -> tuple[tuple[int, int], ...]:
    return (0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height)


def _moved(points: np.ndarray, source: str, target: str) -> np.ndarray:
    xs, ys = move_points(points[:, 0], points[:, 1], source=source, target=target)
    return np.column_stack([xs, ys])


def write_geopackage(path: Path, layers: Sequence[Layer], *, crs: str | None) -> None:
    """Write layers into a new GeoPackage, with their QGIS styles.

    Parameters
    ----------
    path : Path
        In a staging folder; replaced where it exists.
    layers : sequence of Layer
        In this order.
    crs : str or None
        Of all geometries; None for pixel coordinates.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission, or the file is not whole when read back.
    """
    path.unlink(missing_ok=True)
    wkt = None if crs is None else parse_crs(crs).to_wkt()
    try:
        with _Ogr():
            for layer in layers:
                _write_layer(path, layer, wkt)
        _write_styles(path, {layer.name: layer.qml for layer in layers if layer.qml})
    except (DataSourceError, DataLayerError, OSError, sqlite3.Error) as error:
        reason = shown(" ".join(str(error).split()))[:160] + free_space(path)
        raise EnvironmentFault(
            f"{shown(path)}: cannot be written ({reason}); free some space or choose -o"
        ) from error


def append_features(path: Path, layer: Layer, *, crs: str | None) -> None:
    """Add features to a layer of a GeoPackage that :func:`write_geopackage` began.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission.
    """
    wkt = None if crs is None else parse_crs(crs).to_wkt()
    try:
        with _Ogr():
            _write_layer(path, layer, wkt, append=True)
    except (DataSourceError, DataLayerError, OSError) as error:
        reason = shown(" ".join(str(error).split()))[:160] + free_space(path)
        raise EnvironmentFault(
            f"{shown(path)}: cannot be written ({reason}); free some space or choose -o"
        ) from error


def _write_layer(path: Path, layer: Layer, wkt: str | None, *, append: bool = False) -> None:
    table = layer.geometry_type == "None"
    geometries = np.empty(len(layer.geometries), dtype=object)
    geometries[:] = list(layer.geometries)
    about = {"DESCRIPTION": layer.about} if layer.about else {}
    place = {} if table else {"GEOMETRY_NAME": "geom"}
    pyogrio.raw.write(
        path,
        geometry=None if table else np.array(shapely.to_wkb(geometries), dtype=object),
        field_data=[np.asarray(column) for column in layer.columns.values()],
        fields=list(layer.columns),
        layer=layer.name,
        driver="GPKG",
        geometry_type=None if table else layer.geometry_type,
        crs=None if table else wkt,
        nan_as_null=True,
        append=append,
        # the version that QGIS and ArcGIS of some years ago read too
        dataset_options={} if path.exists() else {"VERSION": "1.3"},
        layer_options={} if append else {"FID": "fid", **place, **about},
    )


_STYLE_TABLE = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
  styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""


def _write_styles(path: Path, styles: Mapping[str, str]) -> None:
    """Add QGIS's ``layer_styles`` table, and read the whole file back."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            if styles:
                connection.execute(_STYLE_TABLE)
                connection.execute(
                    "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
                    "VALUES ('layer_styles', 'attributes', 'layer_styles')"
                )
            for name, qml in styles.items():
                connection.execute(
                    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                    "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                    "owner) VALUES ('', '', ?, 'geom', ?, ?, '', 1, 'changedet', '')",
                    (name, name, qml),
                )
        (fact,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if fact != "ok":
            raise sqlite3.DatabaseError(str(fact))
    finally:
        connection.close()


def own_layers(path: Path) -> frozenset[str]:
    """Return the names of the layers of a GeoPackage."""
    with _Ogr():
        return frozenset(str(row[0]) for row in pyogrio.list_layers(path))


def read_own_parts(
    path: Path, name: str, *, size: int = 5000
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yield a layer of a GeoPackage that this program wrote, some thousand features at a time."""
    if name not in own_layers(path):
        return
    with _Ogr():
        count = pyogrio.read_info(path, layer=name)["features"]
    for first in range(1, count + 1, size):
        # features are numbered from 1 without gaps, and a range of numbers is found at once
        wanted = f"fid >= {first} AND fid < {first + size}"
        with _Ogr():
            meta, _, shapes, values = pyogrio.raw.read(path, layer=name, where=wanted)
        columns = dict(zip((str(field) for field in meta["fields"]), values, strict=True))
        yield shapely.from_wkb(shapes), columns


def read_own_layer(path: Path, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read a layer of a GeoPackage that this program wrote.

    Returns
    -------
    geometries : ndarray of shapely geometries
        Empty where there is no such layer.
    columns : dict of ndarray
    """
    if name not in own_layers(path):
        return np.zeros(0, dtype=object), {}
    with _Ogr():
        meta, _, shapes, values = pyogrio.raw.read(path, layer=name)
    columns = dict(zip((str(field) for field in meta["fields"]), values, strict=True))
    return shapely.from_wkb(shapes), columns
