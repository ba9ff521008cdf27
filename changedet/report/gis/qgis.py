"""A QGIS project of a result folder: layers in groups with their styles, by relative paths.

Only what QGIS 3 needs to read a project is written; it fills in the rest. Styles are those of
:mod:`changedet.report.qml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from changedet.report.gis.kml import zip_bytes
from changedet.report.gis.plain import xml_text

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.22.0"
"""Oldest QGIS the project was tried with."""

Box = tuple[float, float, float, float]
"""left, bottom, right, top in the project's CRS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crs:
    """A coordinate reference system as QGIS reads it.

    Parameters
    ----------
    authid : str
        ``EPSG:n``; empty where there is no code.
    wkt : str
        The same as WKT.
    """

    authid: str
    wkt: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProjectLayer:
    """A layer of the project.

    Parameters
    ----------
    key : str
        Unique; letters, digits and underscores, more than ten: QGIS renames shorter ones.
    name : str
        For a reader.
    source : str
        Path from the project's folder; with ``|layername=`` for a layer of a GeoPackage.
    kind : str
        ``raster``, or of vectors ``Polygon`` or ``Point``.
    style : Element
        A root from :mod:`changedet.report.qml`.
    visible : bool
        Whether it is switched on.
    about : str
        One sentence for the layer's metadata.
    """

    key: str
    name: str
    source: str
    kind: str
    style: ET.Element
    visible: bool = True
    about: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerGroup:
    """Layers that stand together, the uppermost first."""

    name: str
    layers: Sequence[ProjectLayer]
    expanded: bool = True


def make_qgz(
    groups: Sequence[LayerGroup], *, title: str, notes: Sequence[str], crs: Crs, extent: Box
) -> bytes:
    """Return a QGIS project: the same bytes for the same content.

    Parameters
    ----------
    groups : sequence of LayerGroup
        From the top of the map to its bottom.
    title : str
        Of the project.
    notes : sequence of str
        Lines of its abstract.
    crs : Crs
        Of the project and of all layers.
    extent : tuple
        What is shown first.
    """
    text = make_qgs(groups, title=title, notes=notes, crs=crs, extent=extent)
    return zip_bytes({"town.qgs": text.encode("utf-8")})


def make_qgs(
    groups: Sequence[LayerGroup], *, title: str, notes: Sequence[str], crs: Crs, extent: Box
) -> str:
    """Return the XML of the project; see :func:`make_qgz`."""
    root = ET.Element("qgis", version=_VERSION, projectname=xml_text(title))
    _say(root, "title", title)
    _add_crs(ET.SubElement(root, "projectCrs"), crs)
    tree = ET.SubElement(root, "layer-tree-group")
    for group in groups:
        _add_group(tree, group)
    layers = [layer for group in groups for layer in group.layers]
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas")
    _say(canvas, "units", "meters")
    _add_extent(canvas, extent)
    _say(canvas, "rotation", "0")
    _add_crs(ET.SubElement(canvas, "destinationsrs"), crs)
    held = ET.SubElement(root, "projectlayers")
    for layer in layers:
        held.append(_layer(layer, crs, extent))
    order = ET.SubElement(root, "layerorder")
    for layer in layers:
        ET.SubElement(order, "layer", id=layer.key)
    _add_properties(root)
    _add_metadata(root, title, "\n".join(notes))
    ET.indent(root, " ")
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _say(parent: ET.Element, tag: str, text: object, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = xml_text(text)
    return element


def _add_crs(parent: ET.Element, crs: Crs) -> None:
    system = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    _say(system, "wkt", crs.wkt)
    _say(system, "authid", crs.authid)


def _add_extent(parent: ET.Element, extent: Box) -> None:
    element = ET.SubElement(parent, "extent")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True):
        _say(element, tag, f"{value:.9g}" if abs(value) < 1000 else f"{value:.3f}")


def _provider(layer: ProjectLayer) -> str:
    return "gdal" if layer.kind == "raster" else "ogr"


def _add_group(tree: ET.Element, group: LayerGroup) -> None:
    element = ET.SubElement(
        tree,
        "layer-tree-group",
        name=xml_text(group.name),
        checked="Qt::Checked",
        expanded=str(int(group.expanded)),
    )
    for layer in group.layers:
        ET.SubElement(
            element,
            "layer-tree-layer",
            id=layer.key,
            name=xml_text(layer.name),
            source=layer.source,
            providerKey=_provider(layer),
            checked="Qt::Checked" if layer.visible else "Qt::Unchecked",
            expanded=str(int(layer.visible and layer.kind != "raster")),
        )


def _layer(layer: ProjectLayer, crs: Crs, extent: Box) -> ET.Element:
    vector = layer.kind != "raster"
    element = ET.Element("maplayer", type="vector" if vector else "raster")
    if vector:
        element.set("geometry", layer.kind)
    _say(element, "id", layer.key)
    _say(element, "datasource", layer.source)
    _say(element, "layername", layer.name)
    if not vector:
        _add_extent(element, extent)
    _add_crs(ET.SubElement(element, "srs"), crs)
    _say(element, "title", layer.name)
    _say(element, "abstract", layer.about)
    encoding = {"encoding": "UTF-8"} if vector else {}
    _say(element, "provider", _provider(layer), **encoding)
    element.extend(deepcopy(part) for part in layer.style)
    return element


def _add_properties(root: ET.Element) -> None:
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    _say(paths, "Absolute", "false", type="bool")
    systems = ET.SubElement(properties, "SpatialRefSys")
    _say(systems, "ProjectionsEnabled", "1", type="int")


def _add_metadata(root: ET.Element, title: str, notes: str) -> None:
    metadata = ET.SubElement(root, "projectMetadata")
    _say(metadata, "title", title)
    _say(metadata, "abstract", notes)


def sources(project: str) -> Iterator[str]:
    """Yield the path of every layer of a project's XML."""
    for element in ET.fromstring(project).iter("datasource"):  # noqa: S314 - our own text
        yield (element.text or "").partition("|")[0]
