"""Figures that are maps: both dates, evidence, indices, classes, buildings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import PathPatchEffect
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from changedet.report import pictures
from changedet.report.credit import dates
from changedet.report.figures.look import INK, NOTE_PT, foreign, look, tick
from changedet.report.figures.sheet import Board, Sheet
from changedet.report.language import Phrase, Text, phrase, tell
from changedet.report.palette import (
    CHANGES,
    CLASSES,
    GRADES,
    ClassStyle,
    GradeStyle,
    difference_colours,
    evidence_colours,
)
from changedet.report.views import Views
from changedet.result import Record

_HATCHES = {"solid": "", "falling": "\\\\\\\\", "rising": "////", "level": "----"}
_Line = tuple[float, Sequence[float]] | Literal["solid"]


def before_after(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw both dates beside each other."""
    before, after = dates(record, clean=foreign)
    with look():
        board = Board(views, 2, lang)
        board.show(
            [pictures.shown(image, views.valid) for image in (views.before, views.after)],
            [phrase("figure-before", date=before), phrase("figure-after", date=after)],
        )
        return board.done(record)


def _evidence_map(
    evidence: NDArray[np.uint8], title: Text, views: Views, record: Record, lang: str
) -> Figure:
    with look():
        board = Board(views, 1, lang)
        board.show([pictures.evidence_picture(evidence, board.pixels)], [title])
        bar = _bar(board, evidence_colours(), (0, 1))
        bar.set_xticks([])
        board.top += 0.03
        half = board.width * 0.34
        low, high = board.say(Phrase("evidence-low")), board.say(Phrase("evidence-high"))
        board.top += max(
            board.note(low, 0, board.top, half),
            board.note(high, half, board.top, half, right=True),
        )
        board.legend([_blank(board.say(Phrase("not-judged")))])
        return board.done(record)


def _bar(
    board: Sheet, colours: NDArray[np.uint8], ends: tuple[float, float], *, left: float = 0.0
) -> Axes:
    """Draw a bar of colours below the pictures and return its axes; inches."""
    axes = board.axes(left, board.top + 0.05, board.width * 0.68, 0.13)
    bar = board.figure.colorbar(
        ScalarMappable(Normalize(*ends), ListedColormap(colours / 255.0)),
        cax=axes,
        orientation="horizontal",
    )
    bar.outline.set_visible(False)
    board.top += 0.05 + 0.13
    return axes


def _blank(label: str) -> Patch:
    return Patch(facecolor="#c3c3c3", edgecolor="#e1e1e1", hatch="////", label=label)


def pixel_change(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the evidence that the colour of the ground changed."""
    return _evidence_map(views.pixel_change, Phrase("figure-pixel-change"), views, record, lang)


def structural_change(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the evidence that shapes and edges changed."""
    return _evidence_map(
        views.structural_change, Phrase("figure-structural-change"), views, record, lang
    )


def indices(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw how the spectral indices changed, all on one scale."""
    limit = pictures.difference_limit(views)
    with look():
        board = Board(views, len(views.indices), lang)
        board.show(
            [
                pictures.difference_picture(index.difference, limit, board.pixels)
                for index in views.indices
            ],
            [phrase("figure-index", index=foreign(index.name)) for index in views.indices],
        )
        bar = _bar(board, difference_colours(), (-limit, limit), left=0.2)
        bar.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
        bar.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _signed(x, lang)))
        bar.tick_params(labelsize=NOTE_PT)
        board.top += 0.25
        before, after = dates(record, clean=foreign)
        said = board.say(phrase("index-difference", after=after, before=before))
        board.top += board.note(said, 0, board.top, board.width)
        board.legend([_blank(board.say(Phrase("not-known-here")))])
        return board.done(record)


def _signed(value: float, lang: str) -> str:
    """Write a difference: 0, or a number with its sign."""
    said = tick(value, lang)
    return f"+{said}" if value > 0 else said


def _class_patch(style: ClassStyle, lang: str) -> Patch:
    label = tell(style.label, lang)
    if style.code == 0:
        return _blank(label)
    return Patch(
        facecolor=style.colour, edgecolor="#555555", hatch=_HATCHES[style.pattern], linewidth=0.6,
        label=label,
    )  # fmt: skip


def classes(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the decided classes over the faded after image."""
    with look():
        board = Board(views, 1, lang)
        picture = pictures.classes_picture(views, board.pixels)
        board.show([picture], [Phrase("figure-classes")])
        board.legend([_class_patch(style, lang) for style in (*CHANGES, CLASSES[0])])
        return board.done(record)


def buildings(views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw the outlines by grade over the faded after image."""
    with look():
        board = Board(views, 1, lang)
        after = pictures.resized(pictures.shown(views.after, views.valid), board.pixels)
        ground = pictures.faded(after, colour=0.4, lift=0.15)
        (axes,) = board.show([ground], [Phrase("figure-buildings")])
        handles = []
        # The gravest last, so that nothing lies over it.
        for style in reversed(GRADES):
            rings = [item.ring for item in views.buildings if item.grade == style.name]
            _outlines(axes, rings, style)
            number = getattr(record.buildings, style.field, None)
            number = len(rings) if number is None else number
            label = board.say(phrase("grade-count", grade=style.label, number=number))
            handles.append(Patch(label=label, path_effects=_sample(style)))
        board.legend(handles[::-1])
        return board.done(record)


def _sample(style: GradeStyle) -> list[PathPatchEffect]:
    """Return how an outline looks in the legend: as on the map, on the grey of its ground."""
    return [
        PathPatchEffect(facecolor="#777777", edgecolor=INK, linewidth=style.width),
        PathPatchEffect(
            facecolor="none", edgecolor=style.colour, linewidth=style.width * 0.7,
            linestyle=_dashes(style),
        ),
    ]  # fmt: skip


def _dashes(style: GradeStyle) -> _Line:
    return (0, style.dash) if style.dash else "solid"


def _outlines(axes: Axes, rings: list[NDArray[np.float64]], style: GradeStyle) -> None:
    """Draw outlines of one grade: the colour on a dark line that sets it off from the ground."""
    for colour, wide, line in (
        (INK, style.width, "solid"),
        (style.colour, style.width * 0.7, _dashes(style)),
    ):
        axes.add_collection(
            PolyCollection(
                rings, facecolors="none", edgecolors=colour, linewidths=wide, linestyles=[line]
            ),
            autolim=False,
        )
