"""Scores beside what they do where nothing changed, and the threshold between."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import TICKLEFT
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from changedet.report.alts import score_name
from changedet.report.figures.look import INK, NOTE_PT, ORANGE, WIDTH_IN, foreign, look, tick
from changedet.report.figures.sheet import Sheet
from changedet.report.language import Number, Phrase, phrase, tell
from changedet.report.views import Histogram, Views
from changedet.result import Record

_PAIR = "#9ecae8"
_TALL = 2.2


def evidence(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the histogram of each score beside its null, with the threshold."""
    with look():
        sheet = Sheet(WIDTH_IN, lang)
        room, gap = 0.7, 0.25
        wide = (sheet.width - gap) / 2 - room
        for first in range(0, max(1, len(views.histograms)), 2):
            row = views.histograms[first : first + 2]
            lefts = [number * (wide + room + gap) for number in range(len(row))]
            if not row:
                continue
            titles = [foreign(sheet.say(score_name(item)), limit=80) for item in row]
            sheet.titles(titles, lefts, wide + room)
            for item, left in zip(row, lefts, strict=True):
                axes = sheet.axes(left + room, sheet.top, wide, _TALL)
                _score(axes, item, lang)
            sheet.top += _TALL + 0.5
        sheet.legend(
            [
                Patch(facecolor=_PAIR, label=sheet.say(Phrase("score-pair"))),
                Line2D([], [], color=INK, linewidth=1.5, label=sheet.say(Phrase("score-null"))),
                Line2D(
                    [], [], color=ORANGE, linestyle="--", linewidth=1.8,
                    label=sheet.say(Phrase("score-threshold")),
                ),
            ]
        )  # fmt: skip
        return sheet.done(record)


def _score(axes: Axes, item: Histogram, lang: str) -> None:
    """Draw one score; the vertical axis is logarithmic, for what matters lies in the tail."""

    def shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return counts / max(float(counts.sum()), 1e-12)

    axes.stairs(shares(item.counts), item.edges, fill=True, color=_PAIR)
    if item.null_counts is not None:
        axes.stairs(shares(item.null_counts), item.edges, color=INK, linewidth=1.5)
    axes.set_yscale("log", nonpositive="clip")
    # Room above the bars for the number at the threshold.
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 1e-6), high * 1.6)
    axes.set_xlim(item.edges[0], item.edges[-1])
    if item.threshold is not None:
        axes.axvline(item.threshold, color=ORANGE, linestyle="--", linewidth=1.8)
        middle = float(item.edges[0] + item.edges[-1]) / 2
        right = item.threshold <= middle
        said = tell(phrase("threshold-at", value=Number(item.threshold)), lang)
        axes.annotate(
            said, (item.threshold, 1), xycoords=("data", "axes fraction"),
            xytext=(4 if right else -4, -1), textcoords="offset points", va="top",
            ha="left" if right else "right", fontsize=NOTE_PT, color=INK,
        )  # fmt: skip
    axes.yaxis.set_major_locator(LogLocator(10, numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _per_cent(y, lang)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(x, lang)))
    axes.tick_params(labelsize=NOTE_PT)
    axes.set_ylabel(tell(Phrase("axis-share-log"), lang))
    axes.set_xlabel(tell(Phrase("axis-score"), lang))
    _minor_ticks(axes)


def _minor_ticks(axes: Axes) -> None:
    """Draw the small ticks of the vertical axis as one line of marks.

    As ticks of matplotlib's they would be a hundred lines, each with room for two texts: half of
    the time of the figure.
    """
    low, high = axes.get_ylim()
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)))
    places = np.outer(decades, np.arange(2, 10)).ravel()
    places = places[(low <= places) & (places <= high)]
    axes.yaxis.set_minor_locator(NullLocator())
    axes.plot(
        np.zeros(len(places)), places, linestyle="", marker=TICKLEFT,
        markersize=mpl.rcParams["ytick.minor.size"],
        markeredgewidth=mpl.rcParams["ytick.minor.width"], color=mpl.rcParams["ytick.color"],
        transform=axes.get_yaxis_transform(which="tick1"), clip_on=False, scalex=False,
        scaley=False, zorder=axes.yaxis.get_zorder(),
    )  # fmt: skip


def _per_cent(share: float, lang: str) -> str:
    """Write a power of ten as per cent: 100 %, 1 %, 0.01 %."""
    return tell(phrase("percent", share=Number(share * 100, digits=1)), lang)
