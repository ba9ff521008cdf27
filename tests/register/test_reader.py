"""Arrays as readers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest

from changedet.core.grid import Grid, Window
from changedet.register.reader import ArrayReader, Reader, Remembering, exact


def test_outside_is_not_valid_and_nan_neither() -> None:
    image = np.arange(12.0).reshape(3, 4)
    image[0, 0] = np.nan
    found, valid = ArrayReader(image=image).read(Window(row=-1, col=-1, height=3, width=3), 1)
    assert valid.tolist() == [[False] * 3, [False, False, True], [False, True, True]]
    assert found[1].tolist() == [0, 0, 1]


def test_zoom_averages_the_valid_pixels() -> None:
    image = np.array([[1, 3, 9], [5, 100, 9], [9, 9, 9]], np.uint16)
    valid = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], bool)
    found, use = ArrayReader(image=image, valid=valid).read(
        Window(row=0, col=0, height=3, width=3), 2
    )
    assert found.shape == (2, 2)
    assert found[0, 0] == 3
    assert use.tolist() == [[True, False], [False, False]]


def test_strips_give_what_one_piece_gives() -> None:
    image = np.random.default_rng(0).integers(0, 255, (1000, 40)).astype(np.uint8)
    found, valid = ArrayReader(image=image).read(Window(row=-3, col=0, height=1000, width=40), 7)
    padded = np.zeros((1001, 42))
    padded[3:1000, :40] = image[:997]
    seen = np.zeros((1001, 42))
    seen[3:1000, :40] = 1
    shape = (143, 7, 6, 7)
    count = seen.reshape(shape).sum((1, 3))
    assert (valid == (count >= 24.5)).all()
    mean = padded.reshape(shape).sum((1, 3))[valid] / count[valid]
    np.testing.assert_allclose(found[valid], mean, rtol=1e-5)


def test_shapes_must_agree() -> None:
    image = np.zeros((3, 4))
    with pytest.raises(ValueError, match="valid"):
        ArrayReader(image=image, valid=np.ones((4, 3), bool))
    with pytest.raises(ValueError, match="grid"):
        ArrayReader(image=image, georeference=Grid(width=3, height=4))
    with pytest.raises(ValueError, match="two dimensions"):
        ArrayReader(image=np.zeros(3))


@dataclass
class Counting:
    """A reader that counts how often it is asked."""

    reader: ArrayReader
    asked: list[int] = field(default_factory=list)

    @property
    def grid(self) -> Grid:
        return self.reader.grid

    def read(self, window: Window, zoom: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(zoom)
        return self.reader.read(window, zoom)


@pytest.mark.parametrize(
    ("window", "zoom", "asks"),
    [
        (Window(row=10, col=20, height=30, width=40), 5, 0),
        (Window(row=10, col=20, height=30, width=42), 5, 1),  # ends inside of a pixel
        (Window(row=-25, col=-5, height=150, width=160), 5, 0),  # nothing is outside
        (Window(row=12, col=20, height=30, width=40), 5, 0),
        (Window(row=12, col=20, height=30, width=42), 6, 0),
        (Window(row=10, col=20, height=30, width=40), 1, 0),
    ],
)
def test_a_small_image_is_not_read_again(window: Window, zoom: int, asks: int) -> None:
    image = np.random.default_rng(1).uniform(0, 255, (103, 121)).astype(np.float32)
    image[40:60, 50:90] = np.nan
    plain = ArrayReader(image=image)
    counting = Counting(plain)
    reader: Reader = Remembering(counting)
    reader.read(plain.grid.window, 5)
    found, expected = reader.read(window, zoom), plain.read(window, zoom)
    assert counting.asked == [1] + asks * [zoom]
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    again = pickle.loads(pickle.dumps(reader))  # noqa: S301
    assert isinstance(again, Remembering)
    np.testing.assert_array_equal(again.read(window, zoom)[0], expected[0])


def test_a_large_image_is_kept_as_fine_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changedet.register.reader._KEPT_PX", 60 * 60)
    monkeypatch.setattr("changedet.register.reader._KEPT_STRIP", 50)
    image = np.random.default_rng(1).uniform(0, 255, (103, 121)).astype(np.float32)
    image[40:60, 50:90] = np.nan
    plain = ArrayReader(image=image)
    counting = Counting(plain)
    reader = Remembering(counting)
    overview = reader.read(plain.grid.window, 12)
    assert set(counting.asked) == {2}  # 52 x 61 pixels are few enough
    counting.asked.clear()
    for zoom in (2, 4, 6, 12):
        mine, theirs = reader.read(plain.grid.window, zoom), plain.read(plain.grid.window, zoom)
        inner = theirs[1] & mine[1]
        assert inner.mean() > 0.98 * theirs[1].mean()
        # beside what is not valid some of it counts in another measure
        assert np.isclose(mine[0], theirs[0], rtol=1e-5)[inner].mean() > 0.8
        np.testing.assert_allclose(mine[0][:2, :3], theirs[0][:2, :3], rtol=1e-5)
    np.testing.assert_array_equal(overview[0], reader.read(plain.grid.window, 12)[0])
    assert counting.asked == []
    window = Window(row=12, col=24, height=24, width=36)
    assert (exact(reader).read(window, 4)[0] == plain.read(window, 4)[0]).all()
    reader.read(window, 3)
    assert counting.asked == [4, 3]  # what is exact, and no multiple of what is kept
    reader.release()
    reader.read(window, 2)
    assert counting.asked[2:] == [1]
