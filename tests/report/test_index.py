"""The index of a batch: rows, totals, document, overview and page."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html import unescape
from importlib import resources
from typing import Any

import jsonschema
import numpy as np
import pytest

from changedet.report import pictures, qml
from changedet.report.index import TownEntry, index_document, render_index, summary_rows
from changedet.report.language import phrase
from changedet.report.selfcontained import asset
from changedet.report.summary import csv_text, summary_csv, summary_row, town_columns
from changedet.report.towns.document import build_index_schema, read_index_schema
from changedet.report.towns.entry import slim
from changedet.report.towns.overview import draw_overview
from changedet.report.towns.page import PAGE_TOWNS
from changedet.report.towns.totals import sum_up
from changedet.result import Buildings, Canopy, Note, Record

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e{{ 7*7 }}'"
HOSTILE = (EVIL, "=cmd()", "@sum", "عربى " * 20, "ж" * 300, "a\r\nb\t", "%2e%2e/\"'&")


def box(west: float, south: float, size: float = 0.05) -> tuple[tuple[float, float], ...]:
    east, north = west + size, south + size
    return ((west, north), (east, north), (east, south), (west, south))


def hashed(record: Record, number: int) -> Record:
    """Return the record with an image before of its own."""
    before = record.inputs.before.model_copy(update={"sha256": f"{number:064x}"})
    return record.model_copy(update={"inputs": record.inputs.model_copy(update={"before": before})})


def with_losses(record: Record, built: float, vegetation: float) -> Record:
    """Return the record with other central figures; intervals are from half to twice as much."""
    return record.model_copy(
        update={
            "built": record.built.model_copy(
                update={"destroyed_ha": built, "low_ha": built / 2, "high_ha": built * 2}
            ),
            "vegetation": record.vegetation.model_copy(
                update={"lost_ha": vegetation, "low_ha": vegetation / 2, "high_ha": vegetation * 2}
            ),
        }
    )


def claimless(record: Record) -> Record:
    built = record.built.model_copy(update={"separable": False, "low_ha": 0.0, "low_share": 0.0})
    return record.model_copy(update={"built": built})


@pytest.fixture
def towns(record: Record, refused: Record) -> list[TownEntry]:
    """Three towns with figures, one of them without a claim; a refused one and a failed one."""
    first, second = with_losses(record, 1.0, 4.0), with_losses(record, 2.0, 8.0)
    third = with_losses(claimless(record), 7.77, 16.0)
    return [
        TownEntry(
            name="One", folder="one", status="ok", record=hashed(first, 1), outline=box(30.0, 48.0)
        ),
        TownEntry(
            name="Two", folder="two", status="ok", record=hashed(second, 2), outline=box(31.0, 49.0)
        ),
        TownEntry(
            name="Three",
            folder="three",
            status="degraded",
            record=hashed(third, 3),
            outline=box(32.0, 48.5),
        ),
        TownEntry(name="Snow", folder="snow", status="refused", exit_code=4, record=refused),
        TownEntry(
            name="Gone",
            folder="gone",
            status="failed",
            exit_code=3,
            reason="before.tif: no such file",
        ),
    ]


def words_of(html: str, language: str = "en") -> str:
    """Return what is read on the page in one language."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html[html.index("<body") :], flags=re.DOTALL)
    other = {"en": "uk", "uk": "en"}[language]
    body = re.sub(rf'<(span|text)[^>]*class="t" lang="{other}">.*?</\1>', " ", body)
    body = re.sub(rf'<text[^>]*lang="{other}">.*?</text>', " ", body)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " ").split())


