"""Maps of built-up texture of one grey image, and what of it was lost.

They stand beside the structural evidence for whoever wants to look at a single cue; the decision
does not use them (decision 0007). Windows are in pixels: take 2 times 5 m for rectilinearity,
25 m for PanTex, 3 to 30 m for the lengths of the building index.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.structure import windowed_mean
from changedet.core.kernels import gradients

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

PANTEX_OFFSETS = (
    (1, -2), (1, -1), (2, -1), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2),
)  # fmt: skip
"""The ten displacements (dx, dy) of PanTex."""


def rectilinearity(
    image: FloatArray, *, valid: BoolArray | None = None, radius: int = 10
) -> FloatArray:
    """Compute how far edges are parallel or at right angles: R4 = abs(sum m e^4it) / sum m.

    Four times the angle of an edge is the same for both sides of a right angle, so that the
    walls of a house add up and rubble averages out.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Grey.
    valid : ndarray of bool, optional
        True = use; edges within 3 pixels of what is not used do not count.
    radius : int
        Half side of the window, pixels.

    Returns
    -------
    ndarray of float32
        0..1; 0 where there are no edges.

    References
    ----------
    Double-angle averaging (Granlund 1978, doi:10.1016/0146-664X(78)90039-2) at twice the angle.
    """
    dy, dx = gradients(image, sigma=1.0)
    square = dx * dx + dy * dy
    # What is flat has only rounding for gradients.
    weight = np.where(square > 1e-6, np.sqrt(square), np.float32(0))
    if valid is not None:
        inner = cv2.erode(valid.astype(np.uint8), np.ones((7, 7), np.uint8))
        weight = np.where(inner > 0, weight, np.float32(0))
    safe = np.maximum(square, np.float32(1e-12))
    cosine, sine = (dx * dx - dy * dy) / safe, 2 * dx * dy / safe
    parts = (cosine * cosine - sine * sine, 2 * cosine * sine)
    along, across = (
        windowed_mean(np.asarray(part, np.float32), weight=weight, radius=radius) for part in parts
    )
    return np.minimum(np.hypot(along, across), np.float32(1))


def rectilinearity_loss(
    before: FloatArray, after: FloatArray, *, valid: BoolArray | None = None, radius: int = 10
) -> FloatArray:
    """Compute the rectilinearity of BEFORE minus that of AFTER, -1..1; rubble is positive.

    Parameters are those of :func:`rectilinearity`.
    """
    one, two = (rectilinearity(image, valid=valid, radius=radius) for image in (before, after))
    return one - two


def pantex(
    image: FloatArray,
    *,
    valid: BoolArray | None = None,
    radius: int = 4,
    offsets: Sequence[tuple[int, int]] = PANTEX_OFFSETS,
) -> FloatArray:
    """Compute PanTex: the least contrast of the grey-level co-occurrence over all directions.

    The contrast of a co-occurrence matrix is the mean of squared differences of its pairs, so
    that no matrix is needed: one box mean a displacement, and their minimum. Built-up ground has
    contrast in every direction, a road or a furrow not along itself.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Grey; the result is in its units squared.
    valid : ndarray of bool, optional
        True = use; pairs with a pixel that is not used are left out.
    radius : int
        Half side of the window, pixels: 25 m.
    offsets : sequence of (int, int)
        (dx, dy), pixels; scale them to 5 to 10 m where pixels are smaller.

    Returns
    -------
    ndarray of float32
        At least 0; 0 where a window holds no pair.

    References
    ----------
    Pesaresi, Gerhardinger & Kayitakire 2008, doi:10.1109/JSTARS.2008.2002869.
    """
    seen = np.ones(image.shape, bool) if valid is None else valid
    reach = max(max(abs(dx), abs(dy)) for dx, dy in offsets)
    height, width = image.shape
    value = np.pad(np.where(seen, image, np.float32(0)), reach)
    known = np.pad(seen, reach)
    least = np.full(image.shape, np.inf, np.float32)
    for dx, dy in offsets:
        moved = slice(reach + dy, reach + dy + height), slice(reach + dx, reach + dx + width)
        pairs = (seen & known[moved]).astype(np.float32)
        contrast = np.square(image - value[moved])
        least = np.minimum(least, windowed_mean(contrast, weight=pairs, radius=radius))
    return np.maximum(least, np.float32(0))


def pantex_drop(
    before: FloatArray, after: FloatArray, *, valid: BoolArray | None = None, radius: int = 4
) -> FloatArray:
    """Compute the natural log-ratio of PanTex before to after; positive = texture was lost.

    Radiometrically normalised images are needed. One squared grey level is added to both, so
    that two smooth places are the same. Other parameters are those of :func:`pantex`.
    """
    one, two = (pantex(image, valid=valid, radius=radius) for image in (before, after))
    return np.log((one + np.float32(1)) / (two + np.float32(1)))


def building_index(
    brightness: NDArray[np.uint8], *, lengths: Sequence[int] = (5, 11, 21, 41)
) -> FloatArray:
    """Compute the morphological building index: compact bright structures, in grey levels.

    Mean over four directions of the differences between white top-hats of growing line length.
    Plain openings, without reconstruction: a pixel depends on a bounded neighbourhood.

    Parameters
    ----------
    brightness : ndarray of uint8, shape (height, width)
        Largest of the visible bands; 255 minus the smallest finds dark roofs.
    lengths : sequence of int
        Of the lines, pixels, odd, ascending, two or more.

    Returns
    -------
    ndarray of float32
        0..255.

    Raises
    ------
    ValueError
        Where the lengths are not as said.

    References
    ----------
    Huang & Zhang 2012, doi:10.1109/JSTARS.2011.2168195.
    """
    odd = all(length % 2 == 1 and length > 0 for length in lengths)
    if len(lengths) < 2 or not odd or list(lengths) != sorted(set(lengths)):
        raise ValueError(f"lengths must be odd and ascending, two or more, not {tuple(lengths)}")
    total = np.zeros(brightness.shape, np.float32)
    for direction in range(4):
        previous = None
        for length in lengths:
            opened = cv2.morphologyEx(
                brightness,
                cv2.MORPH_OPEN,
                _line(length, direction),
                borderType=cv2.BORDER_REFLECT_101,
            )
            top_hat = cv2.subtract(brightness, np.asarray(opened, np.uint8))
            if previous is not None:
                total += cv2.absdiff(top_hat, previous)
            previous = top_hat
    return total / np.float32(4 * (len(lengths) - 1))


def _line(length: int, direction: int) -> NDArray[np.uint8]:
    """Return a line of ``length`` pixels; a diagonal has as many as fit into that length."""
    diagonal = np.eye(2 * round(length / 2 / np.sqrt(2)) + 1, dtype=np.uint8)
    lines = (
        np.ones((1, length), np.uint8),
        diagonal,
        np.ones((length, 1), np.uint8),
        np.ascontiguousarray(diagonal[::-1]),
    )
    return lines[direction]


def building_index_drop(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    *,
    lengths: Sequence[int] = (5, 11, 21, 41),
) -> FloatArray:
    """Compute the building index of BEFORE minus that of AFTER, in grey levels.

    A lost roof is positive. Parameters are those of :func:`building_index`.
    """
    return building_index(before, lengths=lengths) - building_index(after, lengths=lengths)
