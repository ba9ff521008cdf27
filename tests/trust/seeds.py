"""Small whole files to damage: a piece of the shipped sample in every form that is read."""

# ruff: noqa: E501 - tables of files, one a line
from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from tests.trust import mutate

SAMPLE = Path(__file__).parents[2] / "samples" / "bakhmut"
SIDE = 96
ORIGIN = (400, 400)
UTM = "EPSG:32637"
SCALED = '<GDALMetadata><Item name="SCALE" sample="0" role="scale">1e11</Item></GDALMetadata>'
TAGS = {"ACQUISITIONDATETIME": "2023-07-01T09:00:00Z", "SUN_ELEVATION": "55"}
Image = np.ndarray


def read_piece(name: str, side: int) -> tuple[Image, Affine]:
    window = rasterio.windows.Window(*ORIGIN, side, side)
    with rasterio.open(SAMPLE / f"{name}.tif") as file:
        return file.read(window=window), file.window_transform(window)


def save(path: Path, image: Image, *, mask: Image | None = None, **wishes: Any) -> bytes:
    """Write an image and return the file's bytes."""
    tags, scale = wishes.pop("tags", {}), wishes.pop("scale", None)
    looks = wishes.pop("overviews", ())
    profile: dict[str, Any] = {"driver": "GTiff", "count": len(image), "height": image.shape[1],
                               "width": image.shape[2], "dtype": image.dtype.name}  # fmt: skip
    with (
        warnings.catch_warnings(),
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED=False),
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **(profile | wishes)) as file:
            file.write(image)
            if mask is not None:
                file.write_mask(mask)
            file.update_tags(**tags)
            if scale:
                file.scales, file.offsets = (scale,) * len(image), (0.0,) * len(image)
        if looks:
            with rasterio.open(path, "r+") as file:
                file.build_overviews(list(looks))
    return path.read_bytes()


def make_tiffs(folder: Path) -> dict[str, bytes]:
    """GeoTIFFs of several forms; ``sealed-`` is in the name where pixels have a checksum."""
    image, place = read_piece("before", SIDE)
    rng = np.random.default_rng(1)
    mask = np.full(image.shape[1:], 255, np.uint8)
    mask[:20, :30] = 0
    deep = image.astype(np.uint16) * 37
    nir = np.concatenate([deep, deep[:1] + rng.integers(0, 9, deep[:1].shape, np.uint16)])
    turned = place @ Affine.rotation(12)
    at = {"crs": UTM, "transform": place}
    tiles = {"tiled": True, "blockxsize": 48, "blockysize": 48}
    made = {
        "sealed-deflate-tiles": (image, {**at, **tiles, "compress": "deflate", "predictor": 2,
                                         "nodata": 0, "tags": TAGS, "overviews": (2,)}),
        "zstd-big-turned": (image, {"crs": UTM, "transform": turned, "compress": "zstd",
                                    "bigtiff": "yes", "blockysize": 16, "nodata": 3}),
        "lzw-strips": (image, {**at, "compress": "lzw", "predictor": 2, "blockysize": 8,
                               "interleave": "band", "scale": 0.5}),
        "jpeg-mask": (image, {**at, **tiles, "compress": "jpeg", "photometric": "ycbcr", "mask": mask}),
        "plain-nir": (nir, {**at, "blockysize": 32, "tags": TAGS, "scale": 1e-4}),
        "sealed-deflate-float": (image / np.float32(255), {**at, "compress": "deflate", "predictor": 3,
                                  "nodata": float("nan"), "blockysize": 24, "scale": 2.0}),
        "palette": (image[:1] % 16, {**at, "photometric": "palette", "compress": "packbits"}),
        "sealed-deflate-big": (deep, {"crs": "EPSG:4326", "compress": "deflate", "bigtiff": "yes",
                                "transform": Affine(7e-6, 0, 37.999, 0, -5e-6, 48.5993), "nodata": 65535,
                                "tags": TAGS, **tiles}),
    }  # fmt: skip
    made["palette"][1].pop("photometric")
    return {
        name: save(folder / f"{name}.tif", *given[:1], **given[1]) for name, given in made.items()
    }


