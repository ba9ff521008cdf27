"""``changedet register``: co-registration alone."""

from __future__ import annotations

import typer

from changedet.cli import console
from changedet.cli import options as opt
from changedet.cli.info import show_plan


def register(
    context: typer.Context,
    before: opt.Before,
    after: opt.After,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    gsd: opt.Gsd = None,
    bands: opt.Bands = None,
    tie_points: opt.TiePoints = None,
    title: opt.Title = None,
    credit: opt.Credit = None,
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
    """Bring AFTER onto BEFORE's grid: aligned image, correspondence map and tie points."""
    from changedet import api

    options = opt.begin(context)
    if dry_run:
        return show_plan(before, after, options, as_json=json)
    folder = opt.require_output(output, context)
    with (
        opt.open_executor(options, files=(before, after), output=folder) as executor,
        console.show_progress(("open", "register", "warp", "figures")) as progress,
    ):
        found = api.register(
            before,
            after,
            options=options,
            output=folder,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
            command=opt.state_command(context),
        )
    return console.conclude(found.record, folder, as_json=json)
