"""What no program can do without: reading both images and writing what the contract asks for.

``python -m tests.benchmarks.floor BEFORE AFTER OUT``, where OUT holds the result of a run: the
maps and layers of that run are written once more, with the same compression. Beside it the time
of one structural similarity of scikit-image on one grey band. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import rasterio.shutil
from rasterio.windows import Window
from skimage.metrics import structural_similarity

_ROWS = 512
_MAPS = {"aligned": 1, "pixel_change": 4, "structural_change": 4, "classes": 4}
"""Maps that are COGs, and the effort of their compression."""


def read_image(path: Path) -> None:
    """Read every pixel once, a few rows of tiles at a time."""
    with rasterio.open(path) as image:
        for row in range(0, image.height, _ROWS):
            image.read(window=Window(0, row, image.width, min(_ROWS, image.height - row)))


def write_maps(maps: dict[str, tuple[np.ndarray, dict[str, Any]]], folder: Path) -> None:
    """Write the maps as GDAL does it: a plain draft, then the COG."""
    for name, (values, profile) in maps.items():
        draft, target = folder / f"{name}.part", folder / f"{name}.tif"
        if name not in _MAPS:
            with rasterio.open(target, "w", **profile) as file:
                file.write(values)
            continue
        plain = {key: profile[key] for key in
                 ("width", "height", "count", "dtype", "crs", "transform", "nodata")}  # fmt: skip
        tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "interleave": "band"}
        with rasterio.open(draft, "w", driver="GTiff", **plain, **tiles) as file:
            file.write(values)
        resampling = "MODE" if name == "classes" else "AVERAGE"
        rasterio.shutil.copy(
            draft, target, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", LEVEL=_MAPS[name],
            BLOCKSIZE=512, OVERVIEWS="IGNORE_EXISTING", RESAMPLING=resampling,
        )  # fmt: skip
        draft.unlink()


def measure(before: Path, after: Path, out: Path) -> dict[str, float]:
    """Return CPU seconds of reading and of writing, and wall seconds of the similarity."""
    maps = {}
    for name in (*_MAPS, "correspondence"):
        with rasterio.open(out / "maps" / f"{name}.tif") as file:
            maps[name] = file.read(), dict(file.profile)
    layers = {}
    for name in pyogrio.list_layers(out / "vectors.gpkg")[:, 0]:
        layers[name] = pyogrio.raw.read(out / "vectors.gpkg", layer=name)
    settings = {"GDAL_CACHEMAX": 64 * 2**20, "GDAL_NUM_THREADS": 1, "COG_TMP_COMPRESSION": "NONE"}
    with tempfile.TemporaryDirectory() as place, rasterio.Env(**settings):
        begin = time.process_time()
        for path in (before, after):
            read_image(path)
        read = time.process_time()
        write_maps(maps, Path(place))
        for name, (meta, _, shapes, fields) in layers.items():
            if shapes is None:
                continue
            pyogrio.raw.write(
                Path(place) / "vectors.gpkg", shapes, fields, meta["fields"], layer=name,
                crs=meta["crs"], geometry_type=meta["geometry_type"], driver="GPKG",
                append=(Path(place) / "vectors.gpkg").is_file(),
            )  # fmt: skip
        written = time.process_time()
    grey = []
    for path in (before, after):
        with rasterio.open(path) as image:
            grey.append(image.read(1))
    height, width = (min(a, b) for a, b in zip(*(band.shape for band in grey), strict=True))
    start = time.perf_counter()
    structural_similarity(*(band[:height, :width] for band in grey), full=True)
    return {
        "read": read - begin,
        "write": written - read,
        "similarity": time.perf_counter() - start,
    }


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    sys.stdout.write(json.dumps(measure(*(Path(part) for part in argv[:3]))) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
