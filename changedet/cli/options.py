"""The options that commands share, and how flags, environment and file become one value."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from changedet.cli import console
from changedet.core.errors import UsageError
from changedet.core.redaction import without_secrets

if TYPE_CHECKING:
    from changedet.core.options import RunOptions

PREFIX = "CHANGEDET_"
MAX_CONFIG_BYTES = 100_000
"""A larger file is no configuration; reading deep TOML takes more than linear time."""
PATHS = ("footprints", "aoi", "tie_points", "control_before", "control_after")
_LISTS = ("allow_driver", "allow_host")
COMMON = "Common options"

Before = Annotated[
    str,
    typer.Argument(metavar="BEFORE", help="Image of the earlier date: file or http(s) address."),
]
After = Annotated[str, typer.Argument(metavar="AFTER", help="Image of the later date.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="Result folder.",
        readable=False,  # what cannot be entered is the environment's fault, and told as such
        rich_help_panel=COMMON,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an existing result.", rich_help_panel=COMMON)
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with any of these options.",
        rich_help_panel=COMMON,
        readable=False,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document on stdout, everything else on stderr.",
        rich_help_panel=COMMON,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be done, as `changedet info` does.",
        rich_help_panel=COMMON,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Errors alone.", rich_help_panel=COMMON)]
Verbose = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        help="Say more; -vv shows tracebacks.",
        rich_help_panel=COMMON,
    ),
]
Jobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Blocks computed at the same time.",
        rich_help_panel=COMMON,
    ),
]
TownJobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Towns at the same time, each a process.",
        rich_help_panel=COMMON,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="Compute on the workers of this Dask scheduler.",
        rich_help_panel=COMMON,
    ),
]
Gsd = Annotated[
    str | None,
    typer.Option(
        "--gsd",
        metavar="METRES",
        help="Ground sample distance of BEFORE, for images without a georeference.",
    ),
]
Footprints = Annotated[
    str | None,
    typer.Option("--footprints", metavar="FILE", help="Building outlines of before the event."),
]
NoAlignFootprints = Annotated[
    bool,
    typer.Option(
        "--no-align-footprints",
        help="Judge footprints where they were given, also where roofs lie beside them.",
    ),
]
Aoi = Annotated[
    str | None,
    typer.Option("--aoi", metavar="FILE", help="Polygons outside of which nothing is analysed."),
]
TiePoints = Annotated[
    str | None,
    typer.Option(
        "--tie-points",
        metavar="FILE",
        help="Tie points to start from: QGIS .points, or CSV in pixels.",
    ),
]
Control = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--control",
        metavar="BEFORE AFTER",
        help="A pair where nothing happened, otherwise like this one: the null is measured on it.",
    ),
]
Title = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="Heading of the report.")
]
Credit = Annotated[
    str | None,
    typer.Option("--credit", metavar="TEXT", help="Credit line of the imagery, for the pictures."),
]
Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|uk", help="Language of the report.", rich_help_panel=COMMON),
]
Export = Annotated[
    str | None,
    typer.Option(
        "--export",
        metavar="pdf,pictures,gis,ems,tiles|all",
        help="Write these beside the result, too.",
    ),
]
BeforeDate = Annotated[
    str | None,
    typer.Option("--before-date", metavar="YYYY-MM-DD", help="Acquisition date of BEFORE."),
]
AfterDate = Annotated[
    str | None,
    typer.Option("--after-date", metavar="YYYY-MM-DD", help="Acquisition date of AFTER."),
]
Bands = Annotated[
    str | None,
    typer.Option("--bands", metavar="red=1,green=2,…", help="Band numbers by role."),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Go on where the pair was judged not comparable."),
]
AllowDriver = Annotated[
    list[str] | None,
    typer.Option("--allow-driver", metavar="NAME", help="A further GDAL driver; may be repeated."),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A host in a private network that addresses may name; may be repeated.",
    ),
]
BlockSize = Annotated[
    str | None,
    typer.Option("--block-size", metavar="PIXELS", help="Side of a block; does not alter results."),
]


def resolve_options(flags: Mapping[str, Any]) -> RunOptions:
    """Merge configuration file < environment < flags into one validated value.

    Parameters
    ----------
    flags : mapping
        Parameters of the command by name; None, False and empty mean "not given".

    Raises
    ------
    UsageError
        Names the flag, variable or key that is wrong.
    """
    from pydantic import ValidationError

    from changedet.core.options import RunOptions

    values, places = _lay(_read_layers(flags))
    try:
        return RunOptions.model_validate(values)
    except ValidationError as fault:
        raise UsageError(_first_fault(fault.errors()[0], places)) from None


_Layer = dict[str, tuple[Any, str]]


def _read_layers(flags: Mapping[str, Any]) -> tuple[_Layer, _Layer, _Layer]:
    """Return what configuration file, environment and flags say, each with its place."""
    from changedet.core.options import RunOptions

    config = flags.get("config") or os.environ.get(f"{PREFIX}CONFIG")
    return (
        read_config(Path(config)) if config else {},
        _from_environment(os.environ),
        _from_flags(flags, set(RunOptions.model_fields)),
    )


def _lay(layers: Iterable[_Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of layers, later ones over earlier ones, and where each stands."""
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for layer in layers:
        for name, (value, place) in layer.items():
            values[name] = _merge(values.get(name), value)
            places[name] = place
    return values, places


