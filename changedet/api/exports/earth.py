"""A result as Google Earth shows it: overlays, buildings by grade, cells, a legend."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from affine import Affine

from changedet.api.exports.placed import Placed
from changedet.report import amounts
from changedet.report.figures import to_png
from changedet.report.figures.legend import legend
from changedet.report.gis.geojson import on_globe
from changedet.report.gis.kml import Earth, Group, Look, Overlay, Rows, Shape, Span
from changedet.report.gis.plain import is_day, iso, json_value, parse_date, rows_of
from changedet.report.language import Text, phrase, tell
from changedet.report.palette import GRADES, GradeStyle
from changedet.report.pictures import class_layer, encode_indexed, encode_jpeg, shown
from changedet.report.qml import CELL_STEPS, cell_colour

QUALITY = 88
"""Of the JPEGs."""
MOST = 20_000
"""Buildings that Google Earth is given, the gravest first: it grows slow beyond."""


def make_earth(place: Placed, notes: Sequence[str]) -> Earth:
    """Return what a KMZ of a result holds, with lines to say at its head."""
    record, say = place.kit.record, place.say
    spans = _spans(record.inputs.before.date, record.inputs.after.date)
    cells = _cells(place)
    key = legend(place.kit.lang, grades=place.has_buildings, cells=bool(cells))
    return Earth(
        title=record.title,
        notes=notes,
        images=say("gis-images"),
        overlays=_overlays(place, spans),
        groups=(*_buildings(place), *cells),
        span=spans[1],
        legend_name=say("gis-legend"),
        legend=to_png(key) if place.has_classes else None,
    )


def _overlays(place: Placed, spans: tuple[Span, Span]) -> tuple[Overlay, ...]:
    """Return both dates, and the classes where there are any, the lowest first."""
    views, corners = place.kit.views, _corners(place)
    # a grid whose rows run north is mirrored: its pictures are turned over
    turned = slice(None, None, -1 if mirrored(views.grid.transform) else 1)

    def overlay(name: str, file: str, data: bytes, span: Span, *, on: bool = True) -> Overlay:
        return Overlay(
            name=place.say(name),
            href=f"files/{file}",
            data=data,
            corners=corners,
            span=span,
            visible=on,
        )

    before, after = (
        encode_jpeg(shown(image, views.valid)[turned], quality=QUALITY)
        for image in (views.before, views.after)
    )
    found = (
        overlay("gis-before", "before.jpg", before, spans[0]),
        overlay("gis-after", "after.jpg", after, spans[1]),
    )
    if not place.has_classes:
        return found
    classes = encode_indexed(*class_layer(np.ascontiguousarray(views.classes[turned])))
    return (*found, overlay("gis-classes", "classes.png", classes, spans[1], on=False))


def mirrored(transform: Affine) -> bool:
    """Say whether rows of a grid run the other way round than those of a picture."""
    return bool(transform.determinant > 0)


def _corners(place: Placed) -> tuple[tuple[float, float], ...]:
    """Return lower left, lower right, upper right, upper left of the views, in degrees."""
    grid = place.kit.views.grid
    width, height = grid.width, grid.height
    pixels = ((0, height), (width, height), (width, 0), (0, 0))
    if mirrored(grid.transform):
        pixels = ((0, 0), (width, 0), (width, height), (0, height))
    xs, ys = np.array([grid.transform @ pixel for pixel in pixels], float).T
    lons, lats = place.unroll(xs, ys)
    return tuple(zip(map(float, lons), map(float, lats), strict=True))


def _spans(before: str | None, after: str | None) -> tuple[Span, Span]:
    """Return when the image before, and all that came after, is to be seen."""
    first, last = parse_date(before), parse_date(after)
    if first is None or last is None or first >= last:
        return (None, None), (None, None)
    begin = (before or "") if is_day(before) else iso(first)
    turn = (after or "") if is_day(after) else iso(last)
    return (begin, turn), (turn, None)


def _buildings(place: Placed) -> tuple[Group, ...]:
    held: dict[str, list[Shape]] = defaultdict(list)
    total = 0
    for shapes, columns in place.parts("buildings"):
        total += len(shapes)
        for shape, row in zip(on_globe(shapes, place.move), rows_of(columns), strict=True):
            if len(held[row["grade"]]) < MOST:
                held[row["grade"]].append(_building(place, shape, row))
    groups, left = [], MOST
    for style in GRADES:
        kept = held[style.name][:left]
        left -= len(kept)
        if kept:
            quiet = style.field in {"no_visible_damage", "not_analysed"}
            name = f"{tell(style.label, place.kit.lang)} ({len(kept)})"
            groups.append(Group(name=name, look=_look(style), shapes=kept, visible=not quiet))
    if not groups:
        return ()
    name = place.say("gis-buildings" if place.has_buildings else "gis-regions")
    if total > MOST:
        name += f" ({MOST - left} / {total})"
    return (Group(name=name, groups=groups),)


def _look(style: GradeStyle) -> Look:
    return Look(
        line=style.colour,
        width=style.width * 1.3,
        fill=90 if style.field == "destroyed" else 0,
    )


def _building(place: Placed, shape: Any, row: Mapping[str, Any]) -> Shape:
    lang = place.kit.lang
    grade = next(style for style in GRADES if style.name == row["grade"])
    rows: list[tuple[str, Text]] = [
        ("gis-grade", grade.label),
        ("gis-area", amounts.measure(row["area_m2"], phrase("gis-square-metres"))),
        ("gis-probability", amounts.percent(row["probability"])),
    ]
    if row["reason"]:
        rows.append(("gis-reason", row["reason"]))
    return Shape(name=str(row["id"]), shape=shape, rows=_told(place, rows, lang))


def _told(place: Placed, rows: list[tuple[str, Text]], lang: str) -> Rows:
    return [(place.say(key), tell(value, lang)) for key, value in rows]


def _cells(place: Placed) -> tuple[Group, ...]:
    shapes, columns = place.read("grid_cells")
    steps: dict[str, list[Shape]] = {cell_colour(low): [] for low in CELL_STEPS[:-1]}
    for shape, row in zip(shapes, rows_of(columns), strict=True):
        share = row["built_destroyed_share"]
        if share is not None:
            steps[cell_colour(share)].append(_cell(place, shape, row))
    limits = itertools.pairwise(CELL_STEPS)
    groups = [
        Group(
            name=f"{low * 100:g}–{high * 100:g} %",
            look=Look(line="#ffffff", width=1.0, fill=150, inside=colour),
            shapes=held,
            visible=False,
        )
        for (low, high), (colour, held) in zip(limits, steps.items(), strict=True)
        if held
    ]
    if not groups:
        return ()
    return (Group(name=place.say("gis-cells"), groups=groups, visible=False),)


def _cell(place: Placed, shape: Any, row: Mapping[str, Any]) -> Shape:
    def known(name: str) -> Any:
        return json_value(row.get(name))

    rows: list[tuple[str, Text]] = [
        ("gis-built-before", amounts.hectares(known("built_before_ha"))),
        ("gis-built-destroyed", amounts.hectares(known("built_destroyed_ha"))),
        ("gis-share", amounts.percent(known("built_destroyed_share"))),
        ("gis-interval", amounts.hectare_range(known("built_low_ha"), known("built_high_ha"))),
        ("gis-vegetation-lost", amounts.hectares(known("vegetation_lost_ha"))),
        (
            "gis-interval",
            amounts.hectare_range(known("vegetation_low_ha"), known("vegetation_high_ha")),
        ),
    ]
    name = place.say("gis-cell", id=str(row["id"]))
    return Shape(name=name, shape=shape, rows=_told(place, rows, place.kit.lang))
