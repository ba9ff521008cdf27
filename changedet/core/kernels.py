"""Array kernels that several parts share: exact sampling, masked means, gradients.

Images are float32 of shape (height, width); positions are (col, row) with 0.0 at the centre
of the first pixel; ``valid`` is boolean and True means use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_SPLINE_REACH = 12  # pixels after which the pole of the cubic spline filter has decayed to 2e-7
_SPLINE_POLE = float(np.sqrt(3)) - 2
_SPARE = 32  # mirrored pixels around: OpenCV rounds the last few columns in another way
_CHUNK = 2**15  # positions sampled at a time: their weights stay in the cache


def sample_at(
    image: NDArray[np.floating],
    cols: ArrayLike,
    rows: ArrayLike,
    *,
    order: int = 3,
    fill: float = float("nan"),
) -> FloatArray:
    """Sample an image at exact sub-pixel positions.

    Order 3 is the interpolating cubic B-spline (Unser 1999, doi:10.1109/79.799930), order 1
    is bilinear. Neither quantises the position: OpenCV's remap rounds it to 1/32 px (before
    version 5 the bilinear one too), which shows as an accuracy floor in matching.

    Parameters
    ----------
    image : ndarray, shape (height, width) or (bands, height, width)
        Finite values; set invalid pixels to something harmless first and judge the result
        with :func:`sample_valid`.
    cols, rows : array_like
        Positions in pixels; they broadcast against each other.
    order : {1, 3}
        Degree of the interpolation.
    fill : float
        Value of positions outside the image (beyond half a pixel from the outer centres).

    Returns
    -------
    ndarray of float32
        The broadcast shape of the positions, with the bands in front if ``image`` has them.

    Raises
    ------
    ValueError
        For another order, or an image that has not two or three dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.arange(12, dtype=np.float32).reshape(3, 4)
    >>> sample_at(ramp, [1.5], [1.0], order=1)
    array([5.5], dtype=float32)
    """
    if order not in (1, 3):
        raise ValueError(f"order is 1 or 3, not {order}")
    if image.ndim not in (2, 3):
        raise ValueError(f"an image has two or three dimensions, not {image.ndim}")
    height, width = image.shape[-2:]
    at_col, at_row = np.broadcast_arrays(np.asarray(cols, float), np.asarray(rows, float))
    bands = image[None] if image.ndim == 2 else image
    take, reach = (_sample_linear, 1) if order == 1 else (_sample_cubic, _SPLINE_REACH + 2)
    bounds = _bounds(at_col, at_row)
    if _is_within(bounds, height - 1, width - 1):
        values = take(*_crop(bands, at_col.ravel(), at_row.ravel(), bounds, reach))
        out = values.reshape((len(bands), *at_col.shape))
        return out[0] if image.ndim == 2 else out
    inside = _inside(at_col, at_row, height, width)
    if 2 * np.count_nonzero(inside) > inside.size:
        # Most are inside, as in blocks at the edge: all are sampled, which copies less.
        at_col = np.where(inside, at_col, 0).clip(0, width - 1)
        at_row = np.where(inside, at_row, 0).clip(0, height - 1)
        bounds = _bounds(at_col, at_row)
        values = take(*_crop(bands, at_col.ravel(), at_row.ravel(), bounds, reach))
        out = values.reshape((len(bands), *at_col.shape))
        np.copyto(out, np.float32(fill), where=~inside)
        return out[0] if image.ndim == 2 else out
    out = np.full((len(bands), *at_col.shape), fill, np.float32)
    if inside.any():
        at_col = np.clip(at_col[inside], 0, width - 1)
        at_row = np.clip(at_row[inside], 0, height - 1)
        bounds = _bounds(at_col, at_row)
        out[:, inside] = take(*_crop(bands, at_col, at_row, bounds, reach))
    return out[0] if image.ndim == 2 else out


def sample_valid(
    valid: BoolArray, cols: ArrayLike, rows: ArrayLike, *, margin: float = 0.5
) -> BoolArray:
    """Say which positions have only valid pixels around them.

    Parameters
    ----------
    valid : ndarray of bool, shape (height, width)
        True = use.
    cols, rows : array_like
        Positions in pixels; they broadcast against each other.
    margin : float
        A position is valid where every pixel within this distance (along each axis, of the
        nearest pixel) is: 0.5 asks the nearest pixel alone, 2 what a cubic spline leans on.

    Returns
    -------
    ndarray of bool
        The broadcast shape of the positions; False outside the image.
    """
    height, width = valid.shape
    at_col, at_row = np.broadcast_arrays(np.asarray(cols, float), np.asarray(rows, float))
    if valid.all() and _is_within(_bounds(at_col, at_row), height - 1, width - 1):
        return np.ones(at_col.shape, np.bool_)
    inside = _inside(at_col, at_row, height, width)
    if not inside.any():
        return inside
    eroded = shrink_valid(valid, round(margin - 0.5))
    if eroded.all():
        return inside
    col = np.rint(np.where(inside, at_col, 0)).astype(np.intp).clip(0, width - 1)
    row = np.rint(np.where(inside, at_row, 0)).astype(np.intp).clip(0, height - 1)
    return np.asarray(inside & eroded[row, col], np.bool_)


def shrink_valid(valid: BoolArray, margin: int) -> BoolArray:
    """Take ``margin`` pixels off the valid area; the image's own edge does not count.

    Examples
    --------
    >>> import numpy as np
    >>> shrink_valid(np.array([[True, True, True, False]]), 1)
    array([[ True,  True, False, False]])
    """
    if margin <= 0 or valid.all():
        return valid
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    eroded = cv2.erode(
        valid.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1
    )
    return np.asarray(eroded, np.bool_)


def box_mean(image: FloatArray, valid: BoolArray, *, size: int) -> tuple[FloatArray, FloatArray]:
    """Mean over the valid pixels of a square window, and how many of them there are.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        Values where ``valid`` is False are not looked at.
    valid : ndarray of bool, shape (height, width)
        True = use.
    size : int
        Side of the window in pixels.

    Returns
    -------
    mean : ndarray of float32
        0 where the window has no valid pixel.
    share : ndarray of float32
        Valid share of the window, 0..1; pixels outside the image count as invalid.
    """
    kernel = (size, size)
    share, total = (
        np.asarray(
            cv2.boxFilter(part.astype(np.float32), -1, kernel, borderType=cv2.BORDER_CONSTANT),
            np.float32,
        )
        for part in (valid, np.where(valid, image, 0))
    )
    seen = share > 0.5 / size**2
    mean = np.divide(total, share, out=np.zeros_like(total), where=seen)
    return mean, np.where(seen, share, 0).astype(np.float32)


def gradients(image: FloatArray, *, sigma: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Compute the derivative along rows and along columns, per pixel.

    Scharr's rotation-optimised 3 x 3 operator, after a Gaussian of ``sigma`` pixels.

    Returns
    -------
    along_rows, along_cols : ndarray of float32
        Change per pixel downwards, and to the right.
    """
    smooth = image.astype(np.float32, copy=False)
    if sigma > 0:
        smooth = blur(smooth, sigma)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    right = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    return np.asarray(down, np.float32), np.asarray(right, np.float32)


