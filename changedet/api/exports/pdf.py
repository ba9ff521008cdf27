"""``--export pdf``: the report on paper, ``report.pdf``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from changedet.io.output import faults, write_file
from changedet.report.language import LANGUAGES, Phrase, Text
from changedet.report.pdf import render_pdf
from changedet.report.sheet import FIGURES
from changedet.result import Figure

if TYPE_CHECKING:
    from changedet.api.exports import Kit


def write(kit: Kit) -> None:
    """Write ``report.pdf`` beside the result."""
    figures: dict[str, tuple[bytes, Text]] = {}
    for figure in kit.record.figures:
        path = kit.folder / figure.file
        if path.stem in FIGURES and path.is_file():
            figures[path.stem] = (path.read_bytes(), _alternative(figure, kit.lang))
    with faults(Path(tempfile.gettempdir())):  # where typst finds its sources
        data = render_pdf(kit.record, kit.views, figures, lang=kit.lang, credit=kit.credit)
    write_file(kit.target / "report.pdf", data)


def _alternative(figure: Figure, lang: str) -> Text:
    """Return the text alternative of a figure in a language, or what the figure is at least."""
    told: dict[str, str] = getattr(figure, "alts", {})
    if lang in told or lang == LANGUAGES[0]:
        return told.get(lang, figure.alt)
    return Phrase(f"pdf-{Path(figure.file).stem}")