def data_of(html: str) -> dict[str, Any]:
    (inside,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    found: dict[str, Any] = json.loads(inside)
    return found


def test_a_folder_stays_in_the_batch() -> None:
    for folder in ("/etc", "../x", "a/../../b", ""):
        with pytest.raises(ValueError, match="folder"):
            TownEntry(name="x", folder=folder, status="failed")
    with pytest.raises(ValueError, match="status"):
        TownEntry(name="x", folder="x", status="fine")  # type: ignore[arg-type]


def test_links_are_encoded() -> None:
    entry = TownEntry(name="x", folder='a b/ж:"#?%', status="failed")
    assert entry.link("report.html") == "a%20b/%D0%B6%3A%22%23%3F%25/report.html"


def test_totals_hold_only_what_is_claimed(towns) -> None:
    totals = sum_up(towns)
    assert totals.with_figures == 3
    built, green = totals.built, totals.vegetation
    assert (built.towns, built.area_ha, built.low_ha, built.high_ha) == (2, 3.0, 1.5, 6.0)
    assert (green.towns, green.area_ha, green.low_ha, green.high_ha) == (3, 28.0, 14.0, 56.0)
    # The town without a claim does not add its graded buildings either.
    assert (totals.buildings_destroyed, totals.buildings_towns) == (48, 2)


def test_towns_by_force_and_without_a_scale_are_in_no_total(towns, record_with) -> None:
    by_force = record_with(refusals=(Note(code="no_match", message="No match."),))
    bare = record_with().built.model_copy(update={"destroyed_ha": None, "low_ha": None})
    more = [
        TownEntry(name="F", folder="f", status="degraded", record=hashed(by_force, 7)),
        TownEntry(name="S", folder="s", status="ok", record=hashed(record_with(built=bare), 8)),
    ]
    totals = sum_up([*towns, *more])
    assert totals.built == sum_up(towns).built
    assert totals.with_figures == 4


def test_no_totals_where_towns_lie_on_the_same_ground(towns, record) -> None:
    def added(**changes: Any) -> Any:
        made = hashed(record, 9)
        filled = {"name": "Again", "folder": "again", "status": "ok", "record": made, **changes}
        return sum_up([*towns, TownEntry(**filled)])

    # A tenth of the smaller one is the limit: neighbours that touch may be summed.
    assert added(outline=box(30.02, 48.0)).same_ground == ("One", "Again")
    assert added(outline=box(30.049, 48.0)).same_ground is None
    assert added(outline=box(29.0, 47.0, 10.0)).built is None
    assert added(record=hashed(record, 1)).same_ground == ("One", "Again")
    # Two areas of one image.
    assert added(record=hashed(record, 1), outline=box(35.0, 48.0)).same_ground is None
    assert added().built.towns == 3


def test_rows_have_the_columns_of_a_pair_and_no_figure_without_a_claim(towns, record) -> None:
    rows = {row["name"]: row for row in summary_rows(towns)}
    assert all(tuple(row) == town_columns() for row in rows.values())
    single = summary_row(towns[0].record)
    assert set(single) <= set(town_columns())
    assert {key: rows["One"][key] for key in single} == single
    assert rows["Three"]["built_destroyed_ha"] is None
    assert rows["Three"]["built_high_ha"] == 15.54
    assert rows["Three"]["vegetation_lost_ha"] == 16.0
    assert rows["Gone"]["reason"] == "before.tif: no such file"
    assert "mostly snow" in rows["Snow"]["reason"]
    # The refused record holds figures, on purpose.
    for name in ("Snow", "Gone"):
        assert not [k for k, v in rows[name].items() if k.endswith(("_ha", "_share")) and v]


def test_every_column_of_a_pair_is_known(record) -> None:
    canopy = Canopy(
        **record.vegetation.model_dump(include=set(Canopy.model_fields) - {"reason"}), reason=""
    )
    green = record.vegetation.model_copy(update={"canopy": canopy})
    full = record.model_copy(update={"vegetation": green})
    assert set(summary_row(full)) <= set(town_columns())
    lost = green.model_copy(update={"separable": False})
    entry = TownEntry(
        name="x", folder="x", status="ok", record=full.model_copy(update={"vegetation": lost})
    )
    assert summary_rows([entry])[0]["canopy_lost_ha"] is None


def test_a_spreadsheet_computes_nothing(record) -> None:
    towns = [
        TownEntry(name=name, folder=str(k), status="failed", reason=name)
        for k, name in enumerate(HOSTILE)
    ]
    rows = list(csv.DictReader(io.StringIO(csv_text(town_columns(), summary_rows(towns)))))
    assert len(rows) == len(HOSTILE)
    for row in rows:
        for value in row.values():
            assert value[:1] not in set("=+-@\t\r") or not value
            assert "\x1b" not in value
            assert "\u202e" not in value
    assert rows[1]["name"] == "'=cmd()"
    assert "\r\n" in summary_csv(record)


def test_the_document_says_which_and_why(towns) -> None:
    document = index_document(towns)
    jsonschema.Draft202012Validator(read_index_schema()).validate(document)
    assert document["counts"] == {"total": 5, "ok": 2, "degraded": 1, "refused": 1, "failed": 1}
    assert document["totals"]["built"] == {
        "towns": 2, "area_ha": 3.0, "low_ha": 1.5, "high_ha": 6.0,
    }  # fmt: skip
    by_name = {town["name"]: town for town in document["towns"]}
    assert [town["name"] for town in document["towns"]] == [town.name for town in towns]
    assert by_name["One"]["built"]["lost_ha"] == 1.0
    assert by_name["One"]["bounds"] == [30.0, 48.0, 30.05, 48.05]
    assert by_name["Three"]["built"]["lost_ha"] is None
    assert by_name["Three"]["built"]["high_ha"] == 15.54
    assert (
        by_name["Gone"]["bounds"] is by_name["Gone"]["report"] is by_name["Gone"]["built"] is None
    )
    assert by_name["Snow"]["built"] is by_name["Snow"]["vegetation"] is None
    assert by_name["Snow"]["before_date"] == "2021-03-14"


def test_the_schema_is_that_of_the_classes() -> None:
    text = resources.files("changedet").joinpath("schema/index.schema.json").read_text("utf-8")
    assert json.loads(text) == build_index_schema()
    jsonschema.Draft202012Validator.check_schema(build_index_schema())


def test_towns_without_figures_are_said_first(towns) -> None:
    text = words_of(render_index(towns, title="East", lang="en"))
    assert text.index("2 of 5 towns have no figures") < text.index("East")
    assert text.index("before.tif: no such file") < text.index("mostly snow") < text.index("East")
    assert text.index("1 of 5 towns needs care") < text.index("East")
    told = words_of(render_index(towns, title="East", lang="uk"), "uk")
    assert "2 міста з 5 не мають показників" in told
    assert "Town by town" not in told


def test_all_well_and_nothing_at_all(towns) -> None:
    assert "All 2 towns could be compared" in words_of(render_index(towns[:2], title="", lang="en"))
    assert "There are no towns here" in words_of(render_index([], title="", lang="en"))
    assert "1 of 1 town has no figures" in words_of(render_index(towns[4:], title="", lang="en"))


def test_the_page_tells_figures_as_the_report_does(towns) -> None:
    html = render_index(towns, title="East", lang="en")
    text = words_of(html)
    for part in (
        "2.00 ha",
        "1.00–4.00 ha",
        "no claim",
        "in 2 towns that claim this loss, of 3 with figures",
        "range 1.50–6.00 ha: all ends added",
        "not independent",
        "14 March 2021",
        "0.31 px",
        "of 150",
    ):
        assert part in text
    assert "7.77" not in text  # not claimed
    assert [row[0] for row in data_of(html)["rows"]] == ["Two", "One", "Three", "Gone", "Snow"]


def test_a_town_by_force_is_marked(record_with) -> None:
    made = record_with(status="degraded", refusals=(Note(code="no_match", message="No match."),))
    entry = TownEntry(name="F", folder="f", status="degraded", record=made)
    text = words_of(render_index([entry], title="", lang="en"))
    assert "compared by force: do not publish its figures" in text
    assert "No totals" in text


def test_unmeasured_nothing_before_and_no_scale_are_words(record) -> None:
    blank = dict.fromkeys(
        ("before_ha", "before_share", "low_ha", "high_ha", "low_share", "high_share"), None
    )
    unmeasured = record.built.model_copy(
        update={**blank, "separable": False, "destroyed_ha": None, "destroyed_share": None}
    )
    none_there = record.built.model_copy(update={"before_share": 0.0, "before_ha": 0.0})
    bare = {"before_ha": None, "low_ha": None, "high_ha": None}
    no_scale = record.built.model_copy(update={**bare, "destroyed_ha": None})
    for built, said in (
        (unmeasured, "not measured"),
        (none_there, "none before"),
        (no_scale, "no scale"),
    ):
        made = record.model_copy(update={"built": built, "vegetation": None})
        entry = TownEntry(name="x", folder="x", status="ok", record=made)
        text = words_of(render_index([entry], title="", lang="en"))
        assert said in text
        assert "None" not in text
        assert not re.search(r"\d ha\b", text)


def test_the_policy_lets_in_only_what_the_file_holds(towns) -> None:
    html = render_index(towns, title="East", lang="en")
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)[0]
    policy = unescape(policy)
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r'\s(style|on\w+)="', html)
    assert not re.search(r"url\(|@import", html[: html.index("</style>")])
    assert set(re.findall(r"https?://[\w./-]+", html)) <= {"http://www.w3.org/2000/svg"}