def make_pictures(folder: Path) -> dict[str, bytes]:
    image, place = read_piece("before", SIDE)
    colours = (image[:1] // 32) * 32
    made = {
        "sealed-rgb.png": (image, {"driver": "PNG"}),
        "sealed-grey.png": (colours, {"driver": "PNG"}),
        "rgb.jpg": (image, {"driver": "JPEG", "quality": 80}),
        "lossy.jp2": (image, {"driver": "JP2OpenJPEG", "crs": UTM, "transform": place, "quality": 20,
                              "blockxsize": 64, "blockysize": 64}),
        "lossless.jp2": (image, {"driver": "JP2OpenJPEG", "crs": UTM, "transform": place,
                                 "reversible": "yes", "quality": 100}),
    }  # fmt: skip
    return {name: save(folder / name, data, **wishes) for name, (data, wishes) in made.items()}


def make_outlines(folder: Path) -> dict[str, bytes]:
    """The footprints near the piece in four formats."""
    meta, _, shapes, values = pyogrio.raw.read(SAMPLE / "footprints.gpkg", columns=["id"])
    _, place = read_piece("before", 128)
    left, top = place.c, place.f
    frame = shapely.box(left, top - 64, left + 64, top)
    near = shapely.intersects(shapely.from_wkb(shapes), frame)
    found = {}
    for name, driver in (("a.gpkg", "GPKG"), ("a.geojson", "GeoJSON"), ("a.fgb", "FlatGeobuf"),
                         ("a.shp", "ESRI Shapefile")):  # fmt: skip
        options = {"layer": "footprints"} if driver == "GPKG" else {}
        pyogrio.raw.write(folder / name, geometry=shapes[near], field_data=[values[0][near]],
                          fields=["id"], driver=driver, geometry_type="Polygon", crs=meta["crs"],
                          **options)  # fmt: skip
        found[name] = (folder / name).read_bytes()
    document = json.loads(found["a.geojson"])
    assert len(document["features"]) >= 3
    return found


def make_lists() -> dict[str, bytes]:
    town = 'name = "{0}"\nbefore = "b.tif"\nafter = "a.tif"\nbefore_date = "2023-01-0{1}"\ngsd = 0.{1}\n'
    rows = "".join(f"T{n},b.tif,a.tif,0.{n},2023-01-0{n}\n" for n in range(1, 6))
    points = "".join(
        f"{426200 + 10 * n},{5383400 - n * n},{3 * n},{-2 * n - n * n},1\n" for n in range(1, 7)
    )
    return {
        "a.toml": "".join("[[town]]\n" + town.format(f"T{n}", n) for n in range(1, 6)).encode(),
        "a.csv": f"name,before,after,gsd,before_date\n{rows}".encode(),
        "a.points": f"#CRS: {UTM}\nmapX,mapY,sourceX,sourceY,enable\n{points}".encode(),
        "plain.csv": ("before_col,before_row,after_col,after_row\n"
                      + "".join(f"{n},{n * n},{n + 1},{n * n - 1}\n" for n in range(6))).encode(),
    }  # fmt: skip


def damaged_images(tiffs: dict[str, bytes], pictures: dict[str, bytes], rng: np.random.Generator,
                   times: int) -> Iterator[mutate.Mutant]:  # fmt: skip
    """All mutants of images; ``times`` scales what is drawn at random."""
    yield from mutate.tiff_values(tiffs, rng)
    names = list(tiffs)
    for name, data in tiffs.items():
        for _ in range(6 * times):
            yield _made(mutate.tiff_entry(data, rng), name, ".tif")
        for _ in range(5 * times):
            what = mutate.flip_inside(data, mutate.tiff_body(data), rng)
            yield _made(what, name, ".tif", sealed=name.startswith("sealed-"))
        for _ in range(2 * times):
            yield _made(mutate.bare(data, rng), name, ".tif")
            other = tiffs[names[int(rng.integers(len(names)))]]
            yield _made(mutate.cut_or_splice(data, other, rng), name, ".tif")
    for name in pictures:
        yield from _damaged_picture(name, pictures, rng, times)


def _damaged_picture(name: str, pictures: dict[str, bytes], rng: np.random.Generator,
                     times: int) -> Iterator[mutate.Mutant]:  # fmt: skip
    data, suffix = pictures[name], Path(name).suffix
    if suffix == ".png":
        yield from mutate.png_values(name, data)
        for _ in range(9 * times):
            yield _made(mutate.png_body(data, rng), name, suffix, sealed=True)
    elif suffix == ".jpg":
        yield from mutate.jpeg_sizes(name, data)
        for _ in range(20 * times):
            yield _made(mutate.marker_value(data, rng), name, suffix)
    else:
        if name == "lossy.jp2":
            yield from mutate.jp2_sizes(name, data)
        start = data.index(b"\xff\x4f\xff\x51") + 2
        for _ in range(9 * times):
            yield _made(mutate.marker_value(data, rng, start), name, suffix)
            yield _made(mutate.jp2_box(data, rng), name, suffix)
    for _ in range(4 * times):
        yield _made(mutate.bare(data, rng), name, suffix)
        yield _made(mutate.cut_or_splice(data, next(iter(pictures.values())), rng), name, suffix)


def damaged_lists(
    given: dict[str, bytes], rng: np.random.Generator, times: int
) -> Iterator[mutate.Mutant]:
    """All mutants of outlines, manifests and tie points."""
    for name, data in given.items():
        suffix = Path(name).suffix
        if suffix == ".geojson":
            yield from mutate.geojson_values(name, data)
        elif suffix == ".gpkg":
            yield from mutate.geopackage_values(name, data)
        elif suffix == ".toml":
            yield from mutate.manifest_values(name)
        for _ in range(10 * times):
            yield _made(mutate.bare(data, rng), name, suffix)
        for _ in range(3 * times):
            yield _made(mutate.cut_or_splice(data, data[::-1], rng), name, suffix)


def _made(
    what: tuple[str, bytes], seed: str, suffix: str, *, sealed: bool = False
) -> mutate.Mutant:
    return mutate.Mutant(name=what[0], seed=seed, suffix=suffix, data=what[1], sealed=sealed)
