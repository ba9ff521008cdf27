"""Foreign text as a reader should meet it."""

from __future__ import annotations

import unicodedata

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


def file_name(path: str) -> str:
    """Return the last part of a path or address, for headings and sentences."""
    return plain(path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path, limit=120)
