"""KML 2.2 for Google Earth: images as overlays, buildings and cells with balloons, as one KMZ.

An overlay lies where its four corners are said to lie (``gx:LatLonQuad``): images keep their
pixels, also where north of the grid is not true north. Attributes are foreign text: a balloon
shows HTML, so they are escaped for HTML first, and the XML writer escapes the whole once more.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from changedet.report.gis.plain import xml_text
from changedet.report.palette import rgb

_KML = "http://www.opengis.net/kml/2.2"
_GX = "http://www.google.com/kml/ext/2.2"
_STAMP = (1980, 1, 1, 0, 0, 0)
"""Time of every member: the same input gives the same bytes."""

Span = tuple[str | None, str | None]
"""Begin and end, ISO 8601; None is open."""
Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """An image on the ground.

    Parameters
    ----------
    name : str
        For a reader.
    href : str
        Its name in the archive.
    data : bytes
        JPEG or PNG.
    corners : tuple of (lon, lat)
        Lower left, lower right, upper right and upper left of the image.
    span : tuple
        When it is to be seen.
    visible : bool
        Whether it is switched on.
    """

    name: str
    href: str
    data: bytes
    corners: tuple[tuple[float, float], ...]
    span: Span
    visible: bool = True


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shape:
    """A polygon with a balloon.

    Parameters
    ----------
    name : str
        Heading of the balloon.
    shape : shapely geometry
        Polygon or MultiPolygon, longitude and latitude.
    rows : sequence of (name, value)
        Of the balloon.
    """

    name: str
    shape: shapely.Geometry
    rows: Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How polygons are drawn."""

    line: str
    """``#rrggbb``."""
    width: float
    """Pixels."""
    fill: int
    """Opacity of the inside, 0..255; its colour is that of ``inside``."""
    inside: str = ""
    """``#rrggbb``; that of the line where it is empty."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Group:
    """A folder that a user can switch.

    Parameters
    ----------
    name : str
        For a reader.
    look : Look
        Of its polygons.
    shapes : sequence of Shape
    groups : sequence of Group
        Folders in it.
    """

    name: str
    look: Look | None = None
    shapes: Sequence[Shape] = ()
    groups: Sequence[Group] = ()
    visible: bool = True


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Earth:
    """All that a KMZ holds."""

    title: str
    notes: Sequence[str]
    images: str
    """Name of the folder of images."""
    overlays: Sequence[Overlay]
    groups: Sequence[Group]
    span: Span
    """When the polygons are to be seen."""
    legend_name: str
    legend: bytes | None
    """PNG; None without one."""
    files: Mapping[str, bytes] = field(default_factory=dict)


def make_kmz(earth: Earth) -> bytes:
    """Return a KMZ: the same bytes for the same content."""
    members = {"doc.kml": make_kml(earth)}
    if earth.legend is not None:
        members["files/legend.png"] = earth.legend
    members |= {overlay.href: overlay.data for overlay in earth.overlays}
    return zip_bytes({**members, **earth.files})


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """Return an archive with fixed times; images, which are compressed already, are stored."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=_STAMP)
            packed = name.endswith((".jpg", ".png"))
            info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def make_kml(earth: Earth) -> bytes:
    """Return doc.kml."""
    root = ET.Element("kml", {"xmlns": _KML, "xmlns:gx": _GX})
    document = ET.SubElement(root, "Document")
    _say(document, "name", earth.title)
    _say(document, "open", "1")
    lines = "<br/>".join(_html(note) for note in earth.notes)
    _say(document, "description", f"<p>{lines}</p>")
    _add_styles(document, earth.groups)
    folder = _folder(document, earth.images, visible=True)
    for order, overlay in enumerate(earth.overlays, start=1):
        _add_overlay(folder, overlay, order)
    for number, group in enumerate(earth.groups):
        _add_group(document, group, f"g{number}", earth.span)
    if earth.legend is not None:
        _add_legend(document, earth.legend_name)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _say(parent: ET.Element, tag: str, text: object) -> ET.Element:
    element = ET.SubElement(parent, tag)
    element.text = xml_text(text)
    return element


def _html(text: str) -> str:
    # Google Earth fills $[name] in; what comes from outside must not ask for it
    return html.escape(xml_text(text)).replace("$[", "$&#91;")


