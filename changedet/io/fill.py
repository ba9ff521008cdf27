"""Undeclared fill: a region of one constant value, joined to the border, is not image.

A large one inside the image with the outline of a polygon is a hole: not image either.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from scipy import ndimage

from changedet.io.description import FillRegion

_CONNECT = np.ones((3, 3), dtype=bool)
_MIN_BORDER_SHARE = 0.001
_MIN_BORDER_CELLS = 4
_MIN_SOLID = 0.85
_OPENING = 3
_FADES = 0.4
"""Share of nearly white cells around constant white from which it is no fill: real fill ends at
once."""
_ISLANDS = 0.02
"""Share of the rest of an image that is as white, in whole cells, from which white is not fill."""
_REACH_PX = 8
"""How far from a constant region pixels may still be fill: partly covered cells, ringing."""
_MIN_HOLE = 0.01
"""Share of the image from which a constant region inside it is looked at: no roof, no pond."""
_BEND = 1.5
"""Cells that an outline may leave a straight line by."""
_LONG_PX, _LONG_CELLS = 32, 12
"""Length of a side from which it was drawn, not grown."""
_MIN_DRAWN = 0.6
"""Share of the outline in such sides that makes a region a hole: drawn ones have 1, lakes
at most 0.15. In a JPEG ringing may spoil the outline: then the hole is told only."""


def fill_candidates(dtype: str, bits: int | None = None) -> tuple[float, ...]:
    """Values that fill may have: black, white, and the usual sentinels of signed types.

    ``uint16`` has several whites, one per sensor depth; :func:`find_fill` is asked for the
    right one by its caller.
    """
    if dtype == "uint8":
        return (0.0, 255.0)
    if dtype == "uint16":
        whites = (2.0**bits - 1,) if bits else (1023.0, 2047.0, 4095.0, 16383.0, 65535.0)
        return (0.0, *whites)
    if dtype == "int16":
        return (0.0, -9999.0, -32768.0, 32767.0)
    if dtype.startswith("float"):
        return (0.0, -9999.0, -32768.0, float(np.finfo(np.float32).min))
    return (0.0, -9999.0)


def find_fill(
    match: np.ndarray,
    *,
    exact: np.ndarray | None = None,
    glare: np.ndarray | None = None,
    value: float,
    tolerance: float,
    zoom: int,
) -> FillRegion | None:
    """Find the part of an image that is fill of one value.

    Parameters
    ----------
    match : ndarray of bool, shape (rows, cols)
        Decimated image: True where all pixels of a cell, in all used bands, have the value
        (in the outermost cells: all pixels on the image's border).
    exact : ndarray of bool, optional
        For lossy codecs, whose fill is noisy: the same with hardly any noise. At least half of a
        region must be, or it is a dark place and not fill. Ringing is then cut off too.
    glare : ndarray of bool, optional
        For white: True where all pixels of a cell are at least four fifths as bright. Saturated
        cloud and snow fade into it, or stand as islands elsewhere; a white collar does neither.
    value, tolerance : float
        Digital numbers, passed on to the result.
    zoom : int
        Side of a cell in pixels.

    Returns
    -------
    FillRegion or None
        None unless a component touches more than 0.1 % of the border (and 4 cells).
    """
    border = np.zeros(match.shape, dtype=bool)
    border[[0, -1], :] = True
    border[:, [0, -1]] = True
    if np.count_nonzero(match & border) < _MIN_BORDER_CELLS:
        return None
    labels, number = ndimage.label(match, structure=_CONNECT)
    touching = np.bincount(labels[border], minlength=number + 1)
    touching[0] = 0
    least = max(_MIN_BORDER_CELLS, _MIN_BORDER_SHARE * np.count_nonzero(border))
    kept = touching >= least
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    if exact is not None:
        kept &= np.bincount(labels[exact], minlength=number + 1) >= 0.5 * sizes
    # saturated sand or deep shadow has holes and fringes, and runs out of the image by chance
    # on a short stretch; fill is solid and lies along the border
    solid = np.bincount(labels[_open(match)], minlength=number + 1)
    kept &= (solid >= _MIN_SOLID * sizes) & (touching.astype(float) ** 2 >= sizes)
    if kept.any() and glare is not None:
        kept &= not _is_glare(match, kept[labels], glare)
    if not kept.any():
        return None
    steps = max(1, -(-_REACH_PX // zoom))
    region = ndimage.binary_dilation(kept[labels], structure=_CONNECT, iterations=steps)
    return FillRegion.pack(
        region, value=value, tolerance=tolerance, grow=1 if exact is None else 3, zoom=zoom
    )


def find_holes(
    match: np.ndarray, *, value: float, tolerance: float, zoom: int
) -> tuple[FillRegion | None, float, float]:
    """Find holes inside an image: large, solid, of exactly one value, with drawn outlines.

    A tile that is missing or a polygon that was blackened has long straight sides. Water, shadow
    and dark roofs are either not constant, or small, or have a grown outline: these are told, but
    not taken away.

    Parameters
    ----------
    match : ndarray of bool, shape (rows, cols)
        Decimated image: True where all pixels of a cell have the value, with hardly any noise.
        What is fill already is False.
    value, tolerance : float
        Digital numbers, passed on to the result.
    zoom : int
        Side of a cell in pixels.

    Returns
    -------
    holes : FillRegion or None
        What is not image.
    share : float
        Of the image, 0..1, in holes.
    doubtful : float
        Of the image, 0..1, in constant regions that may be image.
    """
    least = _MIN_HOLE * match.size
    if np.count_nonzero(match) < least:
        return None, 0.0, 0.0
    labels, number = ndimage.label(match, structure=_CONNECT)
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    solid = np.bincount(labels[_open(match)], minlength=number + 1)
    large = (sizes >= least) & (solid >= _MIN_SOLID * sizes)
    large[0] = False
    drawn = np.zeros(number + 1, dtype=bool)
    for label in np.flatnonzero(large):
        drawn[label] = _is_drawn(labels == label, zoom)
    share = float(sizes[drawn].sum()) / match.size
    doubtful = float(sizes[large & ~drawn].sum()) / match.size
    if not drawn.any():
        return None, 0.0, doubtful
    steps = max(1, -(-_REACH_PX // zoom))
    region = ndimage.binary_dilation(drawn[labels], structure=_CONNECT, iterations=steps)
    packed = FillRegion.pack(region, value=value, tolerance=tolerance, grow=1, zoom=zoom)
    return packed, share, doubtful


def _is_drawn(region: np.ndarray, zoom: int) -> bool:
    """Tell an outline of long straight sides from that of a lake or a shadow."""
    # ringing and holes of a pixel or two are no part of the outline
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    sides = []
    for outline in outlines:
        corners = cv2.approxPolyDP(outline, _BEND, closed=True).reshape(-1, 2).astype(float)
        sides.append(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1))
    lengths = np.concatenate(sides)
    long = lengths >= max(_LONG_CELLS, _LONG_PX / zoom)
    return bool(lengths[long].sum() >= _MIN_DRAWN * lengths.sum())


def _is_glare(match: np.ndarray, region: np.ndarray, glare: np.ndarray) -> bool:
    """Tell whether constant white is a bright thing in the image."""
    rim = ndimage.binary_dilation(region, structure=_CONNECT, iterations=4)
    rim &= ~ndimage.binary_dilation(region, structure=_CONNECT, iterations=1)
    fades = rim.any() and glare[rim].mean() > _FADES
    rest = ~region
    islands = np.count_nonzero(match & rest) > _ISLANDS * np.count_nonzero(rest)
    return bool(fades or islands)


def _open(match: np.ndarray) -> np.ndarray:
    """Morphological opening, as if the image went on beyond its border."""
    size = 2 * _OPENING + 1
    padded = np.pad(match, 2 * size, mode="edge").astype(np.uint8)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    inner: np.ndarray = opened[2 * size : -2 * size, 2 * size : -2 * size] > 0
    return inner


def is_fill(
    values: np.ndarray, region: FillRegion, *, row: int, col: int, step: int = 1
) -> np.ndarray:
    """Tell which pixels of a window are fill.

    Parameters
    ----------
    values : ndarray, shape (bands, h, w)
        Digital numbers of the used bands, before scale and offset.
    region : FillRegion
        Of the image.
    row, col : int
        Position of the window's first pixel, in pixels of ``step``.
    step : int
        Pixels of the image per pixel of ``values`` (an overview's factor).

    Returns
    -------
    ndarray of bool, shape (h, w)
        True = fill (not valid). Without ``region.grow``: that needs neighbours.
    """
    _, height, width = values.shape
    cells = region.region()
    rows = np.minimum(np.arange(row, row + height) * step // region.zoom, cells.shape[0] - 1)
    cols = np.minimum(np.arange(col, col + width) * step // region.zoom, cells.shape[1] - 1)
    first, last = rows[0], rows[-1] + 1
    left, right = cols[0], cols[-1] + 1
    part = cells[first:last, left:right]
    if not part.any():
        return np.zeros((height, width), dtype=bool)
    near = part[np.ix_(rows - first, cols - left)]
    result: np.ndarray = near & is_constant(values, region.value, region.tolerance)
    return result


def is_constant(values: np.ndarray, value: float, tolerance: float) -> np.ndarray:
    """Tell where all bands lie within ``tolerance`` of ``value``; shape (bands, h, w) -> (h, w)."""
    low, high = value - tolerance, value + tolerance
    if values.dtype.kind in "iu":
        # integers compare without a detour over float64
        low, high, value = math.ceil(low), math.floor(high), round(value)
    result = np.ones(values.shape[1:], dtype=bool)
    for band in values:
        result &= (band >= low) & (band <= high) if tolerance else band == value
        if not result.any():
            break
    return result