def read_around(flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what lies below the defaults of a manifest, and what lies above them.

    Below: configuration file and environment; above: flags. :func:`resolve_options` has found them
    right.
    """
    *below, above = _read_layers(flags)
    return _lay(below)[0], _lay([above])[0]


def _merge(old: Any, new: Any) -> Any:
    """Return ``new``, laid over ``old`` key by key where both are tables."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    return new


def read_config(path: Path) -> dict[str, tuple[Any, str]]:
    """Read a TOML file; relative paths in it are relative to the file."""
    try:
        data = path.read_bytes()[: MAX_CONFIG_BYTES + 1]
    except OSError as fault:
        raise UsageError(f"{path}: cannot read this configuration: {fault.strerror}") from None
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes: not a configuration")
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8: save the configuration as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise UsageError(f"{path}: not valid TOML: {fault}") from None
    found = {}
    for key, item in table.items():
        name, value = key.replace("-", "_"), item
        if isinstance(item, dict):
            value = {inner.replace("-", "_"): wish for inner, wish in item.items()}
        elif name in PATHS and isinstance(item, str):
            value = path.parent / item
        found[name] = (value, f"{path}: {key}")
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """Read ``CHANGEDET_GSD=0.5``; tables as ``CHANGEDET_DECIDE__MMU_BUILT_M2=20``."""
    found: dict[str, tuple[Any, str]] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable == f"{PREFIX}CONFIG" or not text:
            continue
        name, _, inner = variable.removeprefix(PREFIX).lower().partition("__")
        value: Any = [part for part in text.split(",") if part] if name in _LISTS else text
        if inner:
            value = {**(found[name][0] if name in found else {}), inner: value}
        found[name] = (value, variable)
    return found


def _from_flags(flags: Mapping[str, Any], known: set[str]) -> dict[str, tuple[Any, str]]:
    given = {k: v for k, v in flags.items() if k in known and v not in (None, False, [], ())}
    found = {name: (value, f"--{name.replace('_', '-')}") for name, value in given.items()}
    for name, value in zip(
        ("control_before", "control_after"), flags.get("control") or (), strict=False
    ):
        found[name] = (value, "--control")
    if flags.get("no_align_footprints"):
        found["decide"] = ({"align_footprints": False}, "--no-align-footprints")
    return found


def _first_fault(fault: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """Say one validation fault in one line, naming where the value came from."""
    first, *rest = (str(part) for part in fault["loc"])
    place = ".".join([places.get(first, first), *rest])
    if fault["type"] == "extra_forbidden":
        return f"{place}: no such option (see changedet run --help)"
    message = str(fault["msg"]).removeprefix("Value error, ")
    given = without_secrets(repr(fault["input"]))
    return f"{place}: {message[:1].lower()}{message[1:]}, not {given}"


def require_output(output: Path | None, context: typer.Context) -> Path:
    """Return the result folder, or say that ``-o`` is missing.

    Raises
    ------
    UsageError
        Where no folder was given.
    """
    if output is None:
        raise UsageError(f"{context.info_name}: no result folder: give -o FOLDER")
    return output


@contextmanager
def open_executor(
    options: RunOptions,
    *,
    files: Sequence[str | Path | None] = (),
    output: Path | None = None,
) -> Iterator[Executor | None]:
    """Yield a cluster for ``--scheduler``, threads for ``--jobs``, or None for one of them.

    What has not begun is dropped on error.

    Parameters
    ----------
    options : RunOptions
        ``scheduler`` and ``jobs`` are used.
    files : sequence of path-like or None
        Images that will be opened: the workers of a cluster must see them, too.
    output : Path, optional
        Result folder, likewise.
    """
    if options.scheduler is not None:
        with open_cluster(options.scheduler, files=files, output=output) as cluster:
            yield cluster
        return
    if options.jobs == 1:
        yield None
        return
    executor = ThreadPoolExecutor(max_workers=options.jobs)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def open_cluster(
    address: str | None,
    *,
    files: Sequence[str | Path | None] = (),
    output: Path | None = None,
) -> Iterator[Executor | None]:
    """Yield the workers of a Dask scheduler as an executor, or None without an address."""
    if address is None:
        yield None
        return
    from changedet.cli.scheduler import open_scheduler

    with open_scheduler(address, files=files, output=output) as cluster:
        yield cluster


@contextmanager
def open_processes(workers: int) -> Iterator[Executor | None]:
    """Yield processes for pure Python work, or None for one; what has not begun is dropped."""
    if workers == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor

    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def state_command(context: typer.Context) -> str:
    """Return the command line as typed but for secrets, for the record of a result."""
    return without_secrets(shlex.join(["changedet", *context.find_root().obj]))


def begin(context: typer.Context) -> RunOptions:
    """Set how much is said and resolve the options of a command."""
    values = context.params
    console.set_level(quiet=values.get("quiet", False), verbose=values.get("verbose", 0))
    return resolve_options(values)
