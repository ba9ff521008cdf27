"""Hostile manifests: bounded before they are parsed, nothing outside OUT, few words on stderr."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from changedet.core.errors import UsageError
from changedet.io.manifest import MAX_CSV_BYTES, MAX_TOML_BYTES, read_manifest
from tests.trust.command import limit, modest, only_line, run, seen

HEAD = "[[town]]\nname='a'\nbefore='b'\nafter='c'\n"
BOMBS = {
    "nested.toml": HEAD + "x = " + "[" * 100_000 + "]" * 100_000,
    "lines.toml": HEAD + "x = " + "[\n" * 100_000 + "]\n" * 100_000,
    "tables.toml": HEAD + "x = " + "{a=" * 1300 + "1" + "}" * 1300,
    "dotted.toml": "a." * 200_000 + "b = 1",
    "digits.toml": HEAD + "gsd = " + "9" * 4_000_000,
    "digits_by_line.toml": HEAD + "gsd = " + "9" * 4000,
    "comments.toml": "#" * 10 + "\n" * MAX_TOML_BYTES,
    "field.csv": "name,before,after\na,b," + "x" * 5_000_000,
    "quote.csv": 'name,before,after\na,b,"' + "x\n" * 2_500_000,
    "commas.csv": "name,before,after\n" + "," * 5_000_000,
    "header.csv": ",".join(["name", "before", "after", *(f"c{n}" for n in range(300_000))]),
    "large.csv": "x" * (MAX_CSV_BYTES + 1),
}
EACH = """
import sys, time
from changedet.cli import main
for path in sys.argv[1:]:
    began = time.monotonic()
    print(main(["batch", path, "--dry-run"]), time.monotonic() - began < 30)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_bombs_are_told_soon_and_with_little_memory(tmp_path: Path) -> None:
    for name, text in BOMBS.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in BOMBS]
    done = run(*paths, code=EACH, prepare=limit(AS=1_500_000_000))
    assert done.out.splitlines() == ["2 True"] * len(BOMBS), done.err
    lines = done.err.splitlines()
    assert len(lines) == len(BOMBS)
    for path, line in zip(paths, lines, strict=True):
        assert line.startswith(f"changedet: {path}: ")
        assert len(line) < 700


@pytest.mark.parametrize("name", ["comments.toml", "dotted.toml", "nested.toml", "large.csv"])
def test_what_is_too_large_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def parse(_: Any, *__: Any, **___: Any) -> None:
        pytest.fail("it was parsed")

    monkeypatch.setattr(tomllib, "loads", parse)
    monkeypatch.setattr("changedet.io.manifest.csv.reader", parse)
    (tmp_path / name).write_text(BOMBS[name])
    with pytest.raises(UsageError, match=r"larger than|longer than"):
        read_manifest(tmp_path / name)


def test_names_lead_nowhere_but_into_folders_of_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from changedet.cli import main

    base = tmp_path / "base"
    base.mkdir()
    for name in ("b.tif", "a.tif"):
        (base / name).write_text("no image")
    names = ["../../evil", str(tmp_path / "evil"), "..", ".", "CON", "nul.txt", "index.json",
             "index.html", ".batch", "~", "a\\b", "x" * 300, "東" * 300, "a:b", "-o"]  # fmt: skip
    towns = "".join(
        f"[[town]]\nname = {json.dumps(name)}\nbefore = 'b.tif'\nafter = 'a.tif'\n"
        for name in names
    )
    (base / "towns.toml").write_text(towns, encoding="utf-8")
    before = seen(tmp_path)
    out = base / "out"
    assert main(["batch", str(base / "towns.toml"), "-o", str(out), "-q"]) == 6
    modest(capsys.readouterr().err)
    made = {name for name in seen(tmp_path) if name not in before}
    assert all(name.startswith("base/out/") for name in made)
    index = json.loads((out / "index.json").read_text("utf-8"))
    folders = [town["folder"] for town in index["towns"]]
    assert [town["name"] for town in index["towns"]] == names
    assert len({folder.casefold() for folder in folders}) == len(names)
    assert all((out / folder).resolve().parent == out.resolve() for folder in folders)


@pytest.mark.parametrize("name", ["a\\u0000b", "a\\nb", "a\\u001b[31m", "a\\u202eb"])
def test_a_name_with_control_characters_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    sheet = tmp_path / "towns.toml"
    sheet.write_text(f'[[town]]\nname = "{name}"\nbefore = "b"\nafter = "a"\n')
    done = run("batch", sheet, "-o", tmp_path / "out") if name == "a\\u0000b" else None
    if done is not None:
        assert done.code == 2
        assert "has a control character (U+0000): take it out" in only_line(done)
        assert [path.name for path in tmp_path.iterdir()] == ["towns.toml"]
        return
    from changedet.core.manifest import check_sheet

    with pytest.raises(UsageError, match="control character"):
        check_sheet(read_manifest(sheet))


def test_many_towns_with_long_names_say_little(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from changedet.cli import main

    rows = [f"{'東' * 480}{n},{'京' * 1300}{n}.tif,a.tif" for n in range(120)]
    sheet = tmp_path / "towns.csv"
    sheet.write_text("\n".join(["name,before,after", *rows]), encoding="utf-8")
    assert main(["batch", str(sheet), "-o", str(tmp_path / "out")]) == 6
    err = modest(capsys.readouterr().err)
    assert len(err.splitlines()) == 21
    assert "and 100 more failed or were refused" in err
