"""Which band is which, and how bright white is: decisions on small facts, no file involved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from changedet.core.errors import InputError
from changedet.core.options import BAND_ROLES
from changedet.io.description import BandsFrom

BandRoles = tuple[tuple[str, int], ...]

_RGB = ("red", "green", "blue")

# Layouts by number of bands; "" is a band without a role. Sensors with the same number of
# bands in another order need descriptions in the file or --bands.
_BY_COUNT: dict[int, tuple[str, ...]] = {
    1: ("pan",),
    2: ("pan", ""),
    3: _RGB,
    4: (*_RGB, "nir"),
    5: ("blue", "green", "red", "rededge", "nir"),  # RapidEye, PlanetScope 5 bands
    6: ("blue", "green", "red", "nir", "swir1", "swir2"),  # Landsat TM/ETM+ without thermal
    7: ("coastal", "blue", "green", "red", "nir", "swir1", "swir2"),  # Landsat OLI 1-7
    8: ("coastal", "blue", "green", "yellow", "red", "rededge", "nir", ""),  # WorldView-2/3
    # Sentinel-2: without the 60 m bands, without cirrus, all
    10: ("blue", "green", "red", "rededge", "", "", "nir", "", "swir1", "swir2"),
    12: ("coastal", "blue", "green", "red", "rededge", "", "", "nir", "", "", "swir1", "swir2"),
    13: ("coastal", "blue", "green", "red", "rededge", "", "", "nir", "", "", "", "swir1", "swir2"),
}

_WORDS: dict[str, str] = {
    "r": "red",
    "g": "green",
    "b": "blue",
    "n": "nir",
    "nir1": "nir",
    "nearinfrared": "nir",
    "nearinfrared1": "nir",
    "infrared": "nir",
    "panchromatic": "pan",
    "gray": "pan",
    "grey": "pan",
    "grayscale": "pan",
    "luminance": "pan",
    "coastalblue": "coastal",
    "coastalaerosol": "coastal",
    "ultrablue": "coastal",
    "vegetationrededge": "rededge",
    "rededge1": "rededge",
    "re": "rededge",
    "swir16": "swir1",
    "swir22": "swir2",
}

_SENTINEL_2: dict[str, str] = {
    "b1": "coastal",
    "b2": "blue",
    "b3": "green",
    "b4": "red",
    "b5": "rededge",
    "b8": "nir",
    "b11": "swir1",
    "b12": "swir2",
}

_NOMINAL_WHITES = (255, 1023, 2047, 4095, 16383, 65535)


def resolve_bands(
    *,
    count: int,
    option: Mapping[str, int] | None = None,
    descriptions: Sequence[str | None] = (),
    colours: Sequence[str] = (),
    alpha: int | None = None,
    name: str = "image",
) -> tuple[BandRoles, BandsFrom]:
    """Give the bands of an image their roles.

    Parameters
    ----------
    count : int
        Bands in the file.
    option : mapping of role to band number, optional
        The user's word, which wins.
    descriptions, colours : sequence of str
        Band descriptions and GDAL colour interpretations, one per band.
    alpha : int, optional
        Number of the alpha band, which has no role.
    name : str
        Of the file, for messages.

    Returns
    -------
    bands : tuple of (role, band number)
        In the order of ``BAND_ROLES``.
    bands_from : str
        option, description, colour interpretation or count.

    Raises
    ------
    InputError
        Where the option names a band that is not there, or nothing tells the roles.
    """
    if option:
        wrong = [f"{role}={number}" for role, number in option.items() if number > count]
        if wrong:
            raise InputError(
                f"{name}: has {count} band(s), so --bands {wrong[0]} cannot be; name bands it has"
            )
        return _ordered(option), "option"
    described = _by_description(descriptions)
    if described and alpha not in described.values():
        return _ordered(described), "description"
    coloured = _by_colour(colours, alpha)
    if coloured:
        return _ordered(coloured), "colour interpretation"
    layout = _by_count(count, alpha)
    if not layout:
        raise InputError(
            f"{name}: {count} bands without names; say which is which, "
            "as in --bands red=1,green=2,blue=3,nir=4"
        )
    return _ordered(layout), "count"


def _ordered(bands: Mapping[str, int]) -> BandRoles:
    return tuple((role, bands[role]) for role in BAND_ROLES if role in bands)


def _by_description(descriptions: Sequence[str | None]) -> dict[str, int]:
    """Roles by the bands' names; nothing unless they give a colour image, or pan."""
    words = [re.sub(r"[^a-z0-9]", "", (text or "").lower()) for text in descriptions]
    padded = any(re.fullmatch(r"b0\d", word) for word in words)
    sentinel = padded or "b8a" in words or sum(word in _SENTINEL_2 for word in words) == 8
    bands: dict[str, int] = {}
    for number, word in enumerate(words, start=1):
        if sentinel:
            role = _SENTINEL_2.get(re.sub(r"^b0", "b", word))
        else:
            role = _WORDS.get(word, word if word in BAND_ROLES else None)
        if role is not None:
            bands.setdefault(role, number)
    if set(_RGB) <= set(bands) or "pan" in bands or {"red", "green", "nir"} <= set(bands):
        return bands
    return {}


def _by_colour(colours: Sequence[str], alpha: int | None) -> dict[str, int]:
    known = (*_RGB, "nir", "pan", "coastal", "yellow", "rededge")
    bands: dict[str, int] = {}
    for number, colour in enumerate(colours, start=1):
        if colour in known:
            bands.setdefault(colour, number)
    if not set(_RGB) <= set(bands):
        rest = [c for n, c in enumerate(colours, start=1) if n != alpha]
        return {"pan": 1} if rest == ["gray"] and alpha != 1 else {}
    rest_of_four = [n for n in range(1, 5) if n not in bands.values()]
    if len(colours) == 4 and "nir" not in bands and rest_of_four != [alpha]:
        bands["nir"] = rest_of_four[0]
    return bands


def _by_count(count: int, alpha: int | None) -> dict[str, int]:
    numbers = [number for number in range(1, count + 1) if number != alpha]
    layout = _BY_COUNT.get(len(numbers), ())
    return {role: number for role, number in zip(layout, numbers, strict=False) if role}


def resolve_white(*, dtype: str, bits: int | None, high: float) -> float:
    """Return the nominal maximum of an image's digital numbers.

    Parameters
    ----------
    dtype : str
        numpy name.
    bits : int, optional
        Significant bits, where the file says so (``NBITS``).
    high : float
        For integers the largest valid number in the image, for floats a high percentile.

    Examples
    --------
    >>> resolve_white(dtype="uint16", bits=None, high=1830)
    2047.0
    """
    if bits is not None:
        return float(2**bits - 1)
    if dtype == "uint8":
        return 255.0
    if dtype in ("uint16", "int16"):
        return float(next((white for white in _NOMINAL_WHITES if high <= white), 65535))
    return high if high > 0 else 1.0
