"""Frames and noise: pieces of the world's fine pixel grid, and textures that fit at their seams.

Everything in the simulated world is a function of the seed and of the place, so that a town
can be painted in any pieces. Positions are metres east (x) and south (y) of BEFORE's upper left
corner; fine pixel (row, col) covers ``[col, col + 1) * fine`` by ``[row, row + 1) * fine``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Slices = tuple[slice, slice]

PERIOD = 1024
"""Side of a texture, texels; it repeats beyond, under another angle and scale for each use."""
GRAIN = 4.0
"""Texels to one grain of the soft texture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A rectangle of the world's fine pixels.

    Parameters
    ----------
    row, col, height, width : int
        First row and column, and size, in fine pixels of the world.
    fine : float
        Side of a fine pixel, metres.
    """

    row: int
    col: int
    height: int
    width: int
    fine: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), fine pixels."""
        return self.height, self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, upper, right, lower), metres."""
        f = self.fine
        return (
            self.col * f,
            self.row * f,
            (self.col + self.width) * f,
            (self.row + self.height) * f,
        )

    def axes(self, where: Slices | None = None) -> tuple[Array, Array]:
        """Positions of the pixel centres: x of shape (1, width), y of shape (height, 1)."""
        rows, cols = where or (slice(0, self.height), slice(0, self.width))
        x = (np.arange(self.col + cols.start, self.col + cols.stop) + 0.5) * self.fine
        y = (np.arange(self.row + rows.start, self.row + rows.stop) + 0.5) * self.fine
        return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]

    def patch(self, x0: float, y0: float, x1: float, y1: float) -> Slices | None:
        """Slices of the pixels within bounds in metres; None where none are in the frame."""
        c0 = max(0, math.floor(x0 / self.fine) - self.col)
        c1 = min(self.width, math.ceil(x1 / self.fine) - self.col)
        r0 = max(0, math.floor(y0 / self.fine) - self.row)
        r1 = min(self.height, math.ceil(y1 / self.fine) - self.row)
        return (slice(r0, r1), slice(c0, c1)) if r0 < r1 and c0 < c1 else None


def frame_around(bounds: tuple[float, float, float, float], margin: float, fine: float) -> Frame:
    """Return the frame that covers bounds and a margin, both metres."""
    left, upper, right, lower = bounds
    col, row = math.floor((left - margin) / fine), math.floor((upper - margin) / fine)
    return Frame(
        row=row,
        col=col,
        height=math.ceil((lower + margin) / fine) - row,
        width=math.ceil((right + margin) / fine) - col,
        fine=fine,
    )


def _filtered(rng: np.random.Generator, response: Array) -> Array:
    white = np.fft.rfft2(rng.standard_normal((PERIOD, PERIOD)).astype(np.float32))
    field = np.fft.irfft2(white * response, s=(PERIOD, PERIOD))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


class Textures:
    """Periodic random textures of unit spread: ``soft``, ``fractal`` and ``rough``."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = np.random.default_rng((seed, 0x7E97))
        f = np.hypot(np.fft.fftfreq(PERIOD)[:, None], np.fft.rfftfreq(PERIOD)[None, :])
        near = np.maximum(f, 1 / PERIOD)
        self.soft = _filtered(rng, np.exp(-(((f - 0.11) / 0.06) ** 2)).astype(np.float32))
        self.fractal = _filtered(
            rng, ((f > 0) * near**-1.15 / (1 + (0.006 / near) ** 2)).astype(np.float32)
        )
        self.rough = _filtered(rng, np.exp(-(((f - 0.36) / 0.15) ** 2)).astype(np.float32))
        # Doubled, so that any piece up to a period is a view.
        self._twice = {
            name: np.tile(getattr(self, name), (2, 2)) for name in ("soft", "fractal", "rough")
        }

    def piece(self, name: str, frame: Frame, where: Slices, salt: int) -> Array:
        """Return a texture at one texel a pixel, fixed to the world; mostly a view."""
        rows, cols = where
        row, col = frame.row + rows.start + salt * 7919, frame.col + cols.start + salt * 104_729
        return self.window(name, row, col, (rows.stop - rows.start, cols.stop - cols.start))

    def window(self, name: str, row: int, col: int, shape: tuple[int, int]) -> Array:
        """Return a window of a texture, which goes on beyond its period."""
        row, col, (height, width) = row % PERIOD, col % PERIOD, shape
        if max(height, width) > PERIOD:
            tall = np.take(getattr(self, name), np.arange(row, row + height), 0, mode="wrap")
            return np.asarray(np.take(tall, np.arange(col, col + width), 1, mode="wrap"))
        return np.asarray(self._twice[name][row : row + height, col : col + width])

    def enlarged(self, name: str, frame: Frame, where: Slices, salt: int, times: int) -> Array:
        """Return a texture over a patch at ``times`` pixels a texel, fixed to the world."""
        rows, cols = where
        row, col = frame.row + rows.start + salt * 7919, frame.col + cols.start + salt * 104_729
        shape = rows.stop - rows.start, cols.stop - cols.start
        top, left = row // times - 1, col // times - 1
        small = self.window(name, top, left, (shape[0] // times + 4, shape[1] // times + 4))
        start = (col + 0.5) / times - 0.5 - left, (row + 0.5) / times - 0.5 - top
        move = np.array([[1 / times, 0, start[0]], [0, 1 / times, start[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(small, move, shape[::-1], flags=flags))

    def cover(self, name: str, frame: Frame, *, grain: float, salt: int) -> Array:
        """Return a texture over a whole frame, one grain being ``grain`` metres."""
        texel = grain / GRAIN
        turn = math.radians(17.0 + 67.7 * salt)
        scale = frame.fine / texel
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        offset = np.array([(salt * 389.3) % PERIOD, (salt * 617.9) % PERIOD])
        # Texture position of the frame's pixel (c, r): an affine of the world's pixel.
        matrix = np.array([[cos, -sin], [sin, cos]])
        cols, rows = (frame.col, frame.col + frame.width), (frame.row, frame.row + frame.height)
        corners = np.array([[c, r] for c in cols for r in rows], np.float64)
        seen = corners @ matrix.T + offset
        low = np.floor(seen.min(0)).astype(int) - 2
        high = np.ceil(seen.max(0)).astype(int) + 3
        texture = getattr(self, name)
        piece = np.take(texture, np.arange(low[1], high[1]), axis=0, mode="wrap")
        piece = np.take(piece, np.arange(low[0], high[0]), axis=1, mode="wrap")
        start = np.array([frame.col, frame.row], np.float64) @ matrix.T + offset - low
        affine = np.column_stack([matrix, start])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(piece, affine, frame.shape[::-1], flags=flags))


@lru_cache(maxsize=2)
def make_textures(seed: int) -> Textures:
    """Return the textures of a seed; they take half a second to make."""
    return Textures(seed)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Waves:
    """A smooth Gaussian field of unit variance: a sum of plane waves, exact at any place."""

    kx: NDArray[np.float64]
    ky: NDArray[np.float64]
    phase: NDArray[np.float64]

    def at(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the field at positions in metres."""
        total = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)))
        for kx, ky, phase in zip(self.kx, self.ky, self.phase, strict=True):
            total += np.cos(kx * x + ky * y + phase)
        return np.asarray(total * math.sqrt(2 / len(self.kx)))

    def over(self, frame: Frame, step: float = 4.0) -> Array:
        """Return the field over a frame, interpolated from a lattice of ``step`` metres."""
        return interpolate(frame, step, self.at)


def interpolate(
    frame: Frame,
    step: float,
    function: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> Array:
    """Evaluate a smooth function of x and y on a lattice and interpolate it over a frame."""
    left, upper, right, lower = frame.bounds
    low_c, low_r = math.floor(left / step) - 1, math.floor(upper / step) - 1
    x = np.arange(low_c, math.ceil(right / step) + 2)[None, :] * step
    y = np.arange(low_r, math.ceil(lower / step) + 2)[:, None] * step
    lattice = function(*np.broadcast_arrays(x, y)).astype(np.float32)
    scale = frame.fine / step
    start = left / step - low_c + scale / 2, upper / step - low_r + scale / 2
    move = np.array([[scale, 0, start[0]], [0, scale, start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(lattice, move, frame.shape[::-1], flags=flags))


def make_waves(
    rng: np.random.Generator, *, length: float, count: int = 48, narrow: bool = False
) -> Waves:
    """Draw a field; ``length`` is the distance over which it is alike, metres.

    ``narrow`` draws waves of nearly that wavelength instead of a Gaussian spectrum.
    """
    turn = rng.uniform(0, 2 * np.pi, count)
    if narrow:
        k = 2 * np.pi / (length * rng.uniform(0.8, 1.5, count))
    else:
        k = np.hypot(*rng.standard_normal((2, count))) * 1.6 / length
    return Waves(kx=k * np.cos(turn), ky=k * np.sin(turn), phase=rng.uniform(0, 2 * np.pi, count))
