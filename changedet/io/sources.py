"""Open a pair: both images described, BEFORE on metres, and what is wrong with them together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import shapely
from rasterio.errors import NotGeoreferencedWarning

from changedet.core.errors import Finding, NotComparable
from changedet.core.grid import Grid, Window
from changedet.core.options import RunOptions
from changedet.io.formats import StrPath
from changedet.io.places import edge_positions, lonlat_bounds, move_pixels
from changedet.io.raster import (
    Raster,
    close_rasters,
    inspect_raster,
    put_on_metres,
    read_window,
    set_scale,
)

_WARN_GSD_RATIO = 1.5
_REFUSE_GSD_RATIO = 3.0
_WARN_OVERLAP = 0.1
_STRIP_PX = 2**21
"""Pixels that are compared at a time when two files may hold the same picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two described images and the grid they are compared on; picklable, no open handle.

    Parameters
    ----------
    before, after : Raster
        BEFORE is on metres; AFTER is on its own grid.
    grid : Grid
        BEFORE's, the grid of all results.
    findings : tuple of Finding
        What is to be said of the pair; severity "refuse" means that it must not be
        compared (unless the user insists).
    overlap_share : float or None
        Share of BEFORE's extent that AFTER's extent covers, 0..1; None where it is not
        known without registration.
    """

    before: Raster
    after: Raster
    grid: Grid
    findings: tuple[Finding, ...] = ()
    overlap_share: float | None = None


@contextmanager
def open_pair(before: StrPath, after: StrPath, options: RunOptions | None = None) -> Iterator[Pair]:
    """Describe two images and bring BEFORE onto a grid in metres.

    Parameters
    ----------
    before, after : path-like
        Image files.
    options : RunOptions, optional
        ``bands``, ``gsd``, ``allow_driver`` and the dates are used.

    Yields
    ------
    Pair
        Files that reading left open in this thread are closed at the end.

    Raises
    ------
    InputError
        Where one of the files cannot be used.
    NotComparable
        ``code="no_overlap"``, where both are georeferenced and lie apart.
    """
    wishes = options or RunOptions()
    # rasterio hushes this warning around its memory datasets, thread by thread, but the filters
    # belong to the process: while blocks are computed in threads it must be off throughout.
    with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
        try:
            yield _describe(before, after, wishes)
        finally:
            close_rasters()


def _describe(before: StrPath, after: StrPath, options: RunOptions) -> Pair:
    first = inspect_raster(
        before, role="before", bands=options.bands, allow_driver=options.allow_driver
    )
    second = inspect_raster(
        after, role="after", bands=options.bands, allow_driver=options.allow_driver
    )
    findings = [*first.findings, *second.findings, *_check_identity(first, second)]
    if options.gsd is not None:
        if first.grid.crs is not None:
            findings.append(
                Finding(
                    code="gsd_ignored",
                    message=f"{first.name} has a georeference, so --gsd was not used",
                    severity="warn",
                )
            )
        first = set_scale(first, options.gsd)
    first = put_on_metres(first)
    findings += _check_scale(first)
    findings += _check_georeference(first, second)
    findings += _check_gsd(first.grid, second.grid)
    findings += _check_dates(options, first, second)
    share = overlap_share(first.grid, second.grid)
    if share is not None and share == 0.0:
        raise NotComparable(_no_overlap(first, second), code="no_overlap")
    if share is not None and share < _WARN_OVERLAP:
        findings.append(
            Finding(
                code="small_overlap",
                message=f"the after image covers only {share:.1%} of the before image",
                severity="warn",
            )
        )
    return Pair(
        before=first,
        after=second,
        grid=first.grid,
        findings=tuple(findings),
        overlap_share=share,
    )


def overlap_share(before: Grid, after: Grid) -> float | None:
    """Share of BEFORE's extent inside AFTER's, by their georeferences; None without one."""
    if before.crs is None or after.crs is None:
        return None
    cols, rows = move_pixels(after, before, *edge_positions(after))
    known = np.isfinite(cols) & np.isfinite(rows)
    if np.count_nonzero(known) < 3:
        return 0.0
    outline = shapely.make_valid(shapely.polygons(np.column_stack([cols[known], rows[known]])))
    frame = shapely.box(-0.5, -0.5, before.width - 0.5, before.height - 0.5)
    return float(shapely.area(shapely.intersection(outline, frame)) / shapely.area(frame))


def _no_overlap(before: Raster, after: Raster) -> str:
    return (
        f"{before.name} and {after.name} do not overlap: before covers {_place(before.grid)}, "
        f"after covers {_place(after.grid)}; check the files and their CRS"
    )


def _place(grid: Grid) -> str:
    bounds = lonlat_bounds(grid)
    if bounds is None:
        return "an unknown place"
    west, south, east, north = bounds
    return f"lon {west:.4f} .. {east:.4f}, lat {south:.4f} .. {north:.4f}"


def _check_identity(before: Raster, after: Raster) -> list[Finding]:
    if before.sha256 == after.sha256:
        message = "both images are the same file, byte by byte: no change can be found"
        return [Finding(code="identical", message=message, severity="warn")]
    if same_pixels(before, after):
        alike = "both images have the same pixels in different files: no change can be found"
        return [Finding(code="identical", message=alike, severity="warn")]
    return []


def same_pixels(before: Raster, after: Raster) -> bool:
    """Tell whether two files hold the same picture: the same values, whatever their encoding.

    Parameters
    ----------
    before, after : Raster
        On their own grids. Bands that one of them alone has, data type, compression and
        georeference do not matter.

    Returns
    -------
    bool
        Two images of a place differ in the first rows already, so that both are read to the end
        only where they are the same.
    """
    roles = tuple(role for role in before.roles if role in after.roles)
    first, second = before.native_grid, after.native_grid
    if not roles or (first.width, first.height) != (second.width, second.height):
        return False
    before, after = replace(before, grid=first), replace(after, grid=second)
    seen = False
    for window in _windows(first):
        values, valid = read_window(before, window, roles=roles)
        others, also = read_window(after, window, roles=roles)
        both = valid & also
        if not np.array_equal(values[:, both], others[:, both]):
            return False
        seen = seen or bool(both.any())
    return seen


def _windows(grid: Grid) -> Iterator[Window]:
    """Cut a grid into strips: a small one from its middle first, then all of it."""
    yield Window(row=grid.height // 2, col=0, height=min(16, grid.height), width=grid.width)
    rows = max(1, _STRIP_PX // grid.width)
    for row in range(0, grid.height, rows):
        yield Window(row=row, col=0, height=min(rows, grid.height - row), width=grid.width)


def _check_georeference(before: Raster, after: Raster) -> list[Finding]:
    bare = [raster.name for raster in (before, after) if raster.grid.crs is None]
    if len(bare) != 1:
        return []
    message = f"{bare[0]} has no georeference: the pair is aligned by its content alone"
    return [Finding(code="one_georeference", message=message, severity="warn")]


def _check_gsd(before: Grid, after: Grid) -> list[Finding]:
    if before.crs is None or after.crs is None or not (before.gsd_m and after.gsd_m):
        return []
    ratio = max(before.gsd_m / after.gsd_m, after.gsd_m / before.gsd_m)
    if ratio <= _WARN_GSD_RATIO:
        return []
    sizes = f"before {before.gsd_m:.3g} m, after {after.gsd_m:.3g} m per pixel"
    if ratio > _REFUSE_GSD_RATIO:
        message = f"the pixels differ {ratio:.1f} times in size ({sizes}): not comparable"
        return [Finding(code="gsd_ratio", message=message, severity="refuse")]
    message = f"the pixels differ in size ({sizes}): fine detail is compared at the coarser one"
    return [Finding(code="gsd_ratio", message=message, severity="degrade")]


def _check_scale(before: Raster) -> list[Finding]:
    if before.grid.gsd_m is not None:
        return []
    message = f"the scale of {before.name} is not known: no hectares without --gsd METRES"
    return [Finding(code="no_scale", message=message, severity="warn")]


def _check_dates(options: RunOptions, before: Raster, after: Raster) -> list[Finding]:
    """Compare the dates, the user's word before the files'; ISO 8601 sorts as text."""
    first = str(options.before_date or before.date or "")[:10]
    second = str(options.after_date or after.date or "")[:10]
    if not first or not second or first <= second:
        return []
    message = f"the before date {first} is later than the after date {second}: swapped?"
    return [Finding(code="dates_swapped", message=message, severity="warn")]
