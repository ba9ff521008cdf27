"""One walk over the pixels of an image: fill, holes and white, and that all can be read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from rasterio.io import DatasetReader

from changedet.core.errors import Finding
from changedet.core.grid import Window
from changedet.io.bands import resolve_white
from changedet.io.description import FillRegion, MaskedBy, Raster
from changedet.io.fill import fill_candidates, find_fill, find_holes, is_constant
from changedet.io.inspection import declared_bits
from changedet.io.reading import find_declared, read_raw, read_scale, to_rasterio

_SCAN_SIDE = 2048
_SCAN_PIXELS = 2**23
_SAMPLES = 2**18
_LOSSY = frozenset({"JPEG", "YCBCR JPEG", "JPEG2000", "WEBP", "JXL", "LERC"})
_LOSSY_NOISE = 0.03
_EDGE_NOISE = 3.0
"""Digital numbers of 8 bit: what is left of a lossy past around the fill of a lossless file."""


@dataclass
class _Scan:
    """What one walk over all pixels collects."""

    matches: dict[float, np.ndarray]
    exact: dict[float, np.ndarray]
    glare: dict[float, np.ndarray]
    high: float
    samples: list[np.ndarray]
    alpha_between: int
    alpha_seen: int


def scan_pixels(dataset: DatasetReader, raster: Raster, *, level: int = 1) -> Raster:
    """Walk once over the pixels: find fill and white, and that they can all be read.

    Parameters
    ----------
    dataset : DatasetReader
        Open at overview ``level``.
    raster : Raster
        From :func:`~changedet.io.inspection.describe_dataset`.
    level : int
        Overview factor (large images are judged by their overviews).

    Returns
    -------
    Raster
        With ``fill``, ``fill_regions``, ``white``, ``masked_by`` and, where an "alpha" band
        turns out to be data, ``bands``.
    """
    lossy = _is_lossy(dataset, raster)
    step = max(1, math.ceil(max(dataset.width, dataset.height) / _SCAN_SIDE))
    bits = declared_bits(dataset)
    scan = _walk(dataset, raster, step=step, bits=bits, lossy=lossy)
    raster = _judge_alpha(raster, scan)
    if raster.dtype.startswith(("float", "uint32", "int32")):
        pool = np.concatenate(scan.samples) if scan.samples else np.zeros(1)
        high = float(np.percentile(pool, 99.9)) if pool.size else 1.0
    else:
        high = scan.high
    white = resolve_white(dtype=raster.dtype, bits=bits, high=high)
    regions = []
    for value, match in scan.matches.items():
        if value > 0 and value != (255.0 if raster.palette else white):
            continue
        noise = _EDGE_NOISE if raster.dtype == "uint8" and not raster.palette else 0.0
        region = find_fill(
            match,
            exact=scan.exact.get(value),
            glare=scan.glare.get(value),
            value=value,
            tolerance=_noise(raster.dtype, value) if lossy else noise,
            zoom=step * level,
        )
        if region is not None:
            regions.append(region)
    regions.sort(key=lambda region: -np.count_nonzero(region.region()))
    holes, said = _find_holes(raster, scan, regions, lossy=lossy, zoom=step * level)
    regions += holes
    raster = replace(raster, findings=(*raster.findings, *said))
    scale, offset = read_scale(dataset, raster, 0)
    raster = replace(raster, white=white * scale + offset if scale > 0 else white)
    return _with_fill(raster, tuple(regions))


def _find_holes(
    raster: Raster, scan: _Scan, regions: list[FillRegion], *, lossy: bool, zoom: int
) -> tuple[list[FillRegion], tuple[Finding, ...]]:
    """Find holes of no value inside the image, and say what was found."""
    found: list[FillRegion] = []
    holes, doubtful = 0.0, 0.0
    for value, match in scan.matches.items():
        if value > 0 or raster.palette:
            continue
        left = match & scan.exact[value] if lossy else match.copy()
        for fill in regions:
            left &= ~fill.region()
        noise = _EDGE_NOISE if raster.dtype == "uint8" else 0.0
        region, share, unsure = find_holes(
            left,
            value=value,
            tolerance=_noise(raster.dtype, value) if lossy else noise,
            zoom=zoom,
        )
        found += [] if region is None else [region]
        holes, doubtful = holes + share, doubtful + unsure
    said = []
    if holes:
        what = (
            f"{holes:.1%} of {raster.name} is one constant dark area with straight sides: it was "
            "taken for missing data and left out; declare nodata to be sure"
        )
        said.append(Finding(code="hole", message=what, severity="warn"))
    if doubtful:
        what = (
            f"{doubtful:.1%} of {raster.name} is one constant dark area with a grown outline: it "
            "was taken for ground; if nothing was seen there, declare nodata"
        )
        said.append(Finding(code="constant_area", message=what, severity="warn"))
    return found, tuple(said)


def _with_fill(raster: Raster, regions: tuple[FillRegion, ...]) -> Raster:
    if not regions:
        return raster
    return replace(
        raster,
        fill=(regions[0].value,) * len(raster.bands),
        fill_regions=regions,
        masked_by="fill" if raster.masked_by == "none" else raster.masked_by,
    )


def _judge_alpha(raster: Raster, scan: _Scan) -> Raster:
    """Take an "alpha" band that is not nearly always 0 or full for what it is: data.

    GDAL calls the fourth band of any 8-bit GeoTIFF alpha unless its writer objects; beside
    red, green and blue it is near infrared.
    """
    if raster.alpha is None or scan.alpha_between <= 0.5 * scan.alpha_seen:
        return raster
    bands = raster.bands
    if raster.count == 4 and raster.roles == ("red", "green", "blue"):
        bands = (*bands, ("nir", raster.alpha))
    masked_by: MaskedBy = "none" if raster.masked_by == "alpha" else raster.masked_by
    return replace(raster, bands=bands, alpha=None, masked_by=masked_by)


def _noise(dtype: str, value: float) -> float:
    """How far a lossy codec takes fill from its value, in digital numbers."""
    return _LOSSY_NOISE * (255.0 if dtype == "uint8" else max(abs(value), 600.0))


def _is_lossy(dataset: DatasetReader, raster: Raster) -> bool:
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    if raster.driver == "JPEG" or structure.get("COMPRESSION", "").upper() in _LOSSY:
        return True
    return raster.driver == "JP2OpenJPEG" and (
        structure.get("COMPRESSION_REVERSIBILITY", "").upper() != "LOSSLESS"
    )


def _walk(
    dataset: DatasetReader, raster: Raster, *, step: int, bits: int | None, lossy: bool
) -> _Scan:
    height, width = -(-dataset.height // step), -(-dataset.width // step)
    candidates = (0.0, 255.0) if raster.palette else fill_candidates(raster.dtype, bits)
    scan = _Scan(
        matches={value: np.zeros((height, width), dtype=bool) for value in candidates},
        exact={value: np.zeros((height, width), dtype=bool) for value in candidates if lossy},
        glare={value: np.zeros((height, width), dtype=bool) for value in candidates if value > 0},
        high=0.0,
        samples=[],
        alpha_between=0,
        alpha_seen=0,
    )
    # alpha is under suspicion here: what it hides is looked at too
    bare = replace(raster, alpha=None, masked_by="none") if raster.alpha else raster
    per_strip = _SAMPLES * dataset.width * step // max(1, dataset.width * dataset.height)
    for window in _strips(dataset, step):
        raw = read_raw(dataset, raster, window)
        valid = find_declared(dataset, bare, raw, window)
        if raster.alpha is not None:
            _see_alpha(scan, dataset, raster.alpha, window, valid)
        use = raw if valid.all() else raw[:, valid]
        if use.size:
            scan.high = max(scan.high, float(use.max()))
            if raw.dtype.kind == "f" or raw.dtype.itemsize > 2:
                flat = use.reshape(-1)
                count = max(1024, per_strip * window.height // step)
                scan.samples.append(flat[:: max(1, flat.size // count)].astype(np.float64))
        for value, match in scan.matches.items():
            found = is_constant(raw, value, _noise(raster.dtype, value) if lossy else 0.0)
            if not found.any():
                continue
            first = window.row // step
            rows = slice(first, first + -(-window.height // step))
            match[rows] = _cells(found, dataset, window, step)
            if value > 0:
                near = is_constant(raw, 0.9 * value, 0.1 * value)
                scan.glare[value][rows] = _cells(near, dataset, window, step)
            if lossy:
                # even flat fill may come back a number or two beside its value
                exact = found & is_constant(raw, value, _noise(raster.dtype, value) / 4)
                scan.exact[value][rows] = _cells(exact, dataset, window, step)
    return scan


def _see_alpha(
    scan: _Scan, dataset: DatasetReader, alpha: int, window: Window, valid: np.ndarray
) -> None:
    values = dataset.read(alpha, window=to_rasterio(window))[valid]
    full = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1.0
    scan.alpha_seen += values.size
    scan.alpha_between += int(np.count_nonzero((values != 0) & (values != full)))


def _strips(dataset: DatasetReader, step: int) -> Iterator[Window]:
    """Whole rows of blocks and of cells at a time, a few million pixels each."""
    unit = math.lcm(step, dataset.block_shapes[0][0])
    if unit * dataset.width > 2 * _SCAN_PIXELS:
        unit = step
    rows = max(unit, _SCAN_PIXELS // dataset.width // unit * unit)
    for row in range(0, dataset.height, rows):
        height = min(rows, dataset.height - row)
        yield Window(row=row, col=0, height=height, width=dataset.width)


def _cells(found: np.ndarray, dataset: DatasetReader, window: Window, step: int) -> np.ndarray:
    """Reduce a strip to cells: all pixels found; at the image's border, all border pixels."""
    if step == 1:
        return found
    height, width = found.shape
    edges_row = np.arange(0, height, step)
    edges_col = np.arange(0, width, step)

    def every(array: np.ndarray, edges: np.ndarray, axis: int) -> np.ndarray:
        result: np.ndarray = np.logical_and.reduceat(array, edges, axis=axis)
        return result

    cells = every(every(found, edges_row, 0), edges_col, 1)
    cells[:, 0] |= every(found[:, 0], edges_row, 0)
    cells[:, -1] |= every(found[:, -1], edges_row, 0)
    if window.row == 0:
        cells[0] |= every(found[0], edges_col, 0)
    if window.stop_row == dataset.height:
        cells[-1] |= every(found[-1], edges_col, 0)
    return cells
