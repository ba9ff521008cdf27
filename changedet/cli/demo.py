"""``changedet demo``: the main job on the sample pair that ships with the package."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import typer

from changedet.cli import console
from changedet.cli import options as opt
from changedet.cli.run import run_pair

DEFAULT_FOLDER = "changedet-demo"
TITLE = "Sample town (simulated)"


def demo(
    context: typer.Context,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    export: opt.Export = None,
    lang: opt.Lang = None,
    jobs: opt.Jobs = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Run the sample pair: a simulated town whose true losses are known."""
    from changedet import api

    before, after, footprints = api.sample_pair()
    given = opt.begin(context)
    options = given.model_copy(
        update={
            "footprints": given.footprints or footprints,
            "title": given.title or TITLE,
        }
    )
    folder = output or _free_folder(Path.cwd())
    code = run_pair(context, before, after, folder, options)
    if code == 0 and not (json or quiet):
        _print_truth(before.with_name("truth.json"), options.lang)
    return code


def _free_folder(parent: Path) -> Path:
    """Return the first of changedet-demo, changedet-demo-2, … that does not exist."""
    names = (DEFAULT_FOLDER if n == 1 else f"{DEFAULT_FOLDER}-{n}" for n in count(1))
    return next(Path(name) for name in names if not (parent / name).exists())


def _print_truth(path: Path, lang: str) -> None:
    """Print the sample's true figures, which the run has not seen."""
    import json

    from changedet import api

    truth = json.loads(path.read_text("utf-8"))["hectares"]
    console.print_wrapped(api.say_truth(truth, lang))
