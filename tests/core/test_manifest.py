"""Manifests as values: what is right, what is wrong and how that is told, names of folders."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.core.errors import UsageError
from changedet.core.manifest import Batch, Row, Sheet, check_sheet, name_folders

GOOD = {"name": "Izium", "before": "b.tif", "after": "a.tif"}


def sheet(*towns: dict[str, Any], **defaults: Any) -> Sheet:
    rows = [Row(place=f"town {n}", values=values) for n, values in enumerate(towns, 1)]
    return Sheet(name="towns.toml", base=Path("/data"), defaults=defaults, rows=rows)


def check(*towns: dict[str, Any], **defaults: Any) -> Batch:
    return check_sheet(sheet(*towns, **defaults))


def told(*towns: dict[str, Any], **defaults: Any) -> str:
    with pytest.raises(UsageError) as caught:
        check(*towns, **defaults)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_town_has_its_files_and_its_options() -> None:
    (town,) = check(
        GOOD | {"footprints": "f.gpkg", "before-date": "2022-05-08", "decide.mmu_built_m2": "20",
                "bands": "red=3", "aoi": "/other/aoi.geojson"},
        gsd=0.5, decide={"mmu-vegetation-m2": 30.0}, jobs=3,
    ).towns  # fmt: skip
    assert (town.name, town.folder) == ("Izium", "Izium")
    assert town.files() == {"before": "/data/b.tif", "after": "/data/a.tif",
                            "footprints": "/data/f.gpkg", "aoi": "/other/aoi.geojson"}  # fmt: skip
    options = town.options
    assert (options.gsd, options.title, options.jobs) == (0.5, "Izium", 1)
    assert options.before_date == dt.date(2022, 5, 8)
    assert (options.decide.mmu_built_m2, options.decide.mmu_vegetation_m2) == (20, 30)
    assert options.bands == {"red": 3}


def test_jobs_are_of_the_batch() -> None:
    assert check(GOOD).jobs == 1
    assert check(GOOD, jobs=3).jobs == 3
    assert check(GOOD | {"lang": "en"}, lang="uk").lang == "uk"
    assert "give --jobs" in told(GOOD | {"jobs": 2})


def test_a_town_wins_over_flags_flags_over_defaults_these_over_the_rest() -> None:
    given = sheet(GOOD, GOOD | {"name": "b", "gsd": 4, "decide": {"neighbours": True}}, gsd=2,
                  credit="c", decide={"mmu_built_m2": 7})  # fmt: skip
    base = {"gsd": 1, "credit": "base", "lang": "uk", "decide": {"min_footprint_m2": 5}}
    first, second = check_sheet(given, base=base, over={"gsd": 3}).towns
    assert (first.options.gsd, second.options.gsd) == (3, 4)
    assert (first.options.credit, first.options.lang) == ("c", "uk")
    assert first.options.decide.neighbours is False
    for town in (first, second):
        assert town.options.decide.min_footprint_m2 == 5
        assert town.options.decide.mmu_built_m2 == 7


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"footprint": "f.gpkg"}, "no such option: 'footprint'; did you mean footprints?"),
        ({"decide": {"mmu_built": 3}}, "did you mean decide.mmu_built_m2?"),
        ({"decide": 3}, "decide is a table"),
        ({"decide.mmu_built_m2": "much"}, "decide.mmu_built_m2: input should be a valid number"),
        ({"gsd": "wide"}, "gsd: input should be a valid number"),
        ({"gsd": True}, "gsd is not true or false"),
        ({"gsd": -1}, "greater than 0"),
        ({"before_date": "8 May"}, "before_date"),
        ({"title": 5}, "title: input should be a valid string"),
        ({"lang": "fr"}, "lang: input should be 'en' or 'uk'"),
        ({"control_before": "c.tif"}, "a control is a pair"),
        ({"before": 5}, "before is the path of a file, not 5"),
        ({"after": " "}, "after is the path of a file"),
        ({"aoi": "a\0b"}, "aoi is the path of a file"),
        ({"aoi": "a", "AOI": "b"}, "no such option: 'AOI'"),
        ({"before-date": "2022-01-01", "before_date": "2022-01-01"}, "before_date is given twice"),
        ({"name": None}, "name is missing"),
        ({"name": ["a"]}, "name is a text"),
        ({"name": "a\nb"}, "control character (U+000A)"),
        ({"name": "a\x1b[31m"}, "control character (U+001B)"),
        ({"name": "exe\u202etxt"}, "control character (U+202E)"),
        ({"name": "x" * 501}, "501 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(values: dict[str, Any], words: str) -> None:
    message = told(GOOD | values)
    assert message.startswith("towns.toml: town 1: ")
    assert words in message
    assert message.isprintable()


@pytest.mark.parametrize("missing", ["name", "before", "after"])
def test_a_town_needs_name_and_both_images(missing: str) -> None:
    values = {key: value for key, value in GOOD.items() if key != missing}
    assert told(values) == f"towns.toml: town 1: {missing} is missing"


def test_a_fault_of_the_defaults_is_told_once() -> None:
    towns = [GOOD | {"name": f"t{n}"} for n in range(50)]
    message = told(*towns, gsd="wide")
    assert message.count("gsd") == 1
    assert "[defaults]" in message
    assert "belongs to a town" in told(GOOD, before="b.tif")


def test_no_town_at_all() -> None:
    assert "lists no town" in told()


@pytest.mark.parametrize("twin", ["Izium", "IZIUM", " izium ", "ı̇zium".replace("ı̇", "I")])
def test_two_towns_of_one_name_are_refused(twin: str) -> None:
    assert "stands in town 1, too" in told(GOOD, GOOD | {"name": twin})


def test_composed_and_decomposed_names_are_one() -> None:
    assert "town 1, too" in told(GOOD | {"name": "Kyïv"}, GOOD | {"name": "Kyi\u0308v"})


def test_names_that_would_share_a_folder_are_kept_apart() -> None:
    names = ["a/b", "a b", "A-B", "c"]
    folders = name_folders(names)
    assert len({folder.casefold() for folder in folders}) == 4
    assert folders[3] == "c"
    backwards = name_folders(names[::-1])[::-1]
    assert backwards == folders  # the order does not matter
    assert len(check(*(GOOD | {"name": name} for name in names[:2])).towns) == 2


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Бахмут", "Бахмут"),
        ("../../etc/passwd", "etc-passwd"),
        ("/absolute", "absolute"),
        ("C:\\Windows", "C-Windows"),
        ("con", "town-con"),
        ("LPT1", "town-LPT1"),
        ("index.html", "index-html"),
        (".batch", "batch"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("=1+1", "1-1"),
    ],
)
def test_a_folder_is_safe(name: str, folder: str) -> None:
    assert name_folders([name]) == [folder]


def test_a_long_name_is_cut_and_marked() -> None:
    first, second = name_folders(["Ж" * 300, "Ж" * 299 + "y"])
    assert first != second
    assert len(first.encode()) <= 110
    assert name_folders(["..."])[0].startswith("town-")


@settings(max_examples=50)
@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=12, unique=True))
def test_any_names_have_folders_of_their_own(names: list[str]) -> None:
    folders = name_folders(names)
    for folder in folders:
        assert folder
        assert not set(folder) & set('/\\:*?"<>|.\0\n ')
        assert len(folder.encode()) < 120
        assert Path("/out", folder).resolve().parent == Path("/out")


def test_ten_thousand_bad_towns_are_told_in_one_bounded_line() -> None:
    towns = [GOOD | {"name": f"t{n}", "gdg": 1} for n in range(10_000)]
    began = time.process_time()
    message = told(*towns)
    assert time.process_time() - began < 10
    assert message.endswith("and 9,990 more")
    assert len(message) < 2000


def test_deep_and_long_values_are_told_short() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    for value in (deep, "x" * 100_000, [[1] * 1000] * 1000, 10**4000):
        assert len(told(GOOD | {"gsd": value})) < 600
        assert len(told(GOOD | {"bands": value})) < 4000
        assert len(told(GOOD | {"name": value})) < 600
