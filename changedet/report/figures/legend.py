"""A legend as a picture of its own, for Google Earth."""

from __future__ import annotations

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from changedet.report.language import phrase, tell
from changedet.report.palette import CHANGES, GRADES
from changedet.report.qml import CELL_STEPS, cell_colour

_HATCHES = {"solid": "", "falling": "\\\\\\\\", "rising": "////", "level": "----"}
_ROW_IN = 0.2
_WIDTH_IN = 3.2


def legend(lang: str = "en", *, grades: bool = True, cells: bool = True) -> Figure:
    """Draw the colours of grades, classes and cells with their names.

    Parameters
    ----------
    lang : str
        Of the names.
    grades, cells : bool
        Whether there are buildings with grades, and cells.
    """
    handles: list[Patch | Line2D] = []

    def heading(key: str) -> None:
        handles.append(Line2D([], [], linestyle="none", label=tell(phrase(key), lang)))

    if grades:
        heading("gis-buildings")
        handles += [
            Patch(
                facecolor=f"{style.colour}5a" if style.field == "destroyed" else "none",
                edgecolor=style.colour,
                linewidth=style.width,
                label=tell(style.label, lang),
            )
            for style in GRADES
        ]
    heading("gis-classes")
    handles += [
        Patch(
            facecolor=f"{style.colour}b0",
            edgecolor=style.colour,
            hatch=_HATCHES[style.pattern],
            label=tell(style.label, lang),
        )
        for style in CHANGES
    ]
    if cells:
        heading("gis-cells")
        handles += [
            Patch(facecolor=cell_colour(low), label=f"{low * 100:g}–{high * 100:g} %")
            for low, high in itertools.pairwise(CELL_STEPS)
        ]
    figure = Figure(figsize=(_WIDTH_IN, _ROW_IN * len(handles) + 0.2), dpi=100)
    FigureCanvasAgg(figure)
    figure.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(0.01, 0.5),
        fontsize=9,
        frameon=False,
        handlelength=1.6,
        borderpad=0,
    )
    return figure
