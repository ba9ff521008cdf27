"""Where hypotheses come from: features, correlation of whole fields, a search over rotations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from changedet.core.kernels import (
    BoolArray,
)
from changedet.register.lattice import FloatArray
from changedet.register.overview import Overview
from changedet.register.reader import average

_FEATURES = 4000
_SEED = 2023


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Features:
    """SIFT key points of an overview.

    Parameters
    ----------
    position : ndarray of float64, shape (n, 2)
        (col, row) in overview pixels.
    size, angle : ndarray of float64, shape (n,)
        Diameter in pixels, orientation in radians.
    descriptor : ndarray of float32, shape (n, 128)
        Root of the normalised descriptor (Arandjelovic and Zisserman 2012), length 1.
    """

    position: FloatArray
    size: FloatArray
    angle: FloatArray
    descriptor: NDArray[np.float32]


def find_features(overview: Overview) -> Features:
    """Detect SIFT features (Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94)."""
    image = _stretch(overview.image, overview.valid)
    seen = overview.valid.astype(np.uint8)
    detector = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=0.02)
    points, found = detector.detectAndCompute(image, cv2.erode(seen, np.ones((9, 9), np.uint8)))
    if not points:
        none = np.zeros(0)
        return Features(
            position=np.zeros((0, 2)),
            size=none,
            angle=none,
            descriptor=np.zeros((0, 128), np.float32),
        )
    root = np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1e-9))
    return Features(
        position=np.array([p.pt for p in points], float),
        size=np.array([p.size for p in points], float),
        angle=np.deg2rad([p.angle for p in points]),
        descriptor=root.astype(np.float32),
    )


def _stretch(image: NDArray[np.float32], valid: BoolArray) -> NDArray[np.uint8]:
    """Bring to 8 bit between the 1st and the 99th percentile of the valid pixels."""
    if not valid.any():
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(image[valid], (1, 99))
    scaled = (image - low) * (255 / max(high - low, 1e-6))
    return np.where(valid, np.clip(scaled, 0, 255), 127).astype(np.uint8)


def match_features(first: Features, second: Features) -> tuple[FloatArray, FloatArray]:
    """Pair features that are each other's best; positions (n, 2) in both overviews.

    Mutual best with a mild ratio test: after years or a catastrophe few features survive, and
    the consensus that follows copes with many wrong pairs better than with few right ones.
    """
    if min(len(first.position), len(second.position)) < 8:
        return np.zeros((0, 2)), np.zeros((0, 2))
    likeness = first.descriptor @ second.descriptor.T
    best = likeness.argmax(1)
    here = np.arange(len(best))
    mutual = likeness.argmax(0)[best] == here
    top = likeness[here, best]
    likeness[here, best] = -1
    ratio = (1 - top) <= 0.9**2 * (1 - likeness.max(1))
    keep = mutual & ratio
    return first.position[keep], second.position[best[keep]]


def similarity_of(affine: FloatArray) -> FloatArray | None:
    """Nearest similarity of an affine (2, 3); None for a mirror, a shear or a collapse."""
    a, b, c, d = affine[0, 0], affine[0, 1], affine[1, 0], affine[1, 1]
    along, across = (a + d) / 2, (c - b) / 2
    size = math.hypot(along, across)
    rest = math.hypot((a - d) / 2, (c + b) / 2)
    if size < 1e-6 or rest > 0.25 * size:
        return None
    return np.array([[along, -across, affine[0, 2]], [across, along, affine[1, 2]]])


def features_model(first: FloatArray, second: FloatArray) -> FloatArray | None:
    """Fit a similarity to paired positions by MAGSAC (Barath et al. 2019, CVPR).

    Returns
    -------
    ndarray, shape (2, 3), or None
        From ``first`` to ``second``; None where there is no plausible consensus.
    """
    if len(first) < 6:
        return None
    cv2.setRNGSeed(_SEED)
    affine, inlier = cv2.estimateAffine2D(
        first.astype(np.float32),
        second.astype(np.float32),
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=3.0,
        maxIters=20_000,
        confidence=0.9999,
    )
    keep = np.asarray(inlier).ravel() > 0
    # OpenCV's type stub does not say that it returns None where it finds nothing
    if keep.sum() < 5 or similarity_of(np.asarray(affine, np.float64)) is None:
        return None
    return fit_similarity(first[keep], second[keep])


def fit_similarity(first: FloatArray, second: FloatArray) -> FloatArray:
    """Least-squares similarity (2, 3), as complex numbers: w = p z + q."""
    z, w = _complex(first), _complex(second)
    p = np.vdot(z - z.mean(), w - w.mean()) / max(np.vdot(z - z.mean(), z - z.mean()).real, 1e-9)
    q = w.mean() - p * z.mean()
    return np.array([[p.real, -p.imag, q.real], [p.imag, p.real, q.imag]])


def _complex(position: FloatArray) -> NDArray[np.complex128]:
    return position[:, 0] + 1j * position[:, 1]


def vote_similarities(
    first: Features, second: Features, *, limit: int = 3, near: float = 4.0
) -> list[FloatArray]:
    """Let every pair of features propose a similarity, and keep those with most followers.

    A feature has a position, a size and an orientation, so that one pair is a whole hypothesis:
    exhaustive, without chance, and it finds a consensus of one in a hundred.
    """
    if min(len(first.position), len(second.position)) < 8:
        return []
    likeness = first.descriptor @ second.descriptor.T
    best = likeness.argmax(1)
    order = np.argsort(-likeness[np.arange(len(best)), best])[:1200]
    best = best[order]
    z, w = _complex(first.position[order]), _complex(second.position[best])
    turn = second.angle[best] - first.angle[order]
    factor = second.size[best] / first.size[order] * np.exp(1j * turn)
    reasonable = np.flatnonzero((abs(factor) > 0.4) & (abs(factor) < 2.5))
    found: list[FloatArray] = []
    taken = np.zeros(len(z), bool)
    votes = np.array([_followers(z, w, factor, i, near).sum() for i in reasonable.tolist()])
    for i in reasonable[np.argsort(-votes, kind="stable")].tolist():
        if taken[i]:
            continue
        follow = _followers(z, w, factor, i, near)
        taken |= follow
        if follow.sum() < 4 or len(found) == limit:
            break
        model = fit_similarity(*(np.stack([p[follow].real, p[follow].imag], -1) for p in (z, w)))
        found.append(model)
    return found


def _followers(
    z: NDArray[np.complex128],
    w: NDArray[np.complex128],
    factor: NDArray[np.complex128],
    i: int,
    near: float,
) -> BoolArray:
    """Pairs that lie where pair ``i`` would have them; the farther away, the more freely."""
    away = np.abs(w - w[i] - factor[i] * (z - z[i]))
    same = np.abs(factor / factor[i] - 1) < 0.35
    follow: BoolArray = same & (away <= near + 0.06 * np.abs(factor[i] * (z - z[i])))
    return follow


def shrink(overview: Overview, size: int) -> Overview:
    """Average an overview by a whole factor until its longer side is at most ``size`` pixels."""
    factor = -(-max(overview.image.shape) // size)
    if factor == 1:
        return overview
    height, width = (length // factor for length in overview.image.shape)
    image, valid = average(
        overview.image[: height * factor, : width * factor],
        overview.valid[: height * factor, : width * factor],
        factor,
    )
    return replace(overview, image=image, valid=valid, zoom=overview.zoom * factor)


def correlate(
    fixed: Overview,
    moving: Overview,
    *,
    angles: FloatArray,
    scales: FloatArray,
    limit: int,
    reach: float | None = None,
) -> list[FloatArray]:
    """Try rotations and scales, and find for each the shift by correlation of whole fields.

    Parameters
    ----------
    fixed, moving : Overview
        Of BEFORE and AFTER, at about the same ground scale for scale 1.
    angles : ndarray
        Rotations, radians.
    scales : ndarray
        AFTER pixels per BEFORE pixel, full resolution.
    limit : int
        Most models returned.
    reach : float, optional
        Largest shift looked for, full-resolution pixels; any by default.

    Returns
    -------
    list of ndarray, shape (2, 3)
        Full-resolution BEFORE positions to the base plane, best first, each of another
        rotation or scale.
    """
    field = free_of_mean(fixed.field(sigma=1.0), fixed.valid)
    relative = fixed.zoom / moving.zoom
    found = []
    for scale in scales:
        # smoothed over one BEFORE pixel, whatever the scale
        other = free_of_mean(moving.field(sigma=max(scale * relative, 0.6)), moving.valid)
        side = _side(fixed, moving, scale * relative)
        still = np.conj(fft.fft2(field, (side, side)))
        for angle in angles:
            inner = _about_centres(fixed, moving, angle, scale * relative)
            laid = _laid_out(other, inner, fixed.image.shape, side) * np.exp(-2j * angle)
            height, shift = best_shift(still * fft.fft2(laid), reach, fixed.zoom)
            # a larger square holds more of nothing: that would raise the peak
            found.append((height / side, angle, scale, inner @ shift))
    found.sort(key=lambda item: -item[0])
    return _distinct(found, moving.to_full, np.asarray(np.linalg.inv(fixed.to_full)), limit)


def _side(fixed: Overview, moving: Overview, scale: float) -> int:
    """Side of a square that holds both in any position where they overlap, within reason."""
    longest = max(fixed.image.shape)
    across = int(math.hypot(*moving.image.shape) / scale)
    return int(fft.next_fast_len(min(longest + across, 3 * longest)))


def _about_centres(fixed: Overview, moving: Overview, angle: float, scale: float) -> FloatArray:
    """3 x 3 similarity from fixed to moving overview positions that keeps the centres."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    here, there = ((np.array(o.image.shape[::-1], float) - 1) / 2 for o in (fixed, moving))
    return np.vstack([np.column_stack([linear, there - linear @ here]), [0, 0, 1]])


