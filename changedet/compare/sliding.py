"""The best correlation of fields over a disc of shifts: one pass over pixels, one mean a shift."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.kernels import filled, thinned

FloatArray = NDArray[np.float32]


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
    weights = _window(radius, stride)
    energy = [np.square(np.stack(fields)).sum(axis=0) for fields in zip(*pairs, strict=True)]
    # Of the window that begins where that of the reduced pixel does.
    fine, anchor = weights.repeat(stride) / np.float32(stride), len(weights) // 2 * stride
    if stride == 1:
        spread = _mean(energy[1], weights)
    else:
        border = cv2.BORDER_REFLECT_101
        around = cv2.sepFilter2D(
            energy[1], cv2.CV_32F, fine, fine, anchor=(anchor, anchor), borderType=border
        )
        spread = np.asarray(around, np.float32)
    scale = _inverse_root(_mean(thinned(energy[0], stride), weights))
    scale_moved = _Thinned(_shifted(_inverse_root(spread), search), stride)
    first = np.stack([before for before, _ in pairs])
    moved = np.stack([_shifted(after, search) for _, after in pairs])
    best = np.full(scale.shape, -1, np.float32)
    lines = np.empty((scale.shape[0], first.shape[2]), np.float32)
    for shift in disc_shifts(search, step):
        row, col = search + shift[0], search + shift[1]
        sum_products(first, moved, (row, col), stride, out=lines)
        score = _mean(_narrowed(lines, stride), weights)
        score *= scale
        score *= scale_moved.at(row, col, score.shape)
        np.maximum(best, score, out=best)
    return np.clip(filled(best, stride, shape), -1, 1)


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


def _whole(image: FloatArray, stride: int) -> FloatArray:
    """Continue an image to the right and below to a multiple of ``stride``."""
    more = (-image.shape[0] % stride, -image.shape[1] % stride)
    if not any(more):
        return image
    return np.asarray(
        cv2.copyMakeBorder(image, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE), np.float32
    )


def _window(radius: int, stride: int) -> FloatArray:
    """Return the weights of a window in squares of ``stride`` pixels: an odd number, sum 1.

    To interpolate between windows ``stride`` pixels apart widens them; they are so much narrower
    that together they are as wide as one of ``2 * radius + 1``. The outer squares count in part.

    Examples
    --------
    >>> _window(9, 4).tolist()
    [0.125, 0.25, 0.25, 0.25, 0.125]
    """
    half = ((2 * radius + 2 - stride) / stride - 1) / 2
    reach = int(np.ceil(half - 1e-9))
    weights = np.ones(2 * reach + 1, np.float32)
    weights[[0, -1]] = half - (reach - 1)
    return np.asarray(weights / weights.sum(), np.float32)


def _mean(image: FloatArray, weights: FloatArray) -> FloatArray:
    if weights[0] < weights[len(weights) // 2]:
        found = cv2.sepFilter2D(
            image, cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REFLECT_101
        )
        return np.asarray(found, np.float32)
    # OpenCV sums float32 images in float64, also where it returns float32.
    side = len(weights)
    mean = cv2.boxFilter(image, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(mean, np.float32)


def sum_products(
    before: FloatArray, after: FloatArray, at: tuple[int, int], stride: int, *, out: FloatArray
) -> None:
    """Multiply fields with those from a place on, and add up fields and ``stride`` rows.

    In one pass, so that no product is ever written to memory: a third of the time.

    Parameters
    ----------
    before : ndarray of float32, shape (fields, height, width)
        The height is a multiple of ``stride``.
    after : ndarray of float32, shape (fields, more than height, more than width)
        What is multiplied begins ``at`` a row and a column of it.
    out : ndarray of float32, shape (height / stride, width)
        Takes the sums.
    """
    fields, height, width = before.shape
    shape = (fields, height // stride, stride, width)
    part = after[:, at[0] : at[0] + height, at[1] : at[1] + width]
    plane, line, pixel = part.strides
    # A view: to reshape a part of an array would copy it.
    rows = np.lib.stride_tricks.as_strided(
        part, shape, (plane, line * stride, line, pixel), writeable=False
    )
    np.einsum("frkc,frkc->rc", before.reshape(shape), rows, out=out)


def _narrowed(lines: FloatArray, stride: int) -> FloatArray:
    """Turn sums of ``stride`` rows into means over squares of ``stride`` pixels."""
    if stride == 1:
        return lines
    size = (lines.shape[1] // stride, lines.shape[0])
    mean = np.asarray(cv2.resize(lines, size, interpolation=cv2.INTER_AREA), np.float32)
    mean *= np.float32(1 / stride)
    return mean


def _inverse_root(energy: FloatArray) -> FloatArray:
    """1 / sqrt, and 0 where there is nothing to correlate."""
    some = energy > 1e-6
    return np.where(some, 1 / np.sqrt(np.where(some, energy, 1)), 0).astype(np.float32)
