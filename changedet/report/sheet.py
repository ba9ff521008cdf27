"""What the pages of the printed report show: values told in one language, and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedet.report import amounts, content, made, notes, pictures
from changedet.report.checks import check_rows
from changedet.report.credit import dates
from changedet.report.language import Phrase, Text, phrase, tell
from changedet.report.mapping import bounds_ring, north_angle, scale_bar
from changedet.report.palette import CHANGES, GRADES
from changedet.report.views import Views
from changedet.report.words import plain
from changedet.result import Record

FIGURES = ("evidence",)
"""Figures of the result folder that are shown as they are."""
MOST_CELLS, MOST_MARKED = 6, 30
"""Rows of the table of cells; cells that are marked in the map, if there are no more."""
_WORDS = (
    "before", "after", "findings", "where", "cells", "cell", "lost", "share", "interval", "sure",
    "checks", "check", "verdict", "measured", "limit", "figures", "figure", "area",
    "range-area", "range-share", "note", "method", "inputs", "limits", "cite", "cite-note",
    "registration", "registration-caption",
)  # fmt: skip
_LONG = re.compile(r"([^\s\u200b]{24})(?=[^\s\u200b])")
_RANGE = re.compile(r"(?<=\d)–(?=\d)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """What typst needs: values that can be told, and files by name."""

    data: dict[str, Any]
    files: dict[str, bytes]


def breakable(text: str) -> str:
    r"""Let words of more than 24 letters break, such as a checksum; keep ranges on one line.

    Examples
    --------
    >>> breakable("a" * 30).split("\u200b")
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaa']
    """
    return _RANGE.sub("–\u2060", _LONG.sub("\\1\u200b", text))


def moment(record: Record) -> datetime:
    """Return when the result was computed: the date of the document, whenever it is made."""
    try:
        started = datetime.fromisoformat(record.provenance.started)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)
    return started if started.tzinfo is not None else started.replace(tzinfo=UTC)


def lay_out(
    record: Record,
    views: Views,
    figures: Mapping[str, tuple[bytes, Text]],
    *,
    lang: str,
    credit: str = "",
) -> Sheet:
    """Gather everything that the pages show, told in one language."""

    def say(text: Text) -> str:
        return breakable(tell(text, lang))

    files: dict[str, bytes] = {}
    verdict = content.verdict(record)
    title = plain(record.title, limit=300)
    banner = {"degraded": "pdf-degraded", "forced": "pdf-forced"}.get(verdict.kind, "")
    before, after = (tell(date, lang) for date in dates(record))
    data: dict[str, Any] = {
        "lang": lang,
        "title": breakable(title),
        "short_title": title if len(title) <= 80 else f"{title[:79]}…",
        "description": tell(content.headline(record)[0], lang),
        "keywords": ["changedet", *(c for c in (before, after) if c)],
        "date": list(moment(record).timetuple()[:6]),
        "kicker": say(Phrase("pdf-kicker")),
        "when": f"{before} → {after}",
        "made": f"changedet {plain(record.provenance.version, limit=40)}",
        "banner": say(Phrase(banner)) if banner else "",
        "words": {name.replace("-", "_"): say(Phrase(f"pdf-{name}")) for name in _WORDS}
        | {"page": tell(phrase("pdf-page", number="#number", pages="#pages"), lang)},
        "verdict": {
            "kind": verdict.kind,
            "title": say(verdict.title),
            "text": say(verdict.text),
            "reasons": [[say(reason), say(cure)] for reason, cure in verdict.reasons],
        },
        "headline": [say(sentence) for sentence in content.headline(record)],
        "tiles": [
            {
                **{name: say(getattr(tile, name)) for name in ("label", "value", "detail")},
                "interval": say(tile.interval),
                "low": tile.low,
                "high": tile.high,
                "middle": tile.middle,
            }
            for tile in content.tiles(record)
        ],
        "interval_note": say(content.interval_note(record)),
        "photos": _photos(views, files, (before, after), lang),
        "credit": say(phrase("pdf-credit", credit=plain(credit, limit=300))) if credit else "",
        "maps": _maps(record, views, files, lang),
        "cells": _cells(record, lang),
        "checker": _checker(views, files, lang),
        "figures": _figures(figures, files, lang),
        "registration": [[say(a), say(b)] for a, b in made.registration_rows(record)[1:]],
        "checks": [
            {
                "kind": row.kind,
                **{name: say(getattr(row, name)) for name in ("name", "verdict", "value", "limit")},
                "message": say(row.message) if row.kind in {"degraded", "refused"} else "",
            }
            for row in check_rows(record)
        ],
        "table": [
            [say(getattr(row, name)) for name in
             ("name", "area", "share", "interval_area", "interval_share", "note")]
            for row in content.figures_table(record)
        ],
        "methods": [say(text) for text in _methods(record)],
        "inputs": [[say(cell) for cell in row] for row in made.inputs_table(record)],
        "limits": [say(text) for text in content.CAVEATS],
        "citation": say(made.citation(record)),
    }  # fmt: skip
    return Sheet(data=data, files=files)


def _methods(record: Record) -> list[Text]:
    parts = (record.registration, record.built, record.vegetation)
    found = [notes.method_text(part.method) for part in parts if part is not None]
    if record.vegetation is not None and record.vegetation.canopy is not None:
        found.append(notes.method_text(record.vegetation.canopy.method))
    return found


def _frame(views: Views, lang: str) -> dict[str, Any]:
    """Return what every picture of the area has: proportions, scale and north."""
    bar = scale_bar(views.grid)
    scale = None
    if bar is not None:
        far = bar.metres >= 1000
        unit = Phrase("pdf-km" if far else "unit-metres")
        length = f"{bar.metres / 1000 if far else bar.metres:g}"
        scale = {"share": bar.share, "label": f"{length}\u00a0{tell(unit, lang)}"}
    return {
        "aspect": views.height / views.width,
        "scale": scale,
        "north": north_angle(views.grid),
    }


def _photos(
    views: Views, files: dict[str, bytes], dates: tuple[str, str], lang: str
) -> list[dict[str, Any]]:
    found = []
    for name, image, date in zip(
        ("before", "after"), (views.before, views.after), dates, strict=True
    ):
        files[f"{name}.jpg"] = pictures.encode_jpeg(pictures.shown(image, views.valid), quality=88)
        frame = _frame(views, lang)
        found.append(
            {
                **frame,
                "scale": frame["scale"] if name == "before" else None,
                "north": frame["north"] if name == "before" else None,
                "file": f"{name}.jpg",
                "alt": tell(phrase(f"pdf-image-{name}-alt", date=date), lang),
                "caption": f"{tell(Phrase(f'pdf-{name}'), lang)}: {date}",
            }
        )
    return found


def _maps(record: Record, views: Views, files: dict[str, bytes], lang: str) -> list[dict[str, Any]]:
    found = [_class_map(record, views, files, lang)]
    if record.buildings is not None and record.buildings.total and views.buildings:
        found.append(_building_map(record, views, files, lang))
    return found


def _map(name: str, legend: list[dict[str, str]], views: Views, lang: str) -> dict[str, Any]:
    alt = phrase(f"pdf-{name}-alt", legend="; ".join(item["label"] for item in legend))
    return {
        **_frame(views, lang),
        "title": tell(Phrase(f"pdf-{name}"), lang),
        "caption": tell(Phrase(f"pdf-{name}-caption"), lang),
        "alt": tell(alt, lang),
        "legend": legend,
        "file": f"{name}.jpg",
        "outlines": None,
        "cells": [],
    }


def _class_map(record: Record, views: Views, files: dict[str, bytes], lang: str) -> dict[str, Any]:
    files["classes.jpg"] = pictures.encode_jpeg(pictures.classes_picture(views), quality=90)
    legend = []
    for style in CHANGES:
        if (views.classes == style.code).any():
            name = f"class-{style.code}.png"
            files[name] = pictures.swatch(style)
            legend.append({"file": name, "label": tell(style.label, lang)})
    made_map = _map("classes", legend, views, lang)
    cells = record.cells or ()
    if 1 < len(cells) <= MOST_MARKED:
        rings = [bounds_ring(views.grid, cell.bounds) for cell in cells]
        files["cells.svg"] = _svg(
            views,
            [
                *((ring, "#333333", 1.6, ()) for ring in rings),
                *((ring, "#ffffff", 0.8, ()) for ring in rings),
            ],
        )
        made_map["outlines"] = "cells.svg"
        made_map["cells"] = [
            {"id": plain(cell.id, limit=20), **_middle(ring, views)}
            for cell, ring in zip(cells, rings, strict=True)
        ]  # fmt: skip
    return made_map


def _middle(ring: NDArray[np.float64], views: Views) -> dict[str, float]:
    """Return the middle of what is seen of a rectangle, in widths of the picture."""
    cols, rows = ring[:, 0].clip(0, views.width), ring[:, 1].clip(0, views.height)
    x, y = (cols.min() + cols.max()) / 2, (rows.min() + rows.max()) / 2
    return {"x": float(x) / views.width, "y": float(y) / views.width}


def _building_map(
    record: Record, views: Views, files: dict[str, bytes], lang: str
) -> dict[str, Any]:
    ground = pictures.faded(pictures.shown(views.after, views.valid))
    files["buildings.jpg"] = pictures.encode_jpeg(ground, quality=88)
    drawn, legend = [], []
    for style in reversed(GRADES):
        rings = [item.ring for item in views.buildings if item.grade == style.name]
        drawn += [(ring, style.colour, style.width, style.dash) for ring in rings]
    for style in GRADES:
        name = f"grade-{style.field}.svg"
        files[name] = _line(style.colour, style.width, style.dash)
        number = getattr(record.buildings, style.field)
        label = phrase("pdf-legend-count", label=style.label, count=amounts.count(number))
        legend.append({"file": name, "label": tell(label, lang)})
    files["outlines.svg"] = _svg(views, drawn)
    return {**_map("buildings", legend, views, lang), "outlines": "outlines.svg"}


_Drawn = tuple[Any, str, float, tuple[float, ...]]


def _svg(views: Views, drawn: list[_Drawn]) -> bytes:
    """Return rings as lines over a picture: numbers alone, no text."""
    unit = views.width / 620
    lines = []
    for ring, colour, width, dash in drawn:
        points = " ".join(f"{x + 0.5:.1f},{y + 0.5:.1f}" for x, y in np.asarray(ring).tolist())
        gaps = " ".join(f"{part * unit * 1.6:.1f}" for part in dash)
        dashed = f' stroke-dasharray="{gaps}"' if gaps else ""
        lines.append(
            f'<polygon points="{points}" fill="none" stroke="{colour}"'
            f' stroke-width="{width * unit:.2f}" stroke-linejoin="round"{dashed}/>'
        )
    size = f'width="{views.width}" height="{views.height}"'
    box = f'viewBox="0 0 {views.width} {views.height}"'
    return _document(size, box, lines)


def _line(colour: str, width: float, dash: tuple[float, ...]) -> bytes:
    """Return a legend's sample of a line, on the grey of the ground."""
    gaps = " ".join(f"{part * 1.6:.1f}" for part in dash)
    dashed = f' stroke-dasharray="{gaps}"' if gaps else ""
    ground = '<rect width="24" height="12" fill="#8f8f8f"/>'
    stroke = f'<path d="M2 6H22" fill="none" stroke="{colour}" stroke-width="{width * 1.3:.2f}"'
    return _document(
        'width="24" height="12"', 'viewBox="0 0 24 12"', [ground, f"{stroke}{dashed}/>"]
    )


