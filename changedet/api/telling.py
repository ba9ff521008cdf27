"""A result in a few sentences, in the language of its reader."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from changedet.report import content, words
from changedet.report.amounts import hectares, measure
from changedet.report.language import Phrase, Text, joined, phrase, tell
from changedet.result import Record


def say_result(record: Record, lang: str = "en") -> tuple[str, ...]:
    """Return status, losses with their intervals and what could not be judged, one sentence each.

    Parameters
    ----------
    record : Record
        Not a refused one.
    lang : str
        A language of the report.
    """
    verdict = content.verdict(record)
    said = [f"{record.status}: {tell(verdict.title, lang)}"]
    said += [tell(sentence, lang) for sentence in content.headline(record)]
    found = record.registration
    if found is not None and found.rmse_px is not None:
        error: Text = measure(found.rmse_px, Phrase("unit-pixels"))
        if found.rmse_m is not None:
            metres = measure(found.rmse_m, Phrase("unit-metres"))
            error = joined((error, joined(("(", metres, ")"), "")))
        model = words.plain(found.model, limit=40)
        said.append(tell(phrase("terminal-registration", model=model, error=error), lang))
    return tuple(said)


def say_next(record: Record, command: str, lang: str = "en") -> str | None:
    """Return how to go on from a result; None where nothing is left to be made.

    Parameters
    ----------
    record : Record
        Of a pair that was compared.
    command : str
        ``changedet report OUT``.
    lang : str
        A language of the report.
    """
    made = record.provenance.options.get("export") or ()
    able = {"pictures": True, "pdf": find_spec("typst") is not None}
    names = [name for name, can in able.items() if can and name not in made]
    if record.built is None or not names:
        return None
    return tell(phrase("terminal-next", command=f"{command} --export {','.join(names)}"), lang)


def say_truth(truth: Mapping[str, float], lang: str = "en") -> str:
    """Return the true hectares of a simulated town."""
    named = {name.replace("_", "-"): hectares(value) for name, value in truth.items()}
    wanted = ("built-destroyed", "built-before", "vegetation-lost", "vegetation-before")
    return tell(phrase("terminal-truth", **{name: named[name] for name in wanted}), lang)
