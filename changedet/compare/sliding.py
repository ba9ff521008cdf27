"""The best correlation of fields over a disc of shifts: one multiplication and one mean a shift."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

STRIP_ROWS = 96
"""Rows that are worked on at a time where arrays would not fit into the cache; even."""


def disc_shifts(search: int, step: int) -> list[tuple[int, int]]:
    """List the (dy, dx) shifts on a square lattice inside a disc, pixels.

    Examples
    --------
    >>> disc_shifts(1, 1)
    [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)]
    """
    reach = range(-(search // step) * step, search + 1, step)
    return [(dy, dx) for dy in reach for dx in reach if dy * dy + dx * dx <= search * search]


def _shifted(image: FloatArray, search: int) -> FloatArray:
    sides = (search, search, search, search)
    return np.asarray(cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=0), np.float32)


def _view(padded: NDArray[np.floating], shift: tuple[int, int], search: int) -> FloatArray:
    height, width = padded.shape[0] - 2 * search, padded.shape[1] - 2 * search
    row, col = search + shift[0], search + shift[1]
    return padded[row : row + height, col : col + width]


def best_correlation(
    pairs: list[tuple[FloatArray, FloatArray]],
    *,
    radius: int,
    search: int,
    step: int,
    stride: int,
) -> FloatArray:
    """Return the largest correlation of pairs of fields over all shifts of the second ones.

    Sums over windows are needed at every ``stride``-th pixel alone: they are as smooth as the
    windows are wide. All else is done on every pixel, so that no detail is lost.
    """
    shape = pairs[0][0].shape
    pairs = [(_whole(before, stride), _whole(after, stride)) for before, after in pairs]
    side = _side(radius, stride)
    energy = [np.square(np.stack(fields)).sum(axis=0) for fields in zip(*pairs, strict=True)]
    # Of the window that begins where that of the reduced pixel does.
    anchor = (side // 2) * stride
    spread = cv2.boxFilter(
        energy[1],
        cv2.CV_32F,
        (side * stride, side * stride),
        anchor=(anchor, anchor),
        borderType=cv2.BORDER_REFLECT_101,
    )
    scale = _inverse_root(_smoothed(energy[0], side, stride))
    scale_moved = _Thinned(_shifted(_inverse_root(np.asarray(spread, np.float32)), search), stride)
    moved = [_shifted(after, search) for _, after in pairs]
    best = np.full(scale.shape, -1, np.float32)
    summed = np.empty(scale.shape, np.float32)
    room = np.empty((2, STRIP_ROWS, energy[0].shape[1]), np.float32)
    for shift in disc_shifts(search, step):
        seen = [
            (before, _view(after, shift, search))
            for (before, _), after in zip(pairs, moved, strict=True)
        ]
        sum_products(seen, stride, out=summed, room=room)
        score = _box32(summed, side)
        score *= scale
        score *= scale_moved.at(search + shift[0], search + shift[1], score.shape)
        np.maximum(best, score, out=best)
    size = (energy[0].shape[1], energy[0].shape[0])
    full = cv2.resize(best, size, interpolation=cv2.INTER_LINEAR) if stride > 1 else best
    return np.asarray(np.clip(full, -1, 1)[: shape[0], : shape[1]], np.float32)


class _Thinned:
    """Every ``stride``-th pixel of an image from any pixel on: each set of them laid out once."""

    def __init__(self, image: FloatArray, stride: int) -> None:
        self.stride = stride
        self.parts = [
            [np.ascontiguousarray(image[row::stride, col::stride]) for col in range(stride)]
            for row in range(stride)
        ]

    def at(self, row: int, col: int, shape: tuple[int, ...]) -> FloatArray:
        """Return ``shape`` pixels from ``row``, ``col`` on."""
        down, right = row // self.stride, col // self.stride
        part = self.parts[row % self.stride][col % self.stride]
        return part[down : down + shape[0], right : right + shape[1]]


def _side(radius: int, stride: int) -> int:
    """Return the odd side of a window of ``2 * radius + 1`` pixels in pixels of ``stride``."""
    return 2 * round(((2 * radius + 1) / stride - 1) / 2) + 1


def _whole(image: FloatArray, stride: int) -> FloatArray:
    """Continue an image to the right and below to a multiple of ``stride``."""
    more = (-image.shape[0] % stride, -image.shape[1] % stride)
    if not any(more):
        return image
    return np.asarray(
        cv2.copyMakeBorder(image, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE), np.float32
    )


def _smoothed(image: FloatArray, side: int, stride: int) -> FloatArray:
    """Return the mean over windows of ``side`` reduced pixels, at the reduced pixels."""
    if stride > 1:
        small = (image.shape[1] // stride, image.shape[0] // stride)
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.float32)
    return _box32(image, side)


def _box32(image: FloatArray, side: int) -> FloatArray:
    # OpenCV sums float32 images in float64, also where it returns float32.
    mean = cv2.boxFilter(image, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(mean, np.float32)


def sum_products(
    pairs: list[tuple[FloatArray, FloatArray]], stride: int, *, out: FloatArray, room: FloatArray
) -> None:
    """Multiply pairs of fields, add them up and take the mean over squares of ``stride``.

    A strip of rows at a time: what is between stays in the cache, which halves the time. The
    result is that of whole arrays to the last bit.
    """
    height, width = pairs[0][0].shape
    for row in range(0, height, STRIP_ROWS):
        rows = slice(row, min(row + STRIP_ROWS, height))
        less = slice(rows.start // stride, rows.stop // stride)
        count = rows.stop - rows.start
        total = room[0, :count] if stride > 1 else out[rows]
        for number, (before, after) in enumerate(pairs):
            into = room[1, :count] if number else total
            np.multiply(before[rows], after[rows], out=into)
            if number:
                total += into
        if stride > 1:
            size = (width // stride, count // stride)
            cv2.resize(total, size, dst=out[less], interpolation=cv2.INTER_AREA)


def _inverse_root(energy: FloatArray) -> FloatArray:
    """1 / sqrt, and 0 where there is nothing to correlate."""
    some = energy > 1e-6
    return np.where(some, 1 / np.sqrt(np.where(some, energy, 1)), 0).astype(np.float32)
