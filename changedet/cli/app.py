"""The command ``changedet``: its sub-commands, its signals and its exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from changedet.cli import batch, console, demo, doctor, info, register, report, run, simulate
from changedet.core.environment import shield_process
from changedet.core.errors import ChangedetError, is_out_of_memory

GRACE_S = 10.0
"""Seconds after which a signal ends the process even where native code does not return."""

# Typer ships its own copy of click, whose exceptions have no public name.
_CLICK_ERROR = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

_EPILOG = (
    "Exit codes: 0 done, 1 a defect of ours, 2 usage, 3 input, 4 refused (not comparable), "
    "5 environment, 6 batch: some towns failed or were refused, "
    "130/143 interrupted. Options may also stand in a TOML file (--config) or in "
    "the environment (CHANGEDET_GSD=0.5); flags win."
)


class _Stopped(BaseException):
    """SIGINT or SIGTERM; no ``except Exception`` on the way up may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def _print_version(wanted: bool) -> None:
    if wanted:
        from changedet import __version__

        sys.stdout.write(f"changedet {__version__}\n")
        raise typer.Exit


def _describe(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Map what was destroyed between two images of one place, in hectares, and how sure that is."""


def _speak_utf8() -> None:
    """Begin again in Python's UTF-8 mode where file names would be put into another encoding.

    Names of towns and GDAL's paths are UTF-8 whatever the locale says; with ``LC_ALL=C`` and
    Python's own remedies switched off, folders for them could not be made.
    """
    if sys.platform == "win32" or sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8":
        return
    # Processes that this one starts follow the environment. The words go on byte by byte.
    environment = {**os.environ, "PYTHONUTF8": "1"}
    words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execve(sys.executable, words, environment)  # noqa: S606 - this very program


def build_app() -> typer.Typer:
    """Return the Typer application with all commands."""
    app = typer.Typer(
        name="changedet",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=_EPILOG)(_describe)
    app.command("run")(run.run)
    app.command("batch")(batch.batch)
    app.command("register")(register.register)
    app.command("report")(report.report)
    app.command("info")(info.info)
    app.command("simulate")(simulate.simulate)
    app.command("demo")(demo.demo)
    app.command("doctor")(doctor.doctor)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; ``sys.argv[1:]`` if None.

    Returns
    -------
    int
        0 done, 1 defect, 2 usage, 3 input, 4 refused, 5 environment,
        6 some towns failed, 130 SIGINT, 143 SIGTERM.
    """
    if arguments is None:
        _speak_utf8()
        # The process is ours alone. pyogrio would load geopandas or pandas where they are
        # installed: half of the time that a small pair takes to start, for nothing we call.
        for name in ("geopandas", "pandas"):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]
        # The systems that are solved are small: more threads than one only wait for each other,
        # in busy loops (a co-registration took three times the CPU), and may sum otherwise.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        shield_process()
    words = list(sys.argv[1:] if arguments is None else arguments)
    console.set_up_streams()
    if arguments is None and "-vv" not in words:
        _mute_libraries()
    try:
        with _obey_signals():
            # The words travel as the context's object: the record of a result quotes them.
            code = build_app()(args=words, prog_name="changedet", standalone_mode=False, obj=words)
            sys.stdout.flush()
    except _Stopped as stop:
        console.stopped()
        return stop.exit_code
    except (BrokenPipeError, SystemExit):
        # The reader went away (``| head``; Typer turns that into SystemExit): say nothing, and
        # let the flush at exit go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 5
    except BaseException as fault:  # noqa: BLE001 - the one place where a defect becomes one line
        return _explain(fault)
    return int(code or 0)


def _mute_libraries() -> None:
    """Keep the standard error for our own words.

    Libraries in C write to its descriptor behind Python's back, as libtiff does on a full disk:
    a line for every write that fails.
    """
    with contextlib.suppress(OSError):  # closed by whoever started us
        own = os.dup(2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = open(own, "w", 1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, PTH123


def _explain(fault: BaseException) -> int:
    """Print one line for an error and return its exit code; other exits pass through."""
    if console.wants_traceback():
        traceback.print_exception(fault)
    if isinstance(fault, ChangedetError):
        console.error(str(fault))
        return fault.exit_code
    if isinstance(fault, _CLICK_ERROR):
        return _explain_usage(fault)
    if is_out_of_memory(fault):
        console.error("out of memory: use a smaller --block-size or --jobs 1")
        return 5
    if isinstance(fault, OSError):
        console.error(str(fault) or type(fault).__name__)
        return 5
    if isinstance(fault, Exception):
        console.error(
            f"a defect of changedet, please report it: {type(fault).__name__}: {fault} "
            "(run again with -vv for the traceback)"
        )
        return 1
    raise fault


def _explain_usage(fault: BaseException) -> int:
    """Print one line for an error of click's and return its exit code."""
    message = getattr(fault, "format_message", lambda: str(fault))()
    context = getattr(fault, "ctx", None)
    if type(fault).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(message.rstrip() + "\n")
        return 2
    path = getattr(context, "command_path", None) or "changedet"
    console.error(f"{message} (see {path} --help)")
    return int(getattr(fault, "exit_code", 2))


@contextmanager
def _obey_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into an exception; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        for name in before:
            signal.signal(name, lambda again, _: os._exit(128 + again))
        timer = threading.Timer(GRACE_S, os._exit, [128 + number])
        timer.daemon = True
        timer.start()
        raise _Stopped(number)

    before = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