def blur(image: FloatArray, sigma: float) -> FloatArray:
    """Smooth with a Gaussian of ``sigma`` pixels; the edge is mirrored."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def strips(height: int, rows: int = 64) -> Iterator[slice]:
    """Cut rows into strips whose arrays stay in the cache.

    Examples
    --------
    >>> list(strips(100, 64))
    [slice(0, 64, None), slice(64, 100, None)]
    """
    for first in range(0, height, rows):
        yield slice(first, min(first + rows, height))


def thinned(image: FloatArray, stride: int) -> FloatArray:
    """Take the mean over squares of ``stride`` pixels; the image is continued to whole ones.

    Examples
    --------
    >>> import numpy as np
    >>> thinned(np.arange(8, dtype=np.float32).reshape(2, 4), 2)
    array([[2.5, 4.5]], dtype=float32)
    """
    if stride == 1:
        return image
    more = (-image.shape[0] % stride, -image.shape[1] % stride)
    if any(more):
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE), np.float32
        )
    size = (image.shape[1] // stride, image.shape[0] // stride)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def filled(image: FloatArray, stride: int, shape: tuple[int, ...]) -> FloatArray:
    """Interpolate between the squares of :func:`thinned`, back to an image of ``shape``."""
    if stride == 1:
        return image
    size = (image.shape[1] * stride, image.shape[0] * stride)
    full = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[: shape[0], : shape[1]], np.float32)


def thinned_side(radius: int, stride: int) -> int:
    """Return the odd side of a window of ``2 * radius + 1`` pixels in squares of ``stride``."""
    return 2 * round(((2 * radius + 1) / stride - 1) / 2) + 1


def thinned_sigma(sigma: float, stride: int) -> float:
    """Return the Gaussian that, in squares of ``stride`` pixels, smooths as much as ``sigma``."""
    # The mean over a square has a variance of its own.
    return float(np.sqrt(max(sigma**2 - (stride**2 - 1) / 12, 0.0)) / stride)


def double_angle(
    image: FloatArray, valid: BoolArray, *, contrast: float, sigma: float = 1.2
) -> NDArray[np.complex64]:
    """Compute the double-angle gradient field: which way edges run, not which side is bright.

    The gradient as a complex number, squared and compressed to a length of 0..1. It does not
    change with gain or offset and hardly with gamma, and an inversion of the contrast leaves it
    as it is (Bigün and Granlund 1987; Knutsson 1989), so it serves across seasons and sensors.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        Finite everywhere.
    valid : ndarray of bool, shape (height, width)
        True = use; the field is 0 elsewhere, including pixels whose gradient leans on an
        invalid one.
    contrast : float
        Gradient length that is compressed to one half; the median of the image is a good one.
    sigma : float
        Gaussian smoothing before the derivative, pixels.

    Returns
    -------
    ndarray of complex64
        ``(g / |g|)^2 |g| / (|g| + contrast)``.
    """
    down, right = gradients(image, sigma=sigma)
    square = right * right + down * down
    length = np.sqrt(square)
    weight = length * (length + np.float32(max(contrast, 1e-12)))
    weight = np.divide(1, weight, out=np.zeros_like(weight), where=weight > 1e-20)
    weight *= shrink_valid(valid, 1 + int(np.ceil(2 * sigma)))
    field = np.empty(image.shape, np.complex64)
    field.real = (right * right - down * down) * weight
    field.imag = 2 * right * down * weight
    return field


def fill_invalid(image: FloatArray, valid: BoolArray) -> FloatArray:
    """Replace invalid pixels by the mean of the valid ones, so that filters stay finite."""
    if valid.all():
        return image
    level = image[valid].mean(dtype=np.float64) if valid.any() else 0.0
    return np.where(valid, image, np.float32(level))


def without_nan(image: FloatArray, fill: float) -> FloatArray:
    """Return a copy with ``fill`` for NaN.

    Examples
    --------
    >>> import numpy as np
    >>> without_nan(np.array([[np.nan, 0.5]], np.float32), -9)
    array([[-9. ,  0.5]], dtype=float32)
    """
    known = np.array(image, np.float32)
    cv2.patchNaNs(known, fill)
    return known


def _inside(
    cols: NDArray[np.float64], rows: NDArray[np.float64], height: int, width: int
) -> BoolArray:
    # NaN compares False, so unknown positions are outside
    inside: BoolArray = (
        (cols >= -0.5) & (cols <= width - 0.5) & (rows >= -0.5) & (rows <= height - 0.5)
    )
    return inside


def _bounds(cols: NDArray[np.float64], rows: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the least and largest column, and row; NaN where one is NaN or there are none."""
    if not cols.size:
        return (float("nan"),) * 4
    return float(cols.min()), float(cols.max()), float(rows.min()), float(rows.max())


