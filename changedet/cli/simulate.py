"""``changedet simulate``: a town before and after, with known truth."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from changedet.cli import console
from changedet.cli import options as opt
from changedet.core.errors import UsageError

if TYPE_CHECKING:
    from changedet.core.scenario import Scenario

Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="bakhmut (default), village, control, press, planet, sentinel2 or hard.",
    ),
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Another town. [default: 0]")]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="WIDTHxHEIGHT", help="Pixels of BEFORE. [default: 1000x1000]"),
]
Gsd = Annotated[str | None, typer.Option("--gsd", metavar="METRES", help="GSD of BEFORE.")]
Prevalence = Annotated[
    str | None,
    typer.Option(
        "--prevalence",
        metavar="SHARE",
        help="Share of the buildings that are destroyed, 0 to 0.95; other losses go with it.",
    ),
]
SHORT = ("preset", "seed", "gsd", "prevalence")


def simulate(
    context: typer.Context,
    output: opt.Output = None,
    preset: Preset = None,
    seed: Seed = None,
    size: Size = None,
    gsd: Gsd = None,
    prevalence: Prevalence = None,
    overwrite: opt.Overwrite = False,
    jobs: opt.Jobs = None,
    config: opt.Config = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Make a town before and after, with known truth, to learn what can be seen."""
    console.set_level(quiet=quiet, verbose=verbose)
    scenario = resolve_scenario(context.params)
    if dry_run:
        _show(scenario.model_dump(mode="json"), as_json=json)
        return 0
    from changedet import api

    folder = opt.require_output(output, context)
    workers = _whole("--jobs", jobs or os.environ.get("CHANGEDET_JOBS") or "1")
    with (
        opt.open_processes(workers) as executor,
        console.show_progress(("lay out", "render")) as progress,
    ):
        made = api.simulate(
            folder, scenario=scenario, overwrite=overwrite, executor=executor, progress=progress
        )
    if json:
        console.write_json(made.truth)
    elif not quiet:
        _print_truth(made.truth, folder)
    return 0


def resolve_scenario(flags: dict[str, Any]) -> Scenario:
    """Merge file < environment < flags into a scenario.

    Raises
    ------
    UsageError
        Names the option that is wrong.
    """
    from pydantic import ValidationError

    from changedet.simulate.presets import make_scenario

    values: dict[str, Any] = {}
    config = flags.get("config") or os.environ.get("CHANGEDET_CONFIG")
    if config:
        values |= {name: value for name, (value, _) in opt.read_config(Path(config)).items()}
    for name in SHORT:
        given = flags.get(name) or os.environ.get(f"{opt.PREFIX}{name.upper()}")
        if given:
            values[name] = given
    if flags.get("size"):
        width, sign, height = str(flags["size"]).lower().partition("x")
        values["width"], values["height"] = width, height if sign else width
    if isinstance(values.get("prevalence"), str):
        try:
            values["prevalence"] = float(values["prevalence"])
        except ValueError:
            raise UsageError(
                f"--prevalence: a share from 0 to 0.95, not {values['prevalence']!r}"
            ) from None
    try:
        return make_scenario(values.pop("preset", "bakhmut"), **values)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "scenario"
        raise UsageError(f"{place}: {first['msg']}, not {first['input']!r}") from None


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise UsageError(f"{name}: a number from 1 to 256, not {text!r}")
    return int(text)


def _show(scenario: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.write_json(scenario)
    else:
        console.print_tree(scenario)


def _print_truth(truth: dict[str, Any], folder: Path) -> None:
    area, count = truth["hectares"], truth["buildings"]
    lines = (
        ("town", f"{truth['preset']}, seed {truth['seed']}"),
        ("built destroyed", f"{area['built_destroyed']:.2f} of {area['built_before']:.2f} ha"),
        ("vegetation lost", f"{area['vegetation_lost']:.2f} of {area['vegetation_before']:.2f} ha"),
        ("canopy lost", f"{area['canopy_lost']:.2f} of {area['canopy_before']:.2f} ha"),
        (
            "buildings",
            f"{count['destroyed']} of {count['total']} destroyed, {count['damaged']} damaged",
        ),
        ("", str(folder)),
    )  # fmt: skip
    for name, value in lines:
        sys.stdout.write(f"{name:<20}{console.one_line(value)}\n".lstrip())
