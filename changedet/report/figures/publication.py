"""The pictures that are printed and passed on: an annotated map, and both dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from changedet.report import publish, words
from changedet.report.amounts import measure
from changedet.report.figures.leaf import (
    GREY,
    INK,
    MARGIN,
    Block,
    Page,
    band_block,
    band_height,
    draw_band,
    properties,
    text_block,
    width_of,
)
from changedet.report.language import Phrase, phrase, tell
from changedet.report.mapping import north_angle, scale_bar
from changedet.report.palette import CHANGES, CLASSES, GRADES, ClassStyle, GradeStyle
from changedet.report.publish import UInt8
from changedet.report.views import Views
from changedet.result import Record

WIDTH = 2400
"""Of a page, pixels: 12 inches."""
_GAP = 40


class _Box(NamedTuple):
    """Where a picture lies on the page, pixels."""

    x: int
    y: int
    width: int
    height: int


def _header(record: Record, lang: str) -> list[Block]:
    """Return title and dates."""
    wide = WIDTH - 2 * MARGIN
    title = tell(publish.place(record) or Phrase("publish-untitled"), lang)
    dates = tell(publish.span(record, lang), lang)
    return [
        text_block(title, wide, 19, bold=True, most=3),
        text_block(dates, wide, 11, colour=GREY),
    ]


def _footer(record: Record, lang: str, credit: str) -> list[Block]:
    """Return limits, credit and what made the picture."""
    wide = WIDTH - 2 * MARGIN
    lines = [tell(publish.made_line(record), lang)]
    owner = publish.credit_line(credit)
    if owner is not None:
        lines.insert(0, tell(owner, lang))
    crs = None if record.grid is None else record.grid.crs
    if crs is not None and len(crs) < 20:
        lines.append(words.plain(crs))
    return [
        text_block(tell(publish.LIMITS, lang), wide, 8.5, colour=GREY),
        text_block(" · ".join(lines), wide, 8.5, colour=GREY),
    ]


def _stack(blocks: Sequence[Block], gap: int = 12) -> int:
    return sum(block.height + gap for block in blocks)


def annotated_map(
    views: Views, record: Record, after: UInt8, *, lang: str, credit: str = ""
) -> Figure:
    """Draw the mapped change over the image after, with all that a map needs to stand alone.

    Parameters
    ----------
    views : Views
        Classes, buildings and grid.
    record : Record
        Not a refused one.
    after : ndarray, uint8, (h, w, 3)
        The image after in any size, the same ground as the views.
    lang : str
        A language of the report.
    credit : str
        Credit line of the imagery.

    Returns
    -------
    Figure
        2,400 pixels wide at 200 dots per inch. Title, dates, band, map with scale and north,
        legend, headline with intervals, limits, credit.
    """
    ratio = views.height / views.width
    beside = ratio > 1.1
    inner = WIDTH - 2 * MARGIN
    width = round(min(1450, 2500 / ratio)) if beside else inner
    height = max(1, round(width * ratio))
    header, footer = _header(record, lang), _footer(record, lang, credit)
    band = band_block(record, lang, inner, 13)
    column = inner - width - _GAP if beside else round(inner * 0.58)
    first, *others = publish.facts(record, lang)
    said = [text_block(first, column, 12.5, bold=True)]
    said += [text_block(fact, column, 10.5) for fact in others]
    rows = _legend(views, record, lang)
    legend = sum(row.height for row in rows)
    texts = _stack(said, 18)
    panel = legend + _GAP + texts if beside else max(legend, texts)
    top = band_height(band) + MARGIN + _stack(header) + 16
    body = max(height, panel) if beside else height + _GAP + panel
    page = Page(WIDTH, top + body + _GAP + _stack(footer) + MARGIN - 12)
    draw_band(page, band, record)
    y: float = band_height(band) + MARGIN
    for block in header:
        y = page.write(block, MARGIN, y) + 12
    ground = publish.marked_ground(
        publish.resized(after, width, height),
        publish.resized(views.classes, width, height, nearest=True),
    )
    page.show(ground, MARGIN, top)
    box = _Box(MARGIN, top, width, height)
    _draw_buildings(page, views, box)
    _draw_scale(page, views, lang, box)
    _draw_north(page, views, lang, MARGIN + width, top)
    x = MARGIN + width + _GAP if beside else MARGIN
    y = top if beside else top + height + _GAP
    end = _draw_legend(page, rows, x, y)
    if beside:
        y = end + _GAP
    else:
        x = WIDTH - MARGIN - column
    for block in said:
        y = page.write(block, x, y) + 18
    y = top + body + _GAP
    page.fill(MARGIN, y - 16, inner, 2, "#c9ccd1")
    for block in footer:
        y = page.write(block, MARGIN, y) + 12
    return page.figure


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A line of the legend: a heading, a class or a grade."""

    text: str
    style: ClassStyle | GradeStyle | None = None
    height: int = 52


