"""The index of a batch: what stands beside the folders of many towns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.api.views import grid_of, known_pixels, shown_bands, to_display
from changedet.core.errors import ChangedetError, InputError
from changedet.core.grid import Grid
from changedet.io.output import extend, write_file
from changedet.io.places import LONLAT, edge_positions, move_points, to_xy
from changedet.io.raster import read_small
from changedet.io.vector import Layer, read_own_layer, write_geopackage
from changedet.report.index import TownEntry, index_document, render_index, summary_rows
from changedet.report.pictures import class_layer, encode_jpeg, faded, overlaid
from changedet.report.qml import towns_qml
from changedet.report.summary import csv_text, town_columns
from changedet.report.towns.document import to_json
from changedet.report.towns.entry import Ring, claimed, slim
from changedet.report.towns.page import PICTURED
from changedet.result import Record, read_record

INDEX = "index.json"
FILES = ("index.html", "summary.csv", "summary.gpkg", INDEX)
"""What a batch leaves beside the folders of its towns; ``index.json`` is written last."""
PICTURE_PX = 220
"""Longest side of a small map, pixels."""
PICTURE_BYTES = 7000
"""Most bytes of a small map: with a thousand of them the page stays below 15 MB."""
MOST_PICTURES = 1000
"""With more towns the page has no small maps at all."""

_QUALITIES = (80, 70, 60, 50, 40, 30, 20)
_TEXTS = frozenset({"name", "folder", "status", "reason", "title", "before_date", "after_date"})
_KINDS = "_interval_kind"
_SIDE = 4
"""Positions along a side of an outline."""


def write_index(
    folder: Path, towns: Sequence[TownEntry], *, title: str, lang: str, small_maps: bool = True
) -> None:
    """Write index.html, summary.csv, summary.gpkg and index.json for a batch.

    Parameters
    ----------
    folder : Path
        Of the batch: holds the folders of the towns, which are only read.
    towns : sequence of TownEntry
        As they ended. What an entry lacks is read from its folder: the record, the outline, a
        small map. One town at a time is held in memory, the others with their figures alone.
    title : str
        Of the batch; any text.
    lang : str
        Language in which the page opens.
    small_maps : bool
        Whether small maps are made where an entry has none: False where there is no time, as
        after a signal.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission, or another run is writing there; the old index is then whole, or
        there is no ``index.json``.

    Notes
    -----
    A town that is said to have a result, and whose result.json cannot be read, stands in the index
    as failed, with the reason: one damaged folder must not hide the others.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    compared = sum(town.status in {"ok", "degraded"} for town in towns)
    pictured = compared <= MOST_PICTURES
    entries = [fill_entry(place, town, pictured=pictured, made=small_maps) for town in towns]
    rows = summary_rows(entries)
    with extend(place, last=INDEX) as staged:
        _write(staged / "index.html", render_index(entries, title=title, lang=lang))
        _write(staged / "summary.csv", "\ufeff" + csv_text(town_columns(), rows))
        write_geopackage(staged / "summary.gpkg", [_layer(entries, rows)], crs="EPSG:4326")
        _write(staged / INDEX, to_json(index_document(entries, title=title)))


def _write(path: Path, text: str) -> None:
    # Half a character, as in a file name of another encoding, must not end the batch.
    write_file(path, text.encode("utf-8", errors="replace"))


def fill_entry(
    place: Path, town: TownEntry, *, pictured: bool = True, made: bool = True
) -> TownEntry:
    """Return a town with the figures of its record, its outline and a small map.

    Parameters
    ----------
    place : Path
        Folder of the batch.
    town : TownEntry
        What it lacks is read from its folder.
    pictured : bool
        Whether it may have a small map.
    made : bool
        Whether one is made where there is none.
    """
    if town.status == "failed":
        return replace(town, record=None, thumbs=None)
    own = place / town.folder
    try:
        record = town.record or read_record(own / "result.json")
    except (InputError, OSError) as error:
        reason = " ".join(str(error).split())
        return replace(town, status="failed", exit_code=InputError.exit_code, reason=reason)
    outline = town.outline or _outline(own, record)
    thumbs = town.thumbs if pictured else None
    if pictured and made and thumbs is None and record.status != "refused":
        thumbs = small_map(own, record)
    return replace(town, status=record.status, record=slim(record), outline=outline, thumbs=thumbs)


