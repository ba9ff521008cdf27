"""Configuration file < environment < flags."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from changedet.cli.options import resolve_options
from changedet.core.errors import UsageError
from changedet.core.options import RunOptions


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "town.toml"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_nothing_given_is_the_defaults() -> None:
    assert resolve_options({}) == RunOptions()


def test_flags_win_over_environment_and_environment_over_file(
    config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config('gsd = 1.0\njobs = 3\ntitle = "file"\n')
    monkeypatch.setenv("CHANGEDET_JOBS", "2")
    monkeypatch.setenv("CHANGEDET_TITLE", "environment")
    found = resolve_options({"config": path, "title": "flag"})
    assert (found.gsd, found.jobs, found.title) == (1.0, 2, "flag")


def test_a_file_may_write_kebab_or_snake_case_and_tables(config: Callable[[str], Path]) -> None:
    path = config(
        "block-size = 512\nbefore_date = 2022-05-08\nfootprints = 'data/f.gpkg'\n"
        "[bands]\nred = 3\n[decide]\nmmu-built-m2 = 5\n"
    )
    found = resolve_options({"config": path})
    assert found.block_size == 512
    assert found.before_date == dt.date(2022, 5, 8)
    assert found.footprints == path.parent / "data/f.gpkg"
    assert found.bands == {"red": 3}
    assert found.decide.mmu_built_m2 == 5


def test_footprints_are_aligned_unless_a_flag_says_no(config: Callable[[str], Path]) -> None:
    path = config("[decide]\nmmu-built-m2 = 5\n")
    assert resolve_options({"config": path}).decide.align_footprints
    found = resolve_options({"config": path, "no_align_footprints": True})
    assert (found.decide.align_footprints, found.decide.mmu_built_m2) == (False, 5)


def test_the_environment_may_name_tables_and_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGEDET_ALLOW_DRIVER", "ENVI,HFA")
    monkeypatch.setenv("CHANGEDET_BANDS", "red=2,green=1")
    monkeypatch.setenv("CHANGEDET_COREGISTRATION__WINDOW", "128")
    found = resolve_options({})
    assert found.allow_driver == ("ENVI", "HFA")
    assert found.bands == {"red": 2, "green": 1}
    assert found.coregistration.window == 128


def test_a_file_from_a_windows_editor(config: Callable[..., Path]) -> None:
    assert resolve_options({"config": config("\ufefftitle = 'Сєвєродонецьк'\r\n")}).title == (
        "Сєвєродонецьк"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gsd = -1", "town.toml: gsd: input should be greater than 0"),
        ("sgd = 1", "town.toml: sgd: no such option"),
        ("[decide]\nmmu = 1", "town.toml: decide.mmu: no such option"),
        ("gsd = ", "not valid TOML"),
        ("a." * 60_000 + "a = 1", "larger than"),
        ("x = " + "[" * 5000, "not valid TOML"),
        ("bands = 'purple=1'", "unknown band role 'purple'"),
    ],
)
def test_a_wrong_file_is_named(config: Callable[[str], Path], text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_options({"config": config(text)})
    assert says in str(caught.value)


def test_a_missing_or_latin_file_is_named(config: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot read"):
        resolve_options({"config": tmp_path / "none.toml"})
    with pytest.raises(UsageError, match="save the configuration as UTF-8"):
        resolve_options({"config": config("title = 'é'", "latin-1")})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHANGEDET_GDS", "1", "CHANGEDET_GDS: no such option"),
        ("CHANGEDET_GSD", "one", "CHANGEDET_GSD: input should be a valid number"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        resolve_options({})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"gsd": "0"}, "--gsd: input should be greater than 0"),
        ({"jobs": "many"}, "--jobs: input should be a valid integer"),
        ({"before_date": "8 May"}, "--before-date: input should be a valid date"),
        ({"block_size": "64"}, "--block-size: input should be greater than or equal to 128"),
        ({"bands": "red"}, "--bands: bands are written red=1"),
    ],
)
def test_a_wrong_flag_is_named(flags: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_options(flags)
    assert says in str(caught.value)
