"""The languages: plural rules, separators, and that each says all that the other says."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources

import pytest
from fluent.runtime import FluentBundle, FluentResource

from changedet.report.language import LANGUAGES, Listed, Number, Phrase, keys, phrase, tell


def placeables(language: str) -> dict[str, set[str]]:
    folder = resources.files("changedet.report").joinpath("locale", language)
    text = "\n".join(file.read_text("utf-8") for file in folder.iterdir())
    parts = re.split(r"^(?=[a-z][\w-]* =)", text, flags=re.M)
    return {
        part.split(" =")[0]: set(re.findall(r"\$([\w-]+)", part)) for part in parts if " =" in part
    }


def test_every_language_has_the_same_messages_with_the_same_arguments() -> None:
    first, *others = LANGUAGES
    for other in others:
        assert keys(other) == keys(first)
        assert placeables(other) == placeables(first)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_written_twice(language) -> None:
    folder = resources.files("changedet.report").joinpath("locale", language)
    text = "\n".join(file.read_text("utf-8") for file in folder.iterdir())
    names = Counter(re.findall(r"^([a-z][\w-]*) =", text, flags=re.M))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_refers_to_another_one(language) -> None:
    folder = resources.files("changedet.report").joinpath("locale", language)
    text = "\n".join(file.read_text("utf-8") for file in folder.iterdir())
    assert re.findall(r"\{\s*-?[a-z][\w-]*", text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_can_be_told(language) -> None:
    told = {key: tell(Phrase(key, tuple((name, 3) for name in names)), language)
            for key, names in placeables(language).items()}  # fmt: skip
    assert all(told.values())
    assert set(told) == keys(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_are_told_as_the_parser_of_fluent_tells_them(language) -> None:
    folder = resources.files("changedet.report").joinpath("locale", language)
    bundle = FluentBundle([language], use_isolating=False)
    for file in folder.iterdir():
        bundle.add_resource(FluentResource(file.read_text("utf-8")))
    for key, names in placeables(language).items():
        args = dict.fromkeys(names, 2)
        expected, faults = bundle.format_pattern(bundle.get_message(key).value, args)
        assert faults == []
        assert tell(Phrase(key, tuple(args.items())), language) == expected


def test_a_message_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        tell(Phrase("no-such-message"), "uk")


@pytest.mark.parametrize(
    ("value", "english", "ukrainian"),
    [
        (1234.567, "1,230", "1\u00a0230"),
        (0.04321, "0.0432", "0,0432"),
        (-2.5, "\u22122.50", "\u22122,50"),
        (None, "n/a", "н/д"),
        (float("nan"), "n/a", "н/д"),
        (1e-9, "under 0.000001", "менш як 0,000001"),
    ],
)
def test_numbers_have_the_separators_of_the_language(value, english, ukrainian) -> None:
    assert tell(Number(value), "en") == english
    assert tell(Number(value), "uk") == ukrainian


def test_lists_are_joined_as_in_a_sentence() -> None:
    assert tell(Listed(("a", "b", "c")), "en") == "a, b and c"
    assert tell(Listed(("a", "b", "c")), "uk") == "a, b і c"


def test_phrases_nest_and_keep_foreign_text_as_it_is() -> None:
    size = phrase("measure", value=Number(2.0), unit="<b>{x}</b>")
    assert tell(size, "uk") == "2,00\u00a0<b>{x}</b>"


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError):
        tell(Phrase("no-such-message"))
    with pytest.raises(ValueError, match="measure"):
        tell(phrase("measure", value="1"))
