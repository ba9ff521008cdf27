"""Arrays into small pictures: overlays with hatches, checkerboards, encoding. No drawing here."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from changedet.report.palette import (
    CHANGES,
    CLASSES,
    ClassStyle,
    Pattern,
    difference_colours,
    evidence_colours,
    rgb,
)
from changedet.report.views import EVIDENCE_STEPS, Views

UInt8 = NDArray[np.uint8]

_HATCH_ALPHA = 150
_FULL_ALPHA = 240
_EVIDENCE_ALPHA = 235
_HEAD_BYTES = 33
"""Signature and header of a PNG, after which its size on paper may stand."""
_PNG_HOW = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # OpenCV 4.12; before it, all filters are tried on each line
    _PNG_HOW += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
_WORTH = 1.5
"""How many times as large a PNG may be as a JPEG, and is still taken: it has no loss."""


class Drawn(bytes):
    """A PNG that was just made, with its pixels: the page need not decode what we have in hand."""

    pixels: UInt8
    """Shape (h, w, 3)."""

    @classmethod
    def of(cls, image: UInt8, *, dpi: int | None = None) -> Drawn:
        """Encode a colour picture, see :func:`encode_png`."""
        made = cls(encode_png(image, dpi=dpi))
        made.pixels = image
        return made


def hatch(shape: tuple[int, ...], pattern: Pattern, *, period: int = 6) -> NDArray[np.bool_]:
    """Return the full-strength pixels of a pattern.

    Parameters
    ----------
    shape : tuple of int
        (height, width), pixels.
    pattern : str
        solid, falling (top left to bottom right), rising or level stripes.
    period : int
        Distance of the stripes, pixels.

    Returns
    -------
    ndarray, bool
        True on a stripe.
    """
    if pattern == "solid":
        return np.ones(shape, np.bool_)
    # One period of rows holds it all: the rest repeats.
    rows, cols = np.ogrid[:period, : shape[1]]
    phase = {"falling": cols - rows, "rising": cols + rows, "level": rows + 0 * cols}[pattern]
    stripes = phase % period < (period + 1) // 2
    return np.tile(stripes, (-(-shape[0] // period), 1))[: shape[0]]


def class_layer(classes: UInt8, styles: Sequence[ClassStyle] = CHANGES) -> tuple[UInt8, UInt8]:
    """Paint classes as a hatched, half transparent layer.

    Parameters
    ----------
    classes : ndarray, uint8, (h, w)
        Codes.
    styles : sequence of ClassStyle
        The classes to paint; others stay clear.

    Returns
    -------
    tuple of ndarray
        Indices (h, w) and their colours, RGBA (n, 4).
    """
    colours = [(0, 0, 0, 0)]
    index = np.zeros(classes.shape, np.uint8)
    for style in styles:
        for on, alpha in ((True, _FULL_ALPHA), (False, _HATCH_ALPHA)):
            chosen = (classes == style.code) & (hatch(index.shape, style.pattern) == on)
            index[chosen] = len(colours)
            colours.append((*rgb(style.colour), alpha))
    return index, np.array(colours, np.uint8)


def evidence_layer(evidence: UInt8) -> tuple[UInt8, UInt8]:
    """Return evidence as indices and RGBA colours that fade out towards 0.

    Values 0..250 take the evidence colours, 255 (not judged) is clear.
    """
    colours = np.zeros((256, 4), np.uint8)
    colours[: EVIDENCE_STEPS + 1, :3] = evidence_colours()
    colours[: EVIDENCE_STEPS + 1, 3] = np.linspace(0, _EVIDENCE_ALPHA, EVIDENCE_STEPS + 1).round()
    return evidence, colours


def evidence_picture(evidence: UInt8, shape: tuple[int, int] | None = None) -> UInt8:
    """Return evidence as opaque colours (h, w, 3); what is not judged is striped grey.

    ``shape`` (rows, columns) is the size of the picture; that of the evidence without it.
    """
    colours = np.zeros((256, 3), np.uint8)
    colours[: EVIDENCE_STEPS + 1] = evidence_colours()
    return _striped(colours[evidence], evidence > EVIDENCE_STEPS, shape or evidence.shape)


def difference_picture(
    difference: NDArray[np.floating], limit: float, shape: tuple[int, int] | None = None
) -> UInt8:
    """Return a difference as opaque colours (h, w, 3), -limit..limit; unknown is striped grey.

    ``shape`` as in :func:`evidence_picture`.
    """
    known = np.isfinite(difference)
    share = np.clip(np.where(known, difference, np.float32(0)) / np.float32(limit), -1, 1)
    picture = difference_colours()[np.rint((share + 1) * 125).astype(np.uint8)]
    return _striped(picture, ~known, shape or difference.shape)


def _striped(picture: UInt8, blank: NDArray[np.bool_], shape: tuple[int, ...]) -> UInt8:
    """Bring a picture, which is altered, to a size, with grey stripes where it is blank."""
    size = shape[0], shape[1]
    # Grey below: at the rim of what is blank no other colour may shine through.
    picture[blank] = 210
    picture = resized(picture, size)
    holes = nearest(blank.view(np.uint8), size) > 0
    picture[holes] = np.where(hatch(size, "rising")[holes, None], 225, 195)
    return picture


def resized(image: UInt8, shape: tuple[int, int]) -> UInt8:
    """Return an image (h, w, 3) in another size; enlarged three times or more it shows pixels.

    Parameters
    ----------
    image : ndarray, uint8, (h, w, 3)
        Display colours.
    shape : tuple of int
        Rows and columns wanted.
    """
    if image.shape[:2] == shape:
        return np.array(image)
    larger = min(shape[0] / image.shape[0], shape[1] / image.shape[1])
    how = Image.Resampling.NEAREST if larger >= 3 else Image.Resampling.BICUBIC
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.array(picture.resize((shape[1], shape[0]), how))


def nearest(codes: UInt8, shape: tuple[int, int]) -> UInt8:
    """Return codes (h, w) in another size: no code between two others."""
    picture = Image.fromarray(np.ascontiguousarray(codes))
    return np.array(picture.resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def difference_limit(views: Views) -> float:
    """Return the end of one scale for all index differences: a round number, 0.05 to 1."""
    known = [index.difference[np.isfinite(index.difference)] for index in views.indices]
    every = np.concatenate([*known, np.zeros(1, np.float32)])
    most = float(np.percentile(np.abs(every, out=every), 99, overwrite_input=True))
    return next((end for end in (0.05, 0.1, 0.2, 0.3, 0.5) if most <= end), 1.0)


def faded(image: UInt8, *, colour: float = 0.25, lift: float = 0.3) -> UInt8:
    """Return an image with little colour and contrast, as a ground for a layer above it."""
    mix = np.full((3, 4), (1 - colour) / 3)
    mix[:, :3] += colour * np.eye(3)
    mix[:, :3] *= 1 - lift
    mix[:, 3] = 255 * lift
    # Between 0 and 255 whatever the image holds: nothing to clip.
    pale: UInt8 = np.asarray(cv2.transform(np.ascontiguousarray(image), mix), np.uint8)
    return pale


def overlaid(ground: UInt8, layer: tuple[UInt8, UInt8]) -> UInt8:
    """Lay indices with RGBA colours over an image (h, w, 3)."""
    index, colours = layer
    alpha = colours[:, 3:].astype(np.uint16)
    # For each index what is kept of the ground and what is laid over it, of 255 parts.
    kept = (255 - alpha)[:, 0][index]
    above = (colours[:, :3] * alpha + 127)[index]
    above += ground * kept[..., None]
    above //= 255
    return above.astype(np.uint8)


def classes_picture(views: Views, shape: tuple[int, int] | None = None) -> UInt8:
    """Return the classes over the faded after image, what was not analysed in striped grey.

    ``shape`` as in :func:`evidence_picture`: hatches are as fine in a picture of any size.
    """
    size = shape or (views.height, views.width)
    codes = nearest(views.classes, size)
    ground = faded(resized(shown(views.after, views.valid), size))
    picture = overlaid(ground, class_layer(codes))
    blank = codes == 0
    stripes = hatch(size, CLASSES[0].pattern)
    picture[blank] = np.where(stripes[blank, None], 225, 195)
    return picture


def shown(image: UInt8, valid: NDArray[np.bool_]) -> UInt8:
    """Return an image whose empty pixels are light grey instead of black.

    Empty is black in the view and not valid: dark ground that has data stays as it is.
    """
    lit = np.array(image, order="C")
    lit[~valid & _is_black(image)] = 222
    return lit


def _is_black(image: UInt8) -> NDArray[np.bool_]:
    black: NDArray[np.bool_] = (image[..., 0] | image[..., 1] | image[..., 2]) == 0
    return black


def checkerboard(views: Views, *, tiles: int = 10) -> UInt8:
    """Return both images in turn, in squares; AFTER's squares are tinted blue.

    Roads and roof edges that run on across the squares lie in the same place.

    Parameters
    ----------
    views : Views
        Both dates.
    tiles : int
        Squares along the long side.
    """
    before, after = shown(views.before, views.valid), shown(views.after, views.valid)
    side = max(1, -(-max(before.shape[:2]) // tiles))
    rows, cols = np.ogrid[: before.shape[0], : before.shape[1]]
    theirs = (rows // side + cols // side) % 2 == 1
    cv2.copyTo(after, theirs.view(np.uint8), before)
    tinted = theirs & ~_is_black(views.after)  # where there is nothing it stays grey
    # 255 x 0.8 + 48 is within a byte.
    pale = np.arange(256, dtype=np.float32)[:, None] * np.float32(0.8)
    blue = (pale + np.array([0, 24, 48], np.float32)).astype(np.uint8)
    cv2.copyTo(cv2.LUT(after, blue[None]), tinted.view(np.uint8), before)
    return before


def swatch(style: ClassStyle) -> bytes:
    """Return a PNG of a legend's sample of a class, the hatch as in the maps."""
    codes = np.full((18, 30), style.code, np.uint8)
    return encode_indexed(*class_layer(codes, (style,)))


