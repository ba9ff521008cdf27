"""What the command line says: one-line errors, progress, and the summary of a result."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from changedet.cli import progress

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from changedet.result import Note, Record

Progress = Callable[[str, float], None]
_LONGEST = 4000  # characters of a line on stderr
_NOTES = 12  # most warnings that are printed; result.json has them all


STOPPED = "interrupted; nothing was left under the result's name"


class _Level:
    """How much is said: -1 errors alone, 0 normal, 1 library warnings, 2 tracebacks."""

    value = 0
    stopped = STOPPED
    """What is said after a signal."""


def set_up_streams() -> None:
    """Make the standard streams write any file name, whatever the locale says."""
    _Level.value, _Level.stopped = 0, STOPPED
    if sys.stdout is None or sys.stderr is None:
        # Closed by the caller (``>&-``): without this the next file that is opened would take
        # the place of a standard stream, and what a library prints would end up in it.
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def set_level(*, quiet: bool, verbose: int) -> None:
    """Decide how much is said; libraries are silent unless asked for with ``-v``."""
    _Level.value = -1 if quiet else verbose
    if _Level.value < 1:
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())
    else:
        level = logging.INFO if _Level.value == 1 else logging.DEBUG
        logging.basicConfig(stream=sys.stderr, level=level, format="%(name)s: %(message)s")


def set_stopped(text: str) -> None:
    """Choose what is said after a signal."""
    _Level.stopped = text


def stopped() -> None:
    """Say that a signal ended the work."""
    error(_Level.stopped)


def wants_library_words() -> bool:
    """Tell whether ``-v`` was given: what libraries log and warn of is shown then."""
    return _Level.value >= 1


def wants_traceback() -> bool:
    """Tell whether ``-vv`` was given."""
    return _Level.value >= 2


def one_line(text: str) -> str:
    """Return ``text`` on one line, without control characters that a terminal would obey."""
    spaced = " ".join(text.split())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in spaced)


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def error(message: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"changedet: {_shortened(one_line(message))}\n")
    sys.stderr.flush()


def note(message: str) -> None:
    """Print one line on stderr, unless only errors are wanted."""
    if not is_quiet():
        error(message)


def is_quiet() -> bool:
    """Tell whether ``-q`` was given."""
    return _Level.value < 0


def warn(message: str) -> None:
    """Print one line on stderr that is no error, unless ``-q`` was given."""
    if _Level.value >= 0:
        sys.stderr.write(f"warning: {_shortened(one_line(message))}\n")


def write_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    text = document if isinstance(document, str) else json.dumps(document, indent=2, default=str)
    sys.stdout.write(text.rstrip("\n") + "\n")


def open_console(*, stderr: bool) -> Console:
    """Return a rich console; it honours ``NO_COLOR`` and stays plain off a terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=True)


def show_progress(plan: Sequence[str]) -> AbstractContextManager[Progress | None]:
    """Return a context whose value takes how far the work is, and shows it on stderr.

    Parameters
    ----------
    plan : sequence of str
        Stages to come.
    """
    # What libraries say (-v) would run into bars.
    return progress.show_progress(plan, quiet=_Level.value < 0, plain=_Level.value > 0)


def print_notes(notes: tuple[Note, ...], *, label: str) -> None:
    """Print warnings or reasons on stderr, one line each."""
    if _Level.value >= 0:
        for note in notes[:_NOTES]:
            sys.stderr.write(f"{label}: {_shortened(one_line(note.message))}\n")


def print_record(record: Record, folder: Path, *, as_json: bool) -> None:
    """Print the result: the record as JSON, or its headline, how to go on and where to look."""
    print_notes(record.warnings, label="warning")
    if as_json:
        write_json(record.to_json())
        return
    if _Level.value < 0:
        return
    from changedet import api

    lang = str(record.provenance.options.get("lang") or "en")
    command = shlex.join(["changedet", "report", str(folder)])
    for sentence in api.say_result(record, lang):
        print_wrapped(sentence)
    following = api.say_next(record, command, lang)
    if following is not None:
        print_wrapped(following)
    page = folder / "report.html"
    print_path(page if page.exists() else folder)


def print_wrapped(text: str) -> None:
    """Print a text on stdout, on a terminal broken between words."""
    console = open_console(stderr=False)
    console.print(one_line(text), markup=False, soft_wrap=not console.is_terminal)


def print_path(path: Path) -> None:
    """Print a path on stdout, alone on its line; a link that opens it where the terminal can."""
    from rich.text import Text

    console = open_console(stderr=False)
    shown = Text(one_line(str(path)), style="bold")
    if console.is_terminal:
        shown.stylize(f"link {path.absolute().as_uri()}")
    console.print(shown)


def print_tree(values: dict[str, Any], *, depth: int = 0) -> None:
    """Print a nested dictionary on stdout, one value a line."""
    for name, value in values.items():
        label = "  " * depth + name.replace("_", " ")
        if isinstance(value, dict):
            sys.stdout.write(f"{label}\n")
            print_tree(value, depth=depth + 1)
            continue
        words = (", ".join(map(str, value)) or "none") if isinstance(value, list | tuple) else value
        shown = "n/a" if words is None else f"{words:.6g}" if isinstance(words, float) else words
        sys.stdout.write(f"{label:<28}{one_line(str(shown))}\n")


def conclude(record: Record, folder: Path, *, as_json: bool) -> int:
    """Print a finished or refused record and return the exit code."""
    if record.status != "refused":
        print_record(record, folder, as_json=as_json)
        return 0
    if as_json:
        write_json(record.to_json())
    reasons = "; ".join(note.message for note in record.refusals) or "not comparable"
    error(f"refused: {reasons} (see {folder / 'result.json'})")
    return 4
