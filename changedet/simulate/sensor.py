"""Image a lit scene: air, point spread, sampling, colour sharpening, response, noise."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from changedet.core.scenario import SensorOptions
from changedet.simulate.frames import Array, Frame, Textures, make_waves
from changedet.simulate.materials import RED_EDGE, SHORTWAVE, M

HAZE = np.array([0.60, 0.78, 1.0, 0.35], np.float32)
"""Opacity of haze in red, green, blue and near infrared over that in blue."""
BLACK, WHITE, CURVE = 0.012, 0.42, 0.66
"""Display curve of 8 bits: reflectance that becomes 0 and 255, and the exponent between."""
LINEAR_WHITE = 0.6
"""Reflectance that becomes the largest number of 11 bits."""
CLOUD_HEIGHT = 700.0
"""Of the clouds over the ground, metres."""
MARGIN = 12
"""Pixels around a window that blurring in the image needs."""


def cloud_cover(
    frame: Frame, textures: Textures, sensor: SensorOptions, salt: int
) -> tuple[Array | None, Array | None]:
    """Return opacity of clouds and depth of their shadow over a frame; None without clouds."""
    if sensor.clouds == 0:
        return None, None
    field = make_waves(np.random.default_rng((textures.seed, 61, salt)), length=420.0)
    cut = float(ndtri(1 - sensor.clouds)) * 1.05

    def opacity(part: Frame) -> Array:
        level = field.over(part, 8.0)
        level += np.float32(0.3) * textures.cover("fractal", part, grain=60, salt=62 + salt)
        return np.clip((level - np.float32(cut)) * 2.2 + 0.2, 0, 0.97, out=level)

    far = CLOUD_HEIGHT / math.tan(math.radians(sensor.sun_elevation)) / frame.fine
    turn = math.radians(sensor.sun_azimuth)
    off = Frame(
        row=frame.row - round(far * math.cos(turn)), col=frame.col + round(far * math.sin(turn)),
        height=frame.height, width=frame.width, fine=frame.fine,
    )  # fmt: skip
    return opacity(frame), opacity(off)


def smoke_cover(frame: Frame, textures: Textures, sensor: SensorOptions, salt: int) -> Array | None:
    """Return the opacity of smoke over a frame; None where no plume reaches."""
    if sensor.smoke_per_km2 == 0:
        return None
    side, reach = 250.0, 420.0
    left, upper, right, lower = frame.bounds
    wind = np.random.default_rng((textures.seed, 63, salt)).uniform(0, 2 * np.pi)
    total: Array | None = None
    rough = None
    for i in range(math.floor((left - reach) / side), math.ceil((right + reach) / side)):
        for j in range(math.floor((upper - reach) / side), math.ceil((lower + reach) / side)):
            rng = np.random.default_rng((textures.seed, 64, salt, i + 100_000, j + 100_000))
            for _ in range(rng.poisson(sensor.smoke_per_km2 * side**2 / 1e6)):
                x, y = frame.axes()
                turn = wind + rng.normal(0, 0.12)
                dx = x - np.float32((i + rng.random()) * side)
                dy = y - np.float32((j + rng.random()) * side)
                along = dx * np.float32(np.cos(turn)) + dy * np.float32(np.sin(turn))
                across = dy * np.float32(np.cos(turn)) - dx * np.float32(np.sin(turn))
                wide = 4 + 0.16 * np.clip(along, 0, None)
                if rough is None:
                    rough = textures.cover("fractal", frame, grain=12, salt=65)
                plume = np.exp(-((across / wide) ** 2) - np.clip(along, 0, None) / 130)
                plume *= (along > -4) * np.clip(0.85 + 0.3 * rough, 0, 1)
                total = plume if total is None else np.maximum(total, plume)
    return None if total is None else np.asarray(np.clip(total, 0, 0.95), np.float32)


def add_air(
    view: Array, frame: Frame, textures: Textures, sensor: SensorOptions, salt: int
) -> None:
    """Lay haze, smoke and clouds over what is seen, in place."""
    clouds, shadow = cloud_cover(frame, textures, sensor, salt)
    smoke = smoke_cover(frame, textures, sensor, salt)
    for band in range(4):
        if shadow is not None:
            view[band] *= 1 - np.float32(0.62) * shadow
        haze = np.float32(sensor.haze * HAZE[band])
        view[band] += (np.float32(0.26) - view[band]) * haze
        if smoke is not None:
            view[band] += (np.float32(0.30) - view[band]) * smoke
        if clouds is not None:
            view[band] += (np.float32(0.78) - view[band]) * clouds


def pick_bands(view: Array, material: NDArray[np.uint8], bands: str) -> Array:
    """Return the bands of a sensor, shape (bands, h, w), from red, green, blue and infrared."""
    red, green, blue, nir = view
    if bands == "rgb":
        return view[:3]
    if bands == "rgbn":
        return view
    if bands == "pan":
        return np.asarray(0.30 * red + 0.32 * green + 0.18 * blue + 0.20 * nir)[None]
    edge = [nir * RED_EDGE[:, n][material] for n in range(4)]
    short = [red * SHORTWAVE[:, n][material] for n in range(2)]
    return np.stack([blue, green, red, *edge[:3], nir, edge[3], *short])


def sample(
    bands: Array, frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64], sigma: float
) -> Array:
    """Blur by the point spread (``sigma`` in fine pixels) and sample at ground positions."""
    cols = (x / frame.fine - frame.col - 0.5).astype(np.float32)
    rows = (y / frame.fine - frame.row - 0.5).astype(np.float32)
    # Sampling between pixels blurs a little itself: take that off the point spread.
    kept = math.sqrt(max(sigma**2 - 1 / 6, 0.05))
    out = np.empty((bands.shape[0], *x.shape), np.float32)
    for number, band in enumerate(bands):
        soft = cv2.GaussianBlur(band, (0, 0), kept, borderType=cv2.BORDER_REPLICATE)
        out[number] = cv2.remap(soft, cols, rows, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    return out


def sharpen(image: Array, sensor: SensorOptions) -> Array:
    """Make colour coarser than brightness, then sharpen, as delivered products are."""
    if sensor.pansharpened and len(image) in {3, 4}:
        pan = image[:3].mean(0)
        wide = cv2.GaussianBlur(pan, (0, 0), 2.0)
        gain = pan / np.maximum(wide, 1e-3)
        image = np.stack([cv2.GaussianBlur(band, (0, 0), 2.0) * gain for band in image])
    if sensor.sharpen:
        soft = np.stack([cv2.GaussianBlur(band, (0, 0), 1.2) for band in image])
        image = image + np.float32(sensor.sharpen) * (image - soft)
    return image


def respond(image: Array, sensor: SensorOptions, rng: np.random.Generator) -> NDArray[np.generic]:
    """Turn reflectance into digital numbers: gain, offset, noise, curve, rounding, JPEG."""
    shape = image.shape[1:]
    shared = rng.standard_normal(shape, np.float32)
    values = np.empty(image.shape, np.uint8 if sensor.bits == 8 else np.uint16)
    sigma = 0.2 / sensor.snr
    for number, band in enumerate(image):
        place = min(number, len(sensor.gain) - 1)
        level = band * np.float32(sensor.gain[place]) + np.float32(sensor.offset[place])
        noise = np.float32(0.75) * shared + np.float32(0.66) * rng.standard_normal(
            shape, np.float32
        )
        level += noise * np.float32(sigma) * np.sqrt(np.clip(level, 0, 1) * 3.5 + 0.3)
        if sensor.bits == 8:
            part = np.clip((level - BLACK) / (WHITE - BLACK), 0, 1)
            values[number] = np.round(255 * part ** (CURVE * sensor.gamma))
        else:
            values[number] = np.clip(np.round(level / LINEAR_WHITE * 2047), 1, 2047)
    if sensor.jpeg is not None and sensor.bits == 8:
        values = _jpeg(values, sensor.jpeg)
    return values


def _jpeg(values: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Pass an image through a JPEG file, three bands as colour, others as grey."""
    colours, greys = (values[:3], values[3:]) if len(values) >= 3 else (None, values)
    out = []
    if colours is not None:
        out.append(_through_jpeg(np.moveaxis(colours[::-1], 0, -1), quality)[..., ::-1])
    out += [_through_jpeg(band, quality)[..., None] for band in greys]
    return np.moveaxis(np.concatenate(out, axis=-1), -1, 0)


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    wish = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture), wish)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)


def lay_snow(colour: Array, material: NDArray[np.uint8], level: Array, share: float) -> None:
    """Whiten ground and roofs where a unit normal field is high; crowns and water stay."""
    if share == 0:
        return
    here = (level > float(ndtri(1 - share))) & ~np.isin(material, (M.CROWN, M.WATER))
    for band in range(4):
        colour[band][here] += (np.float32(0.70) - colour[band][here]) * np.float32(0.9)
    material[here] = M.SNOW
