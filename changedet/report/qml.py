"""QGIS styles: the same colours, hatches and dashes as in the report, as QML.

A ``.qml`` beside a raster of the same name, or a row of a GeoPackage's ``layer_styles``, is taken
by QGIS when it opens the layer. Only elements that QGIS 3 has had since 3.0 are used. Each style is
an element (for a project) and a text (for a file or a row).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from changedet.report.language import Phrase, Text, tell
from changedet.report.palette import (
    CHANGES,
    CLASSES,
    GRADES,
    GradeStyle,
    evidence_colours,
    rgb,
)

CELL_STEPS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Limits of the steps in which cells are coloured by the share of built area destroyed."""

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_BRUSH = {"solid": "solid", "falling": "f_diagonal", "rising": "b_diagonal", "level": "horizontal"}
_DASH = {0: "solid", 1: "dot", 2: "dot", 5: "dash"}
_BLACK, _WHITE = "#000000", "#ffffff"


def _document(root: ET.Element) -> str:
    ET.indent(root, " ")
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _root() -> ET.Element:
    return ET.Element("qgis", version="3.0", styleCategories="Symbology")


def _colour(colour: str, alpha: int = 255) -> str:
    return ",".join(str(part) for part in (*rgb(colour), alpha))


def hex_colour(values: np.ndarray) -> str:
    """Return three numbers 0..255 as ``#rrggbb``."""
    return f"#{bytes(int(value) for value in values).hex()}"


def cell_colour(share: float) -> str:
    """Return the colour of a cell by the share of built area destroyed, 0..1.

    Examples
    --------
    >>> cell_colour(0.0) == cell_colour(0.04), cell_colour(0.04) == cell_colour(0.06)
    (True, False)
    """
    steps = len(CELL_STEPS) - 1
    step = int(np.clip(np.searchsorted(CELL_STEPS, share, side="right") - 1, 0, steps - 1))
    return hex_colour(evidence_colours()[round(step * 250 / (steps - 1))])


def _raster(root: ET.Element, kind: str, opacity: float, **more: str) -> ET.Element:
    pipe = ET.SubElement(root, "pipe")
    return ET.SubElement(
        pipe,
        "rasterrenderer",
        {"type": kind, "opacity": f"{opacity:g}", "alphaBand": "-1", "nodataColor": "", **more},
    )


def classes_style(lang: str = "en", *, opacity: float = 1.0) -> ET.Element:
    """Return the style of classes.tif: a palette with names; not analysed is clear."""
    root = _root()
    palette = ET.SubElement(_raster(root, "paletted", opacity, band="1"), "colorPalette")
    for style in CLASSES:
        # What did not change, or was not analysed, must not hide the image below.
        alpha = "255" if style in CHANGES else "0"
        ET.SubElement(
            palette,
            "paletteEntry",
            value=str(style.code),
            color=style.colour,
            alpha=alpha,
            label=tell(style.label, lang),
        )
    ET.SubElement(root, "blendMode").text = "0"
    return root


def evidence_style() -> ET.Element:
    """Return the style of a map of evidence: cividis from 0 (clear) to 1.

    QGIS applies the scale of a band, so the limits are those of the evidence, not of the file.
    """
    root = _root()
    renderer = _raster(
        root,
        "singlebandpseudocolor",
        0.85,
        band="1",
        classificationMin="0",
        classificationMax="1",
    )
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue="0",
        maximumValue="1",
    )
    colours = evidence_colours()
    for number in range(11):
        share = number / 10
        ET.SubElement(
            shader,
            "item",
            value=f"{share:g}",
            label=f"{share:g}",
            color=hex_colour(colours[number * 25]),
            alpha=str(min(255, 51 * number)),
        )
    ET.SubElement(root, "blendMode").text = "0"
    return root


def image_style(limits: tuple[float, float] | None, bands: tuple[int, ...]) -> ET.Element:
    """Return the style of an image.

    Parameters
    ----------
    limits : tuple of float, optional
        Values that become black and white, the same for all bands so that colours stay what
        they are; None shows values as they are.
    bands : tuple of int
        Three band numbers for a colour picture, or one.
    """
    root = _root()
    if len(bands) == 3:
        names = ("red", "green", "blue")
        numbers = {f"{name}Band": str(band) for name, band in zip(names, bands, strict=True)}
        renderer = _raster(root, "multibandcolor", 1.0, **numbers)
        parts = tuple(f"{name}ContrastEnhancement" for name in names)
    else:
        renderer = _raster(
            root, "singlebandgray", 1.0, grayBand=str(bands[0]), gradient="BlackToWhite"
        )
        parts = ("contrastEnhancement",)
    for part in parts if limits else ():
        stretch = ET.SubElement(renderer, part)
        for name, value in zip(("minValue", "maxValue"), limits or (), strict=True):
            ET.SubElement(stretch, name).text = f"{value:.9g}"
        ET.SubElement(stretch, "algorithm").text = "StretchToMinimumMaximum"
    ET.SubElement(root, "blendMode").text = "0"
    return root


