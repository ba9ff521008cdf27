"""The languages of the report: phrases are values, told in a language at the very end.

What the report says is a :class:`Phrase` (the key of a message and its arguments) or one of the
numbers and lists below it, until :func:`tell` writes it in one language. So one result can be told
in several, with the plural rules and the decimal sign of each. The messages are Fluent files,
``locale/<language>/*.ftl``; plural rules are those of CLDR.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import get_decimal_symbol, get_group_symbol
from fluent.runtime import FluentBundle, FluentResource

LANGUAGES = ("en", "uk")
"""What the report speaks; the first is the one that everything is written in first."""


_LOCALES = {"en": "en_GB", "uk": "uk"}
"""Whose lists and dates: a, b and c; 8 May 2022."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message by its key, with arguments: texts, whole numbers, or other phrases."""

    key: str
    args: tuple[tuple[str, Any], ...] = ()

    def told(self, language: str) -> str:
        """Return the message; whole numbers choose its plural form."""
        plain = _plain(language).get(self.key)
        if plain is not None:
            return plain
        args = {
            name: item if isinstance(item, int) else tell(item, language)
            for name, item in self.args
        }
        bundle = _bundle(language)
        if not bundle.has_message(self.key):
            bundle.add_resource(FluentResource(_entries(language)[self.key]))
        message = bundle.get_message(self.key)
        if message.value is None:
            raise KeyError(self.key)
        said, faults = bundle.format_pattern(message.value, args)
        if faults:
            raise ValueError(f"{language}: {self.key}: {faults[0]}")
        return str(said)


@dataclass(frozen=True, slots=True)
class Number:
    """A number to be rounded to significant digits."""

    value: float | None
    digits: int = 3
    """Significant digits."""
    decimals: int = 6
    """Most decimal places; what would vanish is told as *under* the smallest."""

    def told(self, language: str) -> str:
        """Return the number with the separators of the language."""
        value = self.value
        if value is None or not math.isfinite(value):
            return tell(Phrase("not-known"), language)
        if value == 0:
            return "0"
        least = 10.0**-self.decimals
        if abs(value) < least:
            said = _separated(f"{least:.{self.decimals}f}", language)
            return tell(phrase("under", limit=said), language)
        rounded = float(f"{value:.{self.digits - 1}e}")
        exponent = math.floor(math.log10(abs(rounded)))
        places = min(max(0, self.digits - 1 - exponent), self.decimals)
        return _separated(f"{rounded:,.{places}f}".replace("-", "\u2212"), language)


@dataclass(frozen=True, slots=True)
class Listed:
    """Parts joined as in a sentence: a, b and c."""

    parts: tuple[Any, ...]

    def told(self, language: str) -> str:
        """Return the list with the word for *and*."""
        parts = [tell(part, language) for part in self.parts]
        return str(format_list(parts, locale=_LOCALES[language])) if parts else ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts one after the other, with something between them."""

    parts: tuple[Any, ...]
    between: str = " "

    def told(self, language: str) -> str:
        """Return the parts as one text."""
        return self.between.join(tell(part, language) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or a date and time, in ISO 8601; text that is none is told as it is."""

    iso: str
    clock: bool = False
    """Whether the time of day is told, too, where there is one."""

    def told(self, language: str) -> str:
        """Return the date with the name of its month."""
        try:
            moment = dt.datetime.fromisoformat(self.iso)
        except ValueError:
            return self.iso
        said = format_date(moment.date(), "d MMMM y", locale=_LOCALES[language])
        if not self.clock or len(self.iso) <= len("2022-05-08"):
            return str(said)
        zone = " UTC" if moment.utcoffset() == dt.timedelta(0) else ""
        return f"{said}, {moment:%H:%M}{zone}"


@dataclass(frozen=True, slots=True)
class Retold:
    """A sentence that was written in English, and how the other languages tell it."""

    english: str
    other: Any

    def told(self, language: str) -> str:
        """Return the sentence as it was written, or as it is told elsewhere."""
        return self.english if language == LANGUAGES[0] else tell(self.other, language)


Text = str | int | Phrase | Number | Listed | Joined | Day | Retold
"""Anything that can be told."""


def phrase(key: str, /, **args: Any) -> Phrase:
    """Return a message by its key; names of arguments are those in the Fluent files."""
    return Phrase(key, tuple(args.items()))


def joined(parts: Sequence[Text], between: str = " ") -> Joined:
    """Return parts one after the other."""
    return Joined(tuple(parts), between)


def tell(text: Text, language: str = "en") -> str:
    """Write a text in a language.

    Parameters
    ----------
    text : str, int, Phrase, Number, Listed, Joined, Day or Retold
        A plain str is the same in all languages.
    language : str
        One of :data:`LANGUAGES`.

    Raises
    ------
    KeyError
        Where the language has no such message.
    ValueError
        Where an argument is missing.

    Examples
    --------
    >>> tell(Number(1234.5), "en"), tell(Number(0.25), "uk")
    ('1,230', '0,250')
    """
    if isinstance(text, str):
        return text
    if isinstance(text, int):
        return _separated(f"{text:,}", language)
    return text.told(language)


@cache
def keys(language: str) -> frozenset[str]:
    """Return the keys of all messages of a language."""
    return frozenset(
        name for part in _texts(language) for name in re.findall(r"^([a-z][\w-]*) =", part, re.M)
    )


@cache
def messages(language: str) -> dict[str, str]:
    """Return the messages of a language that stand on one line, by key, as they are written."""
    found: dict[str, str] = {}
    for part in _texts(language):
        found.update(re.findall(r"^([a-z][\w-]*) = (.+)$", part, re.M))
    return found


@cache
def _texts(language: str) -> tuple[str, ...]:
    if language not in LANGUAGES:
        raise KeyError(language)
    folder = resources.files("changedet.report").joinpath("locale", language)
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".ftl")), key=lambda f: f.name)
    return tuple(file.read_text("utf-8") for file in files)


@cache
def _entries(language: str) -> dict[str, str]:
    """Return the messages of a language by key, each with all of its lines."""
    found: dict[str, str] = {}
    for part in _texts(language):
        starts = [*re.finditer(r"^([a-z][\w-]*) =", part, re.M)]
        ends = [start.start() for start in starts[1:]] + [len(part)]
        for start, end in zip(starts, ends, strict=True):
            found[start[1]] = part[start.start() : end]
    return found


@cache
def _plain(language: str) -> dict[str, str]:
    """Return the messages that are one line of text and nothing else, which need no parser."""
    found: dict[str, str] = {}
    for key, entry in _entries(language).items():
        text, *more = entry.partition(" =")[2].splitlines()
        if text.strip() and "{" not in text and not any(line.strip() for line in more):
            found[key] = text.strip(" ")
    return found


@cache
def _bundle(language: str) -> FluentBundle:
    """Return a bundle that a message is put into when it is first told.

    To parse all of them takes longer than all else that is done with them. No message may
    therefore refer to another one; a test sees to that.
    """
    # Foreign text is isolated where it is shown (<bdi>): marks inside of sentences would end up
    # in files and on terminals.
    return FluentBundle([language], use_isolating=False)


@cache
def _signs(language: str) -> tuple[str, str]:
    locale = Locale.parse(language)
    return get_group_symbol(locale), get_decimal_symbol(locale)


def _separated(text: str, language: str) -> str:
    """Put the separators of a language into a number that is written the English way."""
    group, decimal = _signs(language)
    return text.translate({ord(","): group, ord("."): decimal})
