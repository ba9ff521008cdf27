"""What an open dataset is: its georeference, bands and mask, decided once."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError
from rasterio.io import DatasetReader

from changedet.core.errors import Finding, InputError
from changedet.core.grid import Grid
from changedet.io.bands import resolve_bands
from changedet.io.description import MaskedBy, Raster
from changedet.io.places import name_crs, set_unit
from changedet.io.reading import check_scales
from changedet.io.viewing import read_viewing

MIN_SIDE = 64
MAX_BLOCK_BYTES = 300_000_000
MAX_BANDS = 20
_DTYPES = frozenset({"uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"})
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
    if declared_bits(dataset) == 1:
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
    """Describe an open dataset, before its pixels were looked at.

    That is what :func:`~changedet.io.scanning.scan_pixels` does.

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
    check_scales(dataset, [number for _, number in roles], name)
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


def declared_bits(dataset: DatasetReader) -> int | None:
    """Return the bits of a value that are used, where the file says so (NBITS)."""
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
