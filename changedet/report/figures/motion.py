"""What a moving picture shows in turn, each with its words burnt in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.report import publish
from changedet.report.figures.leaf import (
    GREY,
    Block,
    Page,
    band_block,
    band_height,
    draw_band,
    pixels,
    text_block,
    width_of,
)
from changedet.report.language import Phrase, phrase, tell
from changedet.report.palette import CHANGES, CLASSES, ClassStyle
from changedet.report.publish import UInt8
from changedet.report.views import Views
from changedet.result import Record

MOTION = 1000
"""Longest side of a moving picture, pixels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frames:
    """Images with their labels burnt in, one size, and the rows that hold the image alone."""

    images: tuple[UInt8, ...]
    top: int
    bottom: int


def frames(
    views: Views,
    record: Record,
    before: UInt8,
    after: UInt8,
    *,
    lang: str,
    credit: str = "",
    words_px: int = 100,
) -> Frames:
    """Draw what a moving picture shows in turn: before, after, after with the mapped change.

    Parameters
    ----------
    views, record, before, after, lang, credit :
        As in :func:`side_by_side`.
    words_px : int
        Rows to leave to words at least; more are taken where they are needed.
    """
    share = min(MOTION / views.width, (MOTION - words_px) / views.height)
    # A small source is not blown up beyond twice its size.
    share = min(share, 2 * max(before.shape[:2]) / max(views.height, views.width))
    width = max(1, round(views.width * share))
    height = max(1, round(views.height * share))
    first, last = publish.resized(before, width, height), publish.resized(after, width, height)
    classes = publish.resized(views.classes, width, height, nearest=True)
    page_width = max(width, 480)
    pad = page_width - 24
    dates = publish.dates(record, lang)
    labels = (
        tell(phrase("publish-before", date=dates[0]), lang),
        tell(phrase("publish-after", date=dates[1]), lang),
        tell(Phrase("publish-mapped"), lang),
    )
    heads = [text_block(label, pad, 8, bold=True, most=2) for label in labels]
    owner = publish.credit_line(credit)
    said = [tell(line, lang) for line in (owner, publish.made_line(record)) if line is not None]
    foot = text_block(" · ".join(said), pad, 5.5, colour=GREY, most=2)
    legend, legend_height = _strip(classes, pad, lang)
    band = band_block(record, lang, pad - 16, 7)
    top = band_height(band) + max(block.height for block in heads) + 12
    taken = top + legend_height + foot.height + 14
    if taken + height > MOTION and taken > words_px:
        return frames(
            views, record, before, after, lang=lang, credit=credit, words_px=taken
        )  # fmt: skip
    images = []
    marked = publish.marked_ground(last, classes, period=6)
    for image, label in zip((first, last, marked), heads, strict=True):
        page = Page(page_width, taken + height)
        draw_band(page, band, record)
        page.write(label, 12, band_height(band) + 5)
        page.show(image, (page_width - width) // 2, top)
        if image is marked:
            for style, text, x, y in legend:
                ground, codes = np.full((16, 28, 3), 140), np.full((16, 28), style.code, np.uint8)
                sample = publish.marked_ground(ground.astype(np.uint8), codes, period=6)
                page.show(sample, 12 + x, top + height + 9 + y)
                page.write(text, 12 + x + 34, top + height + 6 + y)
        page.write(foot, 12, top + height + legend_height + 7)
        images.append(pixels(page.figure))
        page.figure.clear()
    return Frames(images=tuple(images), top=top, bottom=top + height)


def _strip(
    classes: UInt8, width: int, lang: str
) -> tuple[list[tuple[ClassStyle, Block, int, int]], int]:
    """Lay out a small legend in rows; return its items with their places, and its height."""
    found = set(np.unique(classes).tolist())
    items, x, row = [], 0, 0
    for style in (*CHANGES, CLASSES[0]):
        if style.code not in found:
            continue
        text = text_block(tell(style.label, lang), width, 6, most=1)
        taken = 34 + 22 + round(width_of(text.lines[0], 6))
        if x and x + taken > width:
            x, row = 0, row + 1
        items.append((style, text, x, row * 26))
        x += taken
    return items, (row + 1) * 26 + 4 if items else 0
