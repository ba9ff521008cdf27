"""A pyramid of tiles: known colours in, known tiles out."""

from __future__ import annotations

import base64
import io
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from changedet.core.grid import Window
from changedet.report.palette import CHANGES, evidence_colours
from changedet.report.pictures import class_layer
from changedet.report.pyramid import (
    Pyramid,
    TiledLayer,
    build_layer,
    deepest,
    level_shape,
    pyramid_document,
)
from changedet.report.tilepaint import EVIDENCE_STEP, ClassPaint, EvidencePaint, PhotoPaint

WIDTH, HEIGHT, SIDE = 600, 500, 64


class Raw:
    """Keeps what it gets: a tile is its own bytes, so every pixel of every level can be told."""

    extension = "raw"

    def __init__(self, paint):
        self.halve, self.blank = paint.halve, paint.blank

    def encode(self, tile, _start):
        return tile.tobytes() if (tile != self.blank).any() else None


def build(picture, paint, *, side=SIDE, columns=2048):
    """Return the layer, and the bytes of its tiles by address."""
    tiles, seen = {}, np.zeros(picture.shape[:2], int)

    def read(window: Window):
        seen[window.slices] += 1
        return picture[window.slices]

    layer = build_layer(
        "one", read, paint, tiles.__setitem__, width=picture.shape[1], height=picture.shape[0],
        size=side, columns_at_once=columns,
    )  # fmt: skip
    assert (seen == 1).all(), "each pixel is read once"
    return layer, tiles


def whole(layer, tiles, z, blank, *, side=SIDE):
    """Lay the tiles of a level side by side; one that is not there is blank."""
    rows, cols = len(layer.present[z]), len(layer.present[z][0])
    channels = (len(blank),) if len(blank) > 1 else ()
    level = np.empty((rows * side, cols * side, *channels), np.uint8)
    level[:] = blank
    for y in range(rows):
        for x in range(cols):
            address = f"one/{z}/{x}_{y}.{layer.extension}"
            assert layer.present[z][y][x] == (address in tiles)
            if address in tiles:
                at = slice(y * side, (y + 1) * side), slice(x * side, (x + 1) * side)
                level[at] = np.frombuffer(tiles[address], np.uint8).reshape(side, side, *channels)
    return level


def opened(data, mode="RGBA"):
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def random_photo(height=HEIGHT, width=WIDTH, holes=True):
    rng = np.random.default_rng(5)
    photo = rng.integers(0, 256, (height, width, 4), np.uint8)
    photo[..., 3] = 255
    if holes:
        photo[40:300, 100:333] = 0
        photo[rng.random((height, width)) < 0.2] = 0
    return photo


def mean_by_hand(photo):
    """Return the means of 2 x 2 known pixels, one after the other."""
    height, width = -(-photo.shape[0] // 2), -(-photo.shape[1] // 2)
    out = np.zeros((height, width, 4), np.uint8)
    for row in range(height):
        for col in range(width):
            four = photo[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].reshape(-1, 4)
            four = four[four[:, 3] > 0, :3].astype(float)
            if len(four):
                out[row, col] = *np.floor(four.mean(axis=0) + 0.5), 255
    return out


@pytest.mark.parametrize("holes", [True, False])
def test_every_level_is_the_mean_of_the_one_below(holes):
    photo = random_photo(151, 203, holes)
    layer, tiles = build(photo, Raw(PhotoPaint()))
    expected = photo
    for z in range(len(layer.present) - 1, -1, -1):
        level = whole(layer, tiles, z, (0, 0, 0, 0))
        height, width = expected.shape[:2]
        np.testing.assert_array_equal(level[:height, :width], expected)
        assert not level[height:].any()
        assert not level[:, width:].any()
        assert (height, width) == level_shape(203, 151, len(layer.present) - 1 - z)
        expected = mean_by_hand(expected)
    assert deepest(203, 151, SIDE) == len(layer.present) - 1 == 2


def test_what_was_not_judged_takes_no_part_in_a_mean():
    evidence = np.full((128, 128), 255, np.uint8)
    evidence[0:2, 0:2] = [[10, 255], [13, 255]]
    evidence[0:2, 2:4] = [[0, 1], [1, 0]]
    evidence[64:, 64:] = 250
    _, tiles = build(evidence, Raw(EvidencePaint()))
    top = np.frombuffer(tiles["one/0/0_0.raw"], np.uint8).reshape(64, 64)
    assert top[0, :3].tolist() == [12, 1, 255]
    assert (top[32:, 32:] == 250).all()
    assert (top == 255).sum() == 64 * 64 - 2 - 32 * 32


def test_classes_are_never_mixed():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 6, (HEIGHT, WIDTH), np.uint8)
    layer, tiles = build(codes, Raw(ClassPaint()))
    for z in range(len(layer.present)):
        step = 2 ** (len(layer.present) - 1 - z)
        level = whole(layer, tiles, z, (0,))
        rows, cols = level_shape(WIDTH, HEIGHT, len(layer.present) - 1 - z)
        np.testing.assert_array_equal(level[:rows, :cols], codes[::step, ::step])


@given(columns=st.integers(1, 700), height=st.integers(1, 150), width=st.integers(1, 150))
def test_tiles_do_not_depend_on_how_much_is_read_at_once(columns, height, width):
    photo = random_photo()[:height, :width]
    one = build(photo, Raw(PhotoPaint()), side=16)
    other = build(photo, Raw(PhotoPaint()), side=16, columns=columns)
    assert one == other
    assert deepest(width, height, 16) == len(one[0].present) - 1
    assert len(one[0].present[0]) == len(one[0].present[0][0]) == 1