def _is_within(bounds: tuple[float, ...], last_row: int, last_col: int) -> bool:
    """Say whether all positions lie between the outer centres, as in most windows they do."""
    left, right, top, bottom = bounds
    return left >= 0 and right <= last_col and top >= 0 and bottom <= last_row


def _crop(
    bands: NDArray[np.floating],
    cols: NDArray[np.float64],
    rows: NDArray[np.float64],
    bounds: tuple[float, ...],
    reach: int,
) -> tuple[NDArray[np.floating], NDArray[np.float64], NDArray[np.float64]]:
    """Cut out what the positions need, and count them from there."""
    left, top = max(0, int(bounds[0]) - reach), max(0, int(bounds[2]) - reach)
    right, bottom = int(bounds[1]) + 2 + reach, int(bounds[3]) + 2 + reach
    return bands[:, top:bottom, left:right], cols - left, rows - top


def _sample_cubic(
    bands: NDArray[np.floating], cols: NDArray[np.float64], rows: NDArray[np.float64]
) -> FloatArray:
    splines = [_spline_filter(band) for band in bands]
    # Four nodes lie around a position: the first is one before its whole part.
    return _weigh(splines, cols, rows, _cubic_weights, spare=_SPARE - 1)


def _sample_linear(
    bands: NDArray[np.floating], cols: NDArray[np.float64], rows: NDArray[np.float64]
) -> FloatArray:
    padded = [_mirror(band, 0, 1) for band in bands]
    return _weigh(padded, cols, rows, lambda part: (np.float32(1) - part, part), spare=0)