def _outline(own: Path, record: Record) -> Ring | None:
    """Return the outline of what was analysed: the box of the AOI, or the grid of the maps."""
    if record.grid is None or record.grid.crs is None:
        return None
    grid = grid_of(record.grid)
    xs, ys = _aoi_box(own, record) or to_xy(grid, *_rim(grid))
    lons, lats = move_points(xs, ys, source=record.grid.crs, target=LONLAT)
    if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
        return None
    if np.ptp(lons) > 180:
        lons = np.where(lons < 0, lons + 360, lons)
    return tuple((round(float(x), 7), round(float(y), 7)) for x, y in zip(lons, lats, strict=True))


def _rim(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cols, rows = edge_positions(grid)
    step = len(cols) // (4 * _SIDE)
    return cols[::step], rows[::step]


def _aoi_box(own: Path, record: Record) -> tuple[Any, Any] | None:
    """Return the box of the area that was asked for, clockwise; None without one."""
    if not record.provenance.options.get("aoi"):
        return None
    try:
        shapes, _ = read_own_layer(own / "vectors.gpkg", "aoi")
    except (ChangedetError, OSError):
        return None
    if not len(shapes):
        return None
    left, bottom, right, top = shapely.total_bounds(shapes)
    return np.array([left, right, right, left]), np.array([top, top, bottom, bottom])


def small_map(own: Path, record: Record) -> bytes | None:
    """Return the losses over the image after as a small JPEG; None where the maps are gone.

    Parameters
    ----------
    own : Path
        Result folder of a town.
    record : Record
        Its record; of a refused one there is no map.
    """
    maps = own / "maps"
    try:
        values = read_small(maps / "aligned.tif", size=PICTURE_PX)[shown_bands(record)]
        classes = read_small(maps / "classes.tif", size=PICTURE_PX, resampling="nearest")[0]
    except (ChangedetError, OSError):
        return None
    if values.shape[1:] != classes.shape:
        return None
    seen = known_pixels(values)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
    # A loss that is not claimed is not painted either.
    told = [
        style
        for style, part in zip(PICTURED, (record.built, record.vegetation), strict=True)
        if claimed(part)
    ]
    picture = overlaid(faded(to_display(values, seen)), class_layer(classes, told))
    picture[classes == 0] = 205
    for quality in _QUALITIES:
        data = encode_jpeg(picture, quality=quality)
        if len(data) <= PICTURE_BYTES:
            return data
    return None


def _layer(entries: Sequence[TownEntry], rows: Sequence[dict[str, Any]]) -> Layer:
    """Return the towns as polygons with their figures; no geometry without a georeference."""
    shapes = [None if not e.outline else shapely.Polygon(e.outline) for e in entries]
    return Layer(
        name="towns",
        geometries=shapes,
        columns={name: _column(name, [row[name] for row in rows]) for name in town_columns()},
        geometry_type="Polygon",
        qml=towns_qml(),
        about="Towns of a batch: outlines of what was analysed, with the figures of summary.csv",
    )


def _column(name: str, values: Sequence[Any]) -> NDArray[Any]:
    if name in _TEXTS or name.endswith((_KINDS, "_reason")):
        return np.array([None if v is None else _safe(str(v)) for v in values], dtype=object)
    if name in {"exit_code", "forced"}:
        return np.array([int(value) for value in values], dtype=np.int32)
    return np.array([np.nan if value is None else float(value) for value in values])


def _safe(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")
