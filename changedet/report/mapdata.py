"""What the map in the page is made from, as one JSON document: pictures, outlines, words.

Positions are pixels of the maps' grid, (0, 0) in the upper left corner of the first pixel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid
from changedet.report import content, pictures, words
from changedet.report.bilingual import in_all
from changedet.report.credit import dates
from changedet.report.language import Phrase, phrase
from changedet.report.mapping import bounds_ring, north_angle
from changedet.report.palette import CHANGES, GRADES, evidence_colours
from changedet.report.views import EVIDENCE_STEPS, Outline, Views
from changedet.result import Record

PAIR_BYTES = 3_800_000
"""Most bytes of both dates together: beyond it they are coded more coarsely."""
_QUALITIES = (82, 76, 70, 62, 54)
_EVIDENCE_STEP = 10
"""Evidence is drawn in steps of 0.04: the eye sees no more, and the pictures are far smaller."""
_STEPS = 10
"""Positions are written as whole tenths of a pixel."""

WORDS = (
    "after", "after-alone", "analysed", "area", "before", "before-alone", "building",
    "cell", "chip-after", "chip-before", "close", "displacement", "divider", "divider-value",
    "evidence", "grade", "held-out", "lost-share", "no-scale", "not-in-fit", "in-fit",
    "outside", "probability", "reason", "residual", "tie-point", "zoom-in", "zoom-out", "previous",
    "next", "show",
)  # fmt: skip
"""What the script says: keys ``map-…`` of the Fluent files."""


def map_document(
    record: Record, views: Views, *, tiles: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the script of the page draws the map from.

    Parameters
    ----------
    record : Record
        Of a refused one, both dates are given and no finding.
    views : Views
        Pictures and outlines.
    tiles : dict, optional
        The pyramid beside the page; its pictures are then not held by the page.

    Returns
    -------
    dict
        JSON values alone.
    """
    refused = record.status == "refused"
    return {
        "size": [round(views.width * views.zoom), round(views.height * views.zoom)],
        "gsd": record.grid.gsd_m if record.grid is not None else None,
        "north": north_angle(views.grid),
        "crs": words.plain(views.grid.crs, limit=60) if views.grid.crs else None,
        "transform": list(record.grid.transform) if record.grid is not None else None,
        "lonlat": None if views.lonlat is None else np.round(views.lonlat, 7).tolist(),
        "tiles": tiles,
        "pair": _pair(views, refused=refused) if tiles is None else None,
        "layers": [] if refused else _layers(views) if tiles is None else _tiled(tiles),
        "grades": [
            {"colour": style.colour, "dash": _dash(style.dash), "width": style.width}
            for style in GRADES
        ],
        "ramp": [f"#{bytes(colour).hex()}" for colour in evidence_colours()[::10].tolist()],
        "buildings": _buildings(() if refused else views.buildings, views.zoom),
        "cells": [] if refused else _cells(record, views.grid, views.zoom),
        "fields": []
        if refused
        else [[share, area] for share, area, _ in content.cell_fields(record)],
        "ties": _tie_points(views.tie_points),
        "words": in_all(_words(record)),
    }


