from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from changedet.core.grid import Grid
from changedet.report import figures, made

ALL = [
    "before_after",
    "classes",
    "buildings",
    "structural_change",
    "pixel_change",
    "indices",
    "cells",
    "registration",
    "evidence",
]


def texts(figure):
    return [item.get_text() for item in figure.findobj(lambda part: hasattr(part, "get_text"))]


def test_every_figure_is_drawn_with_the_facts_as_its_alternative(drawn):
    assert list(drawn) == ALL
    for png, alt in drawn.values():
        with Image.open(io.BytesIO(png)) as picture:
            assert min(picture.size) > 200
            assert not {"Software", "Creation Time"} & set(picture.info)
        assert 40 < len(alt) < 700
    alts = {name: alt.replace("\u00a0", " ") for name, (_, alt) in drawn.items()}
    assert "built area destroyed 6.98 %, densest in the lower left" in alts["classes"]
    assert "24 destroyed, 8 damaged, 1 possibly damaged" in alts["buildings"]
    assert "187 of 234 tie points" in alts["registration"]
    assert "0.312 px" in alts["registration"]
    assert "threshold 2.60" in alts["evidence"]
    assert "r001c000 (75.5 %, 2.34 ha)" in alts["cells"]


def test_the_change_of_indices_has_one_scale_with_its_unit(views, record, drawn):
    said = texts(figures.indices(views, record))
    for title in ("Change of NDVI", "Change of BSI", "Change of NDBI", "200 m\n"):
        assert title in said
    dates = made.dates(record)
    assert f"index of {dates[1]} minus that of {dates[0]}, unitless" in said
    alt = drawn["indices"][1].replace("\u00a0", " ")
    assert "NDVI: median 0.0100" in alt
    assert "falls densest in the upper right" in alt


def test_the_same_figure_gives_the_same_bytes(views, record, drawn):
    again = figures.draw_figure("evidence", views, record)
    assert figures.to_png(again) == drawn["evidence"][0]


def test_a_registration_alone_shows_no_change(views, record_with):
    alone = record_with(built=None, vegetation=None, buildings=None, cells=())
    drawn = set(figures.wanted_figures(views, alone)) - {"evidence"}
    assert drawn == {"before_after", "registration"}


def test_a_refused_pair_shows_no_change(views, refused):
    assert set(figures.draw_figures(views, refused)) == {"before_after", "registration"}


def test_scale_and_north_only_where_they_are_known(views_with, grid_with, record):
    known = texts(figures.before_after(views_with(), record))
    assert "200 m\n" in known
    assert "N" in known
    bare = texts(figures.before_after(views_with(grid=grid_with(georeferenced=False)), record))
    assert "no scale" in bare
    assert "N" not in bare


def test_dates_of_any_kind_can_be_drawn(views, record, record_with):
    odd = record.inputs.before.model_copy(update={"date": "$\\frac{ 日付 \x1b[31m"})
    strange = record_with(inputs=record.inputs.model_copy(update={"before": odd}))
    assert figures.to_png(figures.before_after(views, strange)).startswith(b"\x89PNG")


@pytest.mark.parametrize("shape", [(20, 300), (300, 20), (1, 1)])
def test_any_shape_can_be_drawn(views_with, record_with, shape):
    blank = np.zeros(shape, np.uint8)
    views = views_with(
        before=np.zeros((*shape, 3), np.uint8),
        after=np.zeros((*shape, 3), np.uint8),
        valid=blank.astype(np.bool_),
        pixel_change=blank + 255,
        structural_change=blank + 255,
        classes=blank,
        grid=Grid(width=shape[1], height=shape[0]),
        buildings=(),
        tie_points=np.zeros((0, 6)),
        histograms=(),
        indices=(),
    )
    found = figures.draw_figures(views, record_with(cells=()))
    assert list(found) == [
        "before_after",
        "classes",
        "structural_change",
        "pixel_change",
        "registration",
    ]
    for png, alt in found.values():
        assert png
        assert alt


def test_an_unclear_loss_is_not_drawn_by_cell(views, record, record_with):
    unclear = record_with(built=record.built.model_copy(update={"separable": False}))
    assert "Built area destroyed" not in texts(figures.cells(views, unclear))
