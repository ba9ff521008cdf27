"""How lettering and lines look, and what foreign text may say in a picture.

The fonts are those that come with matplotlib, so a picture is the same on every machine: Latin,
Cyrillic, Greek, Arabic, Hebrew, Armenian, Georgian and signs. Letters that none of them has
(Chinese, say) are drawn as a replacement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.patheffects import withStroke

from changedet.report import words
from changedet.report.language import Number, tell

DPI = 150
WIDTH_IN = 9.0
INK, SOFT = "#1c1e21", "#565b62"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8f96"
TITLE_PT, TEXT_PT, NOTE_PT, FOOT_PT = 10.5, 9.0, 8.0, 7.5
_FONTS = ("DejaVu Sans", "STIXGeneral")
_STYLE: dict[Any, Any] = {
    "font.family": list(_FONTS),
    "font.size": TEXT_PT,
    "axes.titlesize": TITLE_PT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7078",
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "figure.dpi": DPI,
    "legend.frameon": False,
    "legend.fontsize": TEXT_PT,
    "hatch.linewidth": 1.4,
    "text.parse_math": True,
    "text.usetex": False,
}


@contextmanager
def look() -> Iterator[None]:
    """Keep our look, whatever matplotlibrc a user has."""
    with mpl.rc_context(_STYLE):
        yield


def halo(width: float = 2.5) -> list[withStroke]:
    """Return a white rim, so that lettering can be read on any ground; width in points."""
    return [withStroke(linewidth=width, foreground="white")]


def foreign(text: object, *, limit: int = 240) -> str:
    r"""Return text from outside as it can be drawn: one line, no control characters.

    Letters without a glyph in our fonts become U+FFFD.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is used.
    limit : int
        Longest text returned, characters.

    Examples
    --------
    >>> foreign("Бахмут\n日付")
    'Бахмут ��'
    """
    known = _letters()
    return "".join(
        char if ord(char) in known else "\ufffd" for char in words.plain(text, limit=limit)
    )


@cache
def _paths(*, bold: bool) -> tuple[str, ...]:
    weight = "bold" if bold else "normal"
    return tuple(findfont(FontProperties(family=name, weight=weight)) for name in _FONTS)


@cache
def _letters() -> frozenset[int]:
    """Return the characters that can be drawn, in bold as well."""
    found: list[set[int]] = [
        {code for path in _paths(bold=bold) for code in FT2Font(path).get_charmap()}
        for bold in (False, True)
    ]
    return frozenset(found[0] & found[1])


@lru_cache(maxsize=4096)
def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line is at most, inches; size in points."""
    font = get_font(_paths(bold=bold))
    # Glyphs are placed on whole pixels of the picture.
    font.set_size(size, DPI)
    font.set_text(text)
    # Drawn, letters may stand up to 1.4 % further apart (hinting).
    return float(font.get_width_height()[0]) / 64 / DPI * 1.015


def wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines that fit a width in inches; a word that is too long is cut.

    Spaces alone are broken at: a no-break space keeps a number and its unit together.
    """
    if width_of(text, size, bold=bold) <= width:
        return [text]
    lines: list[str] = []
    # A space and what letters keep clear beside it: never more. Most words are added up so, and
    # only where a line is nearly full is all of it measured, which takes longer than drawing it.
    space = 0.7 * size / 72
    so_far = 0.0
    for word in text.split(" "):
        part = word
        if lines:
            longer = f"{lines[-1]} {part}"
            at_most = so_far + space + width_of(part, size, bold=bold)
            if at_most > width:
                at_most = width_of(longer, size, bold=bold)
            if at_most <= width:
                lines[-1], so_far = longer, at_most
                continue
        while width_of(part, size, bold=bold) > width and len(part) > 1:
            fits = _fitting(part, width, size, bold=bold)
            lines.append(part[:fits])
            part = part[fits:]
        lines.append(part)
        so_far = width_of(part, size, bold=bold)
    return lines


def _fitting(word: str, width: float, size: float, *, bold: bool) -> int:
    """Return how many letters of a word fit, at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(word[:middle], size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def tick(value: float, lang: str) -> str:
    """Write the number at a tick: no more digits than it has."""
    short = f"{abs(value):.4g}"
    digits = len(short.replace(".", "").lstrip("0"))
    return tell(Number(value, digits=max(digits, 1)), lang)