def test_what_is_laid_out_first_is_the_first_page() -> None:
    assert f":nth-child(n + {PAGE_TOWNS + 1})" in asset("index.css")


def test_hostile_names_titles_and_reasons_stay_text(record) -> None:
    plain = record.model_copy(update={"title": EVIL})
    towns = [
        entry
        for k, name in enumerate(HOSTILE)
        for entry in (
            TownEntry(
                name=name,
                folder=f"a{k}",
                status="ok",
                record=hashed(plain, k),
                outline=box(k, k),
                thumbs=pictures.encode_jpeg(np.zeros((8, 8, 3), np.uint8)),
            ),
            TownEntry(
                name=name,
                folder=f"b{k}",
                status="failed",
                reason=phrase("measure", value=name, unit=name),
            ),
        )
    ]
    html = render_index(towns, title=EVIL, lang="uk")
    assert html.count("<script") == 2
    assert "<img src=x" not in html
    assert not {"\x1b", "\u202e"} & set(html)
    assert "{{ 7*7 }}" in html
    assert data_of(html)["rows"]
    assert "<" not in re.findall(r'id="data">(.*?)</script>', html)[0]
    document = index_document(towns)
    jsonschema.Draft202012Validator(read_index_schema()).validate(document)
    assert document["towns"][0]["name"] == EVIL


