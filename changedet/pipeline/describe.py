"""What would be done with a pair, without doing it."""

from __future__ import annotations

from typing import Any

from changedet.compare.structure import NOMINAL_GSD_M, window_sizes
from changedet.core.blocks import blocks
from changedet.core.options import RunOptions
from changedet.io.formats import StrPath
from changedet.io.raster import Raster
from changedet.io.sources import open_pair
from changedet.pipeline.estimate import estimate_seconds
from changedet.pipeline.fit import block_margin

BYTES_PER_PIXEL = 150
"""Peak memory of a block a pixel that it reads, measured with three bands."""
BASE_MB = 420
"""Memory of the libraries and of GDAL's cache, measured."""


def describe_pair(before: StrPath, after: StrPath, options: RunOptions) -> dict[str, Any]:
    """Return grid, overlap, scale, bands, blocks, memory and about the seconds of a run.

    Raises
    ------
    InputError
        Where a file cannot be used.
    NotComparable
        Where the two do not overlap.
    """
    with open_pair(before, after, options) as pair:
        grid = pair.grid
        gsd = grid.gsd_m
        sizes = window_sizes(gsd)
        built = options.footprints is None
        margin = block_margin(sizes, gsd or NOMINAL_GSD_M, built=built)
        size = options.block_size
        padded = (min(size, max(grid.shape)) + 2 * margin) ** 2
        bands = len(pair.before.roles) + len(pair.after.roles)
        per_block = padded * BYTES_PER_PIXEL * max(bands, 6) / 6
        return {
            "before": _image(pair.before),
            "after": _image(pair.after),
            "grid": {
                "crs": grid.crs,
                "gsd_m": gsd,
                "width": grid.width,
                "height": grid.height,
                "hectares": None
                if grid.pixel_area_m2 is None
                else grid.width * grid.height * grid.pixel_area_m2 / 1e4,
            },
            "overlap_share": pair.overlap_share,
            "blocks": {
                "count": sum(1 for _ in blocks(grid, size=size)),
                "size_px": size,
                "margin_px": margin,
                "jobs": options.jobs,
            },
            "memory_mb": round(BASE_MB + options.jobs * per_block / 1e6),
            "seconds": round(
                estimate_seconds(grid.width * grid.height, footprints=not built, jobs=options.jobs)
            ),
            "findings": [f"{f.severity}: {f.message}" for f in pair.findings],
        }


def _image(raster: Raster) -> dict[str, Any]:
    native = raster.native_grid
    return {
        "path": raster.name,
        "driver": raster.driver,
        "width": native.width,
        "height": native.height,
        "crs": native.crs,
        "gsd_m": native.gsd_m,
        "dtype": raster.dtype,
        "bands": dict(raster.bands),
        "bands_from": raster.bands_from,
        "masked_by": raster.masked_by,
        "date": raster.date,
    }
