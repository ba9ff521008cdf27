"""GeoJSON (RFC 7946): WGS 84, seven decimals, outer rings counter-clockwise, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.report.gis.plain import rows_of

DECIMALS = 7
"""Of a degree: a centimetre."""

Move = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[Any, Any]]
"""Takes x and y of a CRS, gives longitude and latitude."""
Part = tuple[NDArray[np.object_], Mapping[str, NDArray[Any]]]
"""Shapes of a layer and its columns."""


def on_globe(shapes: NDArray[np.object_], move: Move) -> NDArray[np.object_]:
    """Bring shapes onto longitude and latitude, as RFC 7946 asks for.

    Rounded to seven decimals, outer rings counter-clockwise and holes clockwise; what crosses the
    antimeridian is cut there.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
    move : callable
        From their CRS.
    """

    def moved(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = move(xy[:, 0], xy[:, 1])
        return np.stack([np.asarray(lon), np.asarray(lat)], axis=1)

    found = shapely.transform(shapes, moved)
    bounds = shapely.bounds(found).reshape(-1, 4)
    across = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180)
    for number in across:
        found[number] = _cut(found[number])
    rounded = shapely.transform(found, lambda xy: np.round(xy, DECIMALS) + 0.0)
    # normal is clockwise, with the same first point whatever the input's
    return np.asarray(shapely.reverse(shapely.normalize(rounded)))


def _cut(shape: shapely.Geometry) -> shapely.Geometry:
    """Cut a shape that crosses the antimeridian into what lies on its two sides."""
    whole = shapely.transform(shape, lambda xy: np.column_stack([xy[:, 0] % 360, xy[:, 1]]))
    west = shapely.intersection(whole, shapely.box(0, -90, 180, 90))
    east = shapely.intersection(whole, shapely.box(180, -90, 360, 90))
    east = shapely.transform(east, lambda xy: xy - [360, 0])
    parts = [*shapely.get_parts(west), *shapely.get_parts(east)]
    return shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])


def bounds_of(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the bounds of every part of shapes (n, 4).

    What was cut at the antimeridian has a part on either side; only its whole spans the globe.
    """
    return np.asarray(shapely.bounds(shapely.get_parts(shapes)), np.float64).reshape(-1, 4)


def box_of(boxes: NDArray[np.float64]) -> list[float] | None:
    """Return west, south, east, north around boxes; west is larger across the antimeridian.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        Degrees, of parts that do not cross the antimeridian (:func:`bounds_of`).

    Returns
    -------
    list of float or None
        None where no box is known.
    """
    known = boxes.reshape(-1, 4)
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return None
    west, east = known[:, 0].min(), known[:, 2].max()
    if east - west > 180:
        west, east = known[:, 0][known[:, 0] >= 0].min(), known[:, 2][known[:, 2] < 0].max()
    edges = (west, known[:, 1].min(), east, known[:, 3].max())
    return [round(float(edge), DECIMALS) for edge in edges]


def write_features(
    parts: Iterable[Part],
    move: Move,
    *,
    name: str,
    about: Mapping[str, Any],
    id_column: str | None = None,
) -> Iterator[str]:
    """Yield the text of a FeatureCollection, one piece for each part of a layer.

    Parameters
    ----------
    parts : iterable
        Shapes and columns; each part is forgotten when its text is made.
    move : callable
        From their CRS to longitude and latitude.
    name : str
        Of the layer.
    about : mapping
        Further members of the collection.
    id_column : str, optional
        Column that becomes the ``id`` of a feature too.
    """
    head = {"type": "FeatureCollection", "name": name, **about}
    yield json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1] + ', "features": ['
    boxes = []
    between = "\n"
    for shapes, columns in parts:
        placed = on_globe(shapes, move)
        if len(placed):
            boxes.append(bounds_of(placed))
        lines = []
        texts = np.atleast_1d(shapely.to_geojson(placed)).tolist()
        for geometry, row in zip(texts, rows_of(columns) or [{}] * len(texts), strict=True):
            number = "" if id_column is None else f'"id": {json.dumps(row[id_column])}, '
            values = json.dumps(row, ensure_ascii=False, allow_nan=False)
            lines.append(
                f'{{"type": "Feature", {number}"geometry": {geometry or "null"}, '
                f'"properties": {values}}}'
            )
        if lines:
            yield between + ",\n".join(lines)
            between = ",\n"
    box = box_of(np.concatenate(boxes)) if boxes else None
    yield "\n]" + ("" if box is None else f', "bbox": {json.dumps(box)}') + "}\n"