def _abgr(colour: str, alpha: int = 255) -> str:
    red, green, blue = rgb(colour)
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _styles_of(groups: Iterable[Group], key: str) -> Iterable[tuple[str, Look]]:
    for number, group in enumerate(groups):
        name = f"{key}{number}"
        if group.look is not None:
            yield name, group.look
        yield from _styles_of(group.groups, f"{name}-")


def _add_styles(document: ET.Element, groups: Sequence[Group]) -> None:
    for name, look in _styles_of(groups, "g"):
        style = ET.SubElement(document, "Style", id=name)
        line = ET.SubElement(style, "LineStyle")
        _say(line, "color", _abgr(look.line))
        _say(line, "width", f"{look.width:g}")
        inside = ET.SubElement(style, "PolyStyle")
        _say(inside, "color", _abgr(look.inside or look.line, look.fill))
        _say(inside, "fill", "1")  # a clear inside too can be clicked on
        balloon = ET.SubElement(style, "BalloonStyle")
        _say(balloon, "text", "$[description]")


def _folder(parent: ET.Element, name: str, *, visible: bool) -> ET.Element:
    folder = ET.SubElement(parent, "Folder")
    _say(folder, "name", name)
    _say(folder, "visibility", int(visible))
    return folder


def _add_span(parent: ET.Element, span: Span) -> None:
    if span == (None, None):
        return
    element = ET.SubElement(parent, "TimeSpan")
    for tag, moment in zip(("begin", "end"), span, strict=True):
        if moment is not None:
            _say(element, tag, moment)


def _add_overlay(folder: ET.Element, overlay: Overlay, order: int) -> None:
    element = ET.SubElement(folder, "GroundOverlay")
    _say(element, "name", overlay.name)
    _say(element, "visibility", int(overlay.visible))
    _add_span(element, overlay.span)
    _say(element, "drawOrder", order)
    _say(ET.SubElement(element, "Icon"), "href", overlay.href)
    corners = " ".join(f"{lon:.8f},{lat:.8f},0" for lon, lat in overlay.corners)
    _say(ET.SubElement(element, "gx:LatLonQuad"), "coordinates", corners)


def _add_group(parent: ET.Element, group: Group, key: str, span: Span) -> None:
    folder = _folder(parent, group.name, visible=group.visible)
    for shape in group.shapes:
        element = ET.SubElement(folder, "Placemark")
        _say(element, "name", shape.name)
        _say(element, "visibility", int(group.visible))
        rows = "".join(
            f"<tr><td>{_html(name)}</td><td>{_html(value)}</td></tr>" for name, value in shape.rows
        )
        _say(element, "description", f"<h3>{_html(shape.name)}</h3><table>{rows}</table>")
        _add_span(element, span)
        _say(element, "styleUrl", f"#{key}")
        _add_polygons(element, shape.shape)
    for number, inner in enumerate(group.groups):
        _add_group(folder, inner, f"{key}-{number}", span)


def _add_polygons(placemark: ET.Element, shape: shapely.Geometry) -> None:
    parts = shapely.get_parts(shape)
    parent = ET.SubElement(placemark, "MultiGeometry") if len(parts) > 1 else placemark
    for part in parts:
        polygon = ET.SubElement(parent, "Polygon")
        for number, ring in enumerate((part.exterior, *part.interiors)):
            side = "innerBoundaryIs" if number else "outerBoundaryIs"
            line = ET.SubElement(ET.SubElement(polygon, side), "LinearRing")
            pairs = np.round(shapely.get_coordinates(ring), 7).tolist()
            line_text = " ".join(f"{lon},{lat},0" for lon, lat in pairs)
            ET.SubElement(line, "coordinates").text = line_text


def _add_legend(document: ET.Element, name: str) -> None:
    overlay = ET.SubElement(document, "ScreenOverlay")
    _say(overlay, "name", name)
    _say(ET.SubElement(overlay, "Icon"), "href", "files/legend.png")
    for tag, x, y in (("overlayXY", "0", "0"), ("screenXY", "0.01", "0.06")):
        ET.SubElement(overlay, tag, x=x, y=y, xunits="fraction", yunits="fraction")
    ET.SubElement(overlay, "size", x="0", y="0", xunits="fraction", yunits="fraction")
