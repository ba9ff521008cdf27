"""Materials: reflectance in red, green, blue and near infrared, and beyond for ten bands.

Values are typical of broad-band surface reflectance of urban materials (compare Herold et al.
2004, doi:10.1016/j.rse.2004.02.013); each object varies about them.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class M(IntEnum):
    """Codes of the material raster."""

    SOIL = 0
    GRASS = 1
    DRY = 2
    CROWN = 3
    ASPHALT = 4
    DIRT = 5
    CONCRETE = 6
    ASBESTOS = 7
    TILE = 8
    BITUMEN = 9
    DARK = 10
    GREEN_METAL = 11
    ZINC = 12
    BLUE_METAL = 13
    RUBBLE = 14
    CHAR = 15
    WATER = 16
    WALL = 17
    CAR = 18
    TARP = 19
    DEADWOOD = 20
    SNOW = 21
    CROP = 22


_TABLE = {
    # material: (red, green, blue, nir), (rededge1, 2, 3, nir08) over nir, (swir1, swir2) over red
    M.SOIL: ((0.172, 0.142, 0.108, 0.250), (0.78, 0.86, 0.94, 1.05), (1.85, 1.60)),
    M.GRASS: ((0.078, 0.096, 0.058, 0.330), (0.36, 0.78, 0.95, 1.02), (2.60, 1.45)),
    M.DRY: ((0.152, 0.140, 0.098, 0.270), (0.72, 0.85, 0.95, 1.05), (1.95, 1.50)),
    M.CROWN: ((0.043, 0.060, 0.037, 0.290), (0.34, 0.80, 0.96, 1.02), (3.60, 1.75)),
    M.ASPHALT: ((0.126, 0.124, 0.116, 0.150), (0.90, 0.95, 0.98, 1.02), (1.30, 1.28)),
    M.DIRT: ((0.225, 0.198, 0.160, 0.300), (0.82, 0.88, 0.95, 1.04), (1.60, 1.45)),
    M.CONCRETE: ((0.300, 0.290, 0.265, 0.330), (0.92, 0.95, 0.98, 1.02), (1.20, 1.15)),
    M.ASBESTOS: ((0.215, 0.210, 0.198, 0.230), (0.95, 0.97, 0.99, 1.01), (1.10, 1.05)),
    M.TILE: ((0.185, 0.108, 0.084, 0.270), (0.80, 0.88, 0.95, 1.04), (1.70, 1.45)),
    M.BITUMEN: ((0.110, 0.110, 0.104, 0.125), (0.93, 0.96, 0.98, 1.01), (1.15, 1.15)),
    M.DARK: ((0.068, 0.062, 0.057, 0.085), (0.90, 0.94, 0.97, 1.02), (1.30, 1.25)),
    M.GREEN_METAL: ((0.085, 0.125, 0.095, 0.170), (0.80, 0.90, 0.96, 1.02), (1.60, 1.30)),
    M.ZINC: ((0.300, 0.305, 0.305, 0.330), (0.97, 0.98, 0.99, 1.00), (0.90, 0.85)),
    M.BLUE_METAL: ((0.110, 0.140, 0.185, 0.220), (0.70, 0.82, 0.92, 1.03), (1.40, 1.10)),
    M.RUBBLE: ((0.158, 0.137, 0.125, 0.200), (0.90, 0.94, 0.97, 1.02), (1.30, 1.25)),
    M.CHAR: ((0.056, 0.053, 0.048, 0.070), (0.90, 0.93, 0.97, 1.04), (1.75, 1.85)),
    M.WATER: ((0.038, 0.055, 0.048, 0.018), (1.50, 1.20, 1.10, 0.95), (0.20, 0.15)),
    M.WALL: ((0.200, 0.185, 0.165, 0.225), (0.92, 0.95, 0.98, 1.02), (1.20, 1.15)),
    M.CAR: ((0.200, 0.200, 0.200, 0.200), (1.00, 1.00, 1.00, 1.00), (0.80, 0.75)),
    M.TARP: ((0.055, 0.130, 0.300, 0.330), (0.80, 0.90, 0.96, 1.02), (2.50, 2.00)),
    M.DEADWOOD: ((0.150, 0.130, 0.106, 0.200), (0.75, 0.85, 0.94, 1.05), (1.90, 1.60)),
    M.SNOW: ((0.720, 0.735, 0.750, 0.650), (1.05, 1.03, 1.01, 0.97), (0.12, 0.10)),
    M.CROP: ((0.062, 0.085, 0.050, 0.380), (0.32, 0.76, 0.95, 1.02), (2.90, 1.35)),
}


def colour(material: M) -> NDArray[np.float32]:
    """Return the mean reflectance of a material in red, green, blue and near infrared."""
    return np.array(_TABLE[material][0], np.float32)


RED_EDGE = np.array([_TABLE[m][1] for m in M], np.float32)
"""Reflectance at 705, 740, 783 and 865 nm over that in the near infrared, by material code."""
SHORTWAVE = np.array([_TABLE[m][2] for m in M], np.float32)
"""Reflectance at 1610 and 2190 nm over that in red, by material code."""

ROOFS = {
    "asbestos": (M.ASBESTOS, 0.40),
    "tile": (M.TILE, 0.17),
    "dark": (M.DARK, 0.15),
    "green": (M.GREEN_METAL, 0.07),
    "zinc": (M.ZINC, 0.13),
    "blue": (M.BLUE_METAL, 0.05),
    "white": (M.ZINC, 0.05),
    "rust": (M.DIRT, 0.03),
}
"""Roofing of private houses with its share."""
