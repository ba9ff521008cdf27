"""Numbers and foreign text as a reader should meet them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

NA = "n/a"
NBSP = "\u00a0"
_HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
# Marks that turn the direction of text around: harmless in their place, misleading in a file name.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def plain(text: object, *, limit: int = 2000) -> str:
    r"""Return text without control characters, terminal escapes and direction marks.

    Whatever a file name or a tag holds, this is safe to print; it is not HTML-escaped.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is used.
    limit : int
        Longest text returned, characters.

    Examples
    --------
    >>> plain("a\x1b[31mb")
    'a�[31mb'
    """
    cleaned = "".join(
        " "
        if char in "\t\r\n"
        else "\ufffd"
        if char in _TURNING or unicodedata.category(char) in _HIDDEN
        else char
        for char in str(text)
    )
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def ascii_only(text: object, *, limit: int = 40) -> str:
    """Return text with only printable ASCII: for pictures, whose font has no other letters."""
    return "".join(char if " " <= char <= "~" else "?" for char in plain(text, limit=limit))


def number(value: float | None, *, digits: int = 3, decimals: int = 6) -> str:
    """Round to significant digits, with thousands separators.

    Parameters
    ----------
    value : float or None
        None and values that are not finite give ``n/a``.
    digits : int
        Significant digits.
    decimals : int
        Most decimal places; what would vanish is written ``under 0.01``.

    Examples
    --------
    >>> number(1234.567), number(0.04321), number(None)
    ('1,230', '0.0432', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return NA
    if value == 0:
        return "0"
    if abs(value) < 10.0**-decimals:
        return f"under {10.0**-decimals:.{decimals}f}"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    places = min(max(0, digits - 1 - exponent), decimals)
    return f"{rounded:,.{places}f}".replace("-", "\u2212")


def count(value: int | None) -> str:
    """Write a count in full, with thousands separators."""
    return NA if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """Write a share 0..1 as a percentage.

    Examples
    --------
    >>> percent(0.1234).replace(NBSP, " ")
    '12.3 %'
    """
    if share is None or not math.isfinite(share):
        return NA
    return f"{number(share * 100, decimals=2)}{NBSP}%"


def hectares(value: float | None) -> str:
    """Write an area in hectares."""
    return NA if value is None else f"{number(value, decimals=3)}{NBSP}ha"


def hectare_range(low: float | None, high: float | None) -> str:
    """Write an interval in hectares."""
    if low is None or high is None:
        return NA
    return f"{number(low, decimals=3)}–{number(high, decimals=3)}{NBSP}ha"


def percent_range(low: float | None, high: float | None) -> str:
    """Write an interval of shares."""
    if low is None or high is None:
        return NA
    return f"{number(low * 100, decimals=2)}–{number(high * 100, decimals=2)}{NBSP}%"


def measure(value: float | None, unit: str, *, digits: int = 3) -> str:
    """Write a number with its unit."""
    return NA if value is None else f"{number(value, digits=digits)}{NBSP}{unit}"


def value(item: object) -> str:
    """Write a setting of any kind: numbers rounded to four digits, lists joined, None as n/a."""
    if item is None or item == "":
        return NA
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int):
        return f"{item:,}" if abs(item) >= 10_000 else str(item)
    if isinstance(item, float):
        shown = number(item, digits=4, decimals=8)
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    if isinstance(item, Sequence) and not isinstance(item, str | bytes):
        joined = ", ".join(value(part) for part in item[:12])
        return f"{joined}, … ({len(item)} values)" if len(item) > 12 else joined or "none"
    return plain(item, limit=400)


def flatten(items: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Turn a nested dictionary into rows of name and value, names joined by a dot."""
    rows: list[tuple[str, str]] = []
    for key, item in items.items():
        name = f"{prefix}{plain(key, limit=80)}"
        if isinstance(item, dict):
            rows.extend(flatten(item, f"{name}."))
        else:
            rows.append((name, value(item)))
    return rows


def file_name(path: str) -> str:
    """Return the last part of a path or address, for headings and sentences."""
    return plain(path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path, limit=120)


def listed(parts: Sequence[str]) -> str:
    """Join words as in a sentence: ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