def _renderer(kind: str, **more: str) -> tuple[ET.Element, ET.Element]:
    """Return the document of a layer of vectors, and its renderer."""
    root = _root()
    plain = {"symbollevels": "0", "enableorderby": "0", "forceraster": "0"}
    return root, ET.SubElement(root, "renderer-v2", {"type": kind, **plain, **more})


def _vector(attribute: str) -> tuple[ET.Element, ET.Element, ET.Element]:
    """Return the document with one style by value of an attribute, its categories and symbols."""
    root, renderer = _renderer("categorizedSymbol", attr=attribute)
    return root, ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")


def _category(categories: ET.Element, number: int, value: str, label: str) -> None:
    ET.SubElement(
        categories, "category", symbol=str(number), value=value, label=label, render="true"
    )


def _symbol(symbols: ET.Element, number: int, kind: str = "fill") -> ET.Element:
    return ET.SubElement(
        symbols, "symbol", name=str(number), type=kind, alpha="1", clip_to_extent="1"
    )


def _layer(symbol: ET.Element, kind: str = "SimpleFill", **props: str) -> None:
    """Add a fill; each property is written in the form of old (prop) and new (Option) readers."""
    attributes = {"pass": "0", "locked": "0", "enabled": "1"}
    layer = ET.SubElement(symbol, "layer", {"class": kind, **attributes})
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in props.items():
        ET.SubElement(options, "Option", name=name, value=value, type="QString")
    for name, value in props.items():
        ET.SubElement(layer, "prop", k=name, v=value)


def _outline(symbol: ET.Element, colour: str, dash: str, width: float) -> None:
    """Add an outline without a fill."""
    _layer(
        symbol,
        color=_colour(_WHITE, 0),
        style="no",
        outline_color=_colour(colour),
        outline_style=dash,
        outline_width=f"{width:.2f}",
        outline_width_unit="MM",
    )


def buildings_style(lang: str = "en", *, attribute: str = "grade") -> ET.Element:
    """Return the style of the buildings layer: outlines by grade, a light fill for losses.

    Parameters
    ----------
    lang : str
        Of the labels.
    attribute : str
        Column that holds the grade.
    """
    root, categories, symbols = _vector(attribute)
    for number, style in enumerate(GRADES):
        _category(categories, number, style.name, tell(style.label, lang))
        _layer(
            _symbol(symbols, number),
            color=_colour(style.colour, 90 if style.field == "destroyed" else 0),
            style="solid",
            outline_color=_colour(style.colour),
            outline_style=_dash(style),
            outline_width=f"{style.width * 0.25:.2f}",
            outline_width_unit="MM",
        )
    return root


def _dash(style: GradeStyle) -> str:
    return _DASH[int(style.dash[0]) if style.dash else 0]


def changes_style(lang: str = "en", *, attribute: str = "class") -> ET.Element:
    """Return the style of the changes layer: hatched polygons by class.

    Parameters
    ----------
    lang : str
        Of the labels.
    attribute : str
        Column that holds the code of the class, 2 to 5.
    """
    root, categories, symbols = _vector(attribute)
    for number, style in enumerate(CHANGES):
        _category(categories, number, str(style.code), tell(style.label, lang))
        _layer(
            _symbol(symbols, number),
            color=_colour(style.colour, 200),
            style=_BRUSH[style.pattern],
            outline_color=_colour(style.colour),
            outline_style="solid",
            outline_width="0.3",
            outline_width_unit="MM",
        )
    return root


def cells_style(lang: str = "en", *, attribute: str = "built_destroyed_share") -> ET.Element:
    """Return the style of the cells: by the share of built area destroyed, in steps.

    Cells where there was nothing to lose have no share and are not drawn.
    """
    del lang  # percentages alone
    root, renderer = _renderer("graduatedSymbol", attr=attribute, graduatedMethod="GraduatedColor")
    ranges = ET.SubElement(renderer, "ranges")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (low, high) in enumerate(itertools.pairwise(CELL_STEPS)):
        ET.SubElement(
            ranges,
            "range",
            lower=f"{low:g}",
            upper=f"{high:g}",
            symbol=str(number),
            label=f"{low * 100:g}–{high * 100:g} %",
            render="true",
        )
        _layer(
            _symbol(symbols, number),
            color=_colour(cell_colour(low), 150),
            style="solid",
            outline_color=_colour(_WHITE),
            outline_style="solid",
            outline_width="0.26",
            outline_width_unit="MM",
        )
    return root


