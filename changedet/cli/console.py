"""What the command line says: one-line errors, progress, and the summary of a result."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from changedet.result import Buildings, Note, Record

Progress = Callable[[str, float], None]
Shares = tuple[float | None, float | None, float | None]


class _Level:
    """How much is said: -1 errors alone, 0 normal, 1 library warnings, 2 tracebacks."""

    value = 0


def set_up_streams() -> None:
    """Make the standard streams write any file name, whatever the locale says."""
    _Level.value = 0
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


def wants_traceback() -> bool:
    """Tell whether ``-vv`` was given."""
    return _Level.value >= 2


def one_line(text: str) -> str:
    """Return ``text`` on one line, without control characters that a terminal would obey."""
    spaced = " ".join(text.split())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in spaced)


def error(message: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"changedet: {one_line(message)}\n")
    sys.stderr.flush()


def write_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    text = document if isinstance(document, str) else json.dumps(document, indent=2, default=str)
    sys.stdout.write(text.rstrip("\n") + "\n")


def open_console(*, stderr: bool) -> Console:
    """Return a rich console; it honours ``NO_COLOR`` and stays plain off a terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


@contextmanager
def show_progress() -> Iterator[Progress | None]:
    """Yield a progress callback that draws a bar on stderr, or None where nobody watches."""
    if _Level.value < 0 or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=open_console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda stage, fraction: bars.update(task, description=stage, completed=fraction)


def print_notes(notes: tuple[Note, ...], *, label: str) -> None:
    """Print warnings or reasons on stderr, one line each."""
    if _Level.value >= 0:
        for note in notes:
            sys.stderr.write(f"{label}: {one_line(note.message)}\n")


def print_record(record: Record, folder: Path, *, as_json: bool) -> None:
    """Print the result: the record as JSON, or the headline figures and where to look."""
    print_notes(record.warnings, label="warning")
    if as_json:
        write_json(record.to_json())
        return
    if _Level.value < 0:
        return
    console = open_console(stderr=False)
    for name, value in _headline(record):
        console.print(f"{name:<20}", end="")
        console.print(value, markup=False)
    page = folder / "report.html"
    console.print(str(page if page.exists() else folder), style="bold", markup=False)


def _headline(record: Record) -> Iterator[tuple[str, str]]:
    """Yield name and value of the figures a reader asks for first."""
    yield "status", record.status
    if record.registration is not None:
        yield "registration", _registration(record)
    built, vegetation = record.built, record.vegetation
    if built is not None:
        share: Shares = (built.destroyed_share, built.low_share, built.high_share)
        area = (built.destroyed_ha, built.low_ha, built.high_ha, built.before_ha)
        yield "built destroyed", _loss(share, area, built.interval_kind)
    if vegetation is not None:
        share = (vegetation.lost_share, vegetation.low_share, vegetation.high_share)
        area = (vegetation.lost_ha, vegetation.low_ha, vegetation.high_ha, vegetation.before_ha)
        yield "vegetation lost", _loss(share, area, vegetation.interval_kind)
    if record.buildings is not None and record.buildings.total is not None:
        yield "buildings", _buildings(record.buildings)
    if record.grid is not None and record.grid.analysed_share is not None:
        yield "analysed", f"{record.grid.analysed_share:.1%} of the grid"


def _buildings(counts: Buildings) -> str:
    """Say how many outlines were graded, and how."""
    if counts.not_analysed == counts.total:
        return f"none of {counts.total} analysed"
    words = f"{counts.destroyed} of {counts.total} destroyed, {counts.damaged} damaged"
    return f"{words}, {counts.not_analysed} not analysed" if counts.not_analysed else words


def _registration(record: Record) -> str:
    found = record.registration
    if found is None or found.rmse_px is None:
        return "no residual known" if found is None else found.model
    metres = "" if found.rmse_m is None else f" ({found.rmse_m:.2f} m)"
    return f"{found.model}, RMSE {found.rmse_px:.2f} px{metres} by left-out tie points"


def _loss(
    share: Shares,
    area: tuple[float | None, float | None, float | None, float | None],
    kind: str,
) -> str:
    """Write one loss with its interval; hectares are n/a where no scale is known."""
    kind_words = "95 % confidence" if kind == "confidence_95" else "model interval"
    if None in share:
        return "n/a (not measured)"
    central, low, high = (f"{100 * value:.1f}" for value in share if value is not None)
    shares = f"{central} % ({low} to {high} %)"
    if any(value is None for value in area):
        return f"n/a ha, {shares}, {kind_words}"
    lost, least, most, before = area
    return f"{lost:.2f} ha ({least:.2f} to {most:.2f}) of {before:.2f} ha, {shares}, {kind_words}"


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