def test_the_overview_shows_every_town_or_nothing(towns) -> None:
    drawn = draw_overview(towns)
    assert drawn.drawn == 3
    assert sum(marker.count for marker in drawn.markers) == 3
    by_name = {marker.names: marker for marker in drawn.markers}
    assert by_name["One"].x < by_name["Two"].x < by_name["Three"].x
    assert by_name["One"].y > by_name["Three"].y > by_name["Two"].y
    assert by_name["Three"].colour == ""
    assert by_name["One"].colour == qml.cell_colour(0.1892)
    assert len([line for line in drawn.lines if line.upright]) >= 2
    assert len([line for line in drawn.lines if not line.upright]) >= 2
    blind = TownEntry(name="x", folder="x", status="ok", record=towns[0].record)
    assert draw_overview([*towns, blind]) is None
    assert draw_overview(towns[3:]) is None


def test_the_overview_is_true_to_scale_and_crosses_the_antimeridian(record) -> None:
    places = [("a", 179.5), ("b", -179.5)]
    towns = [
        TownEntry(name=n, folder=n, status="ok", record=record, outline=box(lon, 60.0))
        for n, lon in places
    ]
    first, second = draw_overview(towns).markers
    # One degree apart, not 359: of longitude at 60 degrees it is half as long as of latitude.
    apart = second.x - first.x
    north = TownEntry(name="c", folder="c", status="ok", record=record, outline=box(179.5, 60.5))
    one, two, three = draw_overview([*towns, north]).markers
    assert 0 < apart < 760
    assert (two.x - one.x) / (one.y - three.y) == pytest.approx(
        2 * np.cos(np.radians(60.275)), rel=0.02
    )


