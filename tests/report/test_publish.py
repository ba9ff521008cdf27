"""Words, tags and frames of the pictures for publication."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from PIL import Image

from changedet.report import publish
from changedet.report.figures import leaf, motion, publication
from changedet.report.language import LANGUAGES, Phrase, tell
from changedet.report.palette import CHANGES, rgb
from changedet.report.publish import Tags
from changedet.result import Note

HOSTILE = '<script>alert("x")</script> & שלום\u202e 東京 $x^2$\n' + "A" * 300
FILES = ("before.jpg", "after.jpg", "before_after.png", "map.png", "change.webp", "change.gif")


def titled(record: Any, title: str = "Painted town", **changes: Any) -> Any:
    options = {**record.provenance.options, "title": title}
    provenance = record.provenance.model_copy(update={"options": options})
    return record.model_copy(update={"title": title, "provenance": provenance, **changes})


def not_separable(record: Any) -> Any:
    built = record.built.model_copy(
        update={"separable": False, "destroyed_ha": None, "destroyed_share": None,
                "low_ha": None, "high_ha": None}
    )  # fmt: skip
    return record.model_copy(update={"built": built})


def forced(record: Any) -> Any:
    note = Note(code="no_match", message="No common structure was found.")
    return record.model_copy(update={"status": "degraded", "refusals": (note,)})


def degraded(record: Any) -> Any:
    return record.model_copy(update={"status": "degraded"})


def tags(**changes: Any) -> Tags:
    given = {"title": "Town", "description": "A town", "alt": "Roofs", "rights": "© Owner",
             "software": "changedet 1", "lang": "en"}  # fmt: skip
    return Tags(**{**given, **changes})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_picture_has_caption_alt_credit_and_limits(record: Any, lang: str) -> None:
    text = publish.captions_text(titled(record), (2, 3), FILES, credit="© Owner", lang=lang)
    for file in FILES:
        assert text.count(f"## {file}\n") == len(LANGUAGES)
    for language in LANGUAGES:
        assert tell(publish.LIMITS, language) in text
        assert text.count(f"{tell(Phrase('publish-label-alt'), language)}: ") == len(FILES)
    assert text.count("© Owner") == len(LANGUAGES) * (len(FILES) + 1)
    assert text.startswith("# English" if lang == "en" else "# Українська")


def test_the_map_tells_dates_headline_and_what_is_marked(record: Any) -> None:
    said = {item.file: item for item in publish.captions(titled(record), (2, 3), "en")}
    told = said["map.png"].text.replace("\N{NO-BREAK SPACE}", " ")
    assert told.startswith("Painted town: change between two images (14 March 2021 and 9 April 20")
    assert "2.35 ha of 12.4 ha" in told
    assert "2.10–2.90 ha" in told
    assert "Built area destroyed and Vegetation lost" in said["map.png"].alt
    assert "outlined by grade" in said["map.png"].alt
    none = publish.captions(titled(record), (), "en")
    assert "No change is marked" in next(i.alt for i in none if i.file == "map.png")


def test_no_hectare_of_built_area_where_none_is_claimed(record: Any) -> None:
    bare = not_separable(record).model_copy(update={"vegetation": None})
    for lang in LANGUAGES:
        text = publish.captions_text(bare, (), FILES, credit="", lang=lang)
        assert not re.search(r"\d\s*(ha|га)\b", text)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("make", [forced, degraded])
def test_a_result_to_be_careful_with_says_so_with_each_picture(
    record: Any, lang: str, make: Any
) -> None:
    bad = make(record)
    warned = publish.band(bad)
    assert warned is not None
    for item in publish.captions(bad, (2,), lang):
        assert item.text.startswith(tell(warned, lang))
        assert item.alt.startswith(tell(warned, lang))
    assert publish.band(record) is None


def test_a_title_of_file_names_is_no_place(record: Any) -> None:
    assert publish.place(record) is None
    assert publish.captions(record, (), "en")[0].text.startswith("The area: ")


def test_foreign_text_cannot_break_out_of_the_captions(record: Any) -> None:
    text = publish.captions_text(titled(record, HOSTILE), (), FILES, credit=HOSTILE, lang="en")
    assert "\u202e" not in text
    assert "\n" + "A" * 10 not in text
    assert text.count("\n## ") == len(FILES) * len(LANGUAGES)


@pytest.mark.parametrize(
    ("date", "en", "uk"),
    [
        ("2022-05-08T08:45:00", "8 May 2022", "8 травня 2022"),
        (None, "date unknown", "дата невідома"),
        ("spring\n2013", "spring 2013", "spring 2013"),
    ],
)
def test_dates_are_written_out(date: str | None, en: str, uk: str) -> None:
    assert publish.written_date(date, "en") == en
    assert publish.written_date(date, "uk").startswith(uk)


def test_a_jpeg_tells_what_it_shows_whose_and_when() -> None:
    image = np.full((8, 9, 3), 90, np.uint8)
    title = HOSTILE.replace("\u202e", "")
    data = publish.encode_jpeg(image, tags(title=title, alt="Дахи", date="2022-05-08T08:45:00"))
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (9, 8)
        assert "sRGB".encode("utf-16-be") in picture.info["icc_profile"]
        exif = picture.getexif()
        xmp = ET.fromstring(picture.info["xmp"].decode())  # noqa: S314 - ours
    raw = {tag: exif[tag].encode("latin-1").decode() for tag in (0x010E, 0x8298, 0x0131)}
    assert raw == {0x010E: "A town", 0x8298: "© Owner", 0x0131: "changedet 1"}
    assert exif.get_ifd(0x8769)[0x9003] == "2022:05:08 08:45:00"
    found = {node.tag.rpartition("}")[2]: "".join(node.itertext()) for node in xmp.iter()}
    assert found["title"] == title * 2  # in the default language and in its own
    assert found["AltTextAccessibility"] == "Дахи" * 2
    assert found["Credit"] == "© Owner"
    assert found["DateCreated"] == "2022-05-08T08:45:00"
    assert data == publish.encode_jpeg(
        image, tags(title=title, alt="Дахи", date="2022-05-08T08:45:00")
    )


def test_a_date_without_a_time_gets_none() -> None:
    inner = tags(date="2022-05-08").exif().get_ifd(0x8769)
    assert inner[0x9003] == "2022:05:08   :  :  "
    assert 0x9003 not in tags(date="last spring").exif().get_ifd(0x8769)


def test_a_png_tells_its_tags_and_its_resolution() -> None:
    data = publish.encode_png(np.zeros((4, 5, 3), np.uint8), tags(description="Дахи"), dpi=200)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.text["Description"] == "Дахи"  # type: ignore[attr-defined]
        assert picture.text["Copyright"] == "© Owner"  # type: ignore[attr-defined]
        assert round(picture.info["dpi"][0]) == 200


def test_marked_ground_has_colour_and_pattern_and_leaves_the_rest() -> None:
    after = np.full((40, 60, 3), 120, np.uint8)
    classes = np.ones((40, 60), np.uint8)
    for number, style in enumerate(CHANGES):
        classes[:, number * 15 : (number + 1) * 15] = style.code
    marked = publish.marked_ground(after, classes).astype(int)
    for number, style in enumerate(CHANGES):
        part = marked[:, number * 15 : (number + 1) * 15]
        near = np.abs(part - np.array(rgb(style.colour))).sum(axis=-1)
        assert near.min() < 140
        assert (np.ptp(near) > 60) == (style.pattern != "solid")
    plain = publish.marked_ground(after, np.ones((40, 60), np.uint8))
    assert len(np.unique(plain)) == 1


def test_frames_fade_slowly_and_come_back_to_the_first() -> None:
    images = [np.full((6, 4, 3), value, np.uint8) for value in (0, 200, 100)]
    frames, times = publish.fading(images, 1, 5)
    assert len(frames) == len(times) == 3 * publish.STEPS
    shown = [int(frame[2, 0, 0]) for frame in frames]
    assert shown == [0, 40, 80, 120, 160, 200, 180, 160, 140, 120, 100, 80, 60, 40, 20]
    assert {int(frame[0, 0, 0]) for frame in frames} == {0, 100, 200}  # words do not fade
    # WCAG 2.3.1: at most three flashes in a second; here is less than one pair of changes.
    assert sum(times) / 3 > 1000
    assert publish.HOLD_MS > 1000


def test_a_moving_picture_stays_small_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    noisy = [rng.integers(0, 255, (300, 400, 3)).astype(np.uint8) for _ in range(3)]
    frames, times = publish.fading(noisy, 0, 300)
    large = publish.encode_webp(frames, times, tags())
    monkeypatch.setattr(publish, "MAX_BYTES", len(large) // 2)
    small = publish.encode_webp(frames, times, tags())
    assert len(small) <= len(large) // 2
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.n_frames, picture.info["loop"]) == (15, 0)  # type: ignore[attr-defined]
    with Image.open(io.BytesIO(publish.encode_gif(noisy, tags()))) as picture:
        assert (picture.n_frames, picture.info["loop"]) == (3, 0)  # type: ignore[attr-defined]
        assert picture.info["duration"] == publish.HOLD_MS


def words_of(figure: Any) -> str:
    return "\n".join(text.get_text() for text in figure.axes[0].texts)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_map_stands_alone(views: Any, record: Any, lang: str) -> None:
    figure = publication.annotated_map(
        views, titled(record), views.after, lang=lang, credit="© Owner"
    )
    said = words_of(figure)
    wanted = [
        "Painted town", "© Owner", "changedet 0.1.0", "EPSG:32615", "(24)", "2021", "2022",
        tell(CHANGES[0].label, lang), tell(Phrase("publish-north"), lang),
        "200\N{NO-BREAK SPACE}" + tell(Phrase("unit-metres"), lang),
    ]  # fmt: skip
    assert [word for word in wanted if word not in said] == []
    flat = " ".join(said.split()).replace("\N{NO-BREAK SPACE}", " ")
    assert "2.35 ha of 12.4 ha" in flat or lang != "en"
    image = leaf.pixels(figure)
    assert image.shape[1] == publication.WIDTH
    assert (image[:40] == 255).all()  # no band above a sound result


@pytest.mark.parametrize(("high", "wide"), [(300, 100), (60, 400), (200, 200)])
def test_pages_fit_pictures_of_any_shape(
    record: Any, views_with: Any, high: int, wide: int
) -> None:
    from changedet.core.grid import Grid

    image = np.full((high, wide, 3), 90, np.uint8)
    ones = np.ones((high, wide), np.uint8)
    views = views_with(
        before=image, after=image, valid=ones > 0, pixel_change=ones, structural_change=ones,
        classes=ones * 2, grid=Grid(width=wide, height=high), buildings=(), indices=(),
    )  # fmt: skip
    for figure in (
        publication.annotated_map(views, titled(record, HOSTILE), image, lang="uk"),
        publication.side_by_side(views, titled(record, HOSTILE), image, image, lang="uk"),
    ):
        page = leaf.pixels(figure)
        assert page.shape[1] == publication.WIDTH
        assert page.shape[0] < 6000
        assert (page[:, -20:] == 255).all()  # nothing runs over the edge
        assert "масштаб невідомий" in words_of(figure)
    moving = motion.frames(views, titled(record, HOSTILE), image, image, lang="uk", credit=HOSTILE)
    assert max(moving.images[0].shape) <= motion.MOTION
    assert len({frame.shape for frame in moving.images}) == 1


def test_the_images_of_a_pair_lie_on_the_page_as_they_are(views: Any, record: Any) -> None:
    before, after = np.full((2, 300, 400, 3), [[[[10]]], [[[250]]]]).astype(np.uint8)
    page = leaf.pixels(publication.side_by_side(views, record, before, after, lang="en"))
    row = page[page.shape[0] // 2, :, 0].astype(int)
    assert (row == 10).sum() == (row == 250).sum() == 1130


@pytest.mark.parametrize(("make", "red"), [(forced, True), (degraded, False)])
def test_the_band_is_on_top_of_every_picture(
    views: Any, record: Any, make: Any, *, red: bool
) -> None:
    bad = make(record)
    pages = [
        leaf.pixels(publication.annotated_map(views, bad, views.after, lang="en")),
        leaf.pixels(publication.side_by_side(views, bad, views.before, views.after, lang="uk")),
        *motion.frames(views, bad, views.before, views.after, lang="uk").images,
        leaf.banded(views.before, bad, "uk"),
    ]
    for page in pages:
        assert (page[1, 1] == ((163, 0, 27) if red else (240, 180, 0))).all()
    assert pages[-1].shape == views.before.shape
    assert (pages[-1][60:] == views.before[60:]).all()
    assert leaf.banded(views.before, record, "uk") is views.before


def test_words_are_broken_to_the_width_and_missing_letters_become_boxes() -> None:
    block = leaf.text_block("one two three " + "W" * 90, 300, 10)
    assert max(leaf.width_of(line, 10) for line in block.lines) <= 300
    assert "".join(block.lines).replace(" ", "") == "onetwothree" + "W" * 90
    short = leaf.text_block("word " * 60, 300, 10, most=2)
    assert len(short.lines) == 2
    assert short.lines[-1].endswith("…")
    assert leaf.text_block("東a", 300, 10).lines == ("□a",)
