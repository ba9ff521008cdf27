"""Both dates and all maps as tiles, down to the pixels of the image before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from changedet.api.exports import Kit
from changedet.api.reopen import reopen_before
from changedet.api.views import (
    SIZE,
    find_limits,
    grid_of,
    known_pixels,
    pictures_of,
    shown_bands,
    to_display,
)
from changedet.core.errors import InputError
from changedet.core.grid import Grid, Window
from changedet.io.output import write_file
from changedet.io.raster import Raster, close_rasters, read_own, read_small, read_window
from changedet.pipeline.scene import visible_roles
from changedet.report.page import render_data, render_page
from changedet.report.pyramid import Paint, Pyramid, TiledLayer, build_layer, pyramid_document
from changedet.report.tilepaint import ClassPaint, EvidencePaint, PhotoPaint
from changedet.result import Record

FOLDER = "tiles"
"""Where the tiles stand in a result folder, with the page that shows them."""
DATA = "data.js"
"""What the page must know: a page that is opened as a file can load scripts and pictures alone."""

UInt8 = NDArray[np.uint8]
Read = Callable[[Window], UInt8]

_SAMPLES = 6  # windows along a side that tell the limits of a large image
_SAMPLE_PX = 512


def write(kit: Kit) -> None:
    """Write the tiles, ``data.js`` and ``index.html``, which shows them.

    Raises
    ------
    InputError
        The image before, which no result folder holds at its full resolution, is gone or is
        another one than was compared. A smaller picture in its place would show less detail
        before than after, and so pretend a change.
    """
    folder = kit.target / FOLDER
    pyramid = write_tiles(kit.folder, kit.record, folder)
    document = pyramid_document(pyramid)
    data = render_data(kit.record, kit.views, tiles=document)
    write_file(folder / DATA, f"window.CHANGEDET_DATA={data};\n")
    pictures = pictures_of(kit.folder, kit.record)
    page = render_page(kit.record, kit.views, pictures, lang=kit.lang, tiles=document)
    write_file(folder / "index.html", page)


def write_tiles(source: Path, record: Record, target: Path) -> Pyramid:
    """Write all layers of a result as tiles, one after the other.

    Parameters
    ----------
    source : Path
        The result folder.
    record : Record
        Its result.json.
    target : Path
        Folder of the layers: ``before``, ``after``, and of ``classes``, ``structural`` and
        ``pixel`` those whose maps are there; each as ``{z}/{x}_{y}.webp`` or ``.png``.

    Returns
    -------
    Pyramid
        What was written.

    Raises
    ------
    InputError
        See :func:`write`.
    """
    if record.grid is None:
        raise InputError(f"{source}: this pair was refused: there is nothing to export")
    grid = grid_of(record.grid)
    maps = source / "maps"
    place = Path(record.inputs.before.path)
    if not place.is_file():
        raise InputError(
            f"{place}: the image before is not there any more, and tiles show all its pixels; "
            "put it there again, and start where the run was started"
        )
    raster = reopen_before(record)
    layers: list[tuple[str, Read, Paint]] = [
        ("before", _before(raster), PhotoPaint()),
        ("after", _after(maps / "aligned.tif", shown_bands(record)), PhotoPaint()),
    ]
    for name, file, paint in (
        ("classes", "classes.tif", ClassPaint()),
        ("structural", "structural_change.tif", EvidencePaint()),
        ("pixel", "pixel_change.tif", EvidencePaint()),
    ):
        if (maps / file).is_file():
            layers.append((name, _map(maps / file), paint))
    try:
        done = tuple(_layer(name, read, paint, grid, target) for name, read, paint in layers)
    finally:
        close_rasters()
    return Pyramid(width=grid.width, height=grid.height, layers=done)


def _layer(name: str, read: Read, paint: Paint, grid: Grid, target: Path) -> TiledLayer:
    made: set[Path] = set()

    def emit(address: str, data: bytes) -> None:
        path = target / address
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        write_file(path, data)

    return build_layer(name, read, paint, emit, width=grid.width, height=grid.height)


def _before(raster: Raster) -> Read:
    roles = visible_roles(raster)
    limits = _limits(raster, roles)

    def read(window: Window) -> UInt8:
        values, valid = read_window(raster, window, roles=roles)
        return _photo(to_display(values, valid, limits=limits), valid)

    return read


def _limits(raster: Raster, roles: tuple[str, ...]) -> tuple[float, float]:
    """Find the limits of the display as the report does: from pixels of the size of its views.

    Of a large image not all are read, but those of some windows that lie over all of it.
    """
    grid = raster.grid
    zoom = max(1, -(-max(grid.shape) // SIZE))
    side = max(_SAMPLE_PX // zoom, 1) * zoom
    if zoom > 1 and min(grid.shape) >= _SAMPLES * side:
        samples = []
        for row in np.linspace(0, grid.height - side, _SAMPLES):
            for col in np.linspace(0, grid.width - side, _SAMPLES):
                # Where blocks of the file begin, as a rule: then least of it is read.
                at = (int(start) // _SAMPLE_PX * _SAMPLE_PX for start in (row, col))
                top, left = at
                window = Window(row=top, col=left, height=side, width=side)
                values, valid = read_window(raster, window, roles=roles, zoom=zoom)
                samples.append(values[:, valid])
        found = np.concatenate(samples, axis=1)
        if found.shape[1] > _SAMPLE_PX:
            return find_limits(found[:, None], np.ones((1, found.shape[1]), bool))
    return find_limits(*read_window(raster, grid.window, roles=roles, zoom=zoom))


def _after(path: Path, bands: list[int]) -> Read:
    if not path.is_file():
        raise InputError(f"{path}: the map is missing; run the pair again")
    small = read_small(path, size=SIZE)[bands]
    limits = find_limits(np.nan_to_num(small), known_pixels(small))

    def read(window: Window) -> UInt8:
        values = read_own(path, window)[bands]
        valid = known_pixels(values)
        return _photo(to_display(np.nan_to_num(values), valid, limits=limits), valid)

    return read


def _map(path: Path) -> Read:
    def read(window: Window) -> UInt8:
        return np.asarray(read_own(path, window)[0], np.uint8)

    return read


def _photo(shown: UInt8, valid: NDArray[np.bool_]) -> UInt8:
    """Add alpha to colours."""
    return np.dstack([shown, np.where(valid, np.uint8(255), np.uint8(0))])
