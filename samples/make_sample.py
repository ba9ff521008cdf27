"""Write the sample pair: a synthetic town before and after, whose losses are known.

No image of a real place is in it. ``townmaker`` paints a scene at a quarter of a metre as height,
slope, colour and cover; events change it; a renderer lights it (facets, cast shadows), and a sensor
model blurs, warps, samples and adds noise. ``python samples/make_sample.py`` writes
``samples/town/``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import shapely

from townmaker.pair import Pair, make_pair
from townmaker.scene import GSD

ORIGIN = (426_000.0, 5_383_600.0)  # upper left corner: countryside near Bakhmut
CRS = "EPSG:32637"


def write_pair(pair: Pair, folder: Path) -> None:
    """Write images, footprints with their true grades, true classes and figures."""
    import rasterio
    from affine import Affine

    folder.mkdir(parents=True, exist_ok=True)
    place = {
        "crs": CRS,
        "transform": Affine(GSD, 0, ORIGIN[0], 0, -GSD, ORIGIN[1]),
        "driver": "GTiff",
        "height": pair.classes.shape[0],
        "width": pair.classes.shape[1],
        "dtype": "uint8",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    for name, image, date in (
        ("before", pair.before, "2022:05:08 08:41:00"),
        ("after", pair.after, "2023:05:15 08:50:00"),
    ):
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            count=3,
            compress="JPEG",
            JPEG_QUALITY=90,
            photometric="YCBCR",
            **place,
        ) as file:
            file.write(np.moveaxis(image, -1, 0))
            file.update_tags(TIFFTAG_DATETIME=date, TIFFTAG_IMAGEDESCRIPTION="Synthetic town")
    with rasterio.open(
        folder / "truth_classes.tif", "w", count=1, compress="DEFLATE", **place
    ) as file:
        file.write(pair.classes, 1)
    (folder / "footprints.geojson").write_text(footprints_json(pair), "utf-8")
    (folder / "truth.json").write_text(json.dumps(pair.truth, indent=2) + "\n", "utf-8")


def footprints_json(pair: Pair) -> str:
    """Return the outlines inside the image as GeoJSON (RFC 7946: longitude, latitude)."""
    from rasterio.warp import transform

    side = pair.classes.shape[0] * GSD
    rows = []
    for number, b in enumerate(pair.buildings, start=1):
        shape = b.shape.intersection(shapely.box(0, 0, side, side))
        if shape.geom_type != "Polygon" or shape.area < 2:
            continue
        x, y = np.asarray(shape.exterior.coords).T
        lon, lat = transform(CRS, "OGC:CRS84", list(ORIGIN[0] + x), list(ORIGIN[1] - y))
        ring = [[round(a, 8), round(c, 8)] for a, c in zip(lon, lat, strict=True)]
        rows.append(
            json.dumps(
                {
                    "type": "Feature",
                    "id": number,
                    "properties": {
                        "id": number,
                        "kind": b.kind,
                        "grade": b.grade,
                        "event": b.event or None,
                    },
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
        )
    body = ",\n".join(rows)
    return f'{{"type": "FeatureCollection", "features": [\n{body}\n]}}\n'


def main() -> None:
    """Write the sample that ships with the package."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "town")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    wish = parser.parse_args()
    pair = make_pair(wish.size, wish.seed)
    write_pair(pair, wish.folder)
    print(json.dumps(pair.truth, indent=2))


if __name__ == "__main__":
    main()
