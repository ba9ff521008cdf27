"""QGIS styles (QML): how a map or a layer looks when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import quoteattr

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleEntry:
    """One value of a categorized style.

    Parameters
    ----------
    value : int or str
        In the raster, or in the layer's column.
    label : str
        For a reader.
    colour : str
        ``#rrggbb``.
    width : float
        Of an outline, millimetres.
    """

    value: int | str
    label: str
    colour: str
    width: float = 0.4

    def __post_init__(self) -> None:
        try:
            size = len(bytes.fromhex(self.colour.removeprefix("#")))
        except ValueError:
            size = 0
        if size != 3 or not self.colour.startswith("#"):
            raise ValueError(f"a colour is written #rrggbb, not {self.colour!r}")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green, blue, 0..255."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerStyle:
    """Style of a vector layer by the values of a column.

    Parameters
    ----------
    column : str
        Name of the column.
    entries : tuple of StyleEntry
        In the order of the legend.
    kind : {"outline", "area", "marker"}
        Outlines only, filled polygons, or points.
    """

    column: str
    entries: tuple[StyleEntry, ...]
    kind: Literal["outline", "area", "marker"] = "outline"


def raster_qml(entries: Sequence[StyleEntry], *, transparent: Sequence[int] = ()) -> str:
    """Return the QML of a raster of classes.

    Parameters
    ----------
    entries : sequence of StyleEntry
        With whole numbers as values.
    transparent : sequence of int
        Values that are not drawn.
    """
    lines = [
        f'        <paletteEntry value="{entry.value}" color="{entry.colour}" '
        f'alpha="{0 if entry.value in transparent else 255}" label={quoteattr(entry.label)}/>'
        for entry in entries
    ]
    return "\n".join(
        [
            _DOCTYPE + '<qgis version="3.34" styleCategories="Symbology">',
            "  <pipe>",
            '    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">',
            "      <colorPalette>",
            *lines,
            "      </colorPalette>",
            "    </rasterrenderer>",
            "  </pipe>",
            "</qgis>",
            "",
        ]
    )


def layer_qml(style: LayerStyle) -> str:
    """Return the QML of a vector layer."""
    categories = [
        f'      <category symbol="{number}" value={quoteattr(str(entry.value))} '
        f'label={quoteattr(entry.label)} render="true"/>'
        for number, entry in enumerate(style.entries)
    ]
    symbols = [_symbol(number, entry, style) for number, entry in enumerate(style.entries)]
    return "\n".join(
        [
            _DOCTYPE + '<qgis version="3.34" styleCategories="Symbology">',
            f'  <renderer-v2 type="categorizedSymbol" attr={quoteattr(style.column)}>',
            "    <categories>",
            *categories,
            "    </categories>",
            "    <symbols>",
            *symbols,
            "    </symbols>",
            "  </renderer-v2>",
            "</qgis>",
            "",
        ]
    )


def _symbol(number: int, entry: StyleEntry, style: LayerStyle) -> str:
    colour = ",".join(map(str, entry.rgb))
    if style.kind == "marker":
        kind, layer = "marker", "SimpleMarker"
        options = {"color": f"{colour},255", "name": "circle", "size": "1.6"}
    else:
        kind, layer = "fill", "SimpleFill"
        options = {
            "color": f"{colour},{150 if style.kind == 'area' else 0}",
            "outline_color": f"{colour},255",
            "outline_width": f"{entry.width:g}",
            "outline_width_unit": "MM",
            "style": "solid" if style.kind == "area" else "no",
        }
    rows = "".join(
        f'<Option type="QString" name="{name}" value={quoteattr(value)}/>'
        for name, value in options.items()
    )
    return (
        f'      <symbol type="{kind}" name="{number}" alpha="1">'
        f'<layer class="{layer}" enabled="1" pass="0"><Option type="Map">{rows}</Option></layer>'
        "</symbol>"
    )
