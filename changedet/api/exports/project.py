"""The layers of a result as a QGIS project shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from changedet.api.exports.placed import Placed
from changedet.api.views import shown_bands
from changedet.io.raster import describe_own, read_small
from changedet.io.vector import own_layers
from changedet.report import qml
from changedet.report.gis.qgis import LayerGroup, ProjectLayer

_LOOK = 512
"""Side of what is looked at for black and white, pixels."""


def project_layers(place: Placed) -> tuple[LayerGroup, ...]:
    """Return the layers that exist in groups, from the top of the map to its bottom."""
    names = own_layers(place.layers)

    def exists(layer: ProjectLayer) -> bool:
        path, _, name = layer.source.partition("|layername=")
        if name:
            return name in names
        return not path.startswith("../") or (place.kit.folder / path[3:]).is_file()

    held = (
        replace(group, layers=tuple(layer for layer in group.layers if exists(layer)))
        for group in _groups(place)
    )
    return tuple(group for group in held if group.layers)


def _groups(place: Placed) -> tuple[LayerGroup, ...]:
    lang, say = place.kit.lang, place.say
    note = say("gis-note")

    def vector(layer: str, key: str, kind: str = "Polygon", *, on: bool = True) -> ProjectLayer:
        return ProjectLayer(
            key=f"changedet_{layer}",
            name=say(key),
            source=f"../vectors.gpkg|layername={layer}",
            kind=kind,
            style=qml.LAYERS[layer](lang),
            visible=on,
            about=note,
        )

    def evidence(name: str, key: str) -> ProjectLayer:
        return ProjectLayer(
            key=f"changedet_{name}",
            name=say(key),
            source=f"../maps/{name}.tif",
            kind="raster",
            style=qml.evidence_style(),
            visible=False,
            about=note,
        )

    buildings = "gis-buildings" if place.has_buildings else "gis-regions"
    return (
        LayerGroup(
            name=say("gis-result"),
            layers=(
                vector("aoi", "gis-aoi"),
                vector("buildings", buildings),
                vector("changes", "gis-changes", on=False),
                vector("grid_cells", "gis-cells", on=False),
            ),
        ),
        LayerGroup(
            name=say("gis-registration"),
            layers=(
                vector("tie_points", "gis-tie-points", "Point", on=False),
                vector("source", "gis-source", on=False),
            ),
            expanded=False,
        ),
        LayerGroup(
            name=say("gis-maps"),
            layers=(
                ProjectLayer(
                    key="changedet_classes",
                    name=say("gis-classes"),
                    source="../maps/classes.tif",
                    kind="raster",
                    style=qml.classes_style(lang, opacity=0.6),
                    about=note,
                ),
                evidence("structural_change", "gis-structural-change"),
                evidence("pixel_change", "gis-pixel-change"),
            ),
        ),
        LayerGroup(name=say("gis-images"), layers=_images(place)),
    )


def _images(place: Placed) -> tuple[ProjectLayer, ...]:
    bands = shown_bands(place.kit.record)
    return (
        ProjectLayer(
            key="changedet_after",
            name=place.say("gis-after"),
            source="../maps/aligned.tif",
            kind="raster",
            style=qml.image_style(_limits(place, bands), tuple(band + 1 for band in bands)),
            about=place.kit.credit,
        ),
        ProjectLayer(
            key="changedet_before",
            name=place.say("gis-before"),
            source="./before.jpg",
            kind="raster",
            style=qml.image_style(None, (1, 2, 3)),
            about=place.kit.credit,
        ),
    )


def _limits(place: Placed, bands: list[int]) -> tuple[float, float] | None:
    """Return what becomes black and white in AFTER; None where its values are colours already."""
    path = place.kit.folder / "maps" / "aligned.tif"
    facts = describe_own(path)
    if facts["dtype"] == "uint8" and len(bands) == 3:
        return None
    values = read_small(path, size=_LOOK)[bands].astype(float)
    nodata = facts["nodata"]
    known = values[np.isfinite(values) & (values != nodata)]
    low, high = np.percentile(known, [1, 99]) if known.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))
