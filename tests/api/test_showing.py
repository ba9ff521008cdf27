"""What a notebook shows of a result, in each language and for each status."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import changedet as cd
from changedet import api
from changedet.api.views import views_of_folder
from changedet.report.card import Picture, card_pictures, render_card
from changedet.report.language import Number, tell
from changedet.report.views import shrink_views
from changedet.result import Note

HOSTILE = "<script>alert(1)</script>\"'\u202e&" + "x" * 300


class Reader(HTMLParser):
    """Checks that every element is closed, and keeps tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.alts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"img", "br", "input"}:
            self.open.append(tag)
        if tag == "img":
            self.alts.append(str(dict(attrs)["alt"]))
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"href", "id"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def test_it_shows_figures_intervals_and_pictures(small_result: api.Result) -> None:
    html = small_result._repr_html_()
    page = Reader(html)
    built = small_result.built
    assert built is not None
    for value in (built.destroyed_ha, built.low_ha, built.high_ha, built.before_ha):
        assert tell(Number(value, decimals=3)) in page.text
    assert len(page.alts) == 5
    assert all(page.alts)
    assert len(set(page.alts)) == 5
    assert html.count("data:image/webp;base64,") == 5
    assert "script" not in page.tags
    assert not re.search(r"""https?:|src="(?!data:image)|url\(|@import""", html)
    assert len(html) < 400_000


def test_it_speaks_the_language_of_the_run_or_that_asked_for(small_result: api.Result) -> None:
    assert 'lang="en"' in small_result._repr_html_()
    shown = small_result.show(lang="uk")._repr_html_()
    assert 'lang="uk"' in shown
    assert "лише до" in Reader(shown).text
    options = {**small_result.record.provenance.options, "lang": "uk"}
    made = small_result.record.provenance.model_copy(update={"options": options})
    record = small_result.record.model_copy(update={"provenance": made})
    asked = api.Result(record=record, folder=small_result.folder)
    assert asked._repr_html_() == shown
    with pytest.raises(cd.UsageError, match="en, uk"):
        small_result.show(lang="xx")


def test_foreign_text_stays_text(small_result: api.Result) -> None:
    image = small_result.record.inputs.before.model_copy(update={"date": HOSTILE, "path": HOSTILE})
    inputs = small_result.record.inputs.model_copy(update={"before": image})
    notes = (Note(code="x", message=HOSTILE),)
    record = small_result.record.model_copy(
        update={"title": HOSTILE, "inputs": inputs, "status": "degraded", "warnings": notes}
    )
    page = Reader(api.Result(record=record, folder=small_result.folder)._repr_html_())
    assert "script" not in page.tags
    assert page.text.count("<script>alert(1)</script>") >= 2
    assert "\u202e" not in page.text


def test_a_degraded_result_says_so_before_any_figure(small_result: api.Result) -> None:
    notes = (Note(code="cloud", message="A third of the area is under cloud."),)
    record = small_result.record.model_copy(update={"status": "degraded", "warnings": notes})
    html = api.Result(record=record, folder=small_result.folder)._repr_html_()
    html = html.split("</style>")[1]
    assert "cd-degraded" in html
    assert html.index("A third of the area") < html.index("cd-tiles")


def test_a_refusal_shows_reasons_and_no_figure(refused_result: api.Result) -> None:
    html = refused_result._repr_html_()
    page = Reader(html)
    assert "cd-refused" in html
    assert refused_result.record.refusals[0].message in page.text
    # the reason is followed by what to do about it
    assert re.search(r"<li><bdi>[^<]+</bdi><br><bdi>[^<]+</bdi></li>", html)
    assert page.alts == []
    assert not re.search(r"\d ?ha\b", page.text)
    assert "cd-tile" not in html.split("</style>")[1]


def test_a_registration_shows_its_error_and_no_area(registered: api.RegistrationResult) -> None:
    page = Reader(registered._repr_html_())
    found = registered.registration
    assert found is not None
    assert tell(Number(found.rmse_px)) in page.text
    assert tell(found.inliers) in page.text
    assert len(page.alts) == 2
    assert not re.search(r"\d ?ha\b", page.text)


def test_a_large_picture_is_made_light_enough(small_result: api.Result) -> None:
    rng = np.random.default_rng(1)
    noise = [
        Picture(name=name, image=rng.integers(0, 255, (600, 600, 3)).astype(np.uint8), alt=name)
        for name in ("before", "after", "classes", "structural", "pixel")
    ]
    assert len(render_card(small_result.record, tuple(noise))) < 400_000
    views = views_of_folder(small_result.folder, small_result.record)
    assert views is not None
    small = card_pictures(shrink_views(views, 100), small_result.record)
    assert {picture.image.shape for picture in small} == {(96, 96, 3)}