def _laid_out(
    field: NDArray[np.complex64], inner: FloatArray, shape: tuple[int, ...], side: int
) -> NDArray[np.complex64]:
    """Field of AFTER around the fixed frame, wrapped into a square of ``side``."""
    top, left = (-((side - length) // 2) for length in shape)
    start = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
    parts = np.ascontiguousarray(field).view(np.float32).reshape(*field.shape, 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(parts, (inner @ start)[:2], (side, side), flags=flags)
    whole = np.asarray(laid, np.float32).view(np.complex64)[..., 0]
    return np.roll(whole, (top, left), (0, 1))


def free_of_mean(field: NDArray[np.complex64], valid: BoolArray) -> NDArray[np.complex64]:
    """Take the mean off a field; 0 where it is not valid."""
    if not valid.any():
        return field
    return np.where(valid, field - field[valid].mean(), 0).astype(np.complex64)


def best_shift(
    product: NDArray[np.complex64], reach: float | None, zoom: int
) -> tuple[float, FloatArray]:
    """Highest peak of a half-whitened correlation, in standard deviations, and its shift."""
    product = product / (np.sqrt(np.abs(product)) + 1e-6)
    plane = fft.ifft2(product).real
    level, deviation = float(plane.mean()), float(plane.std()) + 1e-12
    side = len(plane)
    lags = np.fft.fftfreq(side, 1 / side)
    if reach is not None:
        near = np.hypot(lags[:, None], lags[None]) <= max(reach / zoom, 1)
        plane = np.where(near, plane, -np.inf)
    row, col = np.unravel_index(int(plane.argmax()), plane.shape)
    shift = np.eye(3)
    shift[:2, 2] = lags[col], lags[row]
    return (float(plane[row, col]) - level) / deviation, shift


def _distinct(
    found: list[tuple[float, float, float, FloatArray]],
    to_full: FloatArray,
    from_full: FloatArray,
    limit: int,
) -> list[FloatArray]:
    """Take the best, leaving out neighbours of those already taken."""
    taken: list[tuple[float, float]] = []
    models: list[FloatArray] = []
    for _, angle, scale, inner in found:
        turned = (abs((angle - a + math.pi) % (2 * math.pi) - math.pi) for a, _ in taken)
        scaled = (abs(math.log(scale / s)) for _, s in taken)
        if any(t < 0.12 and d < 0.15 for t, d in zip(turned, scaled, strict=True)):
            continue
        taken.append((angle, scale))
        models.append((to_full @ inner @ from_full)[:2])
        if len(models) == limit:
            break
    return models
