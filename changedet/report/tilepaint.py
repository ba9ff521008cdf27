"""How the layers of a pyramid get smaller and become pictures: photographs, evidence, classes."""

from __future__ import annotations

import io
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from changedet.report.palette import CHANGES
from changedet.report.pictures import class_layer, evidence_layer
from changedet.report.views import EVIDENCE_NODATA, EVIDENCE_STEPS

UInt8 = NDArray[np.uint8]

EVIDENCE_STEP = 5
"""Evidence is shown in steps of 0.02: nobody sees it, and the files are half as large."""
_HATCH_PERIOD = 6  # of class_layer, pixels
_QUALITY = 80
_EFFORT = 2  # of WebP; more takes twice the time for 3 % of size
_LEVEL = 1  # of PNG; more takes three times the time for 15 % of size


class PhotoPaint:
    """Colours with alpha, (h, w, 4); alpha is 255 where there is data, 0 elsewhere.

    A pixel of a higher level is the mean of those of its four that have data; there is one where
    any has. Encoded as WebP with loss.
    """

    extension: ClassVar[str] = "webp"
    blank: ClassVar[tuple[int, ...]] = (0, 0, 0, 0)

    def halve(self, block: UInt8) -> UInt8:
        """Return the means of 2 x 2 pixels, halves rounded up."""
        if block[..., 3].all():
            height, width = block.shape[0] // 2, block.shape[1] // 2
            return cv2.resize(block, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        known = block[..., 3] > 0
        count = _sums(known.astype(np.uint16))[..., None]
        total = _sums(np.where(known[..., None], block[..., :3], 0).astype(np.uint16))
        colours = (2 * total + count) // np.maximum(2 * count, 1)
        return np.concatenate([colours, np.where(count > 0, 255, 0)], axis=2).astype(np.uint8)

    def encode(self, tile: UInt8, _start: tuple[int, int]) -> bytes | None:
        """Return a WebP, with alpha where a part is empty; None where all is."""
        if not tile[..., 3].any():
            return None
        if tile[..., 3].all():
            tile = tile[..., :3]
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(tile)).save(
            buffer, "WEBP", quality=_QUALITY, method=_EFFORT
        )
        return buffer.getvalue()


class EvidencePaint:
    """Evidence, (h, w), 0..250 for 0..1; 255 is not judged.

    A pixel of a higher level is the mean of those of its four that were judged. Encoded as PNG
    with the report's colours, which fade out towards 0, in steps of 0.02.
    """

    extension: ClassVar[str] = "png"
    blank: ClassVar[tuple[int, ...]] = (EVIDENCE_NODATA,)

    def __init__(self) -> None:
        values = np.arange(256)
        steps = np.minimum(
            (values + EVIDENCE_STEP // 2) // EVIDENCE_STEP, EVIDENCE_STEPS // EVIDENCE_STEP
        )
        # What was not judged is as clear as what is 0.
        steps[EVIDENCE_STEPS + 1 :] = 0
        self._steps = steps.astype(np.uint8)
        self._colours = evidence_layer(np.zeros((0, 0), np.uint8))[1][
            : EVIDENCE_STEPS + 1 : EVIDENCE_STEP
        ]

    def halve(self, block: UInt8) -> UInt8:
        """Return the means of 2 x 2 pixels, halves rounded up."""
        known = block <= EVIDENCE_STEPS
        if known.all():
            height, width = block.shape[0] // 2, block.shape[1] // 2
            return cv2.resize(block, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        count = _sums(known.astype(np.uint16))
        total = _sums(np.where(known, block, 0).astype(np.uint16))
        mean = (2 * total + count) // np.maximum(2 * count, 1)
        return np.where(count > 0, mean, EVIDENCE_NODATA).astype(np.uint8)

    def encode(self, tile: UInt8, _start: tuple[int, int]) -> bytes | None:
        """Return a PNG with a palette; None where nothing stands out."""
        steps = cv2.LUT(np.ascontiguousarray(tile), self._steps)
        return _indexed(steps.astype(np.uint8), self._colours) if steps.any() else None


class ClassPaint:
    """Codes of classes.tif, (h, w); 0 beyond the picture.

    A pixel of a higher level is the first of its four: no class is made that was not there.
    Encoded as PNG with the report's colours and hatches, which run on from tile to tile; what did
    not change, or was not analysed, is clear.
    """

    extension: ClassVar[str] = "png"
    blank: ClassVar[tuple[int, ...]] = (0,)

    def __init__(self) -> None:
        # A hatch repeats after its period in both directions, so a small patch of each class
        # tells all.
        self._patches: dict[int, UInt8] = {}
        for style in CHANGES:
            patch, self._colours = class_layer(np.full((_HATCH_PERIOD,) * 2, style.code, np.uint8))
            self._patches[style.code] = patch

    def halve(self, block: UInt8) -> UInt8:
        """Return the first of each 2 x 2 pixels."""
        return block[::2, ::2]

    def encode(self, tile: UInt8, start: tuple[int, int]) -> bytes | None:
        """Return a PNG with a palette; None where no change is."""
        index = np.zeros(tile.shape, np.uint8)
        for code, patch in self._patches.items():
            here = tile == code
            if here.any():
                index[here] = self._hatched(patch, tile.shape, start)[here]
        return _indexed(index, self._colours) if index.any() else None

    @staticmethod
    def _hatched(patch: UInt8, shape: tuple[int, ...], start: tuple[int, int]) -> UInt8:
        turned = np.roll(patch, (-start[0], -start[1]), axis=(0, 1))
        repeats = (-(-shape[0] // _HATCH_PERIOD), -(-shape[1] // _HATCH_PERIOD))
        return np.tile(turned, repeats)[: shape[0], : shape[1]]


def _sums(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Sum 2 x 2 pixels; (2h, 2w) or (2h, 2w, channels) -> half of it."""
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]


def _indexed(index: UInt8, colours: UInt8) -> bytes:
    """Encode indices and RGBA colours faster than :func:`.pictures.encode_indexed`, and larger."""
    height, width = index.shape
    picture = Image.frombytes("P", (width, height), np.ascontiguousarray(index).tobytes())
    picture.putpalette(colours[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_LEVEL, transparency=colours[:, 3].tobytes())
    return buffer.getvalue()
