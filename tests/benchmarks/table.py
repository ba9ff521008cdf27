"""Numbers to text: cells, Markdown tables, JSON without NaN."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

NOTHING = "–"


def number(value: Any, digits: int = 2) -> str:
    """Write a number; a dash for what is unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    return f"{value:.{digits}f}"


def percent(value: Any, *, sign: bool = False) -> str:
    """Write a share as per cent; a dash for what is unknown."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{100 * value:+.0f} %" if sign else f"{100 * value:.1f} %"


def yes(value: bool | None) -> str:
    """Write a truth value; a dash for what is unknown."""
    return NOTHING if value is None else ("yes" if value else "NO")


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned in plain text too."""
    lines = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    widths = [max(len(line[k]) for line in [list(header), *lines]) for k in range(len(header))]

    def join(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([join(header), rule, *(join(line) for line in lines)])


def plain(value: Any) -> Any:
    """Return a value as JSON takes it: NaN and numpy's numbers made plain."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def median(values: Iterable[Any]) -> float | None:
    """Return the median of what is known; None of nothing."""
    known = [float(v) for v in values if v is not None and math.isfinite(v)]
    return float(np.median(known)) if known else None


def dig(row: dict[str, Any], *keys: str) -> Any:
    """Return a nested value; None where a step is missing."""
    value: Any = row
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
