"""The pictures of the report. The one place that draws; a figure is a return value."""

from changedet.report.figures.building import explain_building
from changedet.report.figures.pair import (
    FIGURES,
    before_after,
    buildings,
    cells,
    classes,
    draw_figure,
    draw_figures,
    evidence,
    indices,
    pixel_change,
    registration,
    structural_change,
    to_png,
    wanted_figures,
)

__all__ = [
    "FIGURES",
    "before_after",
    "buildings",
    "cells",
    "classes",
    "draw_figure",
    "draw_figures",
    "evidence",
    "explain_building",
    "indices",
    "pixel_change",
    "registration",
    "structural_change",
    "to_png",
    "wanted_figures",
]