def _spline_filter(image: NDArray[np.floating]) -> FloatArray:
    """Coefficients of the interpolating cubic B-spline, from ``_SPARE`` before the image on.

    The recursive filter as its impulse response, cut off where it has decayed: to the last bit,
    a coefficient then depends on the pixels near by alone, not on what else was read with them.
    """
    away = abs(np.arange(-_SPLINE_REACH, _SPLINE_REACH + 1))
    response = np.sqrt(3) * _SPLINE_POLE**away
    filtered = cv2.sepFilter2D(_mirror(image, _SPARE, _SPARE), -1, response, response)
    return np.asarray(filtered, np.float32)


def _mirror(image: NDArray[np.floating], before: int, after: int) -> FloatArray:
    sides = (before, after, before, after)
    values = np.ascontiguousarray(image, np.float32)
    return np.asarray(cv2.copyMakeBorder(values, *sides, cv2.BORDER_REFLECT_101), np.float32)


def _cubic_weights(part: FloatArray) -> tuple[FloatArray, ...]:
    """Weights of the cubic B-spline at the four nodes around a position."""
    one, two_thirds, sixth = np.float32(1), np.float32(2 / 3), np.float32(1 / 6)
    rest = one - part
    first, last = sixth * rest * rest * rest, sixth * part * part * part
    second = two_thirds - part * part * (one - part / np.float32(2))
    return first, second, one - first - second - last, last


def _weigh(
    bands: list[FloatArray],
    cols: NDArray[np.float64],
    rows: NDArray[np.float64],
    weights: Callable[[FloatArray], tuple[FloatArray, ...]],
    *,
    spare: int,
) -> FloatArray:
    """Sum the pixels around each position (n,) with weights of its fractions: (bands, n).

    The whole part of a position, and ``spare`` pixels, is the first of its pixels. Whole arrays
    of neighbours are taken at once, which is three times as fast as SciPy's loop over positions.
    """
    out = np.empty((len(bands), cols.size), np.float32)
    if not bands:
        return out
    width = bands[0].shape[1]
    flat = [np.ascontiguousarray(band).reshape(-1) for band in bands]
    for begin in range(0, cols.size, _CHUNK):
        some = slice(begin, begin + _CHUNK)
        col, row = np.floor(cols[some]), np.floor(rows[some])
        across, down = (
            weights((at - whole).astype(np.float32))
            for at, whole in ((cols[some], col), (rows[some], row))
        )
        first = (row * width + col).astype(np.intp)
        first += spare * (width + 1)
        pixel, other = np.empty((2, first.size), np.float32)
        for total, band in zip(out[:, some], flat, strict=True):
            for i, weight in enumerate(down):
                line = other if i else total
                for j, share in enumerate(across):
                    part = pixel if j else line
                    # clipped positions need no checks; "raise" would copy
                    np.take(band[i * width + j :], first, out=part, mode="clip")
                    part *= share
                    if j:
                        line += part
                line *= weight
                if i:
                    np.add(total, line, out=total)
    return out
