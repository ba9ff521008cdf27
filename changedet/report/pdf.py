"""The report on paper: two to four pages A4, made by typst from values.

What is said goes to typst as a file of data, never as markup: no name or title can become code.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib import import_module, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from changedet.report.language import Text
from changedet.report.sheet import Sheet, lay_out, moment
from changedet.report.views import Views
from changedet.result import Record

STANDARDS = ("ua-1", "a-2a")
"""Accessible to readers of the screen (PDF/UA-1) and fit for archives (PDF/A-2a)."""
PAGES = 4
"""Most pages."""
TRIALS = (
    (92, True, 1.0),
    (92, False, 1.0),
    (74, True, 1.0),
    (74, False, 1.0),
    (74, True, 0.85),
    (58, True, 0.85),
    (92, False, 0.85),
    (74, False, 0.85),
    (58, False, 0.85),
    (58, False, 0.7),
    (44, False, 0.6),
)
"""Height of the pair on the first page, millimetres; whether the table of all figures stands on the
second page; size of maps and figures. The first with which everything fits is taken."""


def render_pdf(
    record: Record,
    views: Views,
    figures: Mapping[str, tuple[bytes, Text]],
    *,
    lang: str = "en",
    credit: str = "",
) -> bytes:
    """Render the report as PDF.

    Parameters
    ----------
    record : Record
        Not a refused one.
    views : Views
        Both dates and the classes.
    figures : mapping
        PNG bytes and text alternative by name; those of :data:`FIGURES` are used.
    lang : str
        Language of all words but those inside of the figures.
    credit : str
        Credit line of the imagery; empty for none.

    Returns
    -------
    bytes
        The same bytes for the same values.

    Raises
    ------
    ValueError
        Where the record is a refused one.
    """
    if record.status == "refused":
        raise ValueError("a refused pair has no report on paper")
    sheet = lay_out(record, views, figures, lang=lang, credit=credit)
    pdf: bytes = compile_sheet(sheet, "pdf", when=moment(record))
    return pdf


def compile_sheet(sheet: Sheet, kind: str, *, when: datetime, ppi: float = 110.0) -> Any:
    """Run typst: bytes of a PDF, or those of a PNG of each page where ``kind`` is png.

    Parameters
    ----------
    sheet : Sheet
        What is shown; its pictures are made smaller where it would fill more than four pages.
    kind : str
        pdf or png.
    when : datetime
        Date of the document.
    ppi : float
        Pixels per inch of PNGs.
    """
    # It has no types of its own that would say what one of them returns.
    typst: Any = import_module("typst")
    with tempfile.TemporaryDirectory(prefix="changedet-pdf-") as place:
        root = Path(place)
        for name, content in sheet.files.items():
            (root / name).write_bytes(content)
        template = resources.files("changedet.report").joinpath("templates", "report.typ")
        (root / "main.typ").write_bytes(template.read_bytes())
        # Nothing but what is packaged: no fonts of the system, no packages from anywhere.
        given: dict[str, Any] = {
            "input": str(root / "main.typ"),
            "root": str(root),
            "font_paths": [str(path) for path in font_folders()],
            "ignore_system_fonts": True,
            "package_path": str(root),
            "package_cache_path": str(root),
        }
        _settle(sheet, root / "data.json", partial(typst.query, **given, field="value", one=True))
        if kind != "pdf":
            return typst.compile(**given, format=kind, ppi=ppi)
        given |= {"format": kind, "timestamp": when}
        try:
            return typst.compile(**given, pdf_standards=list(STANDARDS))
        except typst.TypstError:
            # A letter that no font has, say: the page is worth more than the standard.
            return typst.compile(**given)


def _settle(sheet: Sheet, path: Path, query: Callable[..., str]) -> None:
    """Write the data in the first layout that fits, or in the one with the fewest pages."""
    best, kept = PAGES + 99, ""
    for tallest, early, scale in TRIALS:
        layout = {"tallest": tallest, "early": early, "scale": scale}
        data = json.dumps(sheet.data | layout, ensure_ascii=False)
        path.write_text(data, "utf-8")
        pages = int(json.loads(query(selector="<pages>")))
        if early and json.loads(query(selector="<table>")) > 2:
            continue
        if pages < best:
            best, kept = pages, data
        if pages <= PAGES:
            break
    path.write_text(kept, "utf-8")


def font_folders() -> tuple[Path, ...]:
    """Return where DejaVu Sans is, which has Cyrillic letters: it comes with matplotlib."""
    found = find_spec("matplotlib")
    places = [] if found is None else list(found.submodule_search_locations or ())
    folders = (Path(place) / "mpl-data" / "fonts" / "ttf" for place in places)
    return tuple(folder for folder in folders if folder.is_dir())
