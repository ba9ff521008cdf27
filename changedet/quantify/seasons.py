"""Seasons: whether two dates may be compared for their leaves."""

from __future__ import annotations

from datetime import date

MOST_DAYS = 45
"""Days of the year by which the dates may differ for canopy."""
LEAFLESS = (11, 12, 1, 2, 3, 4)
"""Months in which trees of the northern mid latitudes may stand bare, or only come into leaf."""
MID_LATITUDES = (30.0, 66.0)
"""Degrees from the equator."""
_YEAR = 365.25


def check_leaves(before: str | None, after: str | None, *, latitude: float | None) -> str:
    """Return why the dates forbid figures of canopy; empty where they do not.

    Parameters
    ----------
    before, after : str or None
        ISO 8601 dates; what is none is not judged.
    latitude : float or None
        Degrees, north positive; None (no georeference) is taken for the northern mid latitudes.

    Examples
    --------
    >>> check_leaves("2022-05-08", "2023-05-15", latitude=48.6)
    ''
    >>> check_leaves("2022-05-08", "2023-12-15", latitude=48.6)
    'the after image was taken in a month in which trees may be without leaves'
    """
    dates = {"before": _read(before), "after": _read(after)}
    for name, day in dates.items():
        if day is not None and _may_be_bare(day, latitude):
            return f"the {name} image was taken in a month in which trees may be without leaves"
    first, second = dates.values()
    if first is None or second is None:
        return ""
    apart = abs(first.timetuple().tm_yday - second.timetuple().tm_yday)
    apart = round(min(apart, _YEAR - apart))
    if apart > MOST_DAYS:
        return (
            f"the dates lie {apart} days of the year apart (at most {MOST_DAYS}): leaves may "
            "have come or gone with the season"
        )
    return ""


def _may_be_bare(day: date, latitude: float | None) -> bool:
    degrees = MID_LATITUDES[0] if latitude is None else latitude
    if not MID_LATITUDES[0] <= abs(degrees) <= MID_LATITUDES[1]:
        return False
    month = day.month if degrees > 0 else (day.month + 5) % 12 + 1
    return month in LEAFLESS


def _read(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
