"""The main job on real pairs: false alarms, and agreement with what references there are."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.peers import PEERS
from tests.benchmarks.real_cases import Measure, joplin, levir, taizhou
from tests.benchmarks.real_controls import itself, mexico, same_date
from tests.benchmarks.table import markdown, number, plain

VARIABLE = "CHANGEDET_BENCH_DATA"
SETS = (
    "joplin_west",
    "mexico_intact",
    "kahramanmaras_pleiades",
    "itself",
    "taizhou_landsat",
    "levir",
)

Job = Callable[[Path], Iterator[Measure]]
Row = dict[str, Any]


def main(argv: Sequence[str]) -> int:
    """Measure the sets that are there, print one table, write it where ``--output`` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks real", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--most", type=int, default=100, metavar="N", help="images of a set")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write real.json and real.md")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the result folders there")
    wishes = parser.parse_args(argv)
    place = os.environ.get(VARIABLE)
    if not place or not Path(place).is_dir():
        _say(f"skipped: {VARIABLE} names no folder with real pairs")
        return 0
    rows: list[Row] = []
    for group in wishes.sets:
        for item, job in list(_jobs(Path(place), group))[: wishes.most]:
            rows += _measure(group, item, job, wishes.keep)
    text = f"# Real pairs\n\n{table(rows)}\n\n{NOTES}"
    print(text)  # noqa: T201
    if wishes.output is not None:
        wishes.output.mkdir(parents=True, exist_ok=True)
        (wishes.output / "real.md").write_text(text, encoding="utf-8")
        (wishes.output / "real.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


NOTES = """\
Each number is the mean over the images of a set; of the peers, as given / on our alignment. The
grades of joplin_west are the output of a supervised model, not truth; the labels of levir and
taizhou_landsat are any change (mostly construction), not destruction.
"""


def _jobs(data: Path, group: str) -> Iterator[tuple[str, Job]]:
    """Yield name and job of every pair of a set; nothing where the set is not there."""
    folder = data / group
    if group == "itself":
        yield from _itself_jobs(data)
    elif not folder.is_dir():
        _say(f"{group}: not there, skipped")
    elif group == "joplin_west":
        yield group, partial(joplin, folder)
    elif group == "taizhou_landsat":
        yield group, partial(taizhou, folder)
    elif group == "kahramanmaras_pleiades":
        for date in ("before", "after"):
            views = (folder / date / "img1.tif", folder / date / "img2.tif")
            yield f"{date} img1 v img2", partial(same_date, *views)
    else:
        job = levir if group == "levir" else mexico
        for path in sorted((folder / "before").iterdir()):
            yield path.stem, partial(job, folder, path.name)


def _itself_jobs(data: Path) -> Iterator[tuple[str, Job]]:
    images = (
        ("joplin_west", data / "joplin_west" / "before.tif", None),
        ("kahramanmaras", data / "kahramanmaras_pleiades" / "before" / "img1.tif", 0.7),
        ("levir", next(iter(sorted((data / "levir" / "before").glob("*"))), data / "none"), 0.5),
    )
    for name, path, gsd in images:
        if path.is_file():
            yield name, partial(itself, path, gsd=gsd)


def _measure(group: str, item: str, job: Job, keep: Path | None) -> list[Row]:
    """Do one job in a folder of its own; an error is a row."""
    start, cpu = time.perf_counter(), time.process_time()
    measures: list[Measure] = []
    with TemporaryDirectory(prefix="changedet-bench-") as temporary:
        work = Path(temporary) if keep is None else keep / group / item
        work.mkdir(parents=True, exist_ok=True)
        try:
            measures.extend(job(work))
        except Exception as error:  # noqa: BLE001 - a pair that fails is a row, not the end
            note = f"{type(error).__name__}: {error}"
            measures.append(Measure(what="ERROR", ours=None, note=note))
    cpu = time.process_time() - cpu
    notes = "; ".join(measure.note for measure in measures if measure.note)
    _say(f"{group} {item}: {time.perf_counter() - start:.0f} s ({cpu:.0f} s CPU) {notes}")
    return [
        {
            "set": group,
            "item": item,
            "what": measure.what,
            "ours": plain(measure.ours),
            "peers": plain(dict(measure.peers)),
            "note": measure.note,
        }
        for measure in measures
    ]


def table(rows: Sequence[Row]) -> str:
    """Return one line per set and measure: the mean over its images, ours and the peers'."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        # Single pairs that differ in kind are not averaged.
        single = row["set"] in ("itself", "kahramanmaras_pleiades")
        name = f"{row['set']} {row['item']}" if single else row["set"]
        groups.setdefault((name, row["what"]), []).append(row)
    lines = []
    for (name, what), members in groups.items():
        notes = [row["note"] for row in members if row["note"]]
        short = notes[0] if len(set(notes)) == 1 else _counted(notes)
        known = sum(row["ours"] is not None for row in members)
        ours = number(_mean([row["ours"] for row in members]), 3)
        theirs = (_peer_cell(members, peer) for peer in PEERS)
        lines.append([name, what, str(known), ours, *theirs, short[:90]])
    return markdown(("set", "measure", "images", "changedet", *PEERS, "notes"), lines)


def _peer_cell(members: Sequence[Row], peer: str) -> str:
    cells = [
        number(_mean([row["peers"].get(given, {}).get(peer) for row in members]))
        for given in ("given", "aligned")
    ]
    return " / ".join(cells) if any(row["peers"] for row in members) else ""


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _counted(notes: Sequence[str]) -> str:
    words = sorted(set(notes), key=notes.count, reverse=True)
    return ", ".join(f"{notes.count(word)} x {word}" for word in words)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
