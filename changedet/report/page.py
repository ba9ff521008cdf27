"""One HTML file that needs nothing else: no request leaves it, no text in it can run."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from changedet.report import checks, content, made, pictures, words
from changedet.report.mapping import north_angle, scale_bar
from changedet.report.palette import CHANGES, GRADES
from changedet.report.views import Views
from changedet.result import Record

REFUSED_FIGURES = frozenset({"before_after", "registration"})
"""Pictures that a refused result may show: they hold no figure of a change."""

CAPTIONS: dict[str, tuple[str, str]] = {
    "before_after": ("Before and after", ""),
    "classes": (
        "Classes",
        (
            "What was decided, over the image after. Outside of the marked places no change is"
            " visible; striped grey was not analysed."
        ),
    ),
    "buildings": ("Buildings by grade", "Outlines are of before the event."),
    "structural_change": (
        "Structural change",
        (
            "Evidence that shapes and edges changed. 0: no more than happens where nothing changed;"
            " 1: far beyond that. It is not a probability."
        ),
    ),
    "pixel_change": (
        "Spectral change",
        (
            "Evidence that colour or brightness changed. 0: no more than happens where nothing"
            " changed; 1: far beyond that. It is not a probability."
        ),
    ),
    "indices": (
        "Spectral indices",
        (
            "After minus before, AFTER in BEFORE's radiometry. Orange: the index fell, purple: it"
            " rose. Plants raise NDVI, ExG and GLI; fire lowers NBR; bare soil raises BSI; walls"
            " and roofs raise NDBI. Season moves them all."
        ),
    ),
    "cells": (
        "Loss by cell",
        "Cells of 500 m (500 pixels where no scale is known), cut at the edge of the image.",
    ),
    "registration": (
        "How well the two images lie on each other",
        (
            "Roads and roof edges that run on across the squares lie in the same place. The picture"
            " is smaller than the images: errors below its pixels are in the histogram alone."
        ),
    ),
    "evidence": (
        "Scores against what happens where nothing changed",
        (
            "Blue: this pair. Line: the null, the same score where nothing changed. Where the two"
            " run together, nothing can be told; the threshold is set beyond the null."
        ),
    ),
}
"""Heading and explanation of each figure."""

_MAPS = ("classes", "buildings", "structural_change", "pixel_change")
_SURE = ("registration", "evidence")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A picture as the page shows it."""

    name: str
    title: str
    caption: str
    alt: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A picture that can be laid over both dates; one with outlines has paths instead."""

    name: str
    title: str
    uri: str
    legend: str
    """Which legend belongs to it."""


def render_page(record: Record, views: Views | None, figures: dict[str, tuple[bytes, str]]) -> str:
    """Render the report.

    Parameters
    ----------
    record : Record
        What was found; of a refused one no figure of a change is shown, whatever it holds.
    views : Views or None
        For the swipe; without them the page has none.
    figures : dict
        PNG bytes and text alternative by name, as from ``draw_figures``.

    Returns
    -------
    str
        An HTML document, to be written as UTF-8.
    """
    style, script = _asset("report.css"), _asset("report.js")
    allowed = REFUSED_FIGURES if record.status == "refused" else frozenset(CAPTIONS)
    chosen = {
        name: _shown(name, png, alt) for name, (png, alt) in figures.items() if name in allowed
    }
    template = _environment().get_template("report.html.j2")
    return template.render(
        record=record,
        # Our own two files, without anything put into them: the only unescaped text of the page.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        text=content,
        made=made,
        checking=checks,
        words=words,
        figures=chosen,
        maps=[chosen[name] for name in _MAPS if name in chosen],
        sure=[chosen[name] for name in _SURE if name in chosen],
        swipe=None if views is None else _swipe(record, views),
    )


@cache
def _asset(name: str) -> str:
    return resources.files("changedet.report").joinpath("templates", name).read_text("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("changedet.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = words.plain
    return environment


def _policy(style: str, script: str) -> str:
    """Return the content security policy: nothing but what this file itself holds."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}';"
        f" script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def _shown(name: str, png: bytes, alt: str) -> Shown:
    data, mime, (width, height) = pictures.lighten(png)
    title, caption = CAPTIONS[name]
    return Shown(
        name=name,
        title=title,
        caption=caption,
        alt=alt,
        uri=pictures.data_uri(data, mime),
        width=width,
        height=height,
    )


def _swipe(record: Record, views: Views) -> dict[str, Any]:
    """Return what the swipe shows: both dates, layers, legends, scale, north."""
    before, after = (
        pictures.data_uri(pictures.encode_jpeg(pictures.shown(image, views.valid)), "image/jpeg")
        for image in (views.before, views.after)
    )
    refused = record.status == "refused"
    bar = scale_bar(views.grid)
    return {
        "before": before,
        "after": after,
        "width": views.width,
        "height": views.height,
        "layers": [] if refused else _layers(views),
        "outlines": [] if refused else _outlines(views),
        "classes": [
            (style.name, pictures.data_uri(pictures.swatch(style), "image/png"))
            for style in CHANGES
            if (views.classes == style.code).any()
        ],
        "ramp": pictures.data_uri(_ramp(), "image/png"),
        "scale": bar,
        "north": north_angle(views.grid),
    }


def _layers(views: Views) -> list[Layer]:
    found = []
    for name, title, legend, layer in (
        ("classes", "Classes", "classes", pictures.class_layer(views.classes)),
        (
            "structural",
            "Structural change",
            "evidence",
            pictures.evidence_layer(views.structural_change),
        ),
        ("pixel", "Spectral change", "evidence", pictures.evidence_layer(views.pixel_change)),
    ):
        uri = pictures.data_uri(pictures.encode_indexed(*layer), "image/png")
        found.append(Layer(name=name, title=title, uri=uri, legend=legend))
    return found


def _ramp() -> bytes:
    """Return a PNG of the evidence colours from 0 to 1, as the layers show them."""
    steps = np.tile(np.arange(251, dtype=np.uint8), (12, 1))
    return pictures.encode_indexed(*pictures.evidence_layer(steps))


def _outlines(views: Views) -> list[dict[str, str]]:
    """Return one path for all buildings of a grade, in pixels of the view, gravest last."""
    found = []
    for style in reversed(GRADES):
        rings = [item.ring + 0.5 for item in views.buildings if item.grade == style.name]
        path = "".join(
            "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring.tolist()) + "Z" for ring in rings
        )
        if path:
            found.append(
                {
                    "title": style.name,
                    "path": path,
                    "colour": style.colour,
                    "width": f"{style.width + 0.6:.1f}",
                    "dash": " ".join(f"{part * 2:g}" for part in style.dash),
                }
            )
    return found