def _document(size: str, box: str, lines: list[str]) -> bytes:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>'
    return "\n".join([head, *lines, "</svg>"]).encode("ascii")


def _cells(record: Record, lang: str) -> list[dict[str, Any]]:
    """Return the cells with the largest loss, for each loss that is told by cell."""
    found = []
    if len(record.cells or ()) < 2:
        return []
    for share, area, _ in content.cell_fields(record):
        part = area.split("_", 1)[0]
        rows: list[list[str]] = []
        for cell in content.worst_cells(record, share, area, most=MOST_CELLS):
            low, high = getattr(cell, f"{part}_low_ha"), getattr(cell, f"{part}_high_ha")
            texts: tuple[Text, ...] = (
                plain(cell.id, limit=20),
                amounts.hectares(getattr(cell, area)),
                amounts.percent(getattr(cell, share)),
                amounts.hectare_range(low, high),
            )
            rows.append([tell(text, lang) for text in texts])
        if rows:
            found.append({"title": tell(Phrase(f"pdf-of-{part}"), lang), "rows": rows})
    return found


def _figures(
    figures: Mapping[str, tuple[bytes, Text]], files: dict[str, bytes], lang: str
) -> list[dict[str, Any]]:
    found = []
    for name in FIGURES:
        if name not in figures:
            continue
        png, alt = figures[name]
        data, mime, (width, height) = pictures.lighten(png)
        file = f"{name}.{'jpg' if 'jpeg' in mime else mime.rpartition('/')[2]}"
        files[file] = data
        title = tell(Phrase(f"pdf-{name}"), lang)
        alt_told = plain(tell(alt, lang))
        caption = tell(Phrase(f"pdf-{name}-caption"), lang)
        found.append(
            {
                "file": file,
                "title": title,
                "caption": caption,
                "alt": alt_told,
                "aspect": height / width,
            }
        )
    return found


def _checker(views: Views, files: dict[str, bytes], lang: str) -> dict[str, Any]:
    """Return both dates in turn, in squares."""
    picture = pictures.checkerboard(views, tiles=8)
    files["checker.jpg"] = pictures.encode_jpeg(picture, quality=85)
    alt = tell(Phrase("pdf-registration-alt"), lang)
    return {**_frame(views, lang), "file": "checker.jpg", "alt": alt}
