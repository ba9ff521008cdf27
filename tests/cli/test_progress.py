"""How far the work is: on a terminal, in a log, and how much is left."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from changedet.cli.progress import WEIGHTS, Course, roughly, show_progress, stages_of_run
from changedet.core.options import RunOptions

WORK = """
import sys, time
from pathlib import Path
from changedet.cli import console
from changedet.cli.progress import stages_of_run
from changedet.core.options import RunOptions
fails = sys.argv[1:] == ["fail"]
plan = stages_of_run(RunOptions())
try:
    with console.show_progress(plan) as take:
        for stage in plan[1:]:
            for block in range(2000):
                take(stage, block / 1999)
            time.sleep(0.12)
            if fails and stage == "fit":
                raise ValueError
except ValueError:
    console.error("town.tif: torn")
console.print_path(Path("/out/report.html"))
"""
SIGNS = re.compile(r"\x1b\[([0-9;?]*)([a-zA-Z])|\x1b\]8;[^\x1b]*\x1b\\|\r|\n|[^\x1b\r\n]")


def in_terminal(columns: int, *words: str, **environment: str) -> str:
    """Run the work above in a terminal and return all that it wrote there."""
    import fcntl
    import pty
    import termios

    main, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    with subprocess.Popen(
        [sys.executable, "-c", WORK, *words], stdin=end, stdout=end, stderr=end,
        env={**kept, "TERM": "xterm-256color", **environment},
    ) as process:  # fmt: skip
        os.close(end)
        written = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # so a terminal says that the other end is closed
                break
            if not part:
                break
            written += part
    os.close(main)
    assert process.returncode == 0, written
    return written.decode()


def screen(text: str, columns: int) -> list[str]:
    """Return what stands on a terminal in the end: moves up, wiped lines, long lines broken."""
    rows: list[list[str]] = [[]]
    row = col = 0
    for found in SIGNS.finditer(text):
        sign = found[0]
        if sign == "\r":
            col = 0
        elif sign == "\n" or (sign[0] != "\x1b" and col >= columns):
            row, col = row + 1, (0 if sign != "\n" else col)
            rows += [[] for _ in range(row + 1 - len(rows))]
        elif found[2] == "A":
            row = max(0, row - int(found[1] or 1))
        elif found[2] == "K":
            rows[row] = []
        if sign[0] not in "\r\n\x1b":
            rows[row] += [" "] * (col + 1 - len(rows[row]))
            rows[row][col] = sign
            col += 1
    return ["".join(line).rstrip() for line in rows if line]


terminal = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")


@terminal
@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_ticks_the_stages_and_ends_with_a_link(columns: int) -> None:
    text = in_terminal(columns)
    *lines, whole, page = screen(text, columns)
    assert [line.split()[:2] for line in lines] == [["✓", s] for s in stages_of_run(RunOptions())]
    assert max(map(len, lines)) <= columns
    assert re.fullmatch(r"\d\.\d s in all", whole)
    assert page == "/out/report.html"
    assert ";file:///out/report.html\x1b\\" in text
    assert len(text) < 20_000  # 18,000 words of the blocks, none of them a line


@terminal
def test_no_colour_where_none_is_wanted() -> None:
    text = in_terminal(40, NO_COLOR="1")
    assert "✓ register" in text
    assert not re.search(r"\x1b\[[0-9;]*3\dm", text)


@terminal
def test_a_terminal_that_cannot_move_gets_lines() -> None:
    lines = in_terminal(40, TERM="dumb").splitlines()
    assert all(re.fullmatch(r"changedet: [\w ]+, \d+\.\d s", line) for line in lines[:-1])
    assert lines[-1] == "/out/report.html"
    assert not any("\x1b" in line for line in lines)


@terminal
def test_an_error_stands_below_what_was_done() -> None:
    *done, error, _ = screen(in_terminal(80, "fail"), 80)
    assert [line.split()[1] for line in done] == ["open", "register"]
    assert error == "changedet: town.tif: torn"


def test_a_log_gets_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(("open", "register", "fit"), quiet=False) as take:
        assert take is not None
        for stage in ("register", "fit"):
            for block in range(5000):
                take(stage, block / 5000)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "changedet: open", "changedet: register", "changedet: fit",
    ]  # fmt: skip


def test_a_log_stays_short_whatever_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress((), quiet=False) as take:
        assert take is not None
        for number in range(10_000):
            take(f"stage {number}", 0.5)
    assert len(capsys.readouterr().err) < 4000


def test_a_failed_stage_gets_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with show_progress(("open", "fit"), quiet=False) as take:
            assert take is not None
            take("fit", 0.2)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert capsys.readouterr().err.split(",")[0] == "changedet: open"


def test_nothing_is_said_where_nothing_is_told_or_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_progress(("open", "fit"), quiet=False):
        pass
    with show_progress(("open", "fit"), quiet=True) as take:
        assert take is None
    assert capsys.readouterr().err == ""


def test_what_is_left_follows_from_the_speed_so_far() -> None:
    now = 0.0
    course = Course(stages_of_run(RunOptions()), clock=lambda: now)
    course.enter("register", 0.0)
    now = 5.0
    assert course.left() is None  # no long stage is done: nobody knows
    slow = 3.0
    now = slow * (WEIGHTS["open"] + WEIGHTS["register"])
    course.enter("fit", 0.0)
    rest = sum(WEIGHTS[s] for s in stages_of_run(RunOptions())[2:])
    assert course.left() == pytest.approx(slow * rest, rel=1e-6)
    now += slow * WEIGHTS["fit"] / 2
    assert course.left() == pytest.approx(slow * (rest - WEIGHTS["fit"] / 2), rel=1e-6)
    now += 1000.0  # far longer than thought: nearly done, and never less than nothing
    assert 0 < (course.left() or 0) < slow * rest
    course.enter("fit", 0.99)
    assert course.guessed(0.0) == 0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "a few seconds"), (89, "about 90 s"), (3590, "about 1 h 00 min")]
)
def test_a_time_is_said_roughly(seconds: float, said: str) -> None:
    assert roughly(seconds) == said


def test_the_plan_holds_what_was_asked_for() -> None:
    plan = stages_of_run(RunOptions(footprints=Path("f.gpkg"), export=("gis",)))
    assert plan[2] == "outlines"
    assert plan[-1] == "export"
    assert set(plan) <= set(WEIGHTS)


def test_a_long_line_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    from changedet.cli import console

    say: Callable[[str], None] = console.error
    say("x" * 100_000)
    assert len(capsys.readouterr().err) < 5000
