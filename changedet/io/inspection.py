"""What an open dataset is: its georeference, bands, mask, fill and white, decided once."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError
from rasterio.io import DatasetReader

from changedet.core.errors import Finding, InputError
from changedet.core.grid import Grid, Window
from changedet.io.bands import resolve_bands, resolve_white
from changedet.io.description import FillRegion, MaskedBy, Raster
from changedet.io.fill import fill_candidates, find_fill, is_constant
from changedet.io.places import name_crs, set_unit
from changedet.io.reading import find_declared, read_raw, read_scale, to_rasterio
from changedet.io.viewing import read_viewing

MIN_SIDE = 64
MAX_BLOCK_BYTES = 300_000_000
MAX_BANDS = 20
_SCAN_SIDE = 2048
_SCAN_PIXELS = 2**23
_SAMPLES = 2**18
_DTYPES = frozenset({"uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"})
_LOSSY = frozenset({"JPEG", "YCBCR JPEG", "JPEG2000", "WEBP", "JXL", "LERC"})
_LOSSY_NOISE = 0.03
_EDGE_NOISE = 3.0
"""Digital numbers of 8 bit: what is left of a lossy past around the fill of a lossless file."""
_WORLD_SUFFIXES = {
    "GTiff": (".tfw", ".tifw", ".tiffw"),
    "JPEG": (".jgw", ".jpgw", ".jpegw"),
    "PNG": (".pgw", ".pngw"),
    "JP2OpenJPEG": (".j2w", ".jp2w"),
}
_DATE_TAGS = ("ACQUISITIONDATETIME", "EXIF_DateTimeOriginal", "TIFFTAG_DATETIME")


def check_dataset(dataset: DatasetReader, name: str) -> None:
    """Refuse what cannot be compared as an image, or not within bounded memory.

    Raises
    ------
    InputError
        Overviews in another file, several pages, no bands, too many bands, an unsupported
        type, too small, or stored in blocks that do not fit into memory.
    """
    if dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE"):
        fact = "its overviews are another file, which is not opened"  # as GDAL would at once
        raise InputError(f"{name}: {fact}; save it without that")
    if dataset.subdatasets:
        number = len(dataset.subdatasets)
        raise InputError(f"{name}: holds {number} pages; save the one to use as its own file")
    if not 1 <= dataset.count <= MAX_BANDS:
        raise InputError(f"{name}: has {dataset.count} bands; 1 to {MAX_BANDS} can be read")
    if min(dataset.width, dataset.height) < MIN_SIDE:
        raise InputError(
            f"{name}: too small ({dataset.width} x {dataset.height} px); "
            f"at least {MIN_SIDE} x {MIN_SIDE} px are needed"
        )
    dtypes = set(dataset.dtypes)
    if not dtypes <= _DTYPES:
        wrong = sorted(dtypes - _DTYPES)[0]
        raise InputError(f"{name}: pixels of type {wrong} are not supported; convert to float32")
    if _bits(dataset) == 1:
        raise InputError(f"{name}: a 1-bit image holds no grey values; give the image itself")
    rows, cols = dataset.block_shapes[0]
    size = rows * cols * dataset.count * np.dtype(dataset.dtypes[0]).itemsize
    if size > MAX_BLOCK_BYTES:
        raise InputError(
            f"{name}: stored in blocks of {cols} x {rows} px ({size / 1e6:,.0f} MB each); "
            "convert it to a tiled GeoTIFF"
        )


def describe_dataset(
    dataset: DatasetReader,
    *,
    path: Path,
    name: str,
    driver: str,
    bands: Mapping[str, int] | None,
    sha256: str,
) -> Raster:
    """Describe an open dataset, before its pixels were looked at (see :func:`scan_pixels`).

    Raises
    ------
    InputError
        Where its transform is nonsense or its bands cannot be told.
    """
    colours = [colour.name for colour in dataset.colorinterp]
    palette = colours[0] == "palette" and dataset.count == 1 and not bands
    alpha = _alpha(dataset, bands)
    roles, bands_from = resolve_bands(
        count=dataset.count,
        option=bands,
        descriptions=dataset.descriptions,
        colours=colours,
        alpha=alpha,
        name=name,
    )
    if palette:
        roles, bands_from = (("red", 1), ("green", 1), ("blue", 1)), "colour interpretation"
    grid, findings = _georeference(dataset, path, name, driver)
    if palette:
        what = "has a palette of few colours; give the image it was made from, if you can"
        said = Finding(code="palette", message=f"{name} {what}", severity="warn")
        findings = (*findings, said)
    masked_by: MaskedBy = "none"
    if dataset.nodata is not None:
        masked_by = "nodata"
    elif alpha is not None:
        masked_by = "alpha"
    elif MaskFlags.per_dataset in dataset.mask_flag_enums[0] and _has_mask(dataset):
        masked_by = "mask"
    return Raster(
        path=str(path),
        name=name,
        driver=driver,
        grid=grid,
        native_grid=grid,
        dtype=dataset.dtypes[roles[0][1] - 1],
        count=dataset.count,
        bands=roles,
        bands_from=bands_from,
        nodata=dataset.nodata,
        masked_by=masked_by,
        alpha=alpha,
        palette=palette,
        white=255.0,
        overviews=tuple(dataset.overviews(1)),
        date=_date(dataset),
        viewing=read_viewing(_all_tags(dataset)),
        sha256=sha256,
        findings=findings,
    )


def _bits(dataset: DatasetReader) -> int | None:
    text = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", "")
    return int(text) if text.isdigit() else None


def _alpha(dataset: DatasetReader, bands: Mapping[str, int] | None) -> int | None:
    """Find the alpha band; a band that the user gave a role is data."""
    for number, colour in enumerate(dataset.colorinterp, start=1):
        if colour == ColorInterp.alpha and number not in (bands or {}).values():
            return number
    return None


def _has_mask(dataset: DatasetReader) -> bool:
    """Tell a mask of its own from one that GDAL makes from an alpha band."""
    return MaskFlags.alpha not in dataset.mask_flag_enums[0]


def _georeference(
    dataset: DatasetReader, path: Path, name: str, driver: str
) -> tuple[Grid, tuple[Finding, ...]]:
    """Resolve CRS and transform, with world files; no CRS means no georeference."""
    shape = {"width": dataset.width, "height": dataset.height}
    crs, transform = dataset.crs, dataset.transform
    world = None if transform != Affine.identity() else read_world_file(path, driver)
    if world is not None:
        transform, crs = world, crs or _read_prj(path)
    text = name_crs(crs)
    if text is None or transform == Affine.identity():
        return Grid(**shape), _no_georeference(dataset, name, world=world is not None)
    values = tuple(transform)[:6]
    size = abs(transform.determinant)
    tiny = 1e-10 if CRS.from_user_input(text).is_geographic else 1e-3
    if not all(map(math.isfinite, values)) or math.sqrt(size) < tiny:
        raise InputError(f"{name}: its geotransform {values} is nonsense; correct the file")
    grid = set_unit(Grid(**shape, transform=Affine(*values), crs=text))
    if grid.unit_m is None:
        raise InputError(f"{name}: its georeference lies outside of its CRS; correct the file")
    return grid, ()


def _no_georeference(dataset: DatasetReader, name: str, *, world: bool) -> tuple[Finding, ...]:
    """Say what the image has instead of a georeference, if anything."""
    if dataset.gcps[0]:
        what = "has ground control points but no transform; orthorectify it to use them"
    elif dataset.rpcs is not None:
        what = "has rational polynomials but no transform; orthorectify it to use them"
    elif world:
        what = "has a world file but no CRS; its position is not used"
    elif dataset.transform != Affine.identity():
        what = "has a transform but no CRS; its position is not used"
    else:
        return ()
    return (Finding(code="georeference_unused", message=f"{name} {what}", severity="warn"),)


def read_world_file(path: Path, driver: str) -> Affine | None:
    """Read the world file beside an image; None where there is none that makes sense."""
    for suffix in (*_WORLD_SUFFIXES.get(driver, ()), ".wld"):
        for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            text = _read_small(candidate)
            numbers = re.split(r"[\s]+", text.strip()) if text else []
            if len(numbers) != 6:
                continue
            try:
                a, d, b, e, x, y = (float(number.replace(",", ".")) for number in numbers)
            except ValueError:
                continue
            # a world file gives the centre of the first pixel, we its corner
            return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)
    return None


def _read_prj(path: Path) -> CRS | None:
    text = _read_small(path.with_suffix(".prj"))
    try:
        return CRS.from_wkt(text, morph_from_esri_dialect=True) if text else None
    except CRSError:
        return None


def _read_small(path: Path, limit: int = 16_384) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(limit)
    except OSError:
        return None


def _all_tags(dataset: DatasetReader) -> dict[str, str]:
    """Tags of the file and of a vendor's description beside it."""
    return {**dataset.tags(), **dataset.tags(ns="IMD"), **dataset.tags(ns="IMAGERY")}


def _date(dataset: DatasetReader) -> str | None:
    """ISO 8601 of the first date tag that can be read."""
    tags = _all_tags(dataset)
    for key in _DATE_TAGS:
        found = re.match(
            r"\s*(\d{4})[-:]?(\d\d)[-:]?(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?", tags.get(key, "")
        )
        if not found:
            continue
        parts = [int(part) for part in found.groups() if part is not None]
        try:
            day = dt.date(parts[0], parts[1], parts[2]).isoformat()
            time = dt.time(parts[3], parts[4], parts[5]).isoformat() if len(parts) == 6 else ""
        except ValueError:
            continue
        return f"{day}T{time}" if time else day
    return None


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
        From :func:`describe_dataset`.
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
    bits = _bits(dataset)
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
    scale, offset = read_scale(dataset, raster, 0)
    raster = replace(raster, white=white * scale + offset if scale > 0 else white)
    return _with_fill(raster, tuple(regions))


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
