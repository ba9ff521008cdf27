"""``--export pdf``: the report on paper, ``report.pdf``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from changedet.report.pdf import render_pdf
from changedet.report.sheet import FIGURES

if TYPE_CHECKING:
    from changedet.api.exports import Kit


def write(kit: Kit) -> None:
    """Write ``report.pdf`` beside the result."""
    listed = {figure.file: figure.alt for figure in kit.record.figures}
    figures = {}
    for name in FIGURES:
        path = kit.folder / "figures" / f"{name}.png"
        if path.is_file() and f"figures/{name}.png" in listed:
            figures[name] = (path.read_bytes(), listed[f"figures/{name}.png"])
    data = render_pdf(kit.record, kit.views, figures, lang=kit.lang, credit=kit.credit)
    (kit.target / "report.pdf").write_bytes(data)
