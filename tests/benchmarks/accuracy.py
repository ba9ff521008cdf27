"""The main job against simulated truth: seeds x presets x prevalences, one table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, run_case
from tests.benchmarks.seeds import DEVELOPMENT, HELD_BACK
from tests.benchmarks.table import dig, number

PRESETS = ("bakhmut", "village", "control", "press", "planet", "sentinel2", "hard")
SWEPT = ("bakhmut", "village", "hard")
"""Presets that are simulated at every prevalence; the others have their own alone."""
PREVALENCES = (0.0, 0.05, 0.3, 0.6, 0.9)
ROWS = "rows.jsonl"


def main(argv: Sequence[str], *, peers_only: bool = False) -> int:
    """Run the benchmark, print its tables, write them where ``--output`` says."""
    wishes = _parser(peers_only).parse_args(argv)
    todo = _cases(wishes, peers_only=peers_only)
    rows = _read_rows(wishes.output) if wishes.resume else []
    wanted = {case.name for case in todo}
    rows = [row for row in rows if row["case"] in wanted and not row["error"]]
    done = {row["case"] for row in rows}
    journal = _journal(wishes.output, rows)
    try:
        for row in _walk([case for case in todo if case.name not in done], wishes.jobs):
            rows.append(row)
            _say(row, len(rows), len(todo))
            if journal is not None:
                with journal.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    except KeyboardInterrupt:
        print("interrupted: the tables hold what was done", file=sys.stderr)  # noqa: T201
    order = {case.name: number for number, case in enumerate(todo)}
    rows.sort(key=lambda row: order[row["case"]])
    _finish(rows, wishes)
    return 0 if len(rows) == len(todo) else 130


def _parser(peers_only: bool) -> argparse.ArgumentParser:
    name = "peers-only" if peers_only else "accuracy"
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks {name}", description=__doc__)
    add = parser.add_argument
    add("--presets", nargs="+", choices=PRESETS, default=list(PRESETS), metavar="PRESET")
    add("--seeds", nargs="+", type=int, default=[3], metavar="N",
        help="how many of the seed set (one number below 100), or the seeds")  # fmt: skip
    add("--held-back", action="store_true", help="the seeds that quoted figures come from")
    add("--prevalences", nargs="+", type=float, default=list(PREVALENCES), metavar="SHARE",
        help=f"shares of buildings destroyed, for {', '.join(SWEPT)}")  # fmt: skip
    add("--own-prevalence", action="store_true", help="no sweep: each preset's own share")
    add("--size", type=int, default=1000, metavar="PIXELS")
    add("--peers", action=argparse.BooleanOptionalAction, default=True)
    add("--without", action=argparse.BooleanOptionalAction, default=True,
        help="also run without footprints")  # fmt: skip
    add("--jobs", type=int, default=1, metavar="N", help="processes")
    add("--output", type=Path, metavar="DIR", help="write tables, rows and figure there")
    add("--resume", action="store_true", help="skip the cases that --output holds already")
    add(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep pairs and results there; kept pairs are not simulated anew",
    )
    return parser


def _cases(wishes: argparse.Namespace, *, peers_only: bool) -> list[Case]:
    seeds = wishes.seeds
    if len(seeds) == 1 and seeds[0] < 100:
        seeds = (HELD_BACK if wishes.held_back else DEVELOPMENT)[: seeds[0]]
    elif wishes.held_back and not set(seeds) <= set(HELD_BACK):
        raise SystemExit(f"--held-back: seeds of {HELD_BACK[0]}..{HELD_BACK[-1]} only")
    modes = () if peers_only else ("with", "without") if wishes.without else ("with",)
    return [
        Case(
            preset=preset,
            seed=seed,
            prevalence=share,
            size=wishes.size,
            # The press preset has no georeference: there footprints cannot be given.
            modes=("without",) if preset == "press" and modes else modes,
            peers=wishes.peers or peers_only,
            keep=wishes.keep,
        )
        for preset in wishes.presets
        for share in (
            wishes.prevalences if preset in SWEPT and not wishes.own_prevalence else (None,)
        )
        for seed in seeds
    ]


def _walk(todo: Sequence[Case], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs < 2:
        yield from map(run_case, todo)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run_case, case) for case in todo]):
            yield future.result()


def _read_rows(output: Path | None) -> list[dict[str, Any]]:
    path = None if output is None else output / ROWS
    if path is None or not path.is_file():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # cut off in the middle
            continue
    return rows


def _journal(output: Path | None, rows: Sequence[dict[str, Any]]) -> Path | None:
    """Begin the journal with the rows that are kept."""
    if output is None:
        return None
    output.mkdir(parents=True, exist_ok=True)
    path = output / ROWS
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _say(row: dict[str, Any], done: int, total: int) -> None:
    """Write one line about a case to stderr."""
    parts = [
        f"{mode} {run['status']} built {number(dig(run, 'built', 'found_share'))}"
        f" of {number(dig(run, 'built', 'truth_share'))}"
        f" AUC {number(dig(run, 'buildings', 'auc'))}"
        for mode, run in (row.get("runs") or {}).items()
    ]
    text = row["error"] or "; ".join(parts) or "peers alone"
    line = f"[{done}/{total}] {row['case']} {row['seconds']:.0f} s: {text}"
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _finish(rows: Sequence[dict[str, Any]], wishes: argparse.Namespace) -> None:
    from tests.benchmarks.summary import report

    seeds = "held-back" if wishes.held_back else "development or chosen (not for quoting)"
    text = f"# Accuracy on simulated towns\n\nSeeds: {seeds}.\n\n{report(rows)}"
    print(text)  # noqa: T201
    if wishes.output is None:
        return
    from changedet import __version__
    from tests.benchmarks.chart import write_chart

    facts = {"version": __version__, "held_back": wishes.held_back, "rows": rows}
    (wishes.output / "accuracy.md").write_text(text, encoding="utf-8")
    (wishes.output / "accuracy.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    write_chart(rows, wishes.output / "accuracy.png")
