"""``changedet report``: rebuild the report of a result folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from changedet.cli import console
from changedet.cli import options as opt


def report(
    folder: Annotated[Path, typer.Argument(help="Result folder.", metavar="OUT", readable=False)],
    export: opt.Export = None,
    lang: opt.Lang = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Rebuild report.html from a result folder, and export it, without computing anything again."""
    from changedet import api

    wished = opt.resolve_options({"export": export, "lang": lang})
    console.set_level(quiet=quiet, verbose=verbose)
    plan = ("report", "export") if wished.export else ("report",)
    with console.show_progress(plan) as progress:
        page, exported = api.rebuild_report(
            folder,
            lang=wished.lang if "lang" in wished.model_fields_set else None,
            export=wished.export,
            progress=progress,
        )
    if json:
        console.write_json({"report": str(page), "exports": [str(path) for path in exported]})
    elif not quiet:
        for path in (*exported, page):
            console.print_path(path)
    return 0
