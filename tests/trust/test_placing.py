"""The result folder: links are not followed, what is foreign stays, so does an older result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from changedet.core.errors import EnvironmentFault, UsageError
from changedet.io import output, placing
from changedet.io.output import check_output, extend, stage, sweep
from tests.trust.command import run, seen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
NAMES = ("figures/before.png", "maps/classes.tif", "result.json", "summary.csv")


def fill(folder: Path, text: str, names: tuple[str, ...] = NAMES) -> None:
    figures = [{"file": name} for name in names if name.startswith("figures/")]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "result.json").write_text(json.dumps({"text": text, "figures": figures}))


def make(out: Path, text: str, *, overwrite: bool = False) -> None:
    with stage(out, overwrite=overwrite) as staged:
        fill(staged, text)


def test_a_link_under_any_name_of_a_product_is_replaced(tmp_path: Path) -> None:
    names = (*output._PRODUCTS, *NAMES, "tiles/index.html", "tiles/before/0/0_0.webp")
    out, secret = tmp_path / "out", tmp_path / "secret"
    secret.write_text("secret")
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(secret)
    with stage(out, overwrite=True) as staged:
        fill(staged, "new", names)
    assert secret.read_text() == "secret"
    assert not any((out / name).is_symlink() for name in names)
    assert (out / "maps" / "aligned.tif").read_text() == "new"


@pytest.mark.parametrize("name", ["maps", "figures", "tiles", ".work"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    make(out, "old")
    fill(elsewhere, "mine", ("classes.tif", "before.png", "index.html", "lock", "new-1/x"))
    before = seen(elsewhere)
    if (out / name).exists():
        (out / name).rename(tmp_path / "moved")
    (out / name).symlink_to(elsewhere)
    make(out, "new", overwrite=True)
    with extend(out) as staged:
        fill(staged, "more", ("tiles/index.html",))
    sweep(out, whole=True)
    assert seen(elsewhere) == before
    assert (out / "maps" / "classes.tif").read_text() == "new"


def test_out_may_be_a_link_and_what_it_holds_is_left_alone(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    make(link, "one")
    assert link.is_symlink()
    assert sorted(seen(real)) == sorted(NAMES)
    (real / "maps" / "mine.tif").write_text("mine")
    (real / "notes").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="--overwrite"):
        make(link, "two")
    make(link, "two", overwrite=True)
    assert link.is_symlink()
    assert (real / "maps" / "mine.tif").read_text() == "mine"
    assert (real / "notes").readlink() == tmp_path / "nowhere"
    assert (real / "summary.csv").read_text() == "two"


Break = Callable[[int, BaseException], None]


@pytest.fixture
def break_at(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Raise an error in place of the n-th move of a file."""

    def at(number: int, error: BaseException) -> None:
        calls, move = iter(range(1000)), Path.replace

        def replace(self: Path, target: Path) -> Path:
            if next(calls) == number:
                raise error
            return move(self, target)

        monkeypatch.setattr(Path, "replace", replace)

    return at


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_while_files_are_moved_puts_the_older_ones_back(
    tmp_path: Path, break_at: Break, number: int, error: BaseException
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    make(out, "old")
    elsewhere.mkdir()
    (out / "pictures").symlink_to(elsewhere)
    (out / "mine.txt").write_text("mine")
    (out / "report.html").write_text("a product that the new result has not")
    before = seen(out)
    break_at(number, error)
    faults = (EnvironmentFault, KeyboardInterrupt)
    with pytest.raises(faults), stage(out, overwrite=True) as staged:
        fill(staged, "new", (*NAMES, "pictures/map.png"))
    assert seen(out) == before
    assert not (out / ".work").exists()
    assert not (out / "gis").exists()


def test_an_error_while_files_are_moved_leaves_nothing_where_nothing_was(
    tmp_path: Path, break_at: Break
) -> None:
    break_at(2, OSError(28, "No space left on device"))
    with pytest.raises(EnvironmentFault, match=r"disk is full; .* MB free there"):
        make(tmp_path / "out", "new")
    assert not (tmp_path / "out").exists()


def test_an_added_file_that_cannot_be_placed_leaves_the_result(
    tmp_path: Path, break_at: Break
) -> None:
    out = tmp_path / "out"
    make(out, "old")
    before = seen(out)
    break_at(3, OSError(28, "No space left on device"))
    with pytest.raises(EnvironmentFault), extend(out, last="index.json") as staged:
        fill(staged, "new", ("summary.csv", "index.html", "index.json"))
    assert seen(out) == before


KILLED = """
import os, sys
from pathlib import Path
from changedet.io.output import stage
from changedet.io import placing

out, overwrite, names = Path(sys.argv[1]), sys.argv[2] == "again", sys.argv[3:]
for number in range(99):
    child = os.fork()
    if not child:
        calls, move, end = iter(range(99)), Path.replace, placing._end

        def replace(self, target):
            if next(calls) == number:
                os._exit(9)
            return move(self, target)

        def finish(work):
            if next(calls) == number:
                os._exit(8)
            end(work)

        Path.replace, placing._end = replace, finish
        place = out.with_name(f"{out.name}{number}")
        with stage(place, overwrite=overwrite) as staged:
            for name in names:
                (staged / name).parent.mkdir(exist_ok=True)
                (staged / name).write_text("new")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code)
    if not code:
        break
"""


@pytest.mark.parametrize("older", [False, True])
def test_a_run_killed_while_it_moved_its_files_can_be_started_again(
    tmp_path: Path, older: bool
) -> None:
    for number in range(12):
        if older:
            make(tmp_path / f"out{number}", "old")
    words = ("again" if older else "first", *NAMES)
    done = run(tmp_path / "out", *words, code=KILLED)
    ends = done.out.split()
    moves = len(NAMES) * (2 if older else 1)
    assert (done.code, ends) == (0, ["9"] * moves + ["8", "0"]), done.err
    for number in range(moves):
        out = tmp_path / f"out{number}"
        assert placing.is_unfinished(out / ".work")
        check_output(out, overwrite=older)
        # what was there before is there again, the new files are gone
        texts = {name: path.read_text() for name in NAMES if (path := out / name).exists()}
        assert "new" not in texts.values()
        assert sorted(texts) == (sorted(NAMES) if older else [])
        make(out, "third", overwrite=older)
        assert sorted(seen(out)) == sorted(NAMES)
        assert not (out / ".work").exists()
    # killed behind the last move: this result is whole, and stays
    out = tmp_path / f"out{moves}"
    sweep(out)
    assert [(out / name).read_text() for name in NAMES] == ["new"] * len(NAMES)
    assert not (out / ".work").exists()


def test_a_journal_leads_nowhere_else(tmp_path: Path) -> None:
    out, secret = tmp_path / "out", tmp_path / "secret"
    secret.write_text("secret")
    make(out, "old")
    for text in ('["../secret", "x"]', f'["{secret}", "x"]', "[", '{"a": 1}', "7"):
        (out / ".work").mkdir(exist_ok=True)
        (out / ".work" / "placing").write_text(text)
        sweep(out)
        assert secret.read_text() == "secret"
        assert (out / "summary.csv").read_text() == "old"
        assert not (out / ".work").exists()
