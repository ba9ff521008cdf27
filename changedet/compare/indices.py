"""Spectral indices of one date, -1..1 but for excess green; a difference is AFTER minus BEFORE.

Bands are arrays of any one shape, reflectance or brought to one radiometry. Where a denominator
is 0 (nothing is seen) an index is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

NEEDS: dict[str, tuple[str, ...]] = {
    "ndvi": ("red", "nir"),
    "nbr": ("nir", "swir2"),
    "ndbi": ("nir", "swir1"),
    "bsi": ("blue", "red", "nir", "swir1"),
    "exg": ("red", "green", "blue"),
    "gli": ("red", "green", "blue"),
}
"""Bands that each index takes, in the order of its arguments."""


def _normalised(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray((one - other) / np.maximum(np.abs(one + other), 1e-6), np.float32)


def ndvi(red: FloatArray, nir: FloatArray) -> FloatArray:
    """Compute the normalised difference vegetation index: (nir - red) / (nir + red).

    References
    ----------
    Tucker 1979, doi:10.1016/0034-4257(79)90013-0.
    """
    return _normalised(nir, red)


def nbr(nir: FloatArray, swir2: FloatArray) -> FloatArray:
    """Compute the normalised burn ratio: (nir - swir2) / (nir + swir2); fire lowers it.

    References
    ----------
    Key & Benson 2006, USDA Forest Service RMRS-GTR-164-CD.
    """
    return _normalised(nir, swir2)


def ndbi(nir: FloatArray, swir1: FloatArray) -> FloatArray:
    """Compute the normalised difference built-up index: (swir1 - nir) / (swir1 + nir).

    References
    ----------
    Zha, Gao & Ni 2003, doi:10.1080/01431160304987.
    """
    return _normalised(swir1, nir)


def bsi(blue: FloatArray, red: FloatArray, nir: FloatArray, swir1: FloatArray) -> FloatArray:
    """Compute the bare soil index: ((swir1 + red) - (nir + blue)) / their sum.

    References
    ----------
    Rikimaru, Roy & Miyatake 2002, Tropical forest cover density mapping, Tropical Ecology 43.
    """
    return _normalised(swir1 + red, nir + blue)


def exg(red: FloatArray, green: FloatArray, blue: FloatArray) -> FloatArray:
    """Compute the excess green of the chromatic coordinates, -1..2.

    References
    ----------
    Woebbecke et al. 1995, doi:10.13031/2013.27838.
    """
    total = np.maximum(red + green + blue, 1e-6)
    return np.asarray((2 * green - red - blue) / total, np.float32)


def gli(red: FloatArray, green: FloatArray, blue: FloatArray) -> FloatArray:
    """Compute the green leaf index: (2 green - red - blue) / (2 green + red + blue).

    References
    ----------
    Louhaichi et al. 2001, doi:10.1080/10106040108542184.
    """
    total = np.maximum(2 * green + red + blue, 1e-6)
    return np.asarray((2 * green - red - blue) / total, np.float32)
