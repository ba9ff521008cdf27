"""Looks of classes, grades and evidence: one home for the page, the pictures and QGIS.

Classes and grades use the colours of Okabe and Ito (Color Universal Design, 2008), which stay apart
with any common colour blindness, and each has a pattern or a dash beside its colour. Evidence uses
cividis (Nuñez et al. 2018, doi:10.1371/journal.pone.0199239): lightness alone carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from changedet.report.language import Phrase
from changedet.result import CLASS_COLOURS, CLASS_NAMES

Pattern = Literal["solid", "falling", "rising", "level"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassStyle:
    """How one code of classes.tif looks.

    Parameters
    ----------
    code : int
        Value in the raster.
    name : str
        For a reader.
    colour : str
        ``#rrggbb``.
    pattern : str
        Kind of hatch beside the colour.
    """

    code: int
    name: str
    colour: str
    pattern: Pattern

    @property
    def label(self) -> Phrase:
        """The name in the language of the reader."""
        return Phrase(f"class-{self.name.lower().replace(' ', '-')}")


_PATTERNS: tuple[Pattern, ...] = ("rising", "solid", "solid", "falling", "level", "rising")
"""By code, like the names."""
CLASSES = tuple(
    ClassStyle(
        code=code,
        name=name.capitalize(),
        colour=f"#{bytes(CLASS_COLOURS[code]).hex()}",
        pattern=pattern,
    )
    for code, (name, pattern) in enumerate(zip(CLASS_NAMES, _PATTERNS, strict=True))
)
"""Names and colours are those of classes.tif, which :mod:`changedet.result` holds."""
CHANGES = CLASSES[2:]
"""The classes that are drawn over an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradeStyle:
    """How the outline of a building of one grade looks.

    Parameters
    ----------
    name : str
        The grade, Copernicus EMS words.
    field : str
        Its key in the record's buildings part.
    colour : str
        ``#rrggbb``.
    dash : tuple of float
        Lengths of dash and gap in units of the line width; empty is a full line.
    width : float
        Of the line; 1 is thin.
    """

    name: str
    field: str
    colour: str
    dash: tuple[float, ...]
    width: float

    @property
    def label(self) -> Phrase:
        """The grade in the language of the reader."""
        return Phrase(f"grade-{self.field.replace('_', '-')}")


GRADES = (
    GradeStyle(name="Destroyed", field="destroyed", colour="#d55e00", dash=(), width=2.2),
    GradeStyle(name="Damaged", field="damaged", colour="#e69f00", dash=(5, 1.5), width=1.8),
    GradeStyle(
        name="Possibly damaged",
        field="possibly_damaged",
        colour="#f0e442",
        dash=(2, 1.5),
        width=1.5,
    ),
    GradeStyle(
        name="No visible damage", field="no_visible_damage", colour="#56b4e9", dash=(), width=1.0
    ),
    GradeStyle(name="Not analysed", field="not_analysed", colour="#bbbbbb", dash=(1, 2), width=1.0),
)

# Cividis at seventeen even steps; straight lines between them stay close to it.
# fmt: off
_CIVIDIS = (
    "#00224e", "#002e6a", "#1a386f", "#32436d", "#434e6c", "#535a6d",
    "#61656f", "#6f7073", "#7d7c78", "#8c8878", "#9b9476", "#aba072",
    "#bcae6c", "#cdbb63", "#dec958", "#f0d846", "#fee838",
)
# PuOr of ColorBrewer 2.0 (Brewer, Harrower and Penn State): loss orange, gain purple; told apart
# with every common colour vision.
_PUOR = (
    "#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7",
    "#d8daeb", "#b2abd2", "#8073ac", "#542788", "#2d004b",
)
# fmt: on


def rgb(colour: str) -> tuple[int, int, int]:
    """Split ``#rrggbb`` into three numbers 0..255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def evidence_colours() -> NDArray[np.uint8]:
    """Return 251 colours, uint8 (251, 3), for evidence values 0..250."""
    return _between(_CIVIDIS)


def difference_colours() -> NDArray[np.uint8]:
    """Return 251 colours, uint8 (251, 3), from the largest fall over 0 to the largest rise."""
    return _between(_PUOR)


def _between(colours: tuple[str, ...]) -> NDArray[np.uint8]:
    knots = np.array([rgb(colour) for colour in colours], np.float64)
    places = np.linspace(0, len(knots) - 1, 251)
    columns = [np.interp(places, np.arange(len(knots)), knots[:, band]) for band in range(3)]
    return np.stack(columns, axis=1).round().astype(np.uint8)