def encode_jpeg(image: UInt8, *, quality: int = 82) -> bytes:
    """Encode (h, w, 3) as a JPEG without metadata."""
    buffer = io.BytesIO()
    # Progressive is 6 % smaller and three times as slow: in one file nothing is seen in passing.
    Image.fromarray(np.ascontiguousarray(image)).save(
        buffer, "JPEG", quality=quality, optimize=True
    )
    return buffer.getvalue()


def encode_png(image: UInt8, *, dpi: int | None = None) -> bytes:
    """Return a colour picture as a PNG, without loss.

    Photographs are no smaller with more effort, which takes six times as long.

    Parameters
    ----------
    image : ndarray, uint8, (h, w, 3)
        Display colours.
    dpi : int, optional
        Size on paper, dots per inch.
    """
    swapped = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    png = cv2.imencode(".png", swapped, _PNG_HOW)[1].tobytes()
    if dpi is None:
        return png
    per_metre = round(dpi / 0.0254)
    size = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", len(size) - 4) + size + struct.pack(">I", zlib.crc32(size))
    return png[:_HEAD_BYTES] + chunk + png[_HEAD_BYTES:]


def encode_webp(image: UInt8, *, quality: int) -> bytes:
    """Return a colour picture as a WebP, with loss: half of a JPEG at the same looks."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def decode(data: bytes) -> UInt8:
    """Return a picture of ours, uint8 (h, w, 3)."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of an encoded picture, pixels."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size


