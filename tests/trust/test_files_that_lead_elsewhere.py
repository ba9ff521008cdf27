"""Inputs are data: none makes the program open another file, ask a server or run code."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from changedet.core.environment import INDIRECT_DRIVERS
from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.raster import inspect_raster
from changedet.io.vector import read_polygons

SIDE = 100
PLACE = Affine(0.5, 0, 426_000, 0, -0.5, 5_383_600)
GRID = Grid(width=SIDE, height=SIDE, transform=PLACE, crs="EPSG:32637")
HOUSE = shapely.box(426_010, 5_383_560, 426_030, 5_383_580)


def write_image(path: Path, **domains: dict[str, str]) -> Path:
    pixels = np.random.default_rng(3).integers(20, 200, (3, SIDE, SIDE), dtype=np.uint8)
    profile: dict[str, Any] = {"width": SIDE, "height": SIDE, "count": 3, "dtype": "uint8"}
    with rasterio.open(
        path, "w", driver="GTiff", crs=GRID.crs, transform=PLACE, **profile
    ) as dataset:
        dataset.write(pixels)
        for domain, tags in domains.items():
            dataset.update_tags(ns=domain, **tags)
    return path


def write_outlines(path: Path) -> Path:
    pyogrio.raw.write(
        path, geometry=np.array([HOUSE.wkb], dtype=object), field_data=[], fields=[], layer="a",
        driver="GPKG", geometry_type="Polygon", crs=GRID.crs,
    )  # fmt: skip
    return path


def vrt(bands: str) -> str:
    return (
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>{GRID.crs}</SRS>'
        f"<GeoTransform>426000,0.5,0,5383600,0,-0.5</GeoTransform>{bands}</VRTDataset>"
    )


def simple(source: object) -> str:
    return vrt(
        "".join(
            f'<VRTRasterBand dataType="Byte" band="{n}"><SimpleSource><SourceFilename>{source}'
            f"</SourceFilename><SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
            for n in (1, 2, 3)
        )
    )


def raw(source: object) -> str:
    return vrt(
        '<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand"><SourceFilename>'
        f"{source}</SourceFilename><PixelOffset>1</PixelOffset><LineOffset>{SIDE}</LineOffset>"
        "</VRTRasterBand>"
    )


def scripted(source: object, canary: Path) -> str:
    return vrt(
        '<VRTRasterBand dataType="Byte" band="1" subClass="VRTDerivedRasterBand">'
        "<PixelFunctionType>f</PixelFunctionType>"
        "<PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode><![CDATA["
        f"\nopen({str(canary)!r}, 'w').close()\ndef f(i, o, *a, **k):\n    o[:] = 1\n]]>"
        f"</PixelFunctionCode><SimpleSource><SourceFilename>{source}</SourceFilename>"
        "</SimpleSource></VRTRasterBand>"
    )


def tiles(address: str) -> str:
    return (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{address}/${{z}}/${{x}}/${{y}}.png</ServerUrl>'
        "</Service><DataWindow><SizeX>480</SizeX><SizeY>480</SizeY></DataWindow></GDAL_WMS>"
    )


KINDS = ("simple", "raw", "python", "remote", "tiles", "behind a BOM", "STAC")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".vrt", ".tif"])
def test_an_image_that_is_a_pointer_is_refused_unfollowed(  # noqa: PLR0917 - fixtures
    tmp_path: Path, watch: Any, listener: Any, kind: str, suffix: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    target = watch(write_image(tmp_path / "secret.tif"))
    canary = tmp_path / "canary"
    asset = {"visual": {"href": f"file://{target.path}"}}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "x", "assets": asset}
    text = {
        "simple": simple(target.path),
        "raw": raw(target.path),
        "python": scripted(target.path, canary),
        "remote": simple(f"/vsicurl/{listener.address}/image.tif"),
        "tiles": tiles(listener.address),
        "behind a BOM": "\ufeff\n  " + simple(target.path),
        "STAC": json.dumps(item),
    }[kind]
    path = tmp_path / f"after{suffix}"
    path.write_text(text, "utf-8")
    for allowed in ((), ("VRT",), ("WMS",), ("STACIT",)):
        with pytest.raises(InputError) as caught:
            inspect_raster(path, role="after", allow_driver=allowed)
        assert caught.value.exit_code == 3
    assert not target.was_read()
    assert listener.knocks == 0
    assert not canary.exists()


@pytest.mark.parametrize("name", sorted(INDIRECT_DRIVERS))
def test_no_driver_that_follows_files_can_be_allowed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "after.dat"
    path.write_bytes(b"anything")
    with pytest.raises(InputError, match="never used"):
        inspect_raster(path, role="after", allow_driver=(name.lower(),))


@pytest.mark.parametrize("way", ["{target}", ":::BASE:::secret.tif", "/vsicurl/{address}/x.tif"])
def test_a_tiff_that_names_its_overviews_elsewhere(
    tmp_path: Path, watch: Any, listener: Any, way: str
) -> None:
    """GDAL takes the file from a tag, and opens it with any driver, when asked for overviews."""
    target = watch(write_image(tmp_path / "secret.tif"))
    named = way.format(target=target.path, address=listener.address)
    path = write_image(tmp_path / "after.tif", OVERVIEWS={"OVERVIEW_FILE": named})
    with pytest.raises(InputError, match="overviews are another file"):
        inspect_raster(path, role="after")
    assert not target.was_read()
    assert listener.knocks == 0


@pytest.mark.parametrize("text", ["SIMPLE", "XML"])
def test_pointers_beside_an_image_and_in_its_tags_are_not_followed(
    tmp_path: Path, watch: Any, text: str
) -> None:
    target = watch(write_image(tmp_path / "secret.tif"))
    pointer = simple(target.path)
    if text == "XML":
        path = write_image(tmp_path / "after.tif", **{"xml:VRT": {"xml:VRT": pointer}})
    else:
        path = write_image(tmp_path / "after.tif")
        for suffix in (".ovr", ".msk"):
            path.with_name(path.name + suffix).write_text(pointer)
        path.with_name(path.name + ".aux.xml").write_text(
            '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">'
            f"{target.path}</MDI></Metadata></PAMDataset>"
        )
    assert inspect_raster(path, role="after").masked_by == "none"
    assert not target.was_read()


STRINGS = (
    "/vsicurl/{address}/a.tif", "/vsizip/{zip}/a.tif", "/vsizip/{{{zip}}}/a.tif", "/vsistdin/",
    "/vsimem/a.tif", "/vsisubfile/0_9999,{target}", "GTIFF_DIR:1:{target}", "vrt://{target}",
    "DERIVED_SUBDATASET:LOGAMPLITUDE:{target}", "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1",
    "WMS:{address}/", "PG:host=127.0.0.1", "ES:{address}", "WFS:{address}", "OAPIF:{address}",
    "{address}/a.tif", "-", "", "/dev/zero", "/dev/stdin", "/proc/cpuinfo", "/proc/self/mem",
)  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
@pytest.mark.parametrize("door", ["image", "outlines"])
def test_what_is_no_path_of_an_ordinary_file(
    tmp_path: Path, watch: Any, listener: Any, text: str, door: str
) -> None:
    target = watch(write_image(tmp_path / "secret.tif"))
    given = text.format(address=listener.address, target=target.path, zip=tmp_path / "a.zip")
    with pytest.raises(InputError) as caught:
        refuse(given, door)
    assert "\n" not in str(caught.value)
    assert not target.was_read()
    assert listener.knocks == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
@pytest.mark.parametrize("door", ["image", "outlines"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, door: str) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(InputError, match="not an ordinary file"):
        refuse(tmp_path / "pipe.tif", door)


def refuse(path: str | Path, door: str) -> None:
    if door == "image":
        inspect_raster(path, role="after")
    else:
        read_polygons(path, grid=GRID, what="footprints")


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.canary),)


MODEL = b"\x08\x07\x12\x04test:\x30" + b"\x6a\x08location\x12\x0d../secret.tif" * 3


@pytest.mark.parametrize("name", ["a.npy", "a.pkl", "a.pt", "a.joblib", "a.onnx", "a.tif", "model"])
@pytest.mark.parametrize("door", ["image", "outlines"])
def test_models_and_pickles_are_unknown_content(
    tmp_path: Path, watch: Any, name: str, door: str
) -> None:
    target = watch(write_image(tmp_path / "secret.tif"))
    canary = tmp_path / "canary"
    head = b"\x93NUMPY\x01\x00v\x00" if name == "a.npy" else b""
    path = tmp_path / name
    path.write_bytes(MODEL if name == "model" else head + pickle.dumps(Evil(canary)))
    with pytest.raises(InputError, match="unknown content"):
        refuse(path, door)
    assert not canary.exists()
    assert not target.was_read()


def geojson(crs: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    feature = {"type": "Feature", "properties": more, "geometry": shapely.geometry.mapping(HOUSE)}
    return {"type": "FeatureCollection", "crs": crs, "features": [feature]}


ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "lol">{ENTITIES}]><l>&a11;</l>'


@pytest.mark.parametrize("kind", ["OGR VRT", "bomb", "entity", "pipeline"])
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".kml"])
def test_outlines_that_are_a_pointer_or_xml_are_refused_unfollowed(
    tmp_path: Path, watch: Any, kind: str, suffix: str
) -> None:
    target = watch(write_outlines(tmp_path / "secret.gpkg"))
    source = f"<SrcDataSource>{target.path}</SrcDataSource>"
    read = f"gdal vector pipeline ! read {target.path} ! write --output-format=stream x"
    text = {
        "OGR VRT": f'<OGRVRTDataSource><OGRVRTLayer name="a">{source}</OGRVRTLayer>'
        "</OGRVRTDataSource>",
        "bomb": BOMB,
        "entity": f'<!DOCTYPE l [<!ENTITY x SYSTEM "file://{target.path}">]><kml>&x;</kml>',
        "pipeline": json.dumps({"type": "gdal_streamed_alg", "command_line": read}),
    }[kind]
    path = tmp_path / f"houses{suffix}"
    path.write_text(text)
    with pytest.raises(InputError, match="format not allowed"):
        read_polygons(path, grid=GRID, what="footprints")
    assert not target.was_read()


@pytest.mark.parametrize("kind", ["link", "URL", "escaped"])
def test_a_crs_behind_an_address_is_not_asked_for(
    tmp_path: Path, listener: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # curl would pass over the proxy that GDAL is given
    monkeypatch.setenv("no_proxy", "*")
    where = {"href": f"{listener.address}/crs", "url": f"{listener.address}/crs"}
    text = json.dumps(geojson({"type": "link" if kind == "escaped" else kind, "properties": where}))
    if kind == "escaped":
        text = text.replace('"link"', '"l\\u0069nk"').replace('"crs"', '"\\u0063rs"')
    path = tmp_path / "houses.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match="its CRS is not given by name"):
        read_polygons(path, grid=GRID, what="footprints")
    assert listener.knocks == 0


def test_gdal_reaches_no_server_even_where_a_file_makes_it_try(
    tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("changedet.io.vector.check_content", lambda _: None)
    path = tmp_path / "houses.geojson"
    path.write_text(json.dumps(geojson({"type": "link", "properties": {"href": listener.address}})))
    with pytest.raises(InputError):
        read_polygons(path, grid=GRID, what="footprints")
    assert listener.knocks == 0


def test_words_that_only_look_like_an_address_do_no_harm(tmp_path: Path) -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32637"}}
    path = tmp_path / "houses.geojson"
    path.write_text(json.dumps(geojson(named, url="https://example.org/", link=None)))
    assert len(read_polygons(path, grid=GRID, what="footprints")) == 1
