from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from changedet.report import pictures
from changedet.report.palette import CHANGES, rgb


@pytest.mark.parametrize("pattern", ["falling", "rising", "level"])
def test_hatches_cover_half(pattern):
    assert pictures.hatch((60, 60), pattern).mean() == pytest.approx(0.5, abs=0.02)


def test_only_changes_are_painted():
    classes = np.array([[0, 1, 2, 3, 4, 5]], np.uint8)
    index, colours = pictures.class_layer(classes)
    alpha = colours[index][0, :, 3]
    assert (alpha[:2] == 0).all()
    assert (alpha[2:] > 0).all()
    assert tuple(colours[index][0, 2, :3]) == (0xD5, 0x5E, 0x00)


def test_evidence_fades_out_and_what_was_not_judged_is_clear():
    index, colours = pictures.evidence_layer(np.array([[0, 125, 250, 255]], np.uint8))
    alpha = colours[index][0, :, 3]
    assert alpha[0] == 0
    assert 0 < alpha[1] < alpha[2]
    assert alpha[3] == 0


def test_empty_pixels_are_grey_but_dark_ground_stays(views):
    image = np.zeros((1, 3, 3), np.uint8)
    image[0, 2] = 9
    assert pictures.shown(image, np.array([[False, True, False]]))[0, :, 0].tolist() == [222, 0, 9]


def test_the_checkerboard_holds_both(views_with):
    board = pictures.checkerboard(
        views_with(
            before=np.full((300, 400, 3), 50, np.uint8), after=np.full((300, 400, 3), 200, np.uint8)
        ),
        tiles=8,
    )
    assert (board[:50, :50] == 50).all()
    assert (board[:50, 50:100, 0] == 160).all()


def test_indexed_pictures_come_back_with_their_transparency():
    index = np.array([[0, 1], [2, 1]], np.uint8)
    colours = np.array([[0, 0, 0, 0], [10, 20, 30, 128], [1, 2, 3, 255]], np.uint8)
    with Image.open(io.BytesIO(pictures.encode_indexed(index, colours))) as picture:
        back = np.asarray(picture.convert("RGBA"))
    assert (back[..., 3] == colours[index][..., 3]).all()
    assert (back[1, 1, :3] == (10, 20, 30)).all()


@pytest.mark.parametrize("dpi", [None, 150])
def test_a_png_has_no_loss_and_says_its_size_on_paper(dpi):
    image = np.random.default_rng(3).integers(0, 255, (40, 31, 3), np.uint8)
    with Image.open(io.BytesIO(pictures.encode_png(image[:, ::2], dpi=dpi))) as picture:
        picture.verify()
    data = pictures.encode_png(image[:, ::2], dpi=dpi)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "RGB"
        assert picture.info.get("dpi", (None,))[0] == (dpi and pytest.approx(dpi, abs=0.02))
        assert (np.asarray(picture) == image[:, ::2]).all()


def test_a_wide_photograph_is_made_as_wide_as_the_page_wants():
    rng = np.random.default_rng(0)
    png = pictures.encode_png(rng.integers(0, 255, (200, 300, 3), np.uint8))
    _, mime, size = pictures.lighten(png, most=150)
    assert (mime, size) == ("image/jpeg", (150, 100))
    data, mime, size = pictures.lighten(
        pictures.encode_png(np.full((200, 300, 3), 9, np.uint8)), most=150
    )
    assert (mime, size) == ("image/png", (150, 100))
    assert (pictures.decode(data) == 9).all()


def test_photographs_get_smaller_charts_stay_png():
    rng = np.random.default_rng(0)
    noisy = rng.integers(0, 255, (200, 200, 3), np.uint8)
    for image, expected in ((noisy, "image/jpeg"), (np.zeros_like(noisy), "image/png")):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        data, mime, size = pictures.lighten(buffer.getvalue())
        assert (mime, size) == (expected, (200, 200))
        assert len(data) <= len(buffer.getvalue())


def test_a_swatch_is_a_picture_of_its_class():
    with Image.open(io.BytesIO(pictures.swatch(CHANGES[0]))) as picture:
        assert picture.convert("RGBA").getpixel((3, 3))[:3] == (0xD5, 0x5E, 0x00)


def test_a_difference_is_orange_where_it_fell_and_purple_where_it_rose(views_with):
    difference = np.array([[-0.2, 0.0, 0.2, -9.0, np.nan]], np.float32)
    picture = pictures.difference_picture(difference, 0.2)
    assert tuple(picture[0, 0]) == rgb("#7f3b08") == tuple(picture[0, 3])
    assert tuple(picture[0, 1]) == rgb("#f7f7f7")
    assert tuple(picture[0, 2]) == rgb("#2d004b")
    assert picture[0, 4, 0] == picture[0, 4, 2] in {195, 225}
    assert pictures.difference_limit(views_with()) == 0.5
    assert pictures.difference_limit(views_with(indices=())) == 0.05


def test_a_picture_of_another_size_keeps_codes_and_its_blanks():
    evidence = np.full((20, 30), 100, np.uint8)
    evidence[:, :10] = 255
    picture = pictures.evidence_picture(evidence, (60, 90))
    assert picture.shape == (60, 90, 3)
    assert set(picture[:, :30].reshape(-1, 3).max(axis=1).tolist()) == {195, 225}
    assert (picture[:, 40:] == pictures.evidence_picture(evidence)[0, -1]).all()
    codes = pictures.nearest(np.array([[1, 5]], np.uint8), (4, 10))
    assert codes.tolist() == [[1] * 5 + [5] * 5] * 4


def test_the_checkerboard_has_no_blue_where_there_is_nothing(views_with):
    after = np.full((300, 400, 3), 200, np.uint8)
    after[:, 200:] = 0
    valid = np.ones((300, 400), np.bool_)
    valid[:, 200:] = False
    board = pictures.checkerboard(views_with(after=after, valid=valid), tiles=8)
    assert (board[:50, 50:100] == (160, 184, 208)).all()
    assert (board[:50, 250:300] == 222).all()


def test_a_layer_is_laid_over_by_its_alpha():
    ground = np.full((1, 3, 3), 100, np.uint8)
    layer = (
        np.array([[0, 1, 2]], np.uint8),
        np.array([[0, 0, 0, 0], [200, 0, 100, 51], [9, 8, 7, 255]], np.uint8),
    )
    assert pictures.overlaid(ground, layer)[0].tolist() == [[100] * 3, [120, 80, 100], [9, 8, 7]]
