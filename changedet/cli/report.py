"""``changedet report``: rebuild the report of a result folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from changedet.cli import console
from changedet.cli import options as opt


def report(
    folder: Annotated[Path, typer.Argument(help="Result folder.", metavar="OUT")],
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Rebuild report.html from a result folder, without computing anything again."""
    from changedet import api

    console.set_level(quiet=quiet, verbose=verbose)
    page = api.rebuild_report(folder)
    if json:
        console.write_json({"report": str(page)})
    elif not quiet:
        sys.stdout.write(f"{console.one_line(str(page))}\n")
    return 0
