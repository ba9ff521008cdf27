"""What the exports for a GIS share: the layers of a result, and where they lie on the globe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedet.api.exports import Kit
from changedet.api.views import grid_of
from changedet.core.grid import Grid
from changedet.io.places import lonlat_bounds, move_points, wkt_of
from changedet.io.vector import read_own_layer, read_own_parts
from changedet.report.gis.geojson import on_globe
from changedet.report.language import phrase, tell

LONLAT = "OGC:CRS84"
"""WGS 84, longitude first."""

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Placed:
    """A result with a georeference.

    Parameters
    ----------
    kit : Kit
    grid : Grid
        Of the maps.
    crs : str
        Of the grid.
    """

    kit: Kit
    grid: Grid
    crs: str

    @property
    def wkt(self) -> str:
        """The CRS as WKT 2."""
        return wkt_of(self.crs)

    @property
    def layers(self) -> Path:
        """The GeoPackage of the result."""
        return self.kit.folder / "vectors.gpkg"

    @property
    def has_classes(self) -> bool:
        """Whether the images were compared; co-registration alone decides nothing."""
        return (self.kit.folder / "maps" / "classes.tif").is_file()

    @property
    def has_buildings(self) -> bool:
        """Whether outlines of buildings were given; otherwise there are regions."""
        counts = self.kit.record.buildings
        return counts is not None and counts.total is not None

    def say(self, key: str, **args: Any) -> str:
        """Tell a phrase in the language of the export."""
        return tell(phrase(key, **args), self.kit.lang)

    def move(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return longitude and latitude of positions in the CRS of the grid."""
        return move_points(xs, ys, source=self.crs, target=LONLAT)

    def unroll(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return longitude and latitude as :meth:`move` does, in one piece.

        Where the grid crosses the antimeridian, longitudes go on beyond 180: for a format that
        knows one box of a picture or of a layer, which would span the globe otherwise.
        """
        lons, lats = self.move(xs, ys)
        bounds = lonlat_bounds(self.grid)
        return (lons % 360 if bounds is not None and bounds[2] > 180 else lons), lats

    def read(self, name: str, *, cut: bool = True) -> tuple[NDArray[np.object_], Columns]:
        """Return a layer in longitude and latitude: cut at the antimeridian, or in one piece."""
        shapes, columns = read_own_layer(self.layers, name)
        return on_globe(shapes, self.move if cut else self.unroll), columns

    def parts(self, name: str) -> Iterator[tuple[NDArray[np.object_], Columns]]:
        """Yield a layer piece by piece, in the CRS of the grid."""
        return read_own_parts(self.layers, name)


def place_kit(kit: Kit) -> Placed | None:
    """Return a result with its place; None without a georeference."""
    if kit.record.grid is None or kit.record.grid.crs is None:
        return None
    return Placed(kit=kit, grid=grid_of(kit.record.grid), crs=kit.record.grid.crs)