def encode_indexed(index: UInt8, colours: UInt8) -> bytes:
    """Encode indices and RGBA colours as a PNG with a palette.

    At a tenth of the time of the smallest file, which would be a tenth smaller.
    """
    picture = Image.fromarray(np.ascontiguousarray(index)).convert("P")
    picture.putpalette(colours[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4, transparency=colours[:, 3].tobytes())
    return buffer.getvalue()


def lighten(
    png: bytes, *, quality: int = 86, most: int | None = None
) -> tuple[bytes, str, tuple[int, int]]:
    """Return a picture for the page: the PNG itself, or a JPEG where that is much smaller.

    Parameters
    ----------
    png : bytes
        The picture.
    quality : int
        Of the JPEG.
    most : int, optional
        Largest width, pixels; a wider picture is made smaller.

    Returns
    -------
    tuple
        Bytes, MIME type, (width, height) in pixels.
    """
    flat = Image.fromarray(png.pixels if isinstance(png, Drawn) else decode(png))
    full = flat.width * flat.height
    if most is not None and flat.width > most:
        # Area means first: as sharp, in a third of the time.
        size = (most, round(flat.height * most / flat.width))
        flat = flat.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    # Full colour resolution: thin coloured lines and text would bleed otherwise.
    flat.save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0)
    jpeg = buffer.getvalue()
    part = flat.width * flat.height / full
    # A smaller picture has more detail in a pixel: its PNG shrinks by less than its area.
    if part * len(png) > _WORTH * len(jpeg):
        return jpeg, "image/jpeg", flat.size
    if part < 1:
        png = encode_png(np.asarray(flat))
    if len(png) <= _WORTH * len(jpeg):
        return png, "image/png", flat.size
    return jpeg, "image/jpeg", flat.size


def data_uri(data: bytes, mime: str) -> str:
    """Return bytes as an address that needs no request."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def far_from_tie_points(views: Views) -> NDArray[np.bool_]:
    """Mark the cells, 64 along the longer side, with no believed tie point near.

    Near is within two distances of tie points, as in the record's extrapolated share.
    """
    points = views.tie_points
    believed = points[points[:, 5] > 0]
    cell = max(views.width, views.height) / 64
    shape = max(1, round(views.height / cell)), max(1, round(views.width / cell))
    if len(believed) < 2:
        return np.zeros(shape, np.bool_)
    apart = float(np.median(cKDTree(points[:, :2]).query(points[:, :2], k=2)[0][:, 1]))
    rows, cols = ((np.arange(n) + 0.5) * cell * views.zoom for n in shape)
    cells = np.stack(np.meshgrid(cols, rows), -1).reshape(-1, 2)
    away = cKDTree(believed[:, :2]).query(cells)[0].reshape(shape)
    return np.asarray(away > 2 * apart, np.bool_)
