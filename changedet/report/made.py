"""How a result was made, as rows: images, co-registration, grid, dates, citation."""

from __future__ import annotations

from changedet.report import amounts, notes, words
from changedet.report.credit import dates
from changedet.report.language import Day, Joined, Number, Phrase, Text, phrase
from changedet.result import ImageRecord, Record

_PIXELS = Phrase("unit-pixels")
_METRES = Phrase("unit-metres")
Row = tuple[Text, Text]


def inputs_table(record: Record) -> tuple[tuple[Text, Text, Text], ...]:
    """Return rows of name, value of BEFORE, value of AFTER."""
    pairs = zip(_image_rows(record.inputs.before), _image_rows(record.inputs.after), strict=True)
    return tuple((name, before, after) for (name, before), (_, after) in pairs)


def _image_rows(image: ImageRecord) -> tuple[Row, ...]:
    bands = Joined(
        tuple(Joined((notes.band_text(role), band)) for role, band in image.bands.items()), ", "
    )
    date = Day(words.plain(image.date, limit=40), clock=True) if image.date else amounts.UNKNOWN
    return (
        (Phrase("made-file"), words.plain(image.path)),
        (Phrase("made-date"), date),
        (Phrase("made-size"), _size(image.width, image.height)),
        (Phrase("made-bands"), bands if image.bands else amounts.UNKNOWN),
        (Phrase("made-bands-from"), notes.bands_from_text(image.bands_from)),
        (Phrase("made-dtype"), words.plain(image.dtype)),
        (Phrase("made-crs"), _crs(image.crs)),
        (Phrase("made-gsd"), amounts.measure(image.gsd_m, _METRES)),
        (Phrase("made-sha"), words.plain(image.sha256)),
    )


def _size(width: int, height: int) -> Text:
    return phrase("made-pixels", width=width, height=height)


def _crs(crs: str | None) -> Text:
    return words.plain(crs, limit=120) if crs else Phrase("none")


def registration_rows(record: Record) -> tuple[Row, ...]:
    """Return rows of name and value: how AFTER was brought onto BEFORE."""
    if (found := record.registration) is None:
        return ()
    points = phrase("made-believed", believed=found.inliers, tried=found.tie_points)
    return (
        (Phrase("made-method"), notes.method_text(found.method)),
        (Phrase("made-model"), notes.model_text(found.model)),
        (Phrase("made-tie-points"), points),
        (Phrase("made-rmse"), _both(found.rmse_px, found.rmse_m)),
        (Phrase("made-ce90"), _both(found.ce90_px, found.ce90_m)),
        (Phrase("made-extrapolated"), amounts.percent(found.extrapolated_share)),
        (Phrase("made-backward"), amounts.measure(found.backward_px, _PIXELS)),
        (Phrase("made-displacement"), amounts.measure(found.max_shift_px, _PIXELS)),
        (Phrase("made-support"), Number(found.coarse_score)),
        (Phrase("made-supported"), amounts.percent(found.supported_share)),
    )


def _both(pixels: float | None, metres: float | None) -> Text:
    if metres is None:
        return amounts.measure(pixels, _PIXELS)
    return phrase(
        "made-both",
        pixels=amounts.measure(pixels, _PIXELS),
        metres=amounts.measure(metres, _METRES),
    )


def grid_rows(record: Record) -> tuple[Row, ...]:
    """Return rows of name and value: the grid of all maps."""
    if (grid := record.grid) is None:
        return ()
    gsd = amounts.measure(grid.gsd_m, _METRES) if grid.gsd_m else Phrase("made-no-scale")
    return (
        (Phrase("made-map-size"), _size(grid.width, grid.height)),
        (Phrase("made-pixel-size"), gsd),
        (Phrase("made-crs"), _crs(grid.crs)),
    )


def method_rows(record: Record) -> tuple[Row, ...]:
    """Return rows of name and value: what was mapped, and how."""
    parts = (("built", record.built), ("vegetation", record.vegetation))
    return tuple(
        (Phrase(f"made-{name}"), notes.method_text(part.method)) for name, part in parts if part
    )


def radiometry_rows(record: Record) -> tuple[tuple[Text, ...], ...]:
    """Return rows of band, gain, offset and correlation."""
    return tuple(
        (notes.band_text(band), *(Number(v) for v in (fit.gain, fit.offset, fit.correlation)))
        for band, fit in (record.radiometry or {}).items()
    )


def software_rows(record: Record) -> tuple[Row, ...]:
    """Return rows of name and version."""
    made = record.provenance
    return (("changedet", words.plain(made.version)), *words.flatten(dict(made.software)))


def run_rows(record: Record) -> tuple[Row, ...]:
    """Return rows of name and value: when it was computed and what it took."""
    made = record.provenance
    return (
        (Phrase("made-started"), Day(words.plain(made.started, limit=40), clock=True)),
        (Phrase("made-time"), amounts.measure(made.seconds, Phrase("unit-seconds"))),
        (Phrase("made-memory"), amounts.measure(made.peak_mb, Phrase("unit-megabytes"))),
    )


def credit(record: Record) -> Text:
    """Return the credit line of the imagery, or what to do where none was given."""
    given = record.provenance.options.get("credit")
    if given:
        return phrase("credit", owner=words.plain(given, limit=200))
    return Phrase("credit-missing")


def citation(record: Record) -> Text:
    """Return a sentence with which the result can be cited."""
    before, after = dates(record)
    return phrase(
        "citation",
        version=words.plain(record.provenance.version, limit=40),
        before=words.file_name(record.inputs.before.path),
        before_date=before,
        after=words.file_name(record.inputs.after.path),
        after_date=after,
        made=Day(words.plain(record.provenance.started, limit=40), clock=True),
    )
