"""Values as other programs take them: text without what XML forbids, dates, JSON numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PATH = re.compile(r"[\\/]")


def xml_text(value: object) -> str:
    r"""Return a text without the characters that XML 1.0 cannot hold.

    Examples
    --------
    >>> xml_text("a\x00b<c>")
    'ab<c>'
    """
    return _FORBIDDEN.sub("", str(value))


def file_name(path: str) -> str:
    """Return the last part of a path or address of any system."""
    return _PATH.split(path.rstrip("/\\"))[-1]


def json_value(value: Any) -> Any:
    """Return a value of a layer as JSON holds it: null where it is not known.

    Examples
    --------
    >>> json_value(float("nan")), json_value(np.int32(3)), json_value("")
    (None, 3, None)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # a lone half of a surrogate pair cannot be written as UTF-8
    return (
        value.encode("utf-8", "replace").decode("utf-8") or None
        if isinstance(value, str)
        else value
    )


def rows_of(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return columns of a layer as one mapping of JSON values for each feature."""
    names = list(columns)
    lists = (columns[name].tolist() for name in names)
    return [
        dict(zip(names, map(json_value, values), strict=True))
        for values in zip(*lists, strict=True)
    ]


def parse_date(text: str | None) -> datetime | None:
    """Read a date of the record; where only the day is known, its first moment. UTC is meant.

    Examples
    --------
    >>> parse_date("2022-05-08"), parse_date("May")
    (datetime.datetime(2022, 5, 8, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def is_day(text: str | None) -> bool:
    """Say whether a date of the record is a day without a time."""
    try:
        date.fromisoformat(text or "")
    except ValueError:
        return False
    return True


def iso(moment: datetime) -> str:
    """Return a moment as RFC 3339 has it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