def test_empty_tiles_are_left_out_and_the_document_says_which():
    photo = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    photo[70:80, 200:210] = (9, 8, 7, 255)
    layer, tiles = build(photo, PhotoPaint())
    assert sorted(tiles) == [f"one/{z}/{x}_{y}.webp" for z, x, y in (
        (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 3, 1)
    )]  # fmt: skip
    assert layer.count == 5
    document = pyramid_document(Pyramid(width=WIDTH, height=HEIGHT, size=SIDE, layers=(layer,)))
    assert {key: document[key] for key in ("width", "height", "size", "zmax")} == {
        "width": 600, "height": 500, "size": 64, "zmax": 4,
    }  # fmt: skip
    told = document["layers"]["one"]
    assert told["template"] == "one/{z}/{x}_{y}.webp"
    for z, present in enumerate(told["present"]):
        columns = math.ceil(math.ceil(WIDTH / 2 ** (4 - z)) / SIDE)
        rows = math.ceil(math.ceil(HEIGHT / 2 ** (4 - z)) / SIDE)
        if present == 1:
            bits = [True] * (rows * columns)
        else:
            data = base64.b64decode(present)
            bits = [bool(data[k >> 3] & 128 >> (k & 7)) for k in range(rows * columns)]
        there = {(k % columns, k // columns) for k, bit in enumerate(bits) if bit}
        names = {f"one/{z}/{x}_{y}.webp" for x, y in there}
        assert names == {name for name in tiles if name.startswith(f"one/{z}/")}
    nothing = TiledLayer(name="no", extension="png", present=(((False,),), ((False, False),)))
    empty = pyramid_document(Pyramid(width=600, height=64, size=512, layers=(nothing,)), base="t/")
    assert empty["layers"]["no"] == {"template": "t/no/{z}/{x}_{y}.png", "present": [0, 0]}


def test_photographs_keep_their_colours_and_their_holes():
    photo = np.zeros((128, 128, 4), np.uint8)
    photo[:64] = (200, 40, 40, 255)
    photo[64:, :64] = (30, 160, 60, 255)
    layer, tiles = build(photo, PhotoPaint())
    assert Image.open(io.BytesIO(tiles["one/1/0_0.webp"])).mode == "RGB"
    np.testing.assert_allclose(opened(tiles["one/1/0_0.webp"], "RGB"), photo[:64, :64, :3], atol=3)
    np.testing.assert_allclose(opened(tiles["one/1/0_1.webp"])[2:-2, 2:-2, 1], 160, atol=3)
    assert "one/1/1_1.webp" not in tiles
    top = opened(tiles["one/0/0_0.webp"])
    assert (top[..., 3] == np.where(photo[::2, ::2, 3] > 0, 255, 0)).all()
    assert layer.present == (((True,),), ((True, True), (True, False)))


def test_evidence_has_the_reports_colours_and_fades_out():
    evidence = np.full((64, 64), 255, np.uint8)
    evidence[0, :4] = [0, 124, 250, 3]
    _, tiles = build(evidence, EvidencePaint())
    tile = opened(tiles["one/0/0_0.png"])
    colours = evidence_colours()
    assert tile[0, 0, 3] == 0
    assert tile[0, 1, :3].tolist() == colours[125].tolist()
    assert tile[0, 1, 3] == round(235 * 125 / 250)
    assert tile[0, 2].tolist() == [*colours[250].tolist(), 235]
    assert tile[0, 3, :3].tolist() == colours[EVIDENCE_STEP].tolist()
    assert not tile[0, 4:, 3].any()
    assert not tile[1:, :, 3].any()
    evidence[0, :4] = [0, 1, 2, 255]
    assert build(evidence, EvidencePaint())[1] == {}


def test_hatches_run_on_from_tile_to_tile():
    rng = np.random.default_rng(2)
    codes = np.kron(rng.integers(0, 6, (6, 8), np.uint8), np.ones((24, 25), np.uint8))
    _, tiles = build(codes, ClassPaint())
    index, colours = class_layer(codes)
    expected = colours[index]
    for y in range(3):
        for x in range(4):
            tile = opened(tiles[f"one/2/{x}_{y}.png"])
            part = expected[y * SIDE : (y + 1) * SIDE, x * SIDE : (x + 1) * SIDE]
            tile = tile[: part.shape[0], : part.shape[1]]
            np.testing.assert_array_equal(tile[..., 3], part[..., 3])
            clear = part[..., 3:] == 0
            np.testing.assert_array_equal(np.where(clear, 0, tile), np.where(clear, 0, part))
    assert {style.code for style in CHANGES} <= set(np.unique(codes).tolist())


def peak(width, height):
    """Return the most memory that is held while a picture of noise is tiled, bytes."""
    rng = np.random.default_rng(1)

    def read(window):
        return rng.integers(0, 255, window.shape, np.uint8)

    tracemalloc.start()
    try:
        build_layer(
            "one", read, EvidencePaint(), lambda *_: None,
            width=width, height=height, size=SIDE, columns_at_once=256,
        )  # fmt: skip
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_height_and_little_with_the_width():
    peak(256, 256)
    base = peak(512, 512)
    tall, wide = peak(512, 3584), peak(3584, 512)
    assert tall < base + 100_000, "the picture grew by 1.5 MB"
    # A row of tiles at each level: two of the lowest.
    assert wide < base + 2 * SIDE * 3072 + 100_000
