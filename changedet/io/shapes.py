"""Polygons to pixels and back; no file is opened here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from changedet.core.grid import Grid


def burn(geometries: Sequence[BaseGeometry], grid: Grid) -> np.ndarray:
    """Mark the pixels whose centre lies in any of the polygons.

    Parameters
    ----------
    geometries : sequence of shapely geometries
        In the grid's CRS.
    grid : Grid
        Usually that of a window: the result for a pixel does not depend on the window.

    Returns
    -------
    ndarray of bool, shape of the grid
    """
    shapes = [(geometry, 1) for geometry in geometries if not geometry.is_empty]
    if not shapes:
        return np.zeros(grid.shape, bool)
    burnt = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype=np.uint8)
    return np.asarray(burnt, dtype=bool)