def test_towns_at_one_place_share_a_marker(record) -> None:
    towns = [
        TownEntry(name=f"T{k}", folder=f"t{k}", status="ok", record=record, outline=box(30, 48))
        for k in range(20)
    ]
    (marker,) = draw_overview(towns).markers
    assert marker.count == 20
    assert marker.label == "T0 +19"
    assert marker.names.endswith(" …")


def test_names_on_the_overview_do_not_touch(record) -> None:
    rng = np.random.default_rng(3)
    towns = [
        TownEntry(
            name=f"Town {k}", folder=f"t{k}", status="ok", record=record,
            outline=box(*(rng.random(2) * 3 + 40), 0.01),
        )
        for k in range(60)
    ]  # fmt: skip
    labelled = [marker for marker in draw_overview(towns).markers if marker.label]
    assert len(labelled) > 10
    boxes = []
    for marker in labelled:
        wide = len(marker.label) * 7.4
        left = marker.label_x - {"start": 0, "middle": wide / 2, "end": wide}[marker.anchor]
        boxes.append((left, marker.label_y - 13, left + wide, marker.label_y + 4))
    for k, one in enumerate(boxes):
        for two in boxes[k + 1 :]:
            apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
            assert apart


def test_a_slim_record_keeps_its_figures(record) -> None:
    small = slim(record)
    assert (small.built, small.vegetation, small.registration) == (
        record.built, record.vegetation, record.registration,
    )  # fmt: skip
    assert small.cells is None
    assert len(small.to_json()) < len(record.to_json()) * 0.75


def test_the_style_draws_every_town_once(record) -> None:
    """The rules, as SQL with the same meaning, choose one symbol for each state of a town."""
    import sqlite3
    from xml.etree import ElementTree as ET

    root = ET.fromstring(qml.towns_qml().split("\n", 1)[1])  # noqa: S314 - our own text
    rules = root.findall(".//rule")
    symbols = {symbol.get("name") for symbol in root.findall(".//symbols/symbol")}
    assert {rule.get("symbol") for rule in rules} == symbols
    shares = [0.0, 0.04, 0.05, 0.3, 0.5, 0.999, 1.0, None]
    states = [("ok", 0, share) for share in shares]
    states += [("degraded", 1, 0.4), ("degraded", 1, None), ("refused", 0, None)]
    states += [("failed", 0, None), ("degraded", 0, 0.2)]
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (status TEXT, forced INTEGER, built_destroyed_share REAL)")
    base.executemany("INSERT INTO t VALUES (?, ?, ?)", states)
    seen: dict[int, list[str]] = {}
    for rule in rules:
        wanted = rule.get("filter") or ""
        for (number,) in base.execute(f"SELECT rowid FROM t WHERE {wanted}"):  # noqa: S608
            seen.setdefault(number, []).append(rule.get("label") or "")
    base.close()
    assert {number: len(labels) for number, labels in seen.items()} == dict.fromkeys(
        range(1, len(states) + 1), 1
    )
    assert seen[3] == ["5–10 %"]
    assert seen[7] == ["50–100 %"]


def test_buildings_that_nobody_could_grade_are_no_zero(record_with) -> None:
    ungraded = Buildings(
        total=5, destroyed=0, damaged=0, possibly_damaged=0, no_visible_damage=0, not_analysed=5
    )
    entry = TownEntry(name="x", folder="x", status="ok", record=record_with(buildings=ungraded))
    assert index_document([entry])["towns"][0]["buildings_destroyed"] is None
    assert sum_up([entry]).buildings_destroyed is None
