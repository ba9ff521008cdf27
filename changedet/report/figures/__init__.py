"""The pictures of the report. The one place that draws; a figure is a return value."""

from changedet.report.figures.building import explain_building
from changedet.report.figures.cells import cells
from changedet.report.figures.every import FIGURES, draw_figure, draw_figures, wanted_figures
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
from changedet.report.figures.sheet import to_png

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
