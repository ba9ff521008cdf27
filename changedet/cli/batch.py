"""``changedet batch``: many towns -> one folder a town, and an index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from changedet.cli import console
from changedet.cli import options as opt

if TYPE_CHECKING:
    from changedet.api.town import TownOutcome

STOPPED = "interrupted; finished towns stay, and the same command goes on"
_BAD = 20  # most towns whose trouble is told in a line of its own
_LINES = 200  # most lines of other towns

Towns = Annotated[
    Path, typer.Argument(metavar="TOWNS", help="Manifest: TOML or CSV.", readable=False)
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Compare complete towns again, and use a folder that holds other things.",
        rich_help_panel=opt.COMMON,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Check the manifest; list the towns.", rich_help_panel=opt.COMMON
    ),
]


def batch(
    context: typer.Context,
    towns: Towns,
    output: opt.Output = None,
    overwrite: Overwrite = False,
    no_align_footprints: opt.NoAlignFootprints = False,
    aoi: opt.Aoi = None,
    gsd: opt.Gsd = None,
    bands: opt.Bands = None,
    before_date: opt.BeforeDate = None,
    after_date: opt.AfterDate = None,
    credit: opt.Credit = None,
    export: opt.Export = None,
    lang: opt.Lang = None,
    force: opt.Force = False,
    jobs: opt.TownJobs = None,
    scheduler: opt.Scheduler = None,
    block_size: opt.BlockSize = None,
    allow_driver: opt.AllowDriver = None,
    allow_host: opt.AllowHost = None,
    config: opt.Config = None,
    dry_run: DryRun = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Compare many towns: one result folder each, and an index of them all.

    The same command again skips what is complete. Options of a town win over flags, flags over the
    manifest's [defaults], these over --config and CHANGEDET_* variables.
    """
    from changedet import api

    opt.begin(context)
    base, over = opt.read_around(context.params)
    sheet = api.read_batch(towns, base=base, over=over)
    if dry_run:
        return _show_plan(api.plan_batch(sheet, output), as_json=json)
    folder = opt.require_output(output, context)
    console.set_stopped(STOPPED)
    telling = _Telling()
    files = [path for town in sheet.towns for path in town.files().values()]
    with opt.open_cluster(sheet.scheduler, files=files, output=folder) as executor:
        result = api.run_batch(
            sheet,
            folder,
            executor=executor,
            overwrite=overwrite,
            progress=telling.take,
            command=opt.state_command(context),
        )
    telling.finish(folder / "index.json")
    if json:
        console.write_json((folder / "index.json").read_text("utf-8"))
    else:
        _conclude(result, folder)
    return int(result.exit_code)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class _Telling:
    """What is said of towns on stderr while they end, never more than so many lines."""

    def __init__(self) -> None:
        self.bad = self.good = self.skipped = 0

    def take(self, town: TownOutcome, done: int, of: int) -> None:
        """Say what became of a town; of those that were complete, only how many."""
        if town.status in {"failed", "refused"}:
            self.bad += 1
            if self.bad <= _BAD:
                reason = _short(town.reason, 400)
                console.error(f"{done}/{of} {_short(town.name)}: {town.status}: {reason}")
            return
        if town.skipped:
            self.skipped += 1
            return
        self.good += 1
        if self.good <= _LINES:
            name = _short(town.name)
            console.note(f"{done}/{of} {name}: {town.status}, {town.seconds:.1f} s")

    def finish(self, index: Path) -> None:
        """Say what was passed over."""
        if self.bad > _BAD:
            console.error(f"and {self.bad - _BAD:,} more failed or were refused (see {index})")
        if self.skipped:
            console.note(f"{self.skipped:,} complete already, left as they are")


def _conclude(result: Any, folder: Path) -> None:
    """Print how many ended how, and where the index is."""
    if console.is_quiet():
        return
    states = [town.status for town in result.towns]
    counts = [(states.count(state), state) for state in ("ok", "degraded", "refused", "failed")]
    told = ", ".join(f"{count:,} {state}" for count, state in counts if count)
    towns = "1 town" if len(states) == 1 else f"{len(states):,} towns"
    sys.stdout.write(f"{towns}: {told}\n")
    page = folder / "index.html"
    console.print_path(page if page.exists() else folder / "index.json")


def _show_plan(steps: Any, *, as_json: bool) -> int:
    """Print what would be done and return the exit code that missing files would lead to."""
    if as_json:
        names = ("name", "folder", "what", "reason")
        console.write_json(
            {"towns": [{name: getattr(step, name) for name in names} for step in steps]}
        )
    else:
        words = {"skip": "complete", "run": "to do", "fail": "fails"}
        for step in steps:
            named = step.folder if step.folder == step.name else f"{step.folder} ({step.name})"
            said = f": {step.reason}" if step.reason else ""
            sys.stdout.write(console.one_line(f"{named}: {words[step.what]}{said}") + "\n")
    return 6 if any(step.what == "fail" for step in steps) else 0