def towns_style(lang: str = "en", *, attribute: str = "built_destroyed_share") -> ET.Element:
    """Return the style of the towns of a batch: by the share of built area destroyed, in steps.

    Towns without that share are outlines; those by force, whose figures are not to be used, too.
    """
    claim = f'"forced" = 0 AND "{attribute}"'
    top = len(CELL_STEPS) - 2
    rows: list[tuple[str, str, str | None]] = [
        (
            f'{claim} >= {low:g} AND "{attribute}" {"<=" if number == top else "<"} {high:g}',
            f"{low * 100:g}–{high * 100:g} %",
            cell_colour(low),
        )
        for number, (low, high) in enumerate(itertools.pairwise(CELL_STEPS))
    ]
    told = "\"status\" IN ('ok', 'degraded')"
    claimless = f'{told} AND "forced" = 0 AND "{attribute}" IS NULL'
    rows += [
        (claimless, tell(Phrase("towns-map-claimless"), lang), None),
        ('"forced" = 1', tell(Phrase("towns-status-forced"), lang), None),
        (f"NOT ({told})", tell(Phrase("towns-status-refused"), lang), None),
    ]
    root, renderer = _renderer("RuleRenderer")
    rules = ET.SubElement(renderer, "rules", key="towns")
    symbols = ET.SubElement(renderer, "symbols")
    dashes = iter(("solid", "dot", "dash"))
    for number, (wanted, label, colour) in enumerate(rows):
        ET.SubElement(
            rules, "rule", key=f"town-{number}", symbol=str(number), filter=wanted, label=label
        )
        _layer(
            _symbol(symbols, number),
            color=_colour(colour or _WHITE, 190 if colour else 0),
            style="solid" if colour else "no",
            outline_color=_colour(_BLACK),
            outline_style="solid" if colour else next(dashes),
            outline_width="0.4",
            outline_width_unit="MM",
        )
    return root


def towns_qml() -> str:
    """Return the style of the towns of a batch as QML."""
    return _document(towns_style())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Marker:
    value: str
    label: Text
    shape: str
    colour: str


_POINTS = (
    _Marker(value="fit", label=Phrase("gis-point-fit"), shape="circle", colour="#0072b2"),
    _Marker(value="held out", label=Phrase("gis-point-held"), shape="diamond", colour="#f0e442"),
    _Marker(value="rejected", label=Phrase("gis-point-rejected"), shape="cross2", colour="#d55e00"),
)


def points_style(lang: str = "en", *, attribute: str = "used") -> ET.Element:
    """Return the style of the tie points: a colour and a shape by what they were used for."""
    root, categories, symbols = _vector(attribute)
    for number, style in enumerate(_POINTS):
        _category(categories, number, style.value, tell(style.label, lang))
        _layer(
            _symbol(symbols, number, "marker"),
            "SimpleMarker",
            name=style.shape,
            color=_colour(style.colour),
            outline_color=_colour(style.colour if style.shape == "cross2" else _BLACK),
            outline_width="0.4" if style.shape == "cross2" else "0.1",
            outline_width_unit="MM",
            size="1.6",
            size_unit="MM",
        )
    return root


def aoi_style(lang: str = "en") -> ET.Element:
    """Return the style of the AOI: a dashed outline."""
    del lang  # one symbol without a label
    root, renderer = _renderer("singleSymbol")
    symbol = _symbol(ET.SubElement(renderer, "symbols"), 0)
    _outline(symbol, _WHITE, "solid", 0.9)
    _outline(symbol, _BLACK, "dash", 0.5)
    return root


def source_style(lang: str = "en", *, attribute: str = "eventphase") -> ET.Element:
    """Return the style of the outlines of both images."""
    root, categories, symbols = _vector(attribute)
    rows = (
        ("Pre-event", "gis-before", "dash", "#0072b2"),
        ("Post-event", "gis-after", "solid", "#cc79a7"),
    )
    for number, (value, label, dash, colour) in enumerate(rows):
        _category(categories, number, value, tell(Phrase(label), lang))
        _outline(_symbol(symbols, number), colour, dash, 0.6)
    return root


LAYERS: dict[str, Callable[[str], ET.Element]] = {
    "buildings": buildings_style,
    "changes": changes_style,
    "tie_points": points_style,
    "grid_cells": cells_style,
    "aoi": aoi_style,
    "source": source_style,
}
"""Styles of the layers of vectors.gpkg by name: each takes the language of its labels."""


def layer_styles() -> dict[str, str]:
    """Return the styles of all layers of vectors.gpkg as QML, by name."""
    return {name: _document(style("en")) for name, style in LAYERS.items()}


def classes_qml() -> str:
    """Return the style of classes.tif as QML."""
    return _document(classes_style())


def buildings_qml(*, attribute: str = "grade") -> str:
    """Return the style of the buildings layer as QML."""
    return _document(buildings_style(attribute=attribute))


def changes_qml(*, attribute: str = "class") -> str:
    """Return the style of the changes layer as QML."""
    return _document(changes_style(attribute=attribute))
