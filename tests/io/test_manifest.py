"""Manifests as files: TOML, CSV, and what must not be read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from changedet.core.errors import UsageError
from changedet.core.manifest import check_sheet
from changedet.io.manifest import read_manifest

SAMPLES = Path(__file__).parents[2] / "samples"
TOML = """
[defaults]
gsd = 0.5
[[town]]
name = "Izium"
before = "b.tif"
after = "a.tif"
decide.mmu_built_m2 = 20
"""
CSV = "name,before,after,gsd,decide.mmu_built_m2\nIzium,b.tif,a.tif,0.5,20\n"


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def told(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        check_sheet(read_manifest(path))
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 4000
    return message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.toml", TOML),
        ("t.toml", "\ufeff" + TOML.replace("\n", "\r\n")),
        ("t.csv", CSV),
        ("t.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("t.csv", CSV.replace(",", ";")),
        ("t.csv", CSV.replace(",", "\t")),
        ("t.csv", CSV.replace("gsd", "GSD ").replace("20\n", "20,,\n,,,\n\n")),
        ("towns", "# two ways to write it\n" + TOML),
        ("towns.txt", CSV),
    ],
)
def test_toml_and_csv_say_the_same(tmp_path: Path, name: str, data: str) -> None:
    (town,) = check_sheet(read_manifest(write(tmp_path, name, data))).towns
    assert (town.name, town.before) == ("Izium", str(tmp_path / "b.tif"))
    assert town.options.gsd == 0.5
    assert town.options.decide.mmu_built_m2 == 20


def test_an_empty_cell_is_not_given(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "name,before,after,gsd,title,force\nA,b,a,,,\nB,b,a,2,T,true\n")
    first, second = check_sheet(read_manifest(path)).towns
    assert (first.options.gsd, first.options.title, first.options.force) == (None, "A", False)
    assert (second.options.gsd, second.options.title, second.options.force) == (2, "T", True)


def test_quoted_cells_and_lists(tmp_path: Path) -> None:
    row = 'name,before,after,bands,allow_driver,export\n"A, B",b,a,"red=1,green=2","ENVI,HFA",gis\n'
    (town,) = check_sheet(read_manifest(write(tmp_path, "t.csv", row))).towns
    assert town.name == "A, B"
    assert town.options.bands == {"red": 1, "green": 2}
    assert town.options.allow_driver == ("ENVI", "HFA")
    assert town.options.export == ("gis",)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.toml", "", "is empty"),
        ("t.toml", "[[town]\n", "line 1"),
        ("t.toml", "[town]\nname='a'", "write [[town]]"),
        ("t.toml", "town = [1]", "write [[town]]"),
        ("t.toml", "defaults = 3", "write [defaults]"),
        ("t.toml", "gsd = 3\n[[town]]", "'gsd' stands outside"),
        ("t.toml", "[defaults]\ngsd = 1", "lists no town"),
        ("t.toml", "[[town]]\nname = 'Kyïv'".encode("latin-1"), "save the manifest as UTF-8"),
        ("t.csv", "name;before;after\nKyïv;b;a".encode("latin-1"), "save the manifest as UTF-8"),
        ("t.csv", "name,before\na,b\n", "no column 'after'; it has name, before"),
        ("t.csv", "name,before,after\n", "lists no town"),
        ("t.csv", "name,before,after,name\na,b,c,d\n", "'name' twice"),
        ("t.csv", "name,before,after\na,b,c,d\n", "line 2 has 4 cells, the header 3"),
        ("t.csv", 'name,before,after\na,b,"c\n', "line 2: not valid CSV"),
        ("t.csv", "name,before,after\na,b," + "x" * 5_000_000, "field larger"),
        ("t.toml", "[[town]]\ngsd = " + "9" * 4000, "gsd: input should be a valid number"),
        ("t.toml", "[[town]]\ngsd = 1\n" + "x" * 5000, "line 3 is longer"),
        ("t.toml", "a = " + "[\n" * 100_000, "too deep"),
        ("t.toml", "#\n" * 3_000_000, "larger than 5 MB"),
        ("t.csv", b"a" * 20_000_001, "larger than 20 MB"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, name: str, data: str | bytes, words: str
) -> None:
    assert words in told(write(tmp_path, name, data))


def test_dotted_keys_do_not_take_for_ever(tmp_path: Path) -> None:
    began = time.process_time()
    for part, count in (("a.", 2000), ("a . ", 900), ("'b c'.", 600)):
        lines = "\n".join(f"k{n}." + part * count + "b = 1" for n in range(1000))
        assert "more than 30 parts" in told(write(tmp_path, "t.toml", lines))
    lines = "\n".join(f"k{n}." + "a." * 27 + "b = 1" for n in range(4000))
    assert "stands outside" in told(write(tmp_path, "t.toml", lines))
    assert time.process_time() - began < 20


def test_paths_that_are_no_manifest(tmp_path: Path) -> None:
    assert "No such file" in told(tmp_path / "none.toml")
    assert "cannot read" in told(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no ordinary file" in told(tmp_path / "pipe.csv")
    assert "no ordinary file" in told(Path("/dev/zero"))


def test_the_sample_manifest_is_right() -> None:
    towns = check_sheet(read_manifest(SAMPLES / "towns.toml")).towns
    assert [town.folder for town in towns] == ["Vyshneve", "Stavky", "Zarichne", "Tyche-control"]
    assert all(Path(path).is_file() for town in towns for path in town.files().values())
