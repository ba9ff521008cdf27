"""The result folder is whole or not there; what is not ours is never touched."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from changedet.core.errors import EnvironmentFault, InputError, UsageError
from changedet.io.output import check_output, extend, stage


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fill(staged: Path, text: str = "new", *extra: str) -> None:
    for name in ("maps/classes.tif", "summary.csv", *extra):
        (staged / name).parent.mkdir(exist_ok=True)
        (staged / name).write_text(text)
    figures = [{"file": name} for name in extra if name.startswith("figures/")]
    (staged / "result.json").write_text(json.dumps({"text": text, "figures": figures}))


def fail(out: Path, error: BaseException, *, overwrite: bool = False) -> None:
    with stage(out, overwrite=overwrite) as staged:
        fill(staged)
        raise error


def test_everything_arrives(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    with stage(out) as staged:
        assert staged.is_relative_to(out)
        fill(staged)
        assert not (out / "result.json").exists()
    assert names(out) == ["maps/classes.tif", "result.json", "summary.csv"]
    assert not (out / ".work").exists()


@pytest.mark.parametrize("error", [InputError("x"), KeyboardInterrupt(), ZeroDivisionError()])
def test_error_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    out = tmp_path / "out"
    with pytest.raises(type(error)):
        fail(out, error)
    assert not out.exists()


def test_existing_result_needs_overwrite_and_survives_a_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with stage(out) as staged:
        fill(staged, "old", "figures/before.png")
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="--overwrite"), stage(out):
        pass
    with pytest.raises(UsageError, match="--overwrite"):
        check_output(out)
    with pytest.raises(InputError, match="x"):
        fail(out, InputError("x"), overwrite=True)
    assert json.loads((out / "result.json").read_text())["text"] == "old"
    with stage(out, overwrite=True) as staged:
        (staged / "result.json").write_text("{}")
    # a refusal has no maps: none of the older run may stay beside it
    assert names(out) == ["mine.txt", "result.json"]


def test_folder_with_foreign_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"), stage(tmp_path):
        pass
    with stage(tmp_path, overwrite=True) as staged:
        fill(staged)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_empty_folder_and_what_a_killed_run_left_are_no_result(tmp_path: Path) -> None:
    left = tmp_path / ".work" / "new-1234"
    left.mkdir(parents=True)
    (left / "half.tif").write_text("x")
    (tmp_path / ".work" / "lock").write_text("")
    with stage(tmp_path) as staged:
        fill(staged)
    assert names(tmp_path) == ["maps/classes.tif", "result.json", "summary.csv"]


def test_out_is_a_file_or_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, fact in (
        ("file", "is a file"),
        ("link", "broken link"),
        ("file/out", "inside a file"),
    ):
        with pytest.raises(UsageError, match=fact), stage(tmp_path / name):
            pass
    assert (tmp_path / "file").read_text() == "x"


def test_links_in_the_place_of_products_are_replaced_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_text("secret")
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.csv").symlink_to(elsewhere / "secret")
    (out / "maps").symlink_to(elsewhere)
    (out / "result.json").symlink_to(elsewhere / "secret")
    with stage(out, overwrite=True) as staged:
        fill(staged)
    assert (elsewhere / "secret").read_text() == "secret"
    assert names(elsewhere) == ["secret"]
    assert (out / "summary.csv").read_text() == "new"
    assert not (out / "maps").is_symlink()


def test_old_tiles_go_and_what_is_not_a_tile_stays(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    ours = (
        "tiles/index.html",
        "tiles/data.js",
        "tiles/before/0/0_0.webp",
        "tiles/pixel/5/12_7.png",
    )
    foreign = ("tiles/before/0/mine.webp", "tiles/before/0/0_0.webp.bak", "tiles/other/0/0_0.webp",
               "tiles/notes.txt", "tiles/before/0_0.webp", "maps/0/0_0.webp")  # fmt: skip
    with stage(out) as staged:
        fill(staged)
        for name in ours:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_text("tile")
    for name in foreign:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    (elsewhere / "3").mkdir(parents=True)
    (elsewhere / "3" / "0_0.webp").write_text("linked")
    (out / "tiles" / "after").symlink_to(elsewhere)
    with stage(out, overwrite=True) as staged:
        (staged / "result.json").write_text("{}")
    assert names(out) == sorted([*foreign, "result.json"])
    assert not (out / "tiles" / "pixel").exists()
    assert (elsewhere / "3" / "0_0.webp").read_text() == "linked"


def test_new_tiles_replace_all_old_ones_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with stage(out) as staged:
        fill(staged)
        (staged / "tiles" / "before" / "1").mkdir(parents=True)
        (staged / "tiles" / "before" / "1" / "1_0.webp").write_text("old")
    with extend(out) as staged:
        (staged / "report.html").write_text("new")
    assert "tiles/before/1/1_0.webp" in names(out)
    with extend(out) as staged:
        (staged / "tiles" / "before" / "0").mkdir(parents=True)
        (staged / "tiles" / "before" / "0" / "0_0.webp").write_text("new")
    assert names(out) == [
        "maps/classes.tif", "report.html", "result.json", "summary.csv", "tiles/before/0/0_0.webp"
    ]  # fmt: skip
    assert not (out / "tiles" / "before" / "1").exists()


def test_folder_in_the_place_of_a_product(tmp_path: Path) -> None:
    (tmp_path / "summary.csv").mkdir()
    with pytest.raises(UsageError, match="in the way"), stage(tmp_path, overwrite=True) as staged:
        fill(staged)
    assert not (tmp_path / "result.json").exists()


def test_second_run_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with stage(out) as staged:
        fill(staged)
        with pytest.raises(EnvironmentFault, match="another run"), stage(out):
            pass
    assert names(out) == ["maps/classes.tif", "result.json", "summary.csv"]


@pytest.mark.parametrize(
    ("number", "fact"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission")],
)
def test_faults_of_the_disk(tmp_path: Path, number: int, fact: str) -> None:
    with pytest.raises(EnvironmentFault, match=fact), stage(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert not (tmp_path / "out").exists()
