"""Evidence of change of single pixels: fitted on the sample, computed in every block alike.

Which views of a pixel are used depends on its size and bands; why, and what each is worth, is in
decision 0007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from changedet.compare.irmad import IrMad, fit_irmad, fit_tail
from changedet.compare.pixel import chroma_ratios, gradient_z, guided_mean
from changedet.core.grid import Window
from changedet.core.kernels import strips
from changedet.pipeline.measure import (
    Pair,
    change_z,
    grey_pair,
    local_error,
    normalise,
    root_mean_square,
    spectral_bands,
)
from changedet.pipeline.plan import ChromaPlan, Plan
from changedet.pipeline.scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

COLOURS = ("red", "green", "blue")
_CONTEXT_M, _SMOOTH_M = 3.0, 4.0
"""Half sides of the windows over which colour is gathered, and evidence smoothed, metres."""
_EDGE = 20.0
"""Grey levels of an edge across which evidence is not smoothed."""
_WIDE_PX = 6
"""Half side from which on a window is as smooth as two pixels."""
_DIM = 0.1
"""Share of a date's bright grey that is added to a band before its colour is judged."""
_LITTLE = np.float32(0.3)
"""z that is as good as none: logarithms are taken above it."""
_MOST_SAMPLES = 100_000


def _radius(metres: float, gsd_m: float) -> int:
    return max(1, round(metres / gsd_m))


def change_reach_px(gsd_m: float) -> int:
    """Pixels around a pixel that its evidence depends on: two smoothings, colour, blur, slope."""
    return 2 * _radius(_SMOOTH_M, gsd_m) + _radius(_CONTEXT_M, gsd_m) + 10


