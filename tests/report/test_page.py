from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import escape

from changedet.report import figures, page
from changedet.report.language import LANGUAGES, tell
from changedet.result import Note

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e{{ 7*7 }}'"
VOID = {"meta", "img", "input", "br", "link", "path", "rect", "circle"}


class Outline(HTMLParser):
    """Collects the elements of a page and checks that they close in order."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open = [], []
        self.said = {language: [] for language in LANGUAGES}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            alone = dict(attrs).get("lang") if dict(attrs).get("class") == "t" else None
            self.open.append((tag, alone))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][0] in {"script", "style"}:
            return
        alone = next((lang for _, lang in reversed(self.open) if lang), None)
        for language in LANGUAGES if alone is None else (alone,):
            self.said[language].append(data)

    def all(self, *tags):
        return [attrs for tag, attrs in self.elements if tag in tags]

    def words(self, language="en"):
        """The text that is shown in a language."""
        return " ".join(" ".join(self.said[language]).replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def html(views, record, drawn):
    return page.render_page(record, views, drawn)


@pytest.fixture(scope="module")
def parsed(html):
    return Outline(html)


def test_elements_close_and_names_are_unique(parsed):
    assert parsed.open == []
    names = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(names) == len(set(names))
    labels = {attrs.get("aria-labelledby") for _, attrs in parsed.elements}
    assert labels - {None} <= set(names)


def test_the_policy_lets_in_only_what_the_file_holds(html, parsed):
    policy = next(
        attrs["content"]
        for attrs in parsed.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_requested_from_anywhere(html, parsed):
    for _, attrs in parsed.elements:
        assert not {name for name in attrs if name.startswith("on")}
        assert "style" not in attrs
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            if name in attrs:
                assert attrs[name].startswith(("data:image/", "#"))
    assert not parsed.all("link", "iframe", "object", "embed", "base", "form")
    assert "sourceMappingURL" not in html
    assert not re.search(r"url\(|@import", html[: html.index("</style>")])
    # Leaflet names its home in a comment and in a line that is switched off, and SVG's name space.
    addresses = set(re.findall(r"https?://[\w./-]+", html))
    assert addresses <= {
        "http://www.w3.org/2000/svg",
        "https://leafletjs.com",
    }


def test_pictures_are_whole_and_have_alternatives(parsed):
    images = parsed.all("img")
    assert len(images) > 8
    for attrs in images:
        assert "alt" in attrs
        head, data = attrs["src"].split(",", 1)
        assert head in {"data:image/png;base64", "data:image/jpeg;base64"}
        assert base64.b64decode(data, validate=True)[:4] in {b"\x89PNG", b"\xff\xd8\xff\xe0"}
    # Empty alternatives are for legend samples alone, whose words stand beside them.
    assert all(int(attrs["width"]) <= 251 for attrs in images if not attrs["alt"])


def test_headings_make_an_outline(parsed):
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert parsed.all("html")[0]["lang"] == "en"
    assert len(parsed.all("main")) == 1


def test_the_page_says_what_was_found_and_how_sure(parsed):
    text = parsed.words()
    for part in (
        "2.35 ha of 12.4 ha of built area (18.9 %)",
        "model interval 2.10–2.90 ha",
        "not a confidence interval",
        "3.75 % of the area could not be judged",
        "Damage not visible from above is not counted.",
        "Not validated in the field.",
        "There is no near-infrared band",
        "187 believed of 234 tried",
        "0.312 px (0.156 m)",
        "Co-registration: side of the correlation window",
        "stable pixels of this pair",
        "How to cite",
    ):
        assert part in text


def document(html):
    (inside,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    return json.loads(inside)


def test_the_map_has_layers_and_a_slider(html, parsed):
    named = [attrs["data-show"] for attrs in parsed.all("input") if "data-show" in attrs]
    assert named == [
        "buildings", "class-2", "class-3", "class-4", "class-5", "cells-0", "cells-1",
        "structural", "pixel", "ties",
    ]  # fmt: skip
    assert len([a for a in parsed.all("input") if "data-position" in a]) == 1
    pictures = {layer["name"]: layer["uri"] for layer in document(html)["layers"]}
    assert set(pictures) == {"class-2", "class-3", "class-4", "class-5", "structural", "pixel"}
    assert all(uri.startswith("data:image/png;base64,") for uri in pictures.values())


def test_outlines_and_cells_lie_where_they_are(html, views, record):
    data = document(html)
    assert data["size"] == [1600, 1200]
    assert len(data["buildings"]["id"]) == len(views.buildings)
    steps = np.reshape(data["buildings"]["ring"][0], (-1, 2))
    corners = np.cumsum(steps, axis=0) / 10
    expected = (views.buildings[0].ring + 0.5) * views.zoom
    assert corners.tolist() == expected.tolist()
    cells = {cell["id"]: cell for cell in data["cells"]}
    assert np.cumsum(np.reshape(cells["r001c001"]["ring"], (-1, 2)), axis=0).tolist() == [
        [8000, 6000], [16000, 6000], [16000, 12000], [8000, 12000],
    ]  # fmt: skip
    assert cells["r001c000"]["shares"][0] == record.cells[2].built_destroyed_share


def test_both_languages_stand_in_the_page(parsed):
    assert "2,35 га із 12,4 га забудови (18,9 %)" in parsed.words("uk")
    assert "Пошкоджень, яких не видно згори, не враховано." in parsed.words("uk")
    assert "In short" not in parsed.words("uk")
    assert "Коротко" not in parsed.words("en")


def test_the_page_opens_in_the_language_of_the_run(views, record, record_with, drawn):
    made = record.provenance.model_copy(update={"options": {"lang": "uk"}})
    parsed = Outline(page.render_page(record_with(provenance=made), views, drawn))
    assert parsed.all("html")[0]["lang"] == "uk"
    assert Outline(page.render_page(record, views, drawn, lang="uk")).all("html")[0]["lang"] == "uk"


def test_a_refused_pair_has_no_area_anywhere(views, refused, drawn):
    html = page.render_page(refused, views, drawn)
    parsed = Outline(html)
    text = parsed.words()
    assert text.startswith("Refused: Painted town")
    assert text.index("Refused: these images") < text.index("Change between two images")
    assert "The after image is mostly snow." in text
    assert text.count("What to do:") == 2
    # The record above holds areas, on purpose.
    assert not re.search(r"\d\s*ha\b|hectare", text)
    for figure in ("2.35", "1.92", "18.9", "12.4"):
        assert figure not in text
    assert not [attrs for attrs in parsed.all("input") if "data-show" in attrs]
    data = document(html)
    assert data["layers"] == data["cells"] == data["fields"] == data["buildings"]["id"] == []
    for gone in ("classes", "cells", "evidence", "buildings"):
        assert f'id="figure-{gone}"' not in html
    for _, alt in (drawn["classes"], drawn["cells"]):
        assert str(escape(tell(alt))) not in html


def test_verdicts_stand_before_everything(views, record_with, drawn):
    degraded = record_with(status="degraded")
    for record, words in (
        (degraded, "Use with care"),
        (
            record_with(status="degraded", refusals=(Note(code="no_match", message="No match."),)),
            "Not reliable: compared by force",
        ),
    ):
        text = Outline(page.render_page(record, views, drawn)).words()
        assert text.index(words) < text.index("There is no near-infrared") < text.index("In short")


def test_foreign_text_comes_out_as_text(views, record, record_with, drawn, html):
    image = record.inputs.before.model_copy(
        update={"path": EVIL, "date": EVIL, "crs": EVIL, "dtype": EVIL, "bands": {EVIL: 1}}
    )
    record = record_with(
        title=EVIL,
        warnings=(Note(code="x", message=EVIL),),
        inputs=record.inputs.model_copy(update={"before": image}),
        radiometry={EVIL: record.radiometry["red"]},
        thresholds={EVIL: EVIL},
        null={"a": {EVIL: [EVIL]}},
        provenance=record.provenance.model_copy(
            update={"command": EVIL, "options": {EVIL: EVIL}, "software": {EVIL: EVIL}}
        ),
    )
    evil = page.render_page(record, views, {name: (png, EVIL) for name, (png, _) in drawn.items()})
    found = Outline(evil)
    assert [tag for tag, _ in found.elements].count("script") == 2
    assert document(evil)["words"]["en"]["title"].startswith('"><script>alert(1)</script>')
    assert not [attrs for attrs in found.all("img") if attrs["src"] == "x"]
    assert "onerror" not in {name for _, attrs in found.elements for name in attrs}
    assert not {"\x1b", "\u202e"} & set(evil)
    assert "<script>alert(1)</script>" in found.words()
    assert "{{ 7*7 }}" in found.words()


def test_unknown_values_do_not_break_the_page(views_with, grid_with, record_with, record):
    lost = {"before_ha": None, "low_ha": None, "high_ha": None}
    bare = record_with(
        grid=None,
        registration=None,
        radiometry=None,
        thresholds=None,
        null=None,
        cells=None,
        buildings=None,
        not_observable_share=None,
        built=record.built.model_copy(update={**lost, "destroyed_ha": None}),
        vegetation=None,
    )
    views = views_with(grid=grid_with(georeferenced=False), buildings=())
    drawn = {
        name: (png, tell(alt))
        for name, (png, alt) in figures.draw_figures(views, bare).items()
        if name in {"before_after", "classes"}
    }
    text = Outline(page.render_page(bare, views, drawn)).words()
    assert "n/a" in text
    assert "None" not in text
    assert "no scale" in text
    assert not re.search(r"\d ha\b", text)


def test_without_views_there_are_pictures_alone(record, drawn):
    parsed = Outline(page.render_page(record, None, drawn))
    assert not [attrs for _, attrs in parsed.elements if "data-atlas" in attrs]
    assert "static always" in {attrs.get("class") for attrs in parsed.all("figure")}


def test_the_same_input_gives_the_same_page(views, record, drawn, html):
    assert page.render_page(record, views, drawn) == html


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_has_contrast_in_both_themes(html):
    themes = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    assert len(themes) == 3
    light = dict(re.findall(r"--([\w-]+): (#\w{6});", themes[0]))
    dark = {**light, **dict(re.findall(r"--([\w-]+): (#\w{6});", themes[1]))}
    for theme in (light, dark):
        for ink in ("ink", "soft", "accent"):
            for ground in ("ground", "surface"):
                bright, dim = sorted(
                    (_luminance(theme[ink]), _luminance(theme[ground])), reverse=True
                )
                assert (bright + 0.05) / (dim + 0.05) >= 4.5
