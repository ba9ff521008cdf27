"""A result as it shows itself in a notebook: HTML without scripts, ids or requests.

Front ends keep different parts of it (GitHub drops styles and inputs, most drop scripts), so that
the text and the pictures make sense without any style, and the swipe is a pane that the browser
itself resizes.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from changedet.report import content, credit, words
from changedet.report.amounts import measure
from changedet.report.language import LANGUAGES, Phrase, Text, phrase, tell
from changedet.report.palette import CHANGES
from changedet.report.pictures import (
    classes_picture,
    data_uri,
    encode_webp,
    evidence_picture,
    shown,
)
from changedet.report.views import Views
from changedet.result import Record

SIDE = 600
"""Longest side of a picture, pixels."""
_BUDGET = 270_000  # bytes of all pictures; a third more as text
_QUALITIES = (80, 65, 50, 30)
PATTERNS = {
    "solid": "{0}",
    "falling": "repeating-linear-gradient(45deg,{0} 0 3px,#fff 3px 5px)",
    "rising": "repeating-linear-gradient(-45deg,{0} 0 3px,#fff 3px 5px)",
    "level": "repeating-linear-gradient(0deg,{0} 0 3px,#fff 3px 5px)",
}
"""Backgrounds of a legend by pattern, CSS; the colour is filled in."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """A picture of the card.

    Parameters
    ----------
    name : str
        before, after, classes, structural or pixel.
    image : ndarray, uint8, (h, w, 3)
        Display colours.
    alt : Text
        Text alternative.
    """

    name: str
    image: NDArray[np.uint8]
    alt: Text


def language_of(record: Record) -> str:
    """Return the language that a result was asked to speak."""
    wanted = record.provenance.options.get("lang")
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


def card_pictures(views: Views, record: Record) -> tuple[Picture, ...]:
    """Return both dates and, where change was looked for, the maps; small already.

    Parameters
    ----------
    views : Views
        At most :data:`SIDE` pixels a side, see :func:`shrink_views`.
    record : Record
        For the dates.
    """
    before, after = credit.dates(record)
    found = [
        Picture(
            name="before",
            image=shown(views.before, views.valid),
            alt=phrase("card-alt-before", date=before),
        ),
        Picture(
            name="after",
            image=shown(views.after, views.valid),
            alt=phrase("card-alt-after", date=after),
        ),
    ]
    if record.built is not None:
        maps: tuple[tuple[str, Callable[[], NDArray[np.uint8]]], ...] = (
            ("classes", lambda: classes_picture(views)),
            ("structural", lambda: evidence_picture(views.structural_change)),
            ("pixel", lambda: evidence_picture(views.pixel_change)),
        )
        found += [
            Picture(name=name, image=paint(), alt=Phrase(f"card-alt-{name}"))
            for name, paint in maps
        ]
    return tuple(found)


def render_card(record: Record, pictures: tuple[Picture, ...], *, lang: str | None = None) -> str:
    """Write a result as one piece of HTML.

    Parameters
    ----------
    record : Record
        Of any status: a refused one shows its reasons and no figure.
    pictures : tuple of Picture
        From :func:`card_pictures`; left out after a refusal.
    lang : str, optional
        Language; that of the run if not given.

    Returns
    -------
    str
        At most some 400 kB. All foreign text is escaped.
    """
    language = lang or language_of(record)
    refused = record.status == "refused"

    def say(text: Text) -> str:
        return f"<bdi>{html.escape(tell(text, language))}</bdi>"

    verdict = content.verdict(record)
    before, after = credit.dates(record)
    dates = phrase("card-dates", before=before, after=after)
    style = resources.files("changedet.report").joinpath("notebook/card.css").read_text("utf-8")
    parts = [
        f'<section class="changedet-card" lang="{language}"><style>{style}</style>',
        f"<details open><summary>{say(words.plain(record.title))} ",
        f"<small>· {say(dates)} · {say(verdict.title)}</small></summary>",
    ]
    if verdict.kind != "ok":
        parts.append(_banner(verdict, say))
    if not refused:
        parts += [f"<p>{say(line)}</p>" for line in content.headline(record)]
        parts.append(_tiles(record, say))
        if pictures:
            parts.append(_gallery(pictures, say))
        if record.built is not None:
            parts.append(f'<p class="cd-dim">{say(Phrase("card-caveat"))}</p>')
    parts.append("</details></section>")
    return "".join(parts)


Say = Callable[[Text], str]


def _banner(verdict: content.Verdict, say: Say) -> str:
    reasons = "".join(
        f"<li>{say(reason)}{'<br>' + say(remedy) if remedy else ''}</li>"
        for reason, remedy in verdict.reasons
    )
    return (
        f'<div class="cd-verdict cd-{verdict.kind}" role="note"><strong>{say(verdict.title)}'
        f"</strong><p>{say(verdict.text)}</p><ul>{reasons}</ul></div>"
    )


def _tiles(record: Record, say: Say) -> str:
    tiles: tuple[_Tile, ...] = (
        tuple(
            _Tile(
                tile.label, tile.value, tile.detail, tile.interval, tile.low, tile.high, tile.middle
            )
            for tile in content.tiles(record)
        )
        if record.built is not None
        else _registration_tiles(record)
    )
    return f'<div class="cd-tiles">{"".join(_box(tile, say) for tile in tiles)}</div>'


class _Tile(NamedTuple):
    """A figure of the card; ends and middle of the interval as shares 0..1."""

    label: Text
    value: Text
    detail: Text
    interval: Text = ""
    low: float | None = None
    high: float | None = None
    middle: float | None = None


def _box(tile: _Tile, say: Say) -> str:
    bar = ""
    if tile.low is not None and tile.high is not None:
        low, high = (min(max(end, 0.0), 1.0) * 100 for end in (tile.low, tile.high))
        bar = f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        if tile.middle is not None:
            bar += f'<b style="left:{min(max(tile.middle, 0.0), 1.0) * 100:.1f}%"></b>'
        bar = f'<div class="cd-bar" aria-hidden="true">{bar}</div>'
    interval = f"<div>{say(tile.interval)}</div>" if tile.interval else ""
    return (
        f'<div class="cd-tile"><div>{say(tile.label)}</div><div class="cd-value">'
        f'{say(tile.value)}</div>{bar}{interval}<div class="cd-dim">{say(tile.detail)}</div></div>'
    )


def _registration_tiles(record: Record) -> tuple[_Tile, ...]:
    """Return what co-registration alone has to tell."""
    if (found := record.registration) is None:
        return ()
    metres = "" if found.rmse_m is None else measure(found.rmse_m, Phrase("unit-metres"))
    pixels = Phrase("unit-pixels")
    nine = phrase("card-ninety", distance=measure(found.ce90_px, pixels))
    of = phrase("card-tie-points-of", number=found.tie_points)
    return (
        _Tile(Phrase("card-registration-error"), measure(found.rmse_px, pixels), nine, metres),
        _Tile(Phrase("card-tie-points"), found.inliers, of),
        _Tile(Phrase("card-largest-shift"), measure(found.max_shift_px, pixels), ""),
    )


def _gallery(pictures: tuple[Picture, ...], say: Say) -> str:
    """Write the swipe, and the maps beside it."""
    images = {}
    for picture, data in zip(pictures, _encode([p.image for p in pictures]), strict=True):
        height, width = picture.image.shape[:2]
        uri = data_uri(data, "image/webp")
        alt = say(picture.alt).removeprefix("<bdi>").removesuffix("</bdi>")
        images[picture.name] = f'<img alt="{alt}" width="{width}" height="{height}" src="{uri}">'
    height, width = pictures[0].image.shape[:2]
    boxes = "".join(
        f'<label><input type="checkbox" class="cd-{name}"> {say(Phrase(f"card-only-{name}"))}'
        "</label>"
        for name in ("before", "after")
    )
    swipe = (
        f'<figure class="cd-swipe"><div class="cd-stage" style="width:{width}px;'
        f'aspect-ratio:{width}/{height}">{images["after"]}<div class="cd-pane">'
        f"{images['before']}</div></div><figcaption>{say(Phrase('card-swipe'))}<br>{boxes}"
        "</figcaption></figure>"
    )
    maps = []
    for picture in pictures[2:]:
        legend = _legend(say) if picture.name == "classes" else ""
        maps.append(
            f'<figure class="cd-small">{images[picture.name]}<figcaption>'
            f"{say(Phrase(f'card-{picture.name}'))}{legend}</figcaption></figure>"
        )
    beside = f'<div class="cd-maps">{"".join(maps)}</div>' if maps else ""
    return f'<div class="cd-pictures">{swipe}{beside}</div>'


def _encode(images: list[NDArray[np.uint8]]) -> list[bytes]:
    """Encode pictures with the best quality, and then the best size, that is light enough."""
    encoded: list[bytes] = []
    for step in (1, 2, 4):
        for quality in _QUALITIES:
            encoded = [encode_webp(image[::step, ::step], quality=quality) for image in images]
            if sum(map(len, encoded)) <= _BUDGET:
                return encoded
    return encoded


def _legend(say: Say) -> str:
    items = "".join(
        f'<span><i style="background:{PATTERNS[style.pattern].format(style.colour)}"></i>'
        f"{say(style.label)}</span> "
        for style in CHANGES
    )
    return f'<div class="cd-legend">{items}</div>'
