"""How well AFTER lies on BEFORE: a checkerboard, the displacements, the residuals."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from changedet.report import pictures
from changedet.report.figures.look import BLUE, GREY, INK, NOTE_PT, ORANGE, TITLE_PT, look, tick
from changedet.report.figures.sheet import Board
from changedet.report.language import Number, Phrase, phrase, tell
from changedet.report.views import Views
from changedet.result import Record

_ROLES = ((1, BLUE, "used-in-fit"), (2, ORANGE, "left-out-of-fit"))


def registration(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw a checkerboard of both dates, the displacements and the residuals."""
    with look():
        board = Board(views, 2, lang)
        chess = pictures.checkerboard(views)
        pale = pictures.faded(pictures.resized(views.before, board.pixels), lift=0.6)
        titles = Phrase("figure-checkerboard"), Phrase("figure-displacement")
        _, axes = board.show([chess, pale], titles)
        notes = _displacements(axes, views)
        left = board.left(1)
        for note in notes:
            board.top += board.note(board.say(note), left, board.top, board.column)
        board.legend(_points_legend(board))
        board.top += 0.16
        title = board.say(Phrase("figure-residuals"))
        board.top += board.write(title, 0, board.top, board.width, size=TITLE_PT, bold=True) + 0.06
        place = board.axes(0.55, board.top, board.width - 0.6, 1.9)
        board.top += 1.9 + 0.5
        lines = _residuals(place, views, record, lang)
        if lines:
            board.legend(lines)
        return board.done(record)


def _points_legend(board: Board) -> list[Line2D | Patch]:
    """Return what dots, crosses and bars stand for."""
    found: list[Line2D | Patch] = [
        Patch(facecolor=colour, label=board.say(Phrase(key))) for _, colour, key in _ROLES
    ]
    rejected = board.say(Phrase("tie-point-rejected"))
    found.append(Line2D([], [], linestyle="", marker="x", markersize=5, color=GREY, label=rejected))
    return found


def _displacements(axes: Axes, views: Views) -> list[Phrase]:
    """Draw lines at tie points, all enlarged by one factor; return the words that say so."""
    points = views.tie_points[np.isfinite(views.tie_points[:, :4]).all(axis=1)]
    if not len(points):
        return [Phrase("no-tie-points")]
    hatched = _extrapolated(axes, views)
    every = max(1, len(points) // 500)
    believed = points[points[:, 5] > 0][::every]
    rejected = points[points[:, 5] == 0][::every]
    at = views.to_view(rejected[:, :2])
    axes.plot(at[:, 0], at[:, 1], "x", color=GREY, markersize=3.5, markeredgewidth=0.9)
    notes = []
    if len(believed):
        start, step = views.to_view(believed[:, :2]), believed[:, 2:4]
        typical = max(float(np.percentile(np.hypot(*step.T), 90)), 0.1)
        wanted = 0.06 * max(views.width, views.height)
        for role, colour, _ in _ROLES:
            chosen = believed[:, 5] == role
            ends = start[chosen] + step[chosen] * (wanted / typical)
            axes.add_collection(
                LineCollection(
                    list(np.stack([start[chosen], ends], axis=1)), colors=colour, linewidths=1.1
                ),
                autolim=False,
            )
            axes.plot(*start[chosen].T, ".", color=colour, markersize=3.5)
        notes.append(phrase("displacement-note", length=Number(typical, digits=2)))
    if hatched:
        notes.append(Phrase("extrapolated-note"))
    return notes


def _extrapolated(axes: Axes, views: Views) -> bool:
    """Hatch where no believed tie point is near; say whether there is any such place."""
    far = pictures.far_from_tie_points(views)
    if not far.any() or min(far.shape) < 2:
        return False
    height, width = far.shape
    across = (np.arange(width) + 0.5) * views.width / width - 0.5
    down = (np.arange(height) + 0.5) * views.height / height - 0.5
    axes.contourf(
        across, down, far.astype(float), [0.5, 1.5], colors=["white"], alpha=0.45, hatches=["///"]
    )
    return True


def _residuals(axes: Axes, views: Views, record: Record, lang: str) -> list[Line2D]:
    """Draw what is left at believed tie points after the fit; return the lines to be named."""
    axes.set_xlabel(tell(Phrase("axis-residual"), lang))
    axes.set_ylabel(tell(Phrase("axis-tie-points"), lang))
    residual, role = views.tie_points[:, 4], views.tie_points[:, 5]
    kept = np.isfinite(residual) & (role > 0)
    if not kept.any():
        axes.text(
            0.5, 0.5, tell(Phrase("no-tie-points"), lang), transform=axes.transAxes, ha="center"
        )
        axes.set_xticks([])
        axes.set_yticks([])
        return []
    top = max(float(np.percentile(residual[kept], 99.5)), 0.1)
    edges = np.linspace(0, top, 31)
    groups = [np.clip(residual[kept & (role == number)], 0, top) for number, _, _ in _ROLES]
    counts = [np.histogram(group, edges)[0] for group in groups]
    axes.stairs(counts[0], edges, fill=True, color=BLUE)
    axes.stairs(counts[0] + counts[1], edges, baseline=counts[0], fill=True, color=ORANGE)
    axes.set_ylim(0, max(float((counts[0] + counts[1]).max()) * 1.05, 1.0))
    found = record.registration
    lines = []
    for name, field, dash in (("RMSE", "rmse_px", "-"), ("CE90", "ce90_px", "--")):
        if (at := getattr(found, field, None)) is not None:
            label = tell(phrase("model-error", name=name, error=Number(at)), lang)
            lines.append(axes.axvline(at, color=INK, linestyle=dash, linewidth=1.4, label=label))
    axes.set_xlim(0, max([top, *(float(line.get_xdata()[0]) for line in lines)]) * 1.02)  # type: ignore[index, arg-type]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(x, lang)))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: tell(round(y), lang)))
    axes.tick_params(labelsize=NOTE_PT)
    return lines
