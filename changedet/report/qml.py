"""QGIS styles: the same colours, hatches and dashes as in the report, as QML text.

A ``.qml`` beside a raster of the same name, or a row of a GeoPackage's ``layer_styles``, is taken
by QGIS when it opens the layer. Only elements that QGIS 3 has had since 3.0 are used.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from changedet.report.palette import CHANGES, CLASSES, GRADES, GradeStyle, rgb

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_BRUSH = {"solid": "solid", "falling": "f_diagonal", "rising": "b_diagonal", "level": "horizontal"}
_DASH = {0: "solid", 1: "dot", 2: "dot", 5: "dash"}


def _document(root: ET.Element) -> str:
    ET.indent(root, " ")
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _colour(colour: str, alpha: int = 255) -> str:
    return ",".join(str(part) for part in (*rgb(colour), alpha))


def classes_qml() -> str:
    """Return the style of classes.tif: a palette with names; not analysed is clear."""
    root = ET.Element("qgis", version="3.0", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe,
        "rasterrenderer",
        type="paletted",
        band="1",
        opacity="1",
        alphaBand="-1",
        nodataColor="",
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for style in CLASSES:
        # What did not change, or was not analysed, must not hide the image below.
        alpha = "255" if style in CHANGES else "0"
        ET.SubElement(
            palette,
            "paletteEntry",
            value=str(style.code),
            color=style.colour,
            alpha=alpha,
            label=style.name,
        )
    ET.SubElement(root, "blendMode").text = "0"
    return _document(root)


def _vector(attribute: str) -> tuple[ET.Element, ET.Element, ET.Element]:
    """Return the document with one style by value of an attribute, its categories and symbols."""
    root = ET.Element("qgis", version="3.0", styleCategories="Symbology")
    renderer = ET.SubElement(
        root,
        "renderer-v2",
        type="categorizedSymbol",
        attr=attribute,
        symbollevels="0",
        enableorderby="0",
        forceraster="0",
    )
    return root, ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")


def _category(categories: ET.Element, number: int, value: str, label: str) -> None:
    ET.SubElement(
        categories, "category", symbol=str(number), value=value, label=label, render="true"
    )


def _symbol(symbols: ET.Element, number: int) -> ET.Element:
    return ET.SubElement(
        symbols, "symbol", name=str(number), type="fill", alpha="1", clip_to_extent="1"
    )


def _layer(symbol: ET.Element, **props: str) -> None:
    """Add a fill; each property is written in the form of old (prop) and new (Option) readers."""
    attributes = {"pass": "0", "locked": "0", "enabled": "1"}
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", **attributes})
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in props.items():
        ET.SubElement(options, "Option", name=name, value=value, type="QString")
    for name, value in props.items():
        ET.SubElement(layer, "prop", k=name, v=value)


def buildings_qml(*, attribute: str = "grade") -> str:
    """Return the style of the buildings layer: outlines by grade, a light fill for losses.

    Parameters
    ----------
    attribute : str
        Column that holds the grade.
    """
    root, categories, symbols = _vector(attribute)
    for number, style in enumerate(GRADES):
        _category(categories, number, style.name, style.name)
        _layer(
            _symbol(symbols, number),
            color=_colour(style.colour, 90 if style.field == "destroyed" else 0),
            style="solid",
            outline_color=_colour(style.colour),
            outline_style=_dash(style),
            outline_width=f"{style.width * 0.25:.2f}",
            outline_width_unit="MM",
        )
    return _document(root)


def _dash(style: GradeStyle) -> str:
    return _DASH[int(style.dash[0]) if style.dash else 0]


def changes_qml(*, attribute: str = "class") -> str:
    """Return the style of the changes layer: hatched polygons by class.

    Parameters
    ----------
    attribute : str
        Column that holds the code of the class, 2 to 5.
    """
    root, categories, symbols = _vector(attribute)
    for number, style in enumerate(CHANGES):
        _category(categories, number, str(style.code), style.name)
        _layer(
            _symbol(symbols, number),
            color=_colour(style.colour, 200),
            style=_BRUSH[style.pattern],
            outline_color=_colour(style.colour),
            outline_style="solid",
            outline_width="0.3",
            outline_width_unit="MM",
        )
    return _document(root)
