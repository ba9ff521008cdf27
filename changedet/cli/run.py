"""``changedet run``: one pair -> result folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from changedet.cli import console
from changedet.cli import options as opt
from changedet.cli.info import show_plan
from changedet.cli.progress import stages_of_run

if TYPE_CHECKING:
    from changedet.core.options import RunOptions


def run(
    context: typer.Context,
    before: opt.Before,
    after: opt.After,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    footprints: opt.Footprints = None,
    no_align_footprints: opt.NoAlignFootprints = False,
    aoi: opt.Aoi = None,
    control: opt.Control = None,
    gsd: opt.Gsd = None,
    bands: opt.Bands = None,
    before_date: opt.BeforeDate = None,
    after_date: opt.AfterDate = None,
    tie_points: opt.TiePoints = None,
    title: opt.Title = None,
    credit: opt.Credit = None,
    export: opt.Export = None,
    lang: opt.Lang = None,
    force: opt.Force = False,
    jobs: opt.Jobs = None,
    scheduler: opt.Scheduler = None,
    block_size: opt.BlockSize = None,
    allow_driver: opt.AllowDriver = None,
    allow_host: opt.AllowHost = None,
    config: opt.Config = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Compare two images of one place and write a result folder with a report."""
    options = opt.begin(context)
    if dry_run:
        return show_plan(before, after, options, as_json=json)
    folder = opt.require_output(output, context)
    return run_pair(context, before, after, folder, options)


def run_pair(
    context: typer.Context, before: str | Path, after: str | Path, folder: Path, options: RunOptions
) -> int:
    """Run one pair, print its result and return the exit code."""
    from changedet import api

    files = (before, after, options.control_before, options.control_after)
    with (
        opt.open_executor(options, files=files, output=folder) as executor,
        console.show_progress(stages_of_run(options)) as progress,
    ):
        result = api.run(
            before,
            after,
            options=options,
            output=folder,
            overwrite=context.params["overwrite"],
            executor=executor,
            progress=progress,
            command=opt.state_command(context),
        )
    return console.conclude(result.record, folder, as_json=context.params["json"])