def _legend(views: Views, record: Record, lang: str) -> list[_Row]:
    """List what the map shows, and nothing that it does not."""
    codes = np.unique(views.classes)
    rows = [
        _Row(text=tell(style.label, lang), style=style)
        for style in (*CHANGES, CLASSES[0])
        if style.code in codes
    ]
    if rows:
        rows.insert(0, _Row(text=tell(Phrase("publish-legend-change"), lang), height=64))
    if not views.buildings:
        return rows
    rows.append(_Row(text=tell(Phrase("publish-legend-buildings"), lang), height=72))
    for grade in GRADES:
        number = getattr(record.buildings, grade.field, None)
        label = phrase("publish-counted", name=grade.label, number=number or 0)
        if number:
            rows.append(_Row(text=tell(label, lang), style=grade))
    return rows


def _draw_legend(page: Page, rows: Sequence[_Row], x: int, y: float) -> float:
    for row in rows:
        style, middle = row.style, y + row.height - 26
        if style is None:
            page.write(Block(lines=(row.text,), size=11, bold=True), x, middle - 22)
        elif isinstance(style, ClassStyle):
            codes = np.full((36, 72), style.code, np.uint8)
            ground = np.full((36, 72, 3), 190, np.uint8)
            page.show(publish.marked_ground(ground, codes), x, round(middle - 18))
        else:
            page.fill(x, middle - 18, 72, 36, "#a6a6a6")
            ring = np.array([(8, -11), (64, -11), (64, 11), (8, 11)]) + np.array((x, middle))
            _outline(page, [ring], style, None)
        if style is not None:
            page.write(Block(lines=(row.text,), size=10.5), x + 92, middle - 20)
        y += row.height
    return y


def _outline(
    page: Page,
    rings: list[NDArray[np.float64]],
    style: GradeStyle,
    frame: Rectangle | None,
) -> None:
    # In the legend lines are thicker, so that their dashes can be told.
    width = style.width * (0.8 if frame is not None else 1.3)
    lines = PolyCollection(
        rings,
        facecolors="none",
        edgecolors=style.colour,
        linewidths=width,
        linestyles=[(0, style.dash) if style.dash else "solid"],
        path_effects=[withStroke(linewidth=width + 0.6, foreground=INK)],
        zorder=3 if frame is not None else 5,
    )
    page.axes.add_collection(lines, autolim=False)
    if frame is not None:
        lines.set_clip_path(frame)


def _draw_buildings(page: Page, views: Views, box: _Box) -> None:
    """Draw outlines by grade, the gravest last."""
    frame = Rectangle(box[:2], box.width, box.height, transform=page.axes.transData)
    share = np.array([box.width / views.width, box.height / views.height])
    for style in reversed(GRADES):
        rings = [
            (item.ring + 0.5) * share + box[:2]
            for item in views.buildings
            if item.grade == style.name
        ]
        if rings:
            _outline(page, rings, style, frame)


