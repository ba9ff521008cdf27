"""``changedet info``: what would be done, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from changedet.cli import console
from changedet.cli import options as opt

if TYPE_CHECKING:
    from changedet.core.options import RunOptions


def info(
    context: typer.Context,
    before: opt.Before,
    after: opt.After,
    footprints: opt.Footprints = None,
    aoi: opt.Aoi = None,
    gsd: opt.Gsd = None,
    bands: opt.Bands = None,
    before_date: opt.BeforeDate = None,
    after_date: opt.AfterDate = None,
    jobs: opt.Jobs = None,
    block_size: opt.BlockSize = None,
    allow_driver: opt.AllowDriver = None,
    allow_host: opt.AllowHost = None,
    config: opt.Config = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Say what `run` would do: grid, overlap, scale, bands, blocks, memory."""
    return show_plan(before, after, opt.begin(context), as_json=json)


def show_plan(before: str, after: str, options: RunOptions, *, as_json: bool) -> int:
    """Print what would be done with a pair and return the exit code."""
    from changedet import api

    plan = api.describe(before, after, options=options)
    if as_json:
        console.write_json(plan)
    else:
        console.print_tree(plan)
    return 0
