from __future__ import annotations

import math

import pytest

from changedet.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
        (0, "0"),
        (12345.6, "12,300"),
        (999.6, "1,000"),
        (12.0, "12.0"),
        (0.04321, "0.0432"),
        (-1.234, "−1.23"),
        (1e-9, "under 0.000001"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert words.number(value) == text


def test_shares_and_areas():
    assert words.percent(0.1234) == "12.3\u00a0%"
    assert words.percent(1.0) == "100\u00a0%"
    assert words.percent(1e-6) == "under 0.01\u00a0%"
    assert words.percent(None) == words.hectares(None) == "n/a"
    assert words.hectare_range(0.0, 3.2) == "0–3.20\u00a0ha"
    assert words.hectare_range(None, 3.2) == "n/a"


def test_foreign_text_loses_what_could_mislead():
    assert words.plain("a\x1b[31mb\x00\x9bc") == "a\ufffd[31mb\ufffd\ufffdc"
    assert words.plain("photo\u202egnp.exe") == "photo\ufffdgnp.exe"
    assert words.plain("bad\udcff") == "bad\ufffd"
    assert words.plain("Маріуполь مدينة") == "Маріуполь مدينة"
    assert len(words.plain("x" * 5000)) == 2000
    assert words.ascii_only("2021 $x^2$ місто") == "2021 $x^2$ ?????"


def test_settings_are_flattened():
    rows = words.flatten({"a": {"b": 0.123456, "c": None}, "d": [1, 2], "e": True, "f": 10.0})
    assert rows == [("a.b", "0.1235"), ("a.c", "n/a"), ("d", "1, 2"), ("e", "yes"), ("f", "10")]
    assert words.value(list(range(20))).endswith("… (20 values)")
    assert words.value(123456) == "123,456"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/town/before.tif", "before.tif"),
        ("C:\\data\\before.tif", "before.tif"),
        ("https://host/x/after.tif", "after.tif"),
        ("folder/", "folder"),
        ("/", "/"),
    ],
)
def test_file_names(path, name):
    assert words.file_name(path) == name


def test_lists_read_as_in_a_sentence():
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