def _draw_scale(page: Page, views: Views, lang: str, box: _Box) -> None:
    """Draw the scale bar in the lower left corner, or say that there is none."""
    bar = scale_bar(views.grid)
    if bar is None:
        label = tell(Phrase("publish-no-scale"), lang)
    elif bar.metres >= 1000:
        label = tell(measure(bar.metres / 1000, Phrase("publish-kilometres")), lang)
    else:
        label = tell(measure(bar.metres, Phrase("unit-metres")), lang)
    block = text_block(label, box.width, 9.5, bold=True)
    length = 0 if bar is None else round(bar.share * box.width)
    wide = max(length, round(width_of(block.lines[0], 9.5, bold=True))) + 48
    tall = block.height + (48 if bar is not None else 24)
    left, top = box.x + 24, box.y + box.height - tall - 24
    page.fill(left, top, wide, tall, "white", alpha=0.85)
    page.write(block, left + 24, top + 12)
    if bar is not None:
        for part in range(4):
            colour = INK if part % 2 == 0 else "white"
            page.axes.add_patch(
                Rectangle(
                    (left + 24 + length * part / 4, top + block.height + 16), length / 4, 12,
                    facecolor=colour, edgecolor=INK, linewidth=0.6, zorder=5,
                )
            )  # fmt: skip


def _draw_north(page: Page, views: Views, lang: str, right: int, top: int) -> None:
    """Draw a needle to grid north in the upper right corner; none without a georeference."""
    angle = north_angle(views.grid)
    if angle is None:
        return
    centre = np.array([right - 92, top + 92], float)
    turn = np.deg2rad(angle)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    needle = np.array([(0, -34), (17, 36), (0, 22), (-17, 36)], float) @ spin.T + centre
    page.fill(right - 160, top + 24, 136, 136, "white", alpha=0.85)
    page.axes.add_patch(Polygon(needle, facecolor=INK, edgecolor="none", zorder=5))
    at = np.array([0, -50.0]) @ spin.T + centre
    page.axes.text(
        float(at[0]), float(at[1]), tell(Phrase("publish-north"), lang),
        fontproperties=properties(8.5, bold=True), usetex=False, color=INK,
        ha="center", va="center", zorder=5, parse_math=False,
    )  # fmt: skip


def side_by_side(
    views: Views, record: Record, before: UInt8, after: UInt8, *, lang: str, credit: str = ""
) -> Figure:
    """Draw both images of one ground beside each other, or one above the other where wide.

    Parameters
    ----------
    views, record, lang, credit :
        As in :func:`annotated_map`.
    before, after : ndarray, uint8, (h, w, 3)
        One size.
    """
    ratio = views.height / views.width
    stacked = ratio < 0.45
    inner = WIDTH - 2 * MARGIN
    width = inner if stacked else min((inner - _GAP // 2) // 2, round(2600 / ratio))
    height = max(1, round(width * ratio))
    band = band_block(record, lang, inner, 13)
    header, footer = _header(record, lang)[:1], _footer(record, lang, credit)[1:]
    labels = [
        text_block(tell(phrase(f"publish-{name}", date=date), lang), width, 12, bold=True)
        for name, date in zip(("before", "after"), publish.dates(record, lang), strict=True)
    ]
    head = max(label.height for label in labels) + 10
    top = band_height(band) + MARGIN + _stack(header) + 16
    body = (head + height) * (2 if stacked else 1) + (_GAP if stacked else 0)
    page = Page(WIDTH, top + body + 28 + _stack(footer) + MARGIN - 12)
    draw_band(page, band, record)
    page.write(header[0], MARGIN, band_height(band) + MARGIN)
    free = 0 if stacked else (inner - 2 * width - _GAP // 2) // 2
    for number, (image, label) in enumerate(zip((before, after), labels, strict=True)):
        x = MARGIN + free + (0 if stacked else number * (width + _GAP // 2))
        y = top + (number * (head + height + _GAP) if stacked else 0)
        page.write(label, x, y)
        page.show(publish.resized(image, width, height), x, y + head)
        if number == 0:
            _draw_scale(page, views, lang, _Box(x, y + head, width, height))
        else:
            _draw_north(page, views, lang, x + width, y + head)
    y_end: float = top + body + 28
    for block in footer:
        y_end = page.write(block, MARGIN, y_end) + 12
    return page.figure
