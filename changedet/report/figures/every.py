"""Which figures there are, and all that a result has something for."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from changedet.report import content
from changedet.report.alts import DESCRIBE
from changedet.report.figures.cells import cells
from changedet.report.figures.maps import (
    before_after,
    buildings,
    classes,
    indices,
    pixel_change,
    structural_change,
)
from changedet.report.figures.registration import registration
from changedet.report.figures.scores import evidence
from changedet.report.figures.sheet import let_go, to_png
from changedet.report.language import Text
from changedet.report.views import Views
from changedet.result import Record

Draw = Callable[..., Figure]


def _is_compared(record: Record) -> bool:
    """Tell a result with maps of change from a refused one, and from a registration alone."""
    return record.status != "refused" and record.built is not None


FIGURES: dict[str, tuple[Draw, Callable[[Views, Record], bool]]] = {
    "before_after": (before_after, lambda _views, _record: True),
    "classes": (classes, lambda _views, record: _is_compared(record)),
    "buildings": (
        buildings,
        lambda views, record: bool(views.buildings) and _is_compared(record),
    ),
    "structural_change": (structural_change, lambda _views, record: _is_compared(record)),
    "pixel_change": (pixel_change, lambda _views, record: _is_compared(record)),
    "indices": (indices, lambda views, record: bool(views.indices) and _is_compared(record)),
    "cells": (cells, lambda _views, record: bool(record.cells and content.cell_fields(record))),
    "registration": (registration, lambda _views, record: record.registration is not None),
    "evidence": (
        evidence,
        lambda views, record: bool(views.histograms) and record.status != "refused",
    ),
}
"""How to draw each figure, and when there is something to draw. A new figure is a line here."""


def draw_figures(
    views: Views, record: Record, *, lang: str = "en"
) -> dict[str, tuple[bytes, Text]]:
    """Draw all figures that this result has something for, one after the other.

    Parameters
    ----------
    views : Views
        What is to be seen.
    record : Record
        A refused one gets only the images and their registration.
    lang : str
        Language of the lettering.

    Returns
    -------
    dict
        PNG bytes and text alternative by name, in the order of the report; the alternative can
        be told in every language.
    """
    drawn: dict[str, tuple[bytes, Text]] = {}
    for name in wanted_figures(views, record):
        figure = draw_figure(name, views, record, lang=lang)
        drawn[name] = (to_png(figure), DESCRIBE[name](views, record))
        let_go(figure)
    return drawn


def wanted_figures(views: Views, record: Record) -> tuple[str, ...]:
    """Return the names of the figures that this result has something for, in order."""
    return tuple(name for name, (_, wanted) in FIGURES.items() if wanted(views, record))


def draw_figure(name: str, views: Views, record: Record, *, lang: str = "en") -> Figure:
    """Draw one of :data:`FIGURES`."""
    return FIGURES[name][0](views, record, lang=lang)
