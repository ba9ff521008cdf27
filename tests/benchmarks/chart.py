"""The figure of the accuracy benchmark, in colours that colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.summary import Row, groups, peer_medians, runs
from tests.benchmarks.table import dig

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
METHODS = ("changedet", "difference", "cva", "irmad", "pca_kmeans", "1-ssim")


def write_chart(rows: Sequence[Row], path: Path) -> None:
    """Draw found against true losses, the registration and the methods side by side."""
    figure = Figure(figsize=(13, 11), layout="constrained")
    axes = figure.subplots(2, 2)
    presets = list(dict.fromkeys(row["preset"] for row in rows))
    for axis, part, title in (
        (axes[0, 0], "built", "Share of built area destroyed"),
        (axes[0, 1], "vegetation", "Share of vegetation lost"),
    ):
        _losses(axis, rows, presets, part)
        axis.set_title(f"{title}: found (with interval) against truth")
    _registration(axes[1, 0], rows)
    _methods(axes[1, 1], rows, presets)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.savefig(path, dpi=110)


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % 7], "marker": MARKERS[number % 7]}


def _losses(axis: Axes, rows: Sequence[Row], presets: Sequence[str], part: str) -> None:
    """One mark a run: filled with footprints, hollow without."""
    named = set()
    for row, mode, run in runs(rows):
        area = run.get(part)
        if not area or area["found_share"] is None:
            continue
        found, low, high = (area[key] for key in ("found_share", "low_share", "high_share"))
        spread = None
        if low is not None and high is not None:
            spread = [[max(found - low, 0)], [max(high - found, 0)]]
        preset = row["preset"]
        style = _style(presets.index(preset))
        axis.errorbar(
            [area["truth_share"] + (0.006 if mode == "without" else 0)],
            [found],
            yerr=spread,
            linestyle="none",
            markerfacecolor=style["color"] if mode == "with" else "white",
            elinewidth=0.8,
            label="_" if preset in named else preset,
            **style,
        )
        named.add(preset)
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
    axis.set(xlabel="truth", ylabel="found (filled: with footprints)", xlim=(-0.03, 1.03))


def _registration(axis: Axes, rows: Sequence[Row]) -> None:
    """Median and 95th percentile of the registration error of every run."""
    found: dict[str, list[Row]] = {}
    for preset, _, members in groups(rows):  # the same with outlines and without
        found.setdefault(preset, members)
    for number, members in enumerate(found.values()):
        for key, marker, colour in (("median", "o", COLOURS[0]), ("p95", "^", COLOURS[1])):
            errors = [dig(run, "epe_px", "seen", key) for run in members]
            known = [max(error, 0.01) for error in errors if error is not None]
            axis.plot([number] * len(known), known, marker, color=colour, alpha=0.7)
    axis.axhline(1, color="0.6", linewidth=1)
    axis.set_xticks(range(len(found)), list(found), fontsize=7, rotation=60)
    axis.set(ylabel="pixels of AFTER (0.01 or less at the bottom)", yscale="log")
    axis.set_title("Registration error: median (circle), 95th percentile (triangle)")


def _methods(axis: Axes, rows: Sequence[Row], presets: Sequence[str]) -> None:
    """AUC of each method: hollow as given, filled on our alignment or with footprints."""
    for (preset, given), methods in peer_medians(rows).items():
        for name, figures in methods.items():
            if figures["auc"] is None or name not in METHODS:
                continue
            style = _style(METHODS.index(name))
            hollow = given in ("given", "ours without")
            axis.plot(
                [presets.index(preset) + 0.11 * (METHODS.index(name) - 2.5)],
                [figures["auc"]],
                linestyle="none",
                markerfacecolor="white" if hollow else style["color"],
                **style,
            )
    for number, name in enumerate(METHODS):
        axis.plot([], [], linestyle="none", label=name, **_style(number))
    axis.axhline(0.5, color="0.6", linewidth=1)
    axis.set_xticks(range(len(presets)), presets, fontsize=8)
    axis.set(ylabel="AUC, destroyed against intact (medians)")
    axis.set_title("Methods: filled aligned / with footprints, hollow as given / without")
    axis.legend(fontsize=7, loc="lower left")
