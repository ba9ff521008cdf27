"""What the pipeline says in words, for every language: notes, reasons, methods, settings."""

from __future__ import annotations

from changedet.report import amounts, words
from changedet.report.language import LANGUAGES, Joined, Phrase, Retold, Text, keys, phrase
from changedet.report.retold import number_of, retell
from changedet.result import Note, Record

_SETTING_UNITS = {
    "thresholds.window_px": "unit-pixels",
    "thresholds.search_px": "unit-pixels",
    "thresholds.support_px": "unit-pixels",
    "thresholds.minimum_built_px": "unit-pixels",
    "thresholds.minimum_vegetation_px": "unit-pixels",
    "options.gsd": "unit-metres",
    "options.block_size": "unit-pixels",
    "options.coregistration.window": "unit-pixels",
    "options.coregistration.spacing": "unit-pixels",
    "options.coregistration.max_offset_m": "unit-metres",
    "options.coregistration.max_residual_px": "unit-pixels",
    "options.decide.max_residual_px": "unit-pixels",
    "options.decide.mmu_built_m2": "unit-square-metres",
    "options.decide.mmu_vegetation_m2": "unit-square-metres",
    "options.decide.min_footprint_m2": "unit-square-metres",
}
_SHARES = frozenset(
    {
        "thresholds.pixel_changed_share",
        "thresholds.light_explained",
        "thresholds.vegetation_floor.season_share",
        "thresholds.vegetation_floor.season_error",
        "thresholds.vegetation_floor.lean_share",
        "thresholds.vegetation_floor.lean_error",
        "null.destroyed_prior",
        "null.destroyed_prior_range",
        "null.stray_share",
        "null.damaged_prior",
        "null.false_discovery.destroyed",
        "null.false_discovery.damaged",
        "null.false_discovery.possibly_damaged",
    }
)
"""Settings that are shares 0..1, told as a percentage."""
_FOREIGN = frozenset({"options.title", "options.credit", "options.footprints", "options.aoi"})
"""Settings that hold whatever a user wrote."""
_MOST_VALUES = 12


def note_text(note: Note) -> Text:
    """Tell a warning or a reason of a refusal.

    English tells its own sentence. Other languages tell the same with its figures; a sentence that
    is not known, of a code that is, is quoted after what the code is about.
    """
    return _told(note.code, note.message, "said-")


def _told(code: str, message: str, *groups: str) -> Text:
    said = retell(message, *groups)
    if not isinstance(said, str) or f"code-{code}" not in keys(LANGUAGES[0]):
        return said
    return Retold(said, phrase(f"code-{code}", said=said))


def remedy(note: Note) -> Text:
    """Say what to do about the reason of a refusal."""
    key = f"remedy-{note.code}"
    return Phrase(key if key in keys(LANGUAGES[0]) else "remedy-other")


def method_text(method: str) -> Text:
    """Tell how something was measured: ``method`` of built, vegetation, canopy, registration."""
    return retell(method, "how-")


def reason_text(reason: str) -> Text:
    """Tell why there is no figure, or why a building was not analysed."""
    return retell(reason, "why-")


def model_text(model: str) -> Text:
    """Tell the model of a co-registration."""
    return retell(model, "model-")


def band_text(role: str) -> Text:
    """Tell the role of a band."""
    return retell(role, "band-")


def bands_from_text(origin: str) -> Text:
    """Tell where the roles of bands are known from."""
    return retell(origin, "bands-from-")


def threshold_rows(record: Record) -> tuple[tuple[Text, Text], ...]:
    """Return rows of name and value: what was decided with."""
    return _rows("thresholds", record.thresholds or {})


def null_rows(record: Record) -> tuple[tuple[Text, Text], ...]:
    """Return rows of name and value: the null distribution."""
    return _rows("null", record.null or {})


def option_rows(record: Record) -> tuple[tuple[Text, Text], ...]:
    """Return rows of name and value: what the user wished."""
    return _rows("options", record.provenance.options)


def _rows(path: str, items: dict[str, object]) -> tuple[tuple[Text, Text], ...]:
    found: list[tuple[Text, Text]] = []
    for name, item in items.items():
        inner = f"{path}.{name}"
        if isinstance(item, dict):
            found.extend(_rows(inner, item))
        else:
            found.append((_label(inner), _setting(inner, item)))
    return tuple(found)


def _label(path: str) -> Text:
    """Return what a setting is called; one that is not known keeps its key."""
    rest = path.partition(".")[2]
    if path.startswith("options.bands."):
        return phrase("options-band", band=band_text(rest.partition(".")[2]))
    key = path.replace(".", "-")
    return Phrase(key) if key in keys(LANGUAGES[0]) else words.plain(rest, limit=80)


def _setting(path: str, item: object) -> Text:
    if item is None or item == "":
        return Phrase("nothing-given") if path.startswith("options.") else amounts.UNKNOWN
    if isinstance(item, list | tuple):
        shown = [_setting(path, part) for part in item[:_MOST_VALUES]]
        told = Joined(tuple(shown), ", ")
        if len(item) > _MOST_VALUES:
            return phrase("values-more", values=told, count=len(item))
        return told if shown else Phrase("nothing-given")
    if isinstance(item, bool):
        return Phrase("yes" if item else "no")
    if isinstance(item, int | float):
        return _figure(path, item)
    text = words.plain(item, limit=400)
    return text if path in _FOREIGN else retell(text, "value-", "part-source-")


def _figure(path: str, item: float) -> Text:
    if path in _SHARES:
        return amounts.percent(item)
    value = item if isinstance(item, int) else number_of(_four_digits(item))
    unit = _SETTING_UNITS.get(path)
    return value if unit is None else phrase("measure", value=value, unit=Phrase(unit))


def _four_digits(value: float) -> str:
    """Write a number rounded to four significant digits, without zeros that say nothing."""
    return f"{float(f'{value:.3e}'):.8f}".rstrip("0").rstrip(".")
