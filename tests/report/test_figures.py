from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text as Lettering
from PIL import Image

from changedet.core.grid import Grid
from changedet.report import credit, figures
from changedet.report.alts import DESCRIBE
from changedet.report.figures import look
from changedet.report.language import tell

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
    figure.draw_without_rendering()  # ticks get their labels
    return [item.get_text() for item in figure.findobj(lambda part: hasattr(part, "get_text"))]


def test_every_figure_is_drawn_with_the_facts_as_its_alternative(drawn):
    assert list(drawn) == ALL
    told = {name: (png, tell(alt)) for name, (png, alt) in drawn.items()}
    for png, alt in told.values():
        with Image.open(io.BytesIO(png)) as picture:
            assert min(picture.size) > 200
            assert not {"Software", "Creation Time"} & set(picture.info)
        assert 40 < len(alt) < 700
    alts = {name: alt.replace("\u00a0", " ") for name, (_, alt) in told.items()}
    assert "built area destroyed 6.98 %, densest in the lower left" in alts["classes"]
    assert "24 destroyed, 8 damaged, 1 possibly damaged" in alts["buildings"]
    assert "187 of 234 tie points" in alts["registration"]
    assert "0.312 px" in alts["registration"]
    assert "threshold 2.60" in alts["evidence"]
    assert "r001c000 (75.5 %; 2.34 ha)" in alts["cells"]


def test_the_change_of_indices_has_one_scale_with_its_unit(views, record, drawn):
    said = texts(figures.indices(views, record))
    for title in ("Change of NDVI", "Change of BSI", "Change of NDBI", "200 m", "+0.25"):
        assert title in said
    assert "index of 9 April 2022 minus that of 14 March 2021, unitless" in said
    alt = tell(drawn["indices"][1]).replace("\u00a0", " ")
    assert "NDVI: median 0.0100" in alt
    assert "falls densest in the upper right" in alt


UKRAINIAN = {
    "before_after": {"До · 14 березня 2021", "Після · 9 квітня 2022", "200 м", "Пн"},
    "classes": {"Класи змін поверх знімка після", "Забудову зруйновано", "Інша зміна"},
    "buildings": {"Зруйновано (24)", "Без видимих пошкоджень (117)"},
    "structural_change": {"Ознаки структурних змін (форми та краї)", "не оцінено"},
    "pixel_change": {"Ознаки спектральних змін (колір і яскравість)", "1: значно більше"},
    "indices": {"Зміна NDVI", "+0,25", "невідомо"},
    "cells": {"Рослинність утрачено", "утрачено, га", "2,34\u00a0га (76\u00a0%)"},
    "registration": {"Зміщення", "залишено для перевірки", "RMSE моделі: 0,312 пікс."},
    "evidence": {"поріг 2,60", "частка, логарифмічна шкала", "ця пара"},
}
OURS = {"RMSE", "CE90", "NDVI", "NDBI", "BSI", "EPSG", "changedet", "Painted", "town", "Loss",
        "score", "of", "built", "area", "Fall", "the", "vegetation", "index"}  # fmt: skip
"""Names, and what the fixtures say themselves."""


@pytest.mark.parametrize("name", ALL)
def test_every_lettering_is_in_the_language_that_was_asked_for(views, record, name):
    said = texts(figures.draw_figure(name, views, record, lang="uk"))
    assert set(said) >= UKRAINIAN[name]
    english = set(re.findall(r"[A-Za-z]{2,}[A-Za-z0-9]*", " ".join(said))) - OURS
    assert not {word for word in english if not re.fullmatch(r"c\d+|r\d+c\d+", word)}
    assert not re.search(r"\d\.\d(?!\.)", " ".join(said).replace("changedet 0.1.0", ""))


@pytest.mark.parametrize("name", ALL)
def test_alternatives_are_told_in_ukrainian(views, record, name):
    said = tell(DESCRIBE[name](views, record), "uk")
    assert 40 < len(said) < 800
    assert not set(re.findall(r"[A-Za-z]{2,}", said)) - OURS - {"CE", "r", "c"}
    assert ".." not in said


def test_every_figure_says_where_it_comes_from(views, record, record_with):
    line = "Image before: 14 March 2021 · image after: 9 April 2022 · EPSG:32615, grid north"
    owner = "Imagery: credit its owner · Painted town · changedet 0.1.0"
    for name in figures.wanted_figures(views, record):
        assert {line, owner} <= set(texts(figures.draw_figure(name, views, record)))
    options = {"credit": "© Супутник $x_1$ 2024 日付"}
    known = record_with(provenance=record.provenance.model_copy(update={"options": options}))
    said = texts(figures.before_after(views, known))
    assert "Imagery: © Супутник $x_1$ 2024 �� · Painted town · changedet 0.1.0" in said
    assert figures.to_png(figures.before_after(views, known))


def test_letters_of_foreign_text_stay_where_there_are_glyphs():
    assert look.foreign("Бахмут Ґ’є, Łódź, Αθήνα, حمص") == "Бахмут Ґ’є, Łódź, Αθήνα, حمص"
    assert look.foreign("東京\u202eab\n\x1b[31m😀") == "���ab �[31m" + look.foreign("😀")
    assert len(look.foreign("a" * 500)) == 240


