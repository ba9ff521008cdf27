"""Improving hypotheses by correlation of whole fields, and telling the best from the rest.

Windows of 64 pixels see little where few edges are common to both dates: radar, near infrared, a
yard that was rebuilt. All of an overview at once sees far more, provided that rotation and scale
are right to about a pixel at its rim. So the models of a search climb first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from changedet.core.kernels import double_angle, fill_invalid
from changedet.register.hypotheses import best_shift, free_of_mean, shrink
from changedet.register.lattice import FloatArray, Mapping
from changedet.register.overview import Overview, measure_contrast, warp_overview

_LEVELS = ((128, 1.5, 0.06, 8), (128, 1.5, 0.03, 5), (200, 1.0, 0.02, 3), (256, 0.5, 0.01, 3))
"""Overview size, step of the rotation in degrees and of the logarithm of the scale, and how many
models go on from there."""

_RADIUS = 16  # largest shift a step may add, overview pixels
_LEAST_OVERLAP = 0.1
_APART = 0.12  # of the longer side: models nearer than this at the corners are one


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Climbed:
    """A model and how far its correlation stands out.

    Parameters
    ----------
    affine : ndarray, shape (2, 3)
        Full-resolution BEFORE positions to the base plane.
    height : float
        Peak of the correlation of the two overviews, in standard deviations of the plane.
    """

    affine: FloatArray
    height: float


def climb(fixed: Overview, moving: Overview, models: Sequence[FloatArray]) -> list[Climbed]:
    """Improve models in shift, rotation and scale, on finer and finer overviews.

    Parameters
    ----------
    fixed, moving : Overview
        BEFORE, and AFTER in the base plane.
    models : sequence of ndarray, shape (2, 3)
        Where to start; within half a step of the first level.

    Returns
    -------
    list of Climbed
        Highest first, each of them another place; the weakest are given up on the way.
    """
    found = [Climbed(affine=model, height=0.0) for model in models]
    for size, degrees, growth, keep in _LEVELS:
        level = _Level.of(shrink(fixed, size), shrink(moving, size))
        found = [level.step(one.affine, math.radians(degrees), growth) for one in found]
        found = _distinct(sorted(found, key=lambda one: -one.height), fixed)[:keep]
    return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Level:
    fixed: Overview
    moving: Overview
    spectrum: NDArray[np.complex64]  # conjugate, of the field of ``fixed``

    @classmethod
    def of(cls, fixed: Overview, moving: Overview) -> _Level:
        side = fft.next_fast_len(max(fixed.image.shape) + 2 * _RADIUS)
        field = free_of_mean(fixed.field(sigma=1.0), fixed.valid)
        spectrum = np.conj(fft.fft2(field, (side, side)))
        return cls(fixed=fixed, moving=moving, spectrum=spectrum)

    def step(self, affine: FloatArray, angle: float, growth: float) -> Climbed:
        """Try the neighbours in rotation and scale; return the highest."""
        tries = itertools.product((-angle, 0.0, angle), (-growth, 0.0, growth))
        steps = (self.shifted(_turned(affine, self.fixed, *each)) for each in tries)
        return max(steps, key=lambda one: one.height)

    def shifted(self, affine: FloatArray) -> Climbed:
        """Shift a model to the peak of the correlation."""
        image, seen = warp_overview(self.moving, self.fixed, affine)
        if (self.fixed.valid & seen).mean() < _LEAST_OVERLAP:
            return Climbed(affine=affine, height=0.0)
        contrast = measure_contrast(image, seen, sigma=1.0)
        field = double_angle(fill_invalid(image, seen), seen, contrast=contrast, sigma=1.0)
        other = fft.fft2(free_of_mean(field, seen), self.spectrum.shape)
        height, shift = best_shift(self.spectrum * other, _RADIUS, 1)
        step = self.fixed.to_full @ shift @ np.linalg.inv(self.fixed.to_full)
        return Climbed(affine=(np.vstack([affine, [0, 0, 1]]) @ step)[:2], height=height)


def _turned(affine: FloatArray, fixed: Overview, angle: float, growth: float) -> FloatArray:
    """Turn and scale BEFORE about its centre before a model is applied."""
    factor = math.exp(growth)
    cos, sin = factor * math.cos(angle), factor * math.sin(angle)
    height, width = fixed.image.shape
    centre = (fixed.to_full @ [(width - 1) / 2, (height - 1) / 2, 1])[:2]
    step = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    step[:2, 2] = centre - step[:2, :2] @ centre
    turned: FloatArray = (np.vstack([affine, [0, 0, 1]]) @ step)[:2]
    return turned


def _distinct(found: Sequence[Climbed], fixed: Overview) -> list[Climbed]:
    """Leave out what ends where a higher one ended."""
    height, width = fixed.image.shape
    corners = np.array([[0, width, 0, width], [0, 0, height, height]], float) * fixed.zoom
    kept: list[Climbed] = []
    places: list[FloatArray] = []
    for one in found:
        mapping = Mapping(affine=one.affine)
        place = np.stack(mapping.at(*corners)) / max(mapping.scale, 1e-6)
        away = (float(np.hypot(*(place - other)).max()) for other in places)
        if all(a > _APART * fixed.zoom * max(height, width) for a in away):
            kept.append(one)
            places.append(place)
    return kept