def invariant_samples(before: FloatArray, after: FloatArray) -> tuple[IrMad, BoolArray]:
    """Mark the samples of many bands that changed least, by calibrated canonical variates.

    Parameters
    ----------
    before, after : ndarray, shape (bands, n)
        At least four bands.

    Returns
    -------
    IrMad
    ndarray of bool, shape (n,)
        More probable than one half where nothing changed.
    """
    step = max(1, before.shape[1] // _MOST_SAMPLES)
    fitted = fit_irmad(before[:, ::step], after[:, ::step])
    distance = fitted.chi2(before, after)
    tail = fit_tail(distance, bands=fitted.bands, changed=0.1)
    return fitted, np.asarray(tail.p_value(distance) > 0.5)


def plan_chroma(
    scene: Scene, plan: Plan, before: FloatArray, after: FloatArray, stable: BoolArray
) -> ChromaPlan | None:
    """Fit what colours do where nothing changed; None without three visible bands of both dates.

    Parameters
    ----------
    before, after : ndarray, shape (bands, n)
        Samples of the shared bands.
    stable : ndarray of bool, shape (n,)
        True = held for unchanged.
    """
    roles = scene.shared_roles
    if scene.is_multispectral or not set(COLOURS) <= set(roles):
        return None
    floors = (_DIM * plan.stretch[0].high, _DIM * plan.stretch[1].high)
    picked = [roles.index(colour) for colour in COLOURS]
    ratios = [
        chroma_ratios(image[picked][:, stable], floor=max(floor, 1e-6))
        for image, floor in zip((before, after), floors, strict=True)
    ]
    off = ratios[1] - ratios[0]
    offset = np.median(off, axis=1)
    dimness = sum(
        _dimness(image[picked][:, stable], floor)
        for image, floor in zip((before, after), floors, strict=True)
    )
    # Rounding of 8 bits has a standard deviation of 0.29 steps, in either date.
    least = 0.29 * scene.white / 255
    noise = [
        fit_noise(part - middle, dim, least=least)
        for part, middle, dim in zip(off, offset, np.asarray(dimness), strict=True)
    ]
    return ChromaPlan(
        floors=floors,
        offsets=tuple(float(value) for value in offset),
        noise=tuple(part for part, _ in noise),
        level_noise=tuple(part for _, part in noise),
    )


def _dimness(visible: FloatArray, floor: float) -> FloatArray:
    """Return how strongly noise of the bands enters each log-ratio of one date, shape (2, ...)."""
    light = np.maximum(visible, 0)
    light += np.float32(max(floor, 1e-6))
    np.multiply(light, light, out=light)
    red, green, blue = np.reciprocal(light, out=light)
    red += green
    blue += green
    return light[::2]


def fit_noise(
    residual: NDArray[np.floating], dimness: NDArray[np.floating], *, least: float
) -> tuple[float, float]:
    """Split the spread of a log-ratio into a part of its own and one of the bands' noise.

    Parameters
    ----------
    residual, dimness : ndarray, shape (n,)
        Difference of the ratio where nothing changed, and the sum of 1 / level squared.
    least : float
        Smallest noise of a band, digital numbers.

    Returns
    -------
    tuple of float
        ``own, band``: the variance is ``own**2 + band**2 * dimness``.
    """
    order = np.argsort(dimness, kind="stable")
    groups = [group for group in np.array_split(order, 12) if group.size >= 20]
    if not groups:
        return 0.01, least
    spread = np.array([1.4826 * np.median(np.abs(residual[group])) for group in groups])
    dim = np.array([np.median(dimness[group]) for group in groups])
    # Relative errors are alike in all groups: without weights the darkest alone would decide.
    weight = 1 / np.maximum(spread**2, 1e-8)
    design = np.stack([np.ones_like(dim), dim], axis=1) * weight[:, None]
    own, band = not_negative(design, spread**2 * weight)
    return float(np.sqrt(own)), max(float(np.sqrt(band)), least)


def not_negative(design: NDArray[np.floating], wanted: NDArray[np.floating]) -> tuple[float, float]:
    """Return the least-squares solution of two unknowns neither of which is below 0.

    Parameters
    ----------
    design : ndarray, shape (n, 2)
        One equation a row.
    wanted : ndarray, shape (n,)
        Right-hand sides.

    Returns
    -------
    tuple of float
        What ``scipy.optimize.nnls`` finds, without loading all of ``scipy.optimize``.
    """
    both = np.linalg.lstsq(design, wanted, rcond=None)[0]
    if (both >= 0).all():
        return float(both[0]), float(both[1])
    # Then the best lies where one of them is 0.
    gains = design.T @ wanted
    alone = (gains / np.maximum(np.sum(design**2, axis=0), 1e-300)).clip(0)
    first, second = gains * alone
    return (float(alone[0]), 0.0) if first >= second else (0.0, float(alone[1]))


def measure_change(scene: Scene, pair: Pair, plan: Plan, window: Window) -> FloatArray:
    """Compute how far each pixel is from what noise and residual shifts can explain.

    Parameters
    ----------
    pair : Pair
        The pixels of ``window``.

    Returns
    -------
    ndarray of float32, shape (height, width)
        At least 0, in units of the noise; the plan says which value is evidence 0.5.
    """
    valid = pair.analysed
    _, before, after = spectral_bands(scene, pair)
    error = local_error(scene, window, plan)
    z = change_z(before, normalise(after, plan.lines), plan, valid=valid, error_px=error)
    if scene.is_multispectral:
        return z
    strength = z
    strength += _LITTLE
    np.log(strength, out=strength)
    if plan.chroma is not None:
        colour = _colour_z(scene, plan.chroma, (before, after), plan, valid=valid, error_px=error)
        # Half of each, and not their sum: light changes one, compression the other, a new
        # surface mostly both.
        colour += _LITTLE
        strength += np.log(colour, out=colour)
        strength *= np.float32(0.5)
    radius = _radius(_SMOOTH_M, plan.gsd_m)
    if radius > 1:
        guides = grey_pair(scene, pair, plan.stretch, 0.0)
        stride = 2 if radius >= _WIDE_PX else 1
        strength = guided_mean(
            strength, guides, valid=valid, radius=radius, edge=_EDGE, stride=stride
        )
    np.exp(strength, out=strength)
    strength -= _LITTLE
    return np.maximum(strength, np.float32(0), out=strength)


def _colour_z(
    scene: Scene,
    chroma: ChromaPlan,
    images: tuple[FloatArray, FloatArray],
    plan: Plan,
    *,
    valid: BoolArray,
    error_px: FloatArray,
) -> FloatArray:
    """Return the root mean square of the z of both log-ratios, over some 6 m."""
    picked = [scene.shared_roles.index(colour) for colour in COLOURS]
    before, after, noise = np.empty((3, 2, *valid.shape), np.float32)
    offsets = np.asarray(chroma.offsets, np.float32)[:, None, None]
    own, band = (
        np.square(np.array(part, np.float32))[:, None, None]
        for part in (chroma.noise, chroma.level_noise)
    )
    # Strip by strip, so that what is between stays in the cache.
    for rows in strips(valid.shape[0]):
        visible = [image[picked, rows] for image in images]
        for out, image, floor in zip((before, after), visible, chroma.floors, strict=True):
            out[:, rows] = chroma_ratios(image, floor=max(floor, 1e-6))
        after[:, rows] -= offsets
        first, second = (
            _dimness(image, floor) for image, floor in zip(visible, chroma.floors, strict=True)
        )
        np.sqrt(own + band * (first + second), out=noise[:, rows])
    z = gradient_z(before, after, noise=noise, error_px=error_px)
    radius = _radius(_CONTEXT_M, plan.gsd_m)
    return root_mean_square(z, valid=valid, radius=radius)


def as_evidence(change: NDArray[np.floating], plan: Plan) -> NDArray[np.floating]:
    """Turn a measured change into evidence, 0..1: 0.5 at the plan's scale."""
    ratio = np.asarray(change / np.float32(plan.change_scale))
    np.multiply(ratio, ratio, out=ratio)
    if plan.chroma is not None:
        # The mean was one of two views: their product is what noise does not reach.
        np.multiply(ratio, ratio, out=ratio)
    return np.asarray(ratio / (ratio + 1))