def test_dates_are_told_in_words_and_with_their_time_within_a_day(record, record_with):
    def told(before, after, lang="en"):
        images = {
            role: getattr(record.inputs, role).model_copy(update={"date": date})
            for role, date in (("before", before), ("after", after))
        }
        known = record_with(inputs=record.inputs.model_copy(update=images))
        return [tell(date, lang) for date in credit.dates(known)]

    assert told("2022-05-08T08:45:00", "2023-01-01") == ["8 May 2022", "1 January 2023"]
    assert told("2022-05-08T08:45:00", "2022-05-08T10:15:00Z", "uk") == [
        "8 травня 2022, 08:45",
        "8 травня 2022, 10:15 UTC",
    ]
    assert told(None, "spring <b>") == ["date unknown", "spring <b>"]
    assert told("2022-13-08", None, "uk") == ["2022-13-08", "дата невідома"]


LONG = "Дуже-довге слово ненаголошенийсклад " * 6


@pytest.fixture(scope="module")
def wordy(record, record_with):
    """A record with a long title and credit."""
    provenance = record.provenance.model_copy(update={"options": {"credit": LONG}})
    return record_with(title=LONG, provenance=provenance)


@pytest.mark.parametrize(
    ("shape", "lang"),
    [((150, 200), "en"), ((150, 200), "uk"), ((150, 55), "uk"), ((30, 200), "uk")],
)
def test_nothing_is_cut_and_no_lettering_lies_on_another(
    views_with, wordy, shape, lang, monkeypatch
):
    """Of all lettering that is drawn, in both languages and in pictures of any shape."""
    views, record = cut(views_with, shape), wordy
    for name in figures.wanted_figures(views, record):
        figure = figures.draw_figure(name, views, record, lang=lang)
        boxes = lettering_of(figure, monkeypatch)
        width, height = figure.canvas.get_width_height()
        for said, box in boxes:
            assert box.x0 >= 0, (name, said)
            assert box.y0 >= 0, (name, said)
            assert box.x1 <= width, (name, said)
            assert box.y1 <= height, (name, said)
        for (one, first), (two, second) in itertools.combinations(boxes, 2):
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            tall = min(first.y1, second.y1) - max(first.y0, second.y0)
            assert min(wide, tall) < 3, (name, one, two)


def cut(views_with, shape):
    """Return the painted town with the shape of a part of it."""
    whole = views_with()
    rows, cols = (slice(0, size) for size in shape)
    names = ("before", "after", "valid", "pixel_change", "structural_change", "classes")
    parts = {name: getattr(whole, name)[rows, cols] for name in names}
    grid = Grid(
        width=shape[1], height=shape[0], transform=whole.grid.transform, crs=whole.grid.crs,
        unit_m=1.0,
    )  # fmt: skip
    indices = tuple(
        replace(index, difference=index.difference[rows, cols]) for index in whole.indices
    )
    return views_with(**parts, grid=grid, indices=indices)


def lettering_of(figure, monkeypatch):
    """Draw a figure and return all its lettering, each with its box in pixels."""
    drawn = {}
    real = Lettering.draw

    def draw(item, renderer, *args, **kwargs):
        if item.get_text().strip():
            drawn[id(item)] = item.get_text(), item.get_window_extent(renderer)
        return real(item, renderer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Lettering, "draw", draw)
        figure.draw_without_rendering()
    return list(drawn.values())


def test_a_picture_of_the_size_of_its_place_is_not_resampled(views, record):
    figure = figures.before_after(views, record)
    png = figures.to_png(figure)
    with Image.open(io.BytesIO(png)) as picture:
        shown = np.asarray(picture)
    axes = figure.axes[0]
    image = np.asarray(axes.images[0].get_array())
    left, top = round(axes.bbox.x0), shown.shape[0] - round(axes.bbox.y1)
    found = shown[top : top + image.shape[0], left : left + image.shape[1]]
    # Below the needle, above the scale.
    middle = slice(image.shape[0] // 3, image.shape[0] * 2 // 3)
    assert (found[middle] == image[middle, :, :3]).all()
    figure.set_dpi(look.DPI / 2)
    figure.canvas.draw()  # on a smaller canvas it is resampled instead
    small = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert abs(float(small.mean()) - float(shown.mean())) < 3


def test_lines_are_broken_where_they_must():
    lines = look.wrapped("один два\u00a0га " + "м" * 90, 2.0, 9.0)
    assert lines[0] == "один два\u00a0га"
    assert "".join(lines[1:]) == "м" * 90
    assert all(look.width_of(line, 9.0) <= 2.0 for line in lines)


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
    assert "200 m" in known
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
        assert tell(alt)


def test_an_unclear_loss_is_not_drawn_by_cell(views, record, record_with):
    unclear = record_with(built=record.built.model_copy(update={"separable": False}))
    assert "Built area destroyed" not in texts(figures.cells(views, unclear))