def to_json(document: Any) -> str:
    """Return a document as JSON that cannot end the element it stands in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _words(record: Record) -> dict[str, Any]:
    title = words.plain(record.title, limit=200)
    refused = "-refused" if record.status == "refused" else ""
    return {
        "title": phrase(f"page-title{refused}", title=title),
        "dates": list(dates(record)),
        "grades": [style.label for style in GRADES],
        "fields": [name for _, _, name in content.cell_fields(record)],
        "m": Phrase("unit-metres"),
        "km": Phrase("unit-kilometres"),
        "ha": Phrase("unit-hectares"),
        "px": Phrase("unit-pixels"),
        # Filled in by the script.
        "shown": phrase("map-shown", n="{n}", total="{total}"),
        "page": phrase("map-page", n="{n}", total="{total}"),
        **{name: Phrase(f"map-{name}") for name in WORDS},
    }


def _pair(views: Views, *, refused: bool) -> dict[str, Any]:
    """Return both dates as pictures, the finer ones where there are any."""
    fine = None if refused else views.fine
    images = fine or tuple(
        pictures.shown(image, views.valid) for image in (views.before, views.after)
    )
    for quality in _QUALITIES:
        coded = [pictures.encode_jpeg(image, quality=quality) for image in images]
        if sum(map(len, coded)) <= PAIR_BYTES:
            break
    before, after = (pictures.data_uri(jpeg, "image/jpeg") for jpeg in coded)
    return {"before": before, "after": after, "size": [images[0].shape[1], images[0].shape[0]]}


def _layers(views: Views) -> list[dict[str, Any]]:
    """Return the layers of rasters: each class, then both evidence maps."""
    found: list[dict[str, Any]] = []
    for style in CHANGES:
        if (views.classes == style.code).any():
            layer = pictures.class_layer(views.classes, (style,))
            found.append({"name": f"class-{style.code}", "uri": _uri(layer)})
    for name, evidence in (
        ("structural", views.structural_change),
        ("pixel", views.pixel_change),
    ):
        steps = np.where(
            evidence > EVIDENCE_STEPS, evidence, evidence // _EVIDENCE_STEP * _EVIDENCE_STEP
        )
        found.append({"name": name, "uri": _uri(pictures.evidence_layer(steps.astype(np.uint8)))})
    return found


def _tiled(tiles: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name} for name in tiles["layers"] if name not in {"before", "after"}]


def _uri(layer: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> str:
    return pictures.data_uri(pictures.encode_indexed(*layer), "image/png")


def _dash(parts: Sequence[float]) -> str:
    return " ".join(f"{part * 2:g}" for part in parts)


def _buildings(outlines: Sequence[Outline], zoom: float) -> dict[str, list[Any]]:
    """Return the outlines by column; a ring is its first position, then the steps along it."""
    order = {style.name: number for number, style in enumerate(GRADES)}
    return {
        "id": [words.plain(item.id, limit=80) for item in outlines],
        "grade": [order.get(item.grade, len(GRADES) - 1) for item in outlines],
        "probability": [_short(item.score) for item in outlines],
        "evidence": [_short(item.evidence) for item in outlines],
        "area": [_short(item.area_m2, 1) for item in outlines],
        "lost": [_short(item.lost_share) for item in outlines],
        "reason": [words.plain(item.reason, limit=200) for item in outlines],
        "ring": [_ring((item.ring + 0.5) * zoom) for item in outlines],
    }


def _short(value: float | None, places: int = 3) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, places)


def _ring(ring: NDArray[np.float64]) -> list[int]:
    whole = np.rint(ring * _STEPS).astype(np.int64)
    if len(whole) > 1 and (whole[0] == whole[-1]).all():
        whole = whole[:-1]
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64))
    return [int(part) for part in steps.ravel()]


def _cells(record: Record, grid: Grid, zoom: float) -> list[dict[str, Any]]:
    """Return the cells with what may be said of them."""
    fields = content.cell_fields(record)
    return [
        {
            "id": words.plain(cell.id, limit=40),
            "ring": _ring((bounds_ring(grid, cell.bounds) + 0.5) * zoom),
            "analysed": _short(cell.analysed_share),
            "shares": [_short(getattr(cell, share), 4) for share, _, _ in fields],
            "areas": [_short(getattr(cell, area), 4) for _, area, _ in fields],
        }
        for cell in record.cells or ()
    ]


def _tie_points(points: NDArray[np.float64]) -> list[list[float]]:
    """Return column, row, displacement in both, residual and role of each, rounded."""
    kept = np.where(np.isfinite(points), np.round(points, 2), -1.0)
    kept[:, :2] = np.round(points[:, :2] + 0.5, 1)
    return [[float(value) for value in row] for row in kept]
