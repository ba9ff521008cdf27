"""The report on paper: pages, fonts, languages, and text that stays text."""

from __future__ import annotations

import re

import pytest

from changedet.report import pdf
from changedet.report.language import LANGUAGES, Phrase, tell
from changedet.report.sheet import breakable, lay_out, moment
from changedet.result import Check, Note, Record
from tests.report.pdftext import objects, of_type, texts

pytest.importorskip("typst")

HOSTILE = (
    'Місто <script>alert(1)</script> #eval("1+1") $x^2$ *b* _i_ \\ @ref <label> "q" \u202eabc '
    "שלום " + "x" * 300
)
NOTES = (
    Note(code="season", message="the dates lie 48 days apart in the course of the year: of the "
         "vegetation lost or gained a part may be the season"),
    Note(code="comet", message=HOSTILE),
)  # fmt: skip


def figures_of(drawn: dict[str, tuple[bytes, object]]) -> dict[str, tuple[bytes, str]]:
    return {"evidence": (drawn["evidence"][0], "Scores, as a picture.")}


def read(data: bytes) -> str:
    """All text, without line ends, hyphens at them and the marks that let words break."""
    joined = "\n".join(texts(data))
    return re.sub(r"[\n\u200b\u2060\u00ad]+", " ", joined).replace("\u00a0", " ")


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u2060-]+", "", text)


@pytest.fixture(scope="module")
def printed(views, record, drawn):
    return {
        lang: pdf.render_pdf(record, views, figures_of(drawn), lang=lang, credit="© Somebody")
        for lang in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_fonts_and_metadata(printed, record: Record, language: str) -> None:
    data = printed[language]
    parts = objects(data)
    assert 2 <= len(of_type(parts, rb"Page")) <= 4
    fonts = of_type(parts, rb"FontDescriptor")
    assert fonts
    assert all(b"/FontFile" in font for font in fonts)
    assert f"/Lang({language})".encode() in data
    assert b"<pdfuaid:part>1</pdfuaid:part>" in data
    assert b"<pdfaid:part>2</pdfaid:part>" in data
    assert b"Painted town" in data  # the title, in the metadata
    assert data.count(b"/Title") >= 4  # bookmarks
    alts = re.findall(rb"/Alt[<(]", data)
    assert len(alts) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_its_part_in_the_language(printed, language: str) -> None:
    pages = [squeezed(text) for text in texts(printed[language])]
    keys = ("pdf-findings", "pdf-where", "pdf-sure", "pdf-limits")
    places = []
    for key in keys:
        heading = squeezed(tell(Phrase(key), language))
        places.append(next(n for n, page in enumerate(pages) if heading in page))
    assert places == [0, 1, 2, 3]
    assert "\ufffd" not in "".join(pages)
    assert squeezed("© Somebody") in pages[0]
    assert squeezed({"en": "2.35 ha", "uk": "2,35 га"}[language]) in pages[0]
    assert squeezed({"en": "Page 2 of 4", "uk": "Сторінка 2 з 4"}[language]) in pages[1]


def test_no_english_word_is_left_in_ukrainian(printed) -> None:
    text = read(printed["uk"])
    for word in ("destroyed", "share of", "interval", "Built", "passed", "Before", "pixels"):
        assert word not in text


def test_the_same_values_make_the_same_bytes(views, record, drawn, printed) -> None:
    again = pdf.render_pdf(record, views, figures_of(drawn), lang="uk", credit="© Somebody")
    assert again == printed["uk"]


@pytest.mark.parametrize(("kind", "refusals"), [("degraded", ()), ("forced", NOTES[:1])])
def test_a_verdict_is_told_on_every_page(views, record, drawn, kind, refusals) -> None:
    hurt = record.model_copy(update={"status": "degraded", "warnings": NOTES, "refusals": refusals})
    data = pdf.render_pdf(hurt, views, figures_of(drawn), lang="uk")
    pages = [squeezed(text) for text in texts(data)]
    assert len(pages) <= 4
    banner = squeezed(tell(Phrase(f"pdf-{kind}"), "uk"))
    assert all(banner in page for page in pages)
    assert squeezed("дати різняться на 48 днів") in pages[0]


def test_hostile_text_stays_text(views, record, drawn) -> None:
    image = record.inputs.before.model_copy(update={"path": HOSTILE})
    hostile = record.model_copy(
        update={
            "title": HOSTILE[:200],
            "status": "degraded",
            "warnings": NOTES,
            "inputs": record.inputs.model_copy(update={"before": image}),
            "checks": tuple(
                Check(code="x", name=HOSTILE, value=1.0, unit="#u", limit_ok=2.0, limit_refuse=3.0,
                      less_is_worse=False, verdict="degraded", message=HOSTILE)
                for _ in range(2)
            ),
        }
    )  # fmt: skip
    data = pdf.render_pdf(hostile, views, figures_of(drawn), lang="uk", credit=HOSTILE)
    text = squeezed(read(data))
    wanted = '<script>alert(1)</script> #eval("1+1") $x^2$ *b* _i_ \\ @ref <label> "q"'
    assert text.count(squeezed(wanted)) >= 6
    assert b"/JavaScript" not in data
    assert b"/Launch" not in data
    assert 2 <= len(texts(data)) <= 5


def test_letters_that_no_font_has_do_not_stop_it(views, record, drawn) -> None:
    strange = record.model_copy(update={"title": "東京 \U0001f680 \ue000"})
    assert len(texts(pdf.render_pdf(strange, views, figures_of(drawn)))) >= 2


def test_without_scale_footprints_cells_or_figures_it_is_still_whole(
    views_with, record, record_with
) -> None:
    bare = record_with(cells=None, buildings=None)
    views = views_with(buildings=(), histograms=())
    assert 2 <= len(texts(pdf.render_pdf(bare, views, {}, lang="uk"))) <= 4


def test_a_refused_pair_has_none(views, refused, drawn) -> None:
    with pytest.raises(ValueError, match="refused"):
        pdf.render_pdf(refused, views, figures_of(drawn))


def test_words_can_break_and_ranges_do_not() -> None:
    assert breakable("1.2–3.4 ha") == "1.2–\u20603.4 ha"
    assert breakable("a" * 50) == "a" * 24 + "\u200b" + "a" * 24 + "\u200b" + "aa"


def test_the_layout_is_values_and_no_markup(views, record, drawn) -> None:
    sheet = lay_out(record, views, figures_of(drawn), lang="en")
    assert sheet.data["title"] == "Painted town"
    assert moment(record).tzinfo is not None
    assert {"before.jpg", "after.jpg", "classes.jpg", "buildings.jpg"} <= set(sheet.files)
    assert b"<script" not in sheet.files["outlines.svg"]
    assert sheet.files["outlines.svg"].count(b"<polygon") == len(views.buildings)


def test_fonts_come_with_the_package_and_have_cyrillic() -> None:
    (folder,) = pdf.font_folders()
    assert (folder / "DejaVuSans.ttf").is_file()
