"""The tables of the accuracy benchmark: a line a run, medians by preset, and the peers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.benchmarks.table import dig, markdown, median, number, percent, yes

Row = dict[str, Any]

PEER_FIGURES = ("auc", "f1", "area_ratio", "false_alarms")


SOMETHING = 0.005
"""Share lost from which on a relative bias means something."""


def runs(rows: Sequence[Row]) -> Iterator[tuple[Row, str, Row]]:
    """Yield row, mode and figures of every run of the main job."""
    for row in rows:
        for mode, figures in (row.get("runs") or {}).items():
            yield row, mode, figures


def report(rows: Sequence[Row]) -> str:
    """Return all tables as one Markdown text."""
    parts = [
        ("Cases", case_table(rows)),
        ("Summary by preset", summary_table(rows)),
        ("Peers", peer_table(rows)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts) + "\n\n" + NOTES


NOTES = """\
Outlines: the run was given footprints or not. EPE: distance between found and true position in
AFTER, pixels, median / 95th percentile, on all ground seen and on ground without destruction or
other change. AUC: Destroyed against No visible damage; AP and F1: Destroyed against the rest;
without outlines from the maps (mean structural change; class 2 over half of the footprint).
False: share of intact buildings called destroyed or damaged. Bias: relative, of the hectares (of
the shares where no scale is known). In: the interval holds the truth. Class 2: share of the true
built ground that the map calls destroyed. Peers: mean of the map in a footprint, Otsu's decision
(PCA-KMeans: its cluster) over half of it, on the same buildings as the run with outlines.
"""

CASE_HEADER = (
    "case", "outlines", "status", "EPE seen", "EPE stable", "AUC", "AP", "F1", "kappa", "false",
    "built true", "found", "bias", "in", "plants true", "found", "bias", "in", "class 2", "CPU s",
)  # fmt: skip


def case_table(rows: Sequence[Row]) -> str:
    """Return one line per run; an error is a line too."""
    lines = []
    for row in rows:
        if row["error"]:
            blank = [""] * (len(CASE_HEADER) - 3)
            lines.append([row["case"], "", f"ERROR {row['error'][:80]}", *blank])
        lines += [_case_line(row, mode, run) for _, mode, run in runs([row])]
    return markdown(CASE_HEADER, lines)


def _case_line(row: Row, mode: str, run: Row) -> list[str]:
    status = run["status"]
    if run["refusals"]:
        due = "due" if run["refusal_due"] else "not due"
        status += f" ({', '.join(run['refusals'])}; {due})"
    return [
        row["case"],
        mode,
        status,
        *(_epe(run, ground) for ground in ("seen", "stable")),
        *(number(dig(run, "buildings", key)) for key in ("auc", "ap", "f1", "kappa")),
        percent(dig(run, "buildings", "false_alarms")),
        *_area_cells(run.get("built")),
        *_area_cells(run.get("vegetation")),
        percent(run.get("mapped_share")),
        number(run["cpu_s"], 1),
    ]


def _epe(run: Row, ground: str) -> str:
    middle, most = (dig(run, "epe_px", ground, key) for key in ("median", "p95"))
    return f"{number(middle)} / {number(most)}"


def bias(area: Row | None) -> float | None:
    """Return the relative bias of an area; None where hardly anything is lost to compare with."""
    known = area and area["bias"] is not None and (area["truth_share"] or 0) >= SOMETHING
    return area["bias"] if area and known else None


def _area_cells(area: Row | None) -> list[str]:
    if not area:
        return ["–"] * 4
    write = number if area["unit"] == "ha" else percent
    return [
        write(area["truth"]),
        f"{write(area['found'])} [{write(area['low'])}, {write(area['high'])}]",
        percent(bias(area), sign=True),
        yes(area["inside"]),
    ]


def groups(rows: Sequence[Row]) -> list[tuple[str, str, list[Row]]]:
    """Return the runs by preset with its prevalence, and mode, in order of first appearance."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row, mode, run in runs(rows):
        share = "" if row["prevalence"] is None else f" {row['prevalence']:.0%}"
        found.setdefault((row["preset"] + share, mode), []).append(run)
    return [(preset, mode, members) for (preset, mode), members in found.items()]


def coverage(members: Sequence[Row], part: str) -> tuple[int, int]:
    """Return how many intervals hold the truth, of how many."""
    known = [dig(run, part, "inside") for run in members]
    known = [inside for inside in known if inside is not None]
    return sum(known), len(known)


def summary_table(rows: Sequence[Row]) -> str:
    """Return the medians, the coverage of the intervals and the refusals by preset."""
    lines = []
    for preset, mode, members in groups(rows):
        refused = [run for run in members if run["status"] == "refused"]
        undue = sum(not run["refusal_due"] for run in refused)
        missed = sum(run["refusal_due"] and run["status"] != "refused" for run in members)

        def middle(*keys: str, among: Sequence[Row] = members) -> float | None:
            return median(dig(run, *keys) for run in among)

        held = ["{} of {}".format(*coverage(members, part)) for part in ("built", "vegetation")]
        lines.append(
            [
                preset,
                mode,
                str(len(members)),
                f"{len(refused)} ({undue} not due, {missed} missed)",
                number(middle("epe_px", "seen", "median")),
                number(middle("epe_px", "seen", "p95")),
                number(middle("epe_px", "stable", "p95")),
                *(number(middle("buildings", key)) for key in ("auc", "ap", "f1")),
                percent(middle("buildings", "false_alarms")),
                percent(median(bias(run.get("built")) for run in members), sign=True),
                percent(middle("built", "points"), sign=True),
                held[0],
                percent(median(bias(run.get("vegetation")) for run in members), sign=True),
                held[1],
                percent(middle("mapped_share")),
                number(middle("cpu_s"), 1),
            ]
        )
    header = (
        "preset", "outlines", "runs", "refused", "EPE", "p95", "p95 stable", "AUC", "AP", "F1",
        "false", "built bias", "points", "built in", "plants bias", "plants in", "class 2", "CPU s",
    )  # fmt: skip
    return markdown(header, lines) + f"\n\nErrors: {sum(bool(row['error']) for row in rows)}"


def peer_medians(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, dict[str, float | None]]]:
    """Return the medians of each method's figures, by preset and input."""
    found: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        for given, peers in (row.get("peers") or {}).items():
            for peer, figures in peers.items():
                found.setdefault((row["preset"], given), {}).setdefault(peer, []).append(figures)
        for mode in row.get("runs") or {}:
            figures = dig(row, "runs", mode, "buildings")
            if figures:
                ours = found.setdefault((row["preset"], f"ours {mode}"), {})
                ours.setdefault("changedet", []).append(figures)
    return {
        group: {
            name: {key: median(f.get(key) for f in members) for key in PEER_FIGURES}
            for name, members in methods.items()
        }
        for group, methods in found.items()
    }


def peer_table(rows: Sequence[Row]) -> str:
    """Return AUC, F1, ratio of the area called destroyed and false alarms (medians)."""
    lines = [
        [preset, given, name, *(number(figures[key]) for key in PEER_FIGURES)]
        for (preset, given), methods in sorted(peer_medians(rows).items())
        for name, figures in methods.items()
    ]
    return markdown(("preset", "input", "method", "AUC", "F1", "area ratio", "false"), lines)
