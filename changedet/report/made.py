"""How a result was made, as rows: images, co-registration, grid, dates, citation."""

from __future__ import annotations

from changedet.report import words
from changedet.result import ImageRecord, Record


def inputs_table(record: Record) -> tuple[tuple[str, str, str], ...]:
    """Return rows of name, value of BEFORE, value of AFTER."""
    pairs = zip(_image_rows(record.inputs.before), _image_rows(record.inputs.after), strict=True)
    return tuple((name, before, after) for (name, before), (_, after) in pairs)


def _image_rows(image: ImageRecord) -> tuple[tuple[str, str], ...]:
    bands = ", ".join(f"{words.plain(role)} {band}" for role, band in image.bands.items())
    return (
        ("File", words.plain(image.path)),
        ("Date", words.plain(image.date) if image.date else words.NA),
        ("Size", f"{image.width:,} × {image.height:,} pixels"),
        ("Bands used", bands or words.NA),
        ("Bands known from", words.plain(image.bands_from)),
        ("Data type", words.plain(image.dtype)),
        ("Coordinate system", words.plain(image.crs, limit=120) if image.crs else "none"),
        ("Ground sample distance", words.measure(image.gsd_m, "m")),
        ("SHA-256", words.plain(image.sha256)),
    )


def registration_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """Return rows of name and value: how AFTER was brought onto BEFORE."""
    if (found := record.registration) is None:
        return ()
    return (
        ("Method", words.plain(found.method)),
        ("Model", words.plain(found.model)),
        (
            "Tie points",
            f"{words.count(found.inliers)} believed of {words.count(found.tie_points)} tried",
        ),
        ("Error, RMSE", _both(found.rmse_px, found.rmse_m)),
        ("Error, CE90", _both(found.ce90_px, found.ce90_m)),
        ("Extrapolated, no tie points near", words.percent(found.extrapolated_share)),
        ("Median distance when matched backward", words.measure(found.backward_px, "px")),
        ("Largest displacement", words.measure(found.max_shift_px, "px")),
        ("Support of the coarse alignment above chance, spreads", words.number(found.coarse_score)),
        ("Overlap with tie points near", words.percent(found.supported_share)),
    )


def _both(pixels: float | None, metres: float | None) -> str:
    if metres is None:
        return words.measure(pixels, "px")
    return f"{words.measure(pixels, 'px')} ({words.measure(metres, 'm')})"


def grid_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """Return rows of name and value: the grid of all maps."""
    if (grid := record.grid) is None:
        return ()
    return (
        ("Size of the maps", f"{grid.width:,} × {grid.height:,} pixels"),
        ("Pixel size", words.measure(grid.gsd_m, "m") if grid.gsd_m else "no scale known"),
        ("Coordinate system", words.plain(grid.crs, limit=120) if grid.crs else "none"),
    )


def dates(record: Record) -> tuple[str, str]:
    """Return both dates, ``date unknown`` where there is none."""
    images = (record.inputs.before, record.inputs.after)
    before, after = (
        words.plain(image.date, limit=40) if image.date else "date unknown" for image in images
    )
    return before, after


def citation(record: Record) -> str:
    """Return a sentence with which the result can be cited."""
    before, after = dates(record)
    made = words.plain(record.provenance.started, limit=40)
    return (
        f"changedet {words.plain(record.provenance.version, limit=40)}, change between"
        f" {words.file_name(record.inputs.before.path)} ({before}) and"
        f" {words.file_name(record.inputs.after.path)} ({after}), computed {made}."
    )
