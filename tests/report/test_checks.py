from __future__ import annotations

from changedet.report import page
from changedet.report.checks import VERDICTS, check_rows, footprint_rows
from changedet.report.language import tell
from changedet.result import Check, Footprints, Record

CHECKS = tuple(
    Check(
        code=code, name=f"Name of {code}", value=value, unit=unit, limit_ok=ok, limit_refuse=refuse,
        less_is_worse=less, verdict=verdict, message=f"<b>{code}</b> says so",
    )
    for code, value, unit, ok, refuse, less, verdict in (
        ("sun", None, "degrees", 10.0, 25.0, False, "unknown"),
        ("residual", 0.4, "px", 1.5, 2.0, False, "ok"),
        ("overlap", 0.31, "share", 0.5, 0.02, True, "degraded"),
        ("snow", 0.4, "share", 0.02, None, False, "refused"),
    )
)  # fmt: skip
FOOTPRINTS = Footprints(
    given=900, analysed=850, repaired=3, shift_m_median=(2.71, -3.0), shift_m_p90=4.2,
    aligned_share=0.97, edges_given=0.02, edges_aligned=0.27,
)  # fmt: skip


def test_rows_say_value_limit_and_verdict_in_words(record: Record) -> None:
    rows = check_rows(record.model_copy(update={"checks": CHECKS}))
    assert [tell(row.verdict) for row in rows] == ["refused", "claims less", "passed", "not known"]
    shown = [
        tuple(tell(text).replace("\u00a0", " ") for text in (row.value, row.limit)) for row in rows
    ]
    assert shown == [
        ("40.0 %", "at most 2 %"),
        ("31.0 %", "at least 50 %; refused below 2 %"),
        ("0.400 px", "at most 1.5 px; refused above 2 px"),
        ("n/a", "at most 10 degrees; refused above 25 degrees"),
    ]


def test_the_page_shows_the_table_also_of_a_refused_pair(
    views, record: Record, refused: Record, drawn
) -> None:
    for one in (record, refused):
        html = page.render_page(one.model_copy(update={"checks": CHECKS}), views, drawn)
        assert html.count('class="check ') == 4
        assert all(f">{tell(word)}</span>" in html for word in VERDICTS.values())
        assert "<b>residual" not in html
    assert "Can the two images be compared?" not in page.render_page(record, views, drawn)


def test_the_page_tells_how_footprints_were_moved(views, record: Record, drawn) -> None:
    assert footprint_rows(record) == ()
    told = record.model_copy(update={"footprints": FOOTPRINTS})
    rows = {tell(name): tell(value) for name, value in footprint_rows(told)}
    assert rows["Median shift"] == "+2.7 m east, -3.0 m north"
    assert "+2.7 m east, -3.0 m north" in page.render_page(told, views, drawn)
