"""The canvas: what a piece of the world looks like at one date, on fine pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.simulate.frames import Array, Frame, Slices, Textures
from changedet.simulate.materials import M, colour

Mask = NDArray[np.bool_]


class Plants(IntEnum):
    """Codes of the plants raster."""

    NONE = 0
    CANOPY = 1
    GREEN = 2
    DEADWOOD = 3
    CROP = 4
    FALLOW = 5


@dataclass(kw_only=True, slots=True, eq=False)
class Canvas:
    """A piece of the world at one date.

    Parameters
    ----------
    frame : Frame
        Where it lies.
    textures : Textures
        Of the world.
    height : ndarray of float32, shape (h, w)
        Of the surface over the ground, metres.
    slope : ndarray of float32, shape (2, h, w)
        Rise of the surface itself east and south, walls left out.
    colour : ndarray of float32, shape (4, h, w)
        Reflectance in red, green, blue and near infrared.
    material, plants : ndarray of uint8, shape (h, w)
        Codes of :class:`M` and :class:`Plants`.
    marked : ndarray of bool, shape (h, w)
        An event changed the surface here.
    building : ndarray of uint32, shape (h, w)
        Number of the building whose outline covers the pixel, 0 for none.
    """

    frame: Frame
    textures: Textures
    height: Array
    slope: Array
    colour: Array
    material: NDArray[np.uint8]
    plants: NDArray[np.uint8]
    marked: Mask
    building: NDArray[np.uint32]

    def copy(self) -> Canvas:
        """Return a canvas with its own pixels."""
        layers = ("height", "slope", "colour", "material", "plants", "marked", "building")
        return replace(self, **{name: getattr(self, name).copy() for name in layers})

    def piece(self, name: str, where: Slices, salt: int) -> Array:
        """Return a texture over a patch, fixed to the world."""
        return self.textures.piece(name, self.frame, where, salt)

    def blend(
        self, where: Slices, paint: NDArray[np.floating], share: NDArray[np.floating]
    ) -> None:
        """Mix ``paint`` (4,) or (4, h, w) into the colour of a patch by a map of shares."""
        for band in range(4):
            old = self.colour[band][where]
            old += (paint[band] - old) * share

    def put(self, where: Slices, here: Mask, paint: NDArray[np.floating], material: M) -> None:
        """Set colour (4,) or (4, h, w) and material of a patch where ``here`` is True."""
        for band in range(4):
            value = paint[band]
            self.colour[band][where][here] = value[here] if np.ndim(value) else value
        self.material[where][here] = material

    def flatten(self, where: Slices, here: Mask, height: float = 0.0) -> None:
        """Make the surface level there."""
        self.height[where][here] = height
        self.slope[0][where][here] = 0
        self.slope[1][where][here] = 0


def blank(frame: Frame, textures: Textures) -> Canvas:
    """Return an empty canvas."""
    shape = frame.shape
    return Canvas(
        frame=frame,
        textures=textures,
        height=np.zeros(shape, np.float32),
        slope=np.zeros((2, *shape), np.float32),
        colour=np.zeros((4, *shape), np.float32),
        material=np.zeros(shape, np.uint8),
        plants=np.zeros(shape, np.uint8),
        marked=np.zeros(shape, bool),
        building=np.zeros(shape, np.uint32),
    )


def tinted(material: M, rng: np.random.Generator, bright: float, hue: float = 0.02) -> Array:
    """Return a material's colour, varied in brightness and, less, in hue."""
    tone = np.exp(rng.normal(0, bright))
    return np.asarray(colour(material) * tone * np.exp(rng.normal(0, hue, 4)), np.float32)


def relief(surface: Array, fine: float) -> tuple[Array, Array]:
    """Return the rise of a surface east and south."""
    scale = 1 / (8 * fine)
    return (
        np.asarray(cv2.Sobel(surface, cv2.CV_32F, 1, 0, ksize=3, scale=scale)),
        np.asarray(cv2.Sobel(surface, cv2.CV_32F, 0, 1, ksize=3, scale=scale)),
    )
