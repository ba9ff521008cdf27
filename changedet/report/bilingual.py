"""Texts in markup: every language stands in the page, and one of them is shown.

A text that differs between the languages is written once for each, as ``<span class="t">``; the
style sheet hides what is not in the language of ``<html lang>``. So the switch needs no second
page, and print, search and screen readers meet one language alone.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

from changedet.report.language import LANGUAGES, Text, tell


def said(text: Text) -> Markup:
    """Return a text as markup, in all languages."""
    told = told_in_all(text)
    if len(set(told.values())) == 1:
        return escape(told[LANGUAGES[0]])
    spans = (f'<span class="t" lang="{lang}">{escape(one)}</span>' for lang, one in told.items())
    return Markup("").join(Markup(span) for span in spans)  # noqa: S704 - escaped above


def attribute(name: str, text: Text, language: str) -> Markup:
    """Return an attribute in one language, with all of them beside it for the switch."""
    told = told_in_all(text)
    found = f'{name}="{escape(told[language])}"'
    if len(set(told.values())) > 1:
        others = (f' data-{name}-{lang}="{escape(one)}"' for lang, one in told.items())
        found += "".join(others)
    return Markup(found)  # noqa: S704 - escaped above


def told_in_all(text: Text) -> dict[str, str]:
    """Return a text by language."""
    return {language: tell(text, language) for language in LANGUAGES}


def in_all(texts: Any) -> dict[str, Any]:
    """Return texts, in whatever lists and dictionaries they stand, by language."""
    return {language: _deep(texts, language) for language in LANGUAGES}


def _deep(texts: Any, language: str) -> Any:
    if isinstance(texts, dict):
        return {name: _deep(item, language) for name, item in texts.items()}
    if isinstance(texts, list | tuple):
        return [_deep(item, language) for item in texts]
    return tell(texts, language)
