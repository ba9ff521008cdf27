"""A town as an array, and AFTER as a known warp of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from changedet.register.reader import ArrayReader

Array = NDArray[np.float64]


def paint_town(seed: int, size: int) -> NDArray[np.float32]:
    """Paint roofs of any direction, streets, trees and texture; grey values about 0 to 255."""
    rng = np.random.default_rng(seed)
    image = 110 + 12 * ndimage.gaussian_filter(rng.normal(size=(size, size)), 12) * 12
    image = image.astype(np.float32)
    for _ in range(size // 64 + 2):
        ends = rng.integers(-50, size + 50, (2, 2))
        cv2.line(image, *[tuple(map(int, e)) for e in ends], 160.0, int(rng.integers(5, 10)))
    for _ in range(size * size // 700):
        centre, sides = rng.uniform(0, size, 2), rng.uniform(8, 26, 2)
        corners = cv2.boxPoints((tuple(centre), tuple(sides), float(rng.uniform(0, 90))))
        cv2.fillPoly(image, [np.rint(corners + 2).astype(np.int32)], 60.0)
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], float(rng.uniform(90, 240)))
    for _ in range(size * size // 900):
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        cv2.circle(image, centre, int(rng.integers(2, 6)), float(rng.uniform(40, 90)), -1)
    fine = ndimage.gaussian_filter(rng.normal(size=image.shape), 0.8) * 14
    return cv2.GaussianBlur(image + fine.astype(np.float32), (0, 0), 0.7)


@dataclass(frozen=True)
class Warped:
    """A pair with the truth: ``col, row`` is where each BEFORE pixel lies in AFTER."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    col: Array
    row: Array

    @property
    def inside(self) -> NDArray[np.bool_]:
        height, width = self.after.shape
        return (self.col >= 0) & (self.row >= 0) & (self.col < width - 1) & (self.row < height - 1)

    def readers(self) -> tuple[ArrayReader, ArrayReader]:
        return ArrayReader(image=self.before), ArrayReader(image=self.after)

    def errors(self, to_after: Callable[[Array, Array], tuple[Array, Array]]) -> Array:
        """End-point errors where AFTER covers BEFORE, pixels."""
        height, width = self.before.shape
        col, row = to_after(np.arange(width)[None].astype(float), np.arange(height)[:, None] * 1.0)
        away = np.hypot(col - self.col, row - self.row)
        kept: Array = away[self.inside]
        return kept


def warp_town(
    affine: Array, *, size: int = 448, bend: float = 0.0, noise: float = 2.0, seed: int = 1
) -> Warped:
    """Lay AFTER (the town itself) under BEFORE by an affine and a smooth field of ``bend`` px."""
    rng = np.random.default_rng(seed + 100)
    after = paint_town(seed, size)
    row, col = np.mgrid[:size, :size].astype(float)
    at_col = affine[0, 0] * col + affine[0, 1] * row + affine[0, 2]
    at_row = affine[1, 0] * col + affine[1, 1] * row + affine[1, 2]
    if bend:
        turn = 2 * np.pi / 350
        at_col = at_col + bend * np.sin(turn * row + 0.4) * np.cos(turn * col)
        at_row = at_row + bend * np.cos(turn * col - 0.9)
    before = ndimage.map_coordinates(after, [at_row, at_col], order=5, mode="reflect")
    before = before + rng.normal(0, noise, before.shape)
    after = after + rng.normal(0, noise, after.shape)
    return Warped(
        before=before.astype(np.float32), after=after.astype(np.float32), col=at_col, row=at_row
    )


@pytest.fixture(scope="session")
def town() -> Callable[..., NDArray[np.float32]]:
    return paint_town


@pytest.fixture(scope="session")
def warped() -> Callable[..., Warped]:
    return warp_town
