"""One object looked for in AFTER: how alike it is where it fits best, as a whole.

The measures of :mod:`changedet.compare.structure` slide a window over the image and search for
each pixel alone. An outline tells more: every pixel in it leans by the same shift, and what lies
beside it (a lawn, a neighbour) has no say.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.compare.structure import double_angle

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

EDGE_PX = 6
"""Pixels around an object and its search that the gradients need."""
LEAST_SIDE_PX = 3
"""What is narrower says nothing (and OpenCV takes a column of four for a scalar)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Where an object fits best, and how well."""

    similarity: float
    """Sum of the correlations of grey values and of edge directions, -2..2."""
    shift: tuple[int, int]
    """Rows and columns by which AFTER shows it elsewhere, pixels."""


def edge_field(image: FloatArray) -> FloatArray:
    """Compute the directions of edges as :func:`match_object` compares them.

    Of a whole window at once, or of the surroundings of one object: it is the same, and for the
    objects of a town it is much cheaper.

    Returns
    -------
    ndarray of float32, shape (height, width, 2)
        Cosine and sine of twice the angle, times the weight of the edge.
    """
    return np.stack(double_angle(image, np.ones(image.shape, bool)), axis=-1)


def match_object(
    before: FloatArray,
    after: FloatArray,
    mask: BoolArray,
    *,
    search: int,
    edges: tuple[FloatArray, FloatArray] | None = None,
) -> Match | None:
    """Look for one object of BEFORE in AFTER, under one shift for the whole of it.

    Parameters
    ----------
    before, after : ndarray of float32, shape (height, width)
        Grey images of one grid, 0..255.
    mask : ndarray of bool, shape (height, width)
        True on the object. It must keep ``search + EDGE_PX`` pixels from the border.
    search : int
        Largest shift, pixels.
    edges : tuple of two ndarray, shape (height, width, 2), optional
        :func:`edge_field` of both images, where it is known.

    Returns
    -------
    Match or None
        None where the mask is empty or narrower than three pixels.

    Raises
    ------
    ValueError
        Where the mask lies too near the border.

    References
    ----------
    Masked normalised correlation by products of Fourier transforms: Padfield 2012,
    doi:10.1109/TIP.2011.2181402.
    """
    if not mask.any():
        return None
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    row, col = int(rows[0]), int(cols[0])
    height, width = int(rows[-1]) + 1 - row, int(cols[-1]) + 1 - col
    if min(height, width) < LEAST_SIDE_PX:
        return None
    reach = search + EDGE_PX
    fits = row >= reach and col >= reach
    if not fits or row + height + reach > mask.shape[0] or col + width + reach > mask.shape[1]:
        raise ValueError(f"the object must keep {reach} px from the border")
    own = mask[row : row + height, col : col + width].astype(np.float32)
    inner, wide = (
        (slice(row - far, row + height + far), slice(col - far, col + width + far))
        for far in (0, search)
    )
    template, image = before[inner], after[wide]
    if edges is None:
        edges = _edges_near(before, inner), _edges_near(after, wide)
    else:
        edges = edges[0][inner], edges[1][wide]
    # A shared level far from 0 would cost the correlation its last digits.
    level = np.float32(template.mean())
    alike = _correlate(template - level, image - level, own, cv2.TM_CCOEFF_NORMED)
    alike += _correlate(*edges, np.stack([own, own], -1), cv2.TM_CCORR_NORMED)
    away = np.arange(-search, search + 1)
    alike[np.hypot(away[:, None], away[None, :]) > search + 0.01] = -2
    best = int(alike.argmax())
    at = divmod(best, alike.shape[1])
    return Match(similarity=float(alike.flat[best]), shift=(at[0] - search, at[1] - search))


def _edges_near(image: FloatArray, place: tuple[slice, slice]) -> FloatArray:
    rows, cols = (slice(part.start - EDGE_PX, part.stop + EDGE_PX) for part in place)
    return edge_field(image[rows, cols])[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]


def _correlate(
    template: FloatArray, image: FloatArray, mask: FloatArray, method: int
) -> FloatArray:
    template, image = np.ascontiguousarray(template), np.ascontiguousarray(image)
    found = cv2.matchTemplate(image, template, method, mask=mask)
    # Where either has no contrast, OpenCV divides by nothing: no likeness can be claimed.
    usable = np.isfinite(found) & (np.abs(found) <= 1.001)
    return np.where(usable, found, 0).astype(np.float32)
