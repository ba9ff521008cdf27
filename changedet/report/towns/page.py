"""The page of a batch: one HTML file for all towns, which needs nothing but itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from markupsafe import Markup

from changedet.report import amounts, bilingual, content, mapdata, pictures, words
from changedet.report.credit import dates
from changedet.report.language import LANGUAGES, Phrase, Text, phrase, tell
from changedet.report.palette import CHANGES
from changedet.report.selfcontained import asset, environment, policy
from changedet.report.summary import summary_rows
from changedet.report.towns.cells import (
    Axis,
    LossCell,
    buildings_cell,
    find_axis,
    loss_cell,
    rmse_cell,
)
from changedet.report.towns.entry import TownEntry
from changedet.report.towns.overview import draw_overview
from changedet.report.towns.totals import AreaTotal, Totals, sum_up

PAGE_TOWNS = 50
"""Towns that are shown at a time."""
KINDS = ("ok", "degraded", "forced", "refused", "failed")
"""Keys of the words and marks of a town, in the order in which they sort."""
PICTURED = CHANGES[:2]
"""Classes of the small maps: the losses that the page is about."""
COLUMNS = (
    "name", "status", "before_date", "after_date",
    "built_destroyed_ha", "built_low_ha", "built_high_ha",
    "built_destroyed_share", "built_low_share", "built_high_share",
    "vegetation_lost_ha", "vegetation_low_ha", "vegetation_high_ha",
    "vegetation_lost_share", "vegetation_low_share", "vegetation_high_share",
    "buildings_destroyed", "buildings_total", "not_observable_share",
    "registration_rmse_px", "registration_rmse_m", "forced", "folder", "reason",
)  # fmt: skip
"""Of the CSV that the page saves: a part of those of summary.csv, under the same names."""
HEADINGS = (
    ("name", "name"),
    ("status", "status"),
    ("dates", "after_date"),
    ("built", "built_destroyed_ha"),
    ("built-share", "built_destroyed_share"),
    ("vegetation", "vegetation_lost_ha"),
    ("vegetation-share", "vegetation_lost_share"),
    ("buildings", "buildings_destroyed"),
    ("hidden", "not_observable_share"),
    ("rmse", "registration_rmse_px"),
)
"""Columns of the table: message, and what it is sorted by."""
SORTED_BY = "built_destroyed_ha"
"""From the largest down; towns without it come last."""
_WORDS = ("previous", "next", "shown", "page", "any", "nothing-found")
_LISTED = 8
"""Reasons that are shown at once; the others open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TownRow:
    """A town as the page shows it."""

    entry: TownEntry
    name: str
    link: str
    dates: tuple[Text, Text]
    built: LossCell | None = None
    vegetation: LossCell | None = None
    buildings: tuple[Text, Text] = ("", "")
    """Destroyed, of how many."""
    hidden: Text = ""
    rmse: tuple[Text, Text] = ("", "")

    @property
    def plotted(self) -> bool:
        """Whether there are hectares to be plotted."""
        cells = (self.built, self.vegetation)
        return any(cell is not None and cell.plot is not None for cell in cells)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A figure to be seen at a glance."""

    label: Text
    value: Text
    detail: Text
    interval: Text = ""


def render_index(entries: Sequence[TownEntry], *, title: str, lang: str) -> str:
    """Render the page of a batch.

    Parameters
    ----------
    entries : sequence of TownEntry
        In any order; the page begins with the largest loss of built area.
    title : str
        Of the batch; any text.
    lang : str
        Language in which the page opens.

    Returns
    -------
    str
        An HTML document, to be written as UTF-8 beside the folders of the towns.

    Raises
    ------
    KeyError
        For a language that is none of :data:`~changedet.report.language.LANGUAGES`.
    """
    if lang not in LANGUAGES:
        raise KeyError(lang)
    entries = sorted(entries, key=_largest_first)
    named = words.plain(title, limit=300).strip()
    heading: Text = named or Phrase("towns-no-title")
    style, script = _style(), _script()
    axes = {name: find_axis(entries, name) for name in ("built", "vegetation")}
    rows = [_row(entry, axes) for entry in entries]
    overview = draw_overview(entries)
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            lang=lang,
            title=tell(phrase("towns-title", title=heading), lang),
            heading=heading,
            long=len(named) > 80,
            # Our own files, without anything put into them; the data are JSON without "<".
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=Markup(mapdata.to_json(_data(entries, heading))),  # noqa: S704
            policy=policy(style, script),
            t=bilingual.said,
            a=partial(_attribute, language=lang),
            svg_text=_svg_text,
            p=phrase,
            banners=_banners(rows),
            tiles=_tiles(entries),
            notes=_notes(entries),
            rows=rows,
            axes=axes,
            headings=HEADINGS,
            sorted_by=SORTED_BY,
            plotted=any(row.plotted for row in rows),
            pictured=any(row.entry.thumbs is not None for row in rows),
            picture=_picture,
            classes=[
                (style.label, pictures.data_uri(pictures.swatch(style), "image/png"))
                for style in PICTURED
            ],
            overview=overview,
            caveats=content.CAVEATS,
            versions=_versions(entries),
        )
    )


def _attribute(name: str, text: Text, *, language: str) -> Markup:
    return bilingual.attribute(name, text, language)


def _svg_text(text: Text) -> list[tuple[str, str]]:
    """Return class attributes and words: SVG takes no ``<span>``, so each language has a text."""
    told = bilingual.told_in_all(text)
    if len(set(told.values())) == 1:
        return [("", told[LANGUAGES[0]])]
    return [(language, one) for language, one in told.items()]


@cache
def _style() -> str:
    return f"{asset('report.css')}\n{asset('index.css')}\n{_labels()}"


def _labels() -> str:
    """Return the headings as style: on a phone a row is a card, and each cell says what it is."""
    rules = []
    for language in LANGUAGES:
        for number, (key, _) in enumerate(HEADINGS[2:], 3):
            said = json.dumps(tell(Phrase(f"towns-{key}"), language), ensure_ascii=False)
            rules.append(
                f'  html[lang="{language}"] .towns tr:not(.none) td:nth-child({number})::before'
                f" {{ content: {said}; }}"
            )
    return "@media screen and (max-width: 44rem) {\n" + "\n".join(rules) + "\n}\n"


@cache
def _script() -> str:
    return f"{asset('language.js')}\n{asset('index.js')}"


def _largest_first(entry: TownEntry) -> tuple[Any, ...]:
    built = None if entry.found is None else entry.found.built
    known = built if built is not None and built.separable else None
    area = None if known is None else known.destroyed_ha
    share = None if known is None else known.destroyed_share
    order = (area is None, -(area or 0.0), share is None, -(share or 0.0))
    return (entry.found is None, *order, entry.name, entry.folder)


def _data(entries: Sequence[TownEntry], heading: Text) -> dict[str, Any]:
    """Return what the script sorts, filters and saves."""
    keys = {name: Phrase(f"towns-{name}") for name in _WORDS if name not in {"shown", "page"}}
    # Its numbers are filled in by the script.
    blanks = {
        "shown": phrase("towns-shown", n="{n}", total="{total}"),
        "page": phrase("towns-page", n="{n}", total="{total}"),
    }
    said = {
        **keys,
        **blanks,
        "title": phrase("towns-title", title=heading),
        "kinds": [Phrase(f"towns-status-{kind}") for kind in KINDS],
        "headings": [Phrase(f"towns-{key}") for key, _ in HEADINGS],
    }
    return {
        "words": bilingual.in_all(said),
        "columns": COLUMNS,
        "kinds": [KINDS.index(entry.kind) for entry in entries],
        "sort": [column for _, column in HEADINGS],
        "page": PAGE_TOWNS,
        "rows": [[row[column] for column in COLUMNS] for row in summary_rows(entries)],
    }


def _row(entry: TownEntry, axes: dict[str, Axis | None]) -> TownRow:
    name = words.plain(entry.name, limit=300)
    seen = ("", "") if entry.record is None else dates(entry.record)
    record = entry.found
    if record is None:
        link = entry.link("result.json") if entry.status == "refused" else ""
        return TownRow(entry=entry, name=name, link=link, dates=seen)
    return TownRow(
        entry=entry,
        name=name,
        link=entry.link("report.html"),
        dates=seen,
        built=loss_cell(record.built, "destroyed", axes["built"]),
        vegetation=loss_cell(record.vegetation, "lost", axes["vegetation"]),
        buildings=buildings_cell(record),
        hidden=amounts.percent(record.not_observable_share),
        rmse=rmse_cell(record),
    )


def _banners(rows: Sequence[TownRow]) -> list[dict[str, Any]]:
    """Return what must be seen first: towns without figures, by force, with care."""
    total = len(rows)
    found = []
    for key, kinds, mark, most in (
        ("without", {"failed", "refused"}, "refused", _LISTED),
        ("forced", {"forced"}, "forced", _LISTED),
        ("care", {"degraded"}, "degraded", _LISTED // 2),
    ):
        towns = [row for row in rows if row.entry.kind in kinds]
        # What failed comes before what was refused; else in the order of the table.
        towns.sort(key=lambda row: -KINDS.index(row.entry.kind))
        if towns:
            found.append(
                {
                    "kind": mark,
                    "title": phrase(f"towns-{key}", count=len(towns), total=total),
                    "text": Phrase(f"towns-{key}-text"),
                    "towns": towns[:most],
                    "more": towns[most:],
                }
            )
    if not found:
        key = "all-compared" if total else "none"
        title = phrase("towns-all-compared", total=total) if total else Phrase("towns-none")
        found.append(
            {
                "kind": "ok",
                "title": title,
                "text": Phrase(f"towns-{key}-text"),
                "towns": [],
                "more": [],
            }
        )
    return found


def _tiles(entries: Sequence[TownEntry]) -> list[Tile]:
    """Return how many towns have figures, and the sums that are honest."""
    totals = sum_up(entries)
    counted = Counter(entry.status for entry in entries)
    found = [
        Tile(
            label=Phrase("towns-with-figures"),
            value=counted["ok"] + counted["degraded"],
            detail=phrase(
                "towns-with-figures-detail",
                total=len(entries),
                refused=counted["refused"],
                failed=counted["failed"],
            ),
        )
    ]
    found += [_total_tile(name, total, totals) for name, total in _area_totals(totals)]
    if totals.buildings_destroyed is not None:
        found.append(
            Tile(
                label=Phrase("towns-total-buildings"),
                value=amounts.count(totals.buildings_destroyed),
                detail=phrase(
                    "towns-total-buildings-of",
                    towns=totals.buildings_towns,
                    total=totals.with_figures,
                ),
            )
        )
    return found


def _area_totals(totals: Totals) -> list[tuple[str, AreaTotal]]:
    both = (("built", totals.built), ("vegetation", totals.vegetation))
    return [(name, total) for name, total in both if total is not None]


def _total_tile(name: str, total: AreaTotal, totals: Totals) -> Tile:
    between = amounts.hectare_range(total.low_ha, total.high_ha)
    return Tile(
        label=Phrase(f"towns-total-{name}"),
        value=amounts.hectares(total.area_ha),
        detail=phrase("towns-total-of", towns=total.towns, total=totals.with_figures),
        interval=phrase("towns-total-range", range=between),
    )


def _notes(entries: Sequence[TownEntry]) -> list[Text]:
    """Return what must be known of the figures above the table."""
    totals = sum_up(entries)
    told = [entry.found for entry in entries if entry.found is not None]
    if not told:
        return []
    if totals.same_ground is not None:
        one, two = (words.plain(name, limit=80) for name in totals.same_ground)
        found: list[Text] = [phrase("towns-same-ground", one=one, two=two)]
    elif _area_totals(totals):
        found = [Phrase("towns-total-note")]
        if any(entry.outline is None for entry in entries if entry.found is not None):
            found.append(Phrase("towns-limit-overlap"))
    else:
        found = [Phrase("towns-no-totals")]
    kinds = {
        part.interval_kind
        for record in told
        for part in (record.built, record.vegetation)
        if part is not None
    }
    found += [Phrase(f"intervals-{kind.replace('_', '-')}") for kind in sorted(kinds, reverse=True)]
    return found


def _picture(row: TownRow) -> tuple[str, int, int]:
    """Return the small picture of a town as an address, and its size."""
    data = row.entry.thumbs or b""
    width, height = pictures.size_of(data)
    return pictures.data_uri(data, "image/jpeg"), width, height


def _versions(entries: Sequence[TownEntry]) -> str:
    found = {entry.found.provenance.version for entry in entries if entry.found is not None}
    return words.plain(", ".join(sorted(found)), limit=80)
