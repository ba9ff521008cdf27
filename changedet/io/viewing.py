"""Sun and view angles, where the tags of an image tell them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_NAMES = {
    "sun_elevation": ("sunelevation", "meansunel", "sunel", "sunelevationangle"),
    "sun_azimuth": ("sunazimuth", "meansunaz", "sunaz", "sunazimuthangle"),
    "off_nadir": ("offnadir", "offnadirangle", "meanoffnadirviewangle", "offnadirviewangle"),
}
_RANGES = {
    "sun_elevation": (-90.0, 90.0),
    "sun_azimuth": (-360.0, 360.0),
    "off_nadir": (-80.0, 80.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewing:
    """How a date was lit and seen; None where the file does not say it."""

    sun_elevation: float | None = None
    """Degrees above the horizon."""
    sun_azimuth: float | None = None
    """Degrees clockwise from north."""
    off_nadir: float | None = None
    """Degrees from the vertical, without a sign."""


def read_viewing(tags: Mapping[str, str]) -> Viewing:
    """Read the angles from tags as vendors, STAC and GDAL write them.

    The case of a name, its prefix (``IMAGE_1.``, ``view:``) and underscores do not count; a value
    that is no number, or beyond what the angle can be, is not known.

    Examples
    --------
    >>> read_viewing({"IMAGE_1.meanSunEl": "57.4", "view:off_nadir": "-12"})
    Viewing(sun_elevation=57.4, sun_azimuth=None, off_nadir=12.0)
    """
    plain = {
        key.rsplit(".", 1)[-1].rsplit(":", 1)[-1].replace("_", "").lower(): text
        for key, text in tags.items()
    }
    found = {
        angle: next((_angle(plain[name], *_RANGES[angle]) for name in names if name in plain), None)
        for angle, names in _NAMES.items()
    }
    azimuth, nadir = found["sun_azimuth"], found["off_nadir"]
    return Viewing(
        sun_elevation=found["sun_elevation"],
        sun_azimuth=None if azimuth is None else azimuth % 360,
        off_nadir=None if nadir is None else abs(nadir),
    )


def _angle(text: str, low: float, high: float) -> float | None:
    try:
        value = float(text.strip().strip('";'))
    except ValueError:
        return None
    return value if math.isfinite(value) and low <= value <= high else None
