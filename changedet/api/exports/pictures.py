"""``--export pictures``: what a newsroom, a slide or a page on the web needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from changedet.api.exports import Kit
from changedet.api.reopen import reopen_before
from changedet.api.views import grid_of, shown_bands, to_display
from changedet.core.errors import InputError
from changedet.core.grid import Grid, Window
from changedet.io.output import write_file
from changedet.io.raster import read_own, read_window
from changedet.pipeline.scene import visible_roles
from changedet.report import publish
from changedet.report.figures import motion, publication
from changedet.report.figures.leaf import DPI, banded, pixels
from changedet.report.language import Phrase, tell
from changedet.report.pictures import shown
from changedet.report.publish import Tags, UInt8

SIZE = 4000
"""Longest side of the two images, pixels; smaller sources keep their own size."""
_STRIP = 512  # rows of a picture that are averaged at once


def write(kit: Kit) -> None:
    """Write both images in one size, a map, a moving picture and their captions."""
    folder = kit.target / "pictures"
    folder.mkdir(exist_ok=True)
    record, lang, credit = kit.record, kit.lang, kit.credit
    before, after = _images(kit)
    codes = [int(code) for code in np.unique(kit.views.classes)]
    said = {item.file: item for item in publish.captions(record, codes, lang)}
    title = tell(publish.place(record) or Phrase("publish-untitled"), lang)

    def tags(file: str, date: str | None = None) -> Tags:
        owner = publish.credit_line(credit)
        return Tags(
            title=title,
            description=said[file].text,
            alt=said[file].alt,
            rights="" if owner is None else tell(owner, lang),
            software=f"changedet {record.provenance.version}",
            lang=lang,
            date=date,
        )

    inputs = record.inputs
    for file, image, date in (
        ("before.jpg", before, inputs.before.date),
        ("after.jpg", after, inputs.after.date),
    ):
        shown_as = banded(image, record, lang)
        write_file(folder / file, publish.encode_jpeg(shown_as, tags(file, date)))
    drawn = {
        "map.png": publication.annotated_map(kit.views, record, after, lang=lang, credit=credit),
        "before_after.png": publication.side_by_side(
            kit.views, record, before, after, lang=lang, credit=credit
        ),
    }
    for file, figure in drawn.items():
        picture = pixels(figure)
        figure.clear()
        png = publish.encode_png(picture, tags(file), dpi=DPI)
        write_file(folder / file, png)
    moving = motion.frames(kit.views, record, before, after, lang=lang, credit=credit)
    faded = publish.fading(moving.images, moving.top, moving.bottom)
    webp = publish.encode_webp(*faded, tags("change.webp"))
    write_file(folder / "change.webp", webp)
    gif = publish.encode_gif(moving.images, tags("change.gif"))
    write_file(folder / "change.gif", gif)
    text = publish.captions_text(record, codes, tuple(said), credit=credit, lang=lang)
    write_file(folder / "captions.txt", text)


def _images(kit: Kit) -> tuple[UInt8, UInt8]:
    """Return both dates on the same ground, as large as they go.

    Where the image before is gone or is another one by now, those of the report are taken.
    """
    small = [shown(view, _any(view)) for view in (kit.views.before, kit.views.after)]
    if kit.record.grid is None:
        return small[0], small[1]
    grid = grid_of(kit.record.grid)
    zoom = max(1, -(-max(grid.shape) // SIZE))
    try:
        raster = reopen_before(kit.record)
        values, valid = read_window(raster, grid.window, roles=visible_roles(raster), zoom=zoom)
    except InputError:
        return small[0], small[1]
    before = to_display(values, valid)
    del values
    after = to_display(*_read_after(kit, grid, zoom))
    return shown(before, valid), shown(after, _any(after))


def _any(image: UInt8) -> NDArray[np.bool_]:
    return np.asarray(image.any(axis=2), np.bool_)


def _read_after(kit: Kit, grid: Grid, zoom: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read the aligned image as :func:`read_window` does: means over zoom x zoom valid pixels.

    In strips, so that memory does not grow with the image.
    """
    bands = shown_bands(kit.record)
    path = kit.folder / "maps" / "aligned.tif"
    height, width = (-(-n // zoom) for n in grid.shape)
    values = np.zeros((len(bands), height, width), np.float32)
    valid = np.zeros((height, width), np.bool_)
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        window = Window(row=top * zoom, col=0, height=rows * zoom, width=width * zoom)
        part = read_own(path, window & grid.window)[bands]
        # The lowest value of the data type says nodata (see the pipeline), NaN in floats.
        lowest = np.iinfo(part.dtype).min if part.dtype.kind in "iu" else None
        known = np.isfinite(part) if lowest is None else part > lowest
        seen = np.asarray(known.all(axis=0), np.bool_)
        count = _sums(seen[None].astype(np.float32), zoom)[0]
        sums = _sums(np.where(seen, part, 0).astype(np.float32), zoom)
        values[:, top : top + rows] = sums / np.maximum(count, 1)
        valid[top : top + rows] = count * 2 >= _sums(np.ones((1, *seen.shape), np.float32), zoom)[0]
    return values * valid, valid


def _sums(array: NDArray[np.float32], zoom: int) -> NDArray[np.float32]:
    """Sum over squares of zoom x zoom; the last ones may be cut."""
    bands, height, width = array.shape
    padded = np.pad(array, ((0, 0), (0, -height % zoom), (0, -width % zoom)))
    shape = (bands, -(-height // zoom), zoom, -(-width // zoom), zoom)
    sums: NDArray[np.float32] = padded.reshape(shape).sum(axis=(2, 4), dtype=np.float32)
    return sums
