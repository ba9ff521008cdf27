"""One HTML file that needs nothing else: no request leaves it, no text in it can run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

import numpy as np
from markupsafe import Markup

from changedet.report import (
    amounts,
    bilingual,
    checks,
    content,
    made,
    mapdata,
    notes,
    pictures,
    words,
)
from changedet.report.credit import dates
from changedet.report.language import LANGUAGES, Phrase, Text, phrase, tell
from changedet.report.mapping import north_angle
from changedet.report.palette import CHANGES, GRADES, evidence_colours
from changedet.report.selfcontained import asset, environment, policy
from changedet.report.views import Views
from changedet.result import Record

REFUSED_FIGURES = frozenset({"before_after", "registration"})
"""Pictures that a refused result may show: they hold no figure of a change."""
FIGURES = (
    "before_after",
    "classes",
    "buildings",
    "indices",
    "cells",
    "registration",
    "evidence",
)
"""The pictures that the page knows; heading and explanation are messages of their names."""
_MORE = ("indices",)
_PAPER = frozenset({"classes", "buildings"})
"""Pictures for paper alone, where the map cannot be."""
_PAPER_PX = 1200
_SURE = ("registration", "evidence")
_SCRIPTS = ("leaflet.js", "language.js", "map.js", "tables.js", "report.js")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A picture as the page shows it."""

    name: str
    title: Text
    caption: Text
    alt: Text
    uri: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A layer of the map as its list shows it."""

    name: str
    title: Text
    swatch: str = ""
    """Address of a sample; empty where the legend is elsewhere."""
    on: bool = False
    """Whether it is shown at first."""


def render_page(
    record: Record,
    views: Views | None,
    figures: Mapping[str, tuple[bytes, Text]],
    *,
    lang: str | None = None,
    tiles: dict[str, Any] | None = None,
) -> str:
    """Render the report.

    Parameters
    ----------
    record : Record
        What was found; of a refused one no figure of a change is shown, whatever it holds.
    views : Views or None
        For the map; without them the page has none.
    figures : mapping
        PNG bytes and text alternative by name, as from ``draw_figures``.
    lang : str, optional
        Language in which the page opens; without it that of the run.
    tiles : dict, optional
        The pyramid beside the page. Then the page takes the map from ``data.js`` beside it, see
        :func:`render_data`, and its pictures from the tiles.

    Returns
    -------
    str
        An HTML document, to be written as UTF-8.
    """
    language = lang or language_of(record)
    style, script = _style(), _script()
    refused = record.status == "refused"
    allowed = REFUSED_FIGURES if refused else frozenset(FIGURES)
    chosen = {
        name: _shown(name, png, alt) for name, (png, alt) in figures.items() if name in allowed
    }
    data = "" if views is None or tiles is not None else render_data(record, views)
    title = phrase(
        "page-title-refused" if refused else "page-title", title=words.plain(record.title)
    )
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            record=record,
            lang=language,
            title=tell(title, language),
            # Our own files, without anything put into them; the data are JSON without "<".
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=Markup(data),  # noqa: S704
            policy=policy(style, script, beside=" 'self' file:" if tiles is not None else ""),
            t=bilingual.said,
            dates_of=dates,
            a=partial(_attribute, language=language),
            p=phrase,
            text=content,
            made=made,
            checking=checks,
            notes=notes,
            amounts=amounts,
            words=words,
            styles=GRADES,
            figures=chosen,
            more=[chosen[name] for name in _MORE if name in chosen],
            sure=[chosen[name] for name in _SURE if name in chosen],
            tiles=tiles,
            **_map(record, views, tiled=tiles is not None),
        )
    )


def render_data(record: Record, views: Views, *, tiles: dict[str, Any] | None = None) -> str:
    """Return what the script draws the map from, as JSON; ``data.js`` assigns it."""
    return mapdata.to_json(mapdata.map_document(record, views, tiles=tiles))


def language_of(record: Record) -> str:
    """Return the language that was asked for when the pair was run."""
    given = record.provenance.options.get("lang")
    return str(given) if given in LANGUAGES else LANGUAGES[0]


def _attribute(name: str, text: Text, *, language: str) -> Markup:
    return bilingual.attribute(name, text, language)


@cache
def _style() -> str:
    # Its pictures are of controls that the page does not have; nothing may be asked for.
    leaflet = re.sub(
        r"/\*.*?\*/|[^\n;{]*url\([^)]*\);", "", _vendored("leaflet.css"), flags=re.DOTALL
    )
    return f"{leaflet}\n{asset('report.css')}"


@cache
def _script() -> str:
    leaflet, _, _ = _vendored("leaflet.js").rpartition("//# sourceMappingURL")
    # A link to its home in a control that the page does not have: the page links to nowhere.
    leaflet = leaflet.replace('href="https://leafletjs.com"', 'href="#"')
    return "\n".join([leaflet, *(asset(name) for name in _SCRIPTS[1:])])


def _vendored(name: str) -> str:
    return (
        resources.files("changedet.report").joinpath("vendor", "leaflet", name).read_text("utf-8")
    )


def _shown(name: str, png: bytes, alt: Text) -> Shown:
    data, mime, (width, height) = pictures.lighten(png, most=_PAPER_PX if name in _PAPER else None)
    key = f"caption-{name.replace('_', '-')}"
    plain = name == "before_after"
    return Shown(
        name=name,
        title=Phrase("page-before-and-after" if plain else key),
        caption="" if plain else Phrase(f"{key}-text"),
        alt=words.plain(alt) if isinstance(alt, str) else alt,
        uri=pictures.data_uri(data, mime),
        width=width,
        height=height,
    )


def _map(record: Record, views: Views | None, *, tiled: bool) -> dict[str, Any]:
    """Return what the page says around the map: layers, legends, north, resolution."""
    if views is None:
        return {"with_map": False, "layers": [], "grades": [], "north": None, "step": 1}
    refused = record.status == "refused"
    across = views.width if views.fine is None else views.fine[0].shape[1]
    drawn = {item.grade for item in views.buildings}
    return {
        "with_map": True,
        "layers": [] if refused else _layers(record, views, tiled=tiled),
        "grades": [
            {
                "label": style.label,
                "colour": style.colour,
                "width": f"{style.width + 0.6:.1f}",
                "dash": " ".join(f"{part * 2:g}" for part in style.dash),
                "count": amounts.count(getattr(record.buildings, style.field, None)),
            }
            for style in GRADES
            if style.name in drawn and not refused
        ],
        "classes": [
            (style.label, pictures.data_uri(pictures.swatch(style), "image/png"))
            for style in CHANGES
            if tiled and (views.classes == style.code).any()
        ],
        "total_outlines": len(views.buildings),
        "ramp": pictures.data_uri(_ramp(), "image/png"),
        "cell_ramp": pictures.data_uri(_cell_ramp(), "image/png"),
        "north": north_angle(views.grid),
        "scale_known": views.grid.gsd_m is not None,
        "step": 1 if tiled else max(1, round(views.width * views.zoom / across)),
    }


def _layers(record: Record, views: Views, *, tiled: bool) -> list[Layer]:
    """Return the layers of the map, those that are seen first of all first."""
    found = []
    if views.buildings:
        found.append(Layer(name="buildings", title=Phrase("layer-buildings"), on=True))
    if tiled and (views.classes > 0).any():
        found.append(Layer(name="classes", title=Phrase("layer-classes")))
    for style in () if tiled else CHANGES:
        if (views.classes == style.code).any():
            name = f"class-{style.code}"
            swatch = pictures.data_uri(pictures.swatch(style), "image/png")
            found.append(Layer(name=name, title=Phrase(f"layer-{name}"), swatch=swatch))
    for number, (_, _, title) in enumerate(content.cell_fields(record)):
        if record.cells:
            name = f"cells-{number}"
            found.append(Layer(name=name, title=phrase(f"layer-{name}", field=title)))
    found += [Layer(name=name, title=Phrase(f"layer-{name}")) for name in ("structural", "pixel")]
    if len(views.tie_points):
        found.append(Layer(name="ties", title=Phrase("layer-ties")))
    return found


def _ramp() -> bytes:
    """Return a PNG of the evidence colours from 0 to 1, as the layers show them."""
    steps = np.tile(np.arange(251, dtype=np.uint8), (12, 1))
    return pictures.encode_indexed(*pictures.evidence_layer(steps))


def _cell_ramp() -> bytes:
    """Return a PNG of the colours of the cells from 0 to 100 %."""
    return pictures.encode_png(np.tile(evidence_colours()[None], (12, 1, 1)))
