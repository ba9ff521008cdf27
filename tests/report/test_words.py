from __future__ import annotations

import pytest

from changedet.report import words


def test_foreign_text_loses_what_could_mislead():
    assert words.plain("a\x1b[31mb\x00\x9bc") == "a\ufffd[31mb\ufffd\ufffdc"
    assert words.plain("photo\u202egnp.exe") == "photo\ufffdgnp.exe"
    assert words.plain("bad\udcff") == "bad\ufffd"
    assert words.plain("Маріуполь مدينة") == "Маріуполь مدينة"
    assert len(words.plain("x" * 5000)) == 2000


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
