"""English sentences of a record, told in other languages with the figures they hold.

The pipeline writes English sentences into result.json and knows no languages. The English messages
here are those sentences to the letter, with a name in the place of each figure: a sentence is
found by them, its figures are taken out, and the message of the same key tells them in another
language. What fits none of them stays as it is.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from changedet.report import words
from changedet.report.language import Number, Phrase, Retold, Text, joined, messages

_PLACEABLE = re.compile(r"\{ \$(\w+) \}")
_NUMBER = r"[-+]?(?:\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?|inf|nan)"

_FOREIGN = frozenset({"name", "other", "first", "second", "said"})
"""Arguments that are names of files and dates: told as they are."""
_PARTS = {
    "what": ("part-",),
    "season": ("part-",),
    "source": ("part-",),
    "index": ("part-",),
    "coarse": ("part-",),
    "place": ("part-",),
    "elsewhere": ("part-",),
    "date": ("part-",),
    "image": ("part-",),
    "band": ("band-", "part-"),
    "model": ("model-",),
    "why": ("why-", "part-", "said-"),
}
"""Arguments that are told by a message of their own, and how its key begins."""
_LISTS = {"kinds": ", ", "parts": "; "}
"""Arguments that are lists of such parts, and what stands between these."""


def retell(sentence: str, *groups: str) -> Text:
    """Return a sentence that every language can tell, where one of the messages fits it.

    Parameters
    ----------
    sentence : str
        English, as the pipeline wrote it.
    groups : str
        How the keys of the messages begin that may fit.

    Returns
    -------
    Retold or str
        A :class:`~changedet.report.language.Retold`, or the plain sentence where no message fits.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> said = retell("only 12 tie points agree with what a search found", "said-")
    >>> tell(said, "uk")
    'лише 12 зв’язкових точок узгоджуються з тим, що знайшов пошук'
    """
    found = find_phrase(sentence, *groups)
    shown = words.plain(sentence)
    return shown if found is None else Retold(shown, found)


def find_phrase(sentence: str, *groups: str) -> Phrase | None:
    """Return the phrase that a sentence was made from; None where there is none."""
    for key, pattern in _patterns(groups):
        if (match := pattern.fullmatch(sentence)) is not None:
            args = {name: _argument(name, said) for name, said in match.groupdict().items()}
            return Phrase(key, tuple(args.items()))
    return None


def number_of(said: str) -> Text:
    """Return a number that is written in English, to be told with as many digits.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> tell(number_of("0.30"), "uk"), number_of("48")
    ('0,30', 48)
    """
    bare = said.replace(",", "")
    if bare.isdecimal():
        return int(bare)
    mantissa = bare.lstrip("+-").partition("e")[0]
    digits = len(mantissa.replace(".", "").lstrip("0"))
    decimals = len(mantissa.partition(".")[2])
    return Number(float(bare), max(1, digits), max(6, decimals))


def _argument(name: str, said: str) -> Any:
    if name in _FOREIGN:
        return words.plain(said)
    if name in _LISTS:
        between = _LISTS[name]
        return joined([retell(part, "part-") for part in said.split(between)], between)
    if name in _PARTS:
        return retell(said, *_PARTS[name])
    return number_of(said)


@cache
def _patterns(groups: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return keys and patterns, those with the most words of their own first."""
    found = [(key, text) for key, text in messages("en").items() if key.startswith(groups)]
    found.sort(key=lambda item: -len(_PLACEABLE.sub("", item[1])))
    return tuple((key, _pattern(text)) for key, text in found)


def _pattern(text: str) -> re.Pattern[str]:
    pieces = _PLACEABLE.split(text)
    built = re.escape(pieces[0])
    for name, after in zip(pieces[1::2], pieces[2::2], strict=True):
        foreign = name in _FOREIGN or name in _PARTS or name in _LISTS
        built += f"(?P<{name}>{'.+?' if foreign else _NUMBER}){re.escape(after)}"
    return re.compile(built, re.DOTALL)
