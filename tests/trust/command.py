"""Runs the command as a process, and holds it to what is promised of every failure."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

MOST_STDERR = 64_000
SHORT_S = 60
_SETCAP, _OVERRIDE, _SEARCH = 24, 1, 2


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def modest(err: str) -> str:
    """Return what was said on stderr, after a look at how: short, and never a traceback."""
    assert len(err.encode()) < MOST_STDERR
    assert "Traceback" not in err
    return err


def run(
    *words: object,
    code: str | None = None,
    prepare: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Ended:
    """Run the command, or Python ``code``, with ``words``; ``prepare`` is called in its process."""
    start = ["-m", "changedet"] if code is None else ["-c", code]
    done = subprocess.run(
        [sys.executable, *start, *map(str, words)], capture_output=True, timeout=600, check=False,
        stdin=subprocess.DEVNULL, preexec_fn=prepare, env={**os.environ, **(env or {})}, cwd=cwd,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout.decode(), modest(done.stderr.decode()))


def only_line(ended: Ended) -> str:
    """Return the one line of stderr."""
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("changedet: ")
    return lines[0]


def limit(**wishes: int) -> Callable[[], None]:
    """Return what sets limits of a process, by the names of ``resource``: ``AS=1_500_000_000``."""

    def prepare() -> None:
        for name, value in wishes.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    return prepare


def drop_privileges() -> None:
    """Let the modes of files hold for root, too, in the program that is started next."""
    library = ctypes.CDLL(None)
    for number in (_OVERRIDE, _SEARCH):
        library.prctl(_SETCAP, number, 0, 0, 0)


@contextmanager
def full_disk(size: int = 0) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: what is written then is lost."""
    fill = fill_disk(size)
    try:
        yield
    finally:
        fill()


def fill_disk(size: int = 0) -> Callable[[], None]:
    """Begin what :func:`full_disk` does; return what ends it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    def end() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    return end


def seen(folder: Path) -> dict[str, object]:
    """Return what lies in a folder: contents of files, targets of links."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def names_of(paths: Sequence[Path], folder: Path) -> list[str]:
    """Return paths as they stand below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in paths)
