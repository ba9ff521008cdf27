"""Tiles of a result folder: they show what the files hold, down to the last pixel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from changedet.api import rebuild_report
from changedet.api.exports import is_tile, tiles
from changedet.api.results import Result
from changedet.core.errors import InputError
from changedet.io.raster import inspect_raster
from changedet.report.pictures import class_layer, evidence_layer
from changedet.report.pyramid import pyramid_document
from changedet.result import GridRecord, ImageRecord, Inputs, Provenance, Record

CHROMIUM = Path("/usr/bin/chromium")
WIDTH, HEIGHT = 600, 500
PLACE = {"crs": "EPSG:32637", "transform": Affine(0.5, 0, 4e5, 0, -0.5, 5e6)}
# No greys: one colour along the border may be taken for fill.
COLOURS = np.array(
    [(1, 60, 120), (255, 200, 90), (200, 40, 40), (30, 160, 60), (60, 90, 220), (128, 110, 100)],
    np.uint8,
)


def paint() -> np.ndarray:
    """Return squares of known colours; their range is that of the display, so that none moves."""
    number = (np.arange(HEIGHT)[:, None] // 100 * 5 + np.arange(WIDTH)[None] // 120) % 6
    return COLOURS[number]


def save(path: Path, bands: np.ndarray, **more: Any) -> None:
    profile = {"count": len(bands), "dtype": bands.dtype, "width": WIDTH, "height": HEIGHT}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", **PLACE, **profile, **more) as file:
        file.write(bands)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a result folder whose files hold known colours, codes and evidence."""
    folder = tmp_path_factory.mktemp("painted")
    out = folder / "out"
    before = paint()
    save(folder / "before.tif", np.moveaxis(before, -1, 0), photometric="rgb")
    after = before.copy()
    after[:100, 480:] = 0  # nodata
    save(out / "maps" / "aligned.tif", np.moveaxis(after, -1, 0), nodata=0, photometric="rgb")
    codes = np.ones((HEIGHT, WIDTH), np.uint8)
    codes[10:40, 530:560] = 2
    codes[200:260, 100:180] = 3
    evidence = np.zeros((HEIGHT, WIDTH), np.uint8)
    evidence[200:260, 100:180] = 200
    evidence[:, 300:] = 255
    save(out / "maps" / "classes.tif", codes[None])
    save(out / "maps" / "pixel_change.tif", evidence[None], nodata=255)
    raster = inspect_raster(folder / "before.tif", role="before")
    image = ImageRecord(
        path=raster.path,
        sha256=raster.sha256,
        date=None,
        width=WIDTH,
        height=HEIGHT,
        bands={"red": 1, "green": 2, "blue": 3},
        bands_from="colour interpretation",
        dtype="uint8",
        crs=PLACE["crs"],
        gsd_m=0.5,
    )
    record = Record(
        status="ok",
        title="Painted",
        inputs=Inputs(before=image, after=image),
        grid=GridRecord(
            crs=PLACE["crs"],
            transform=tuple(PLACE["transform"])[:6],
            gsd_m=0.5,
            width=WIDTH,
            height=HEIGHT,
            analysed_share=1.0,
        ),
        provenance=Provenance(
            version="0",
            options={},
            command="",
            started="2025-01-02T03:04:05Z",
            seconds=1,
            peak_mb=1,
            software={},
        ),
    )
    return SimpleNamespace(
        out=out, record=record, before=before, after=after, codes=codes, evidence=evidence
    )


@pytest.fixture(scope="module")
def written(painted: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tmp_path_factory.mktemp("tiles")
    pyramid = tiles.write_tiles(painted.out, painted.record, target)
    return SimpleNamespace(target=target, pyramid=pyramid)


def mosaic(target: Path, layer: str, z: int) -> np.ndarray:
    level = np.zeros((512, 512 * (z + 1), 4), np.uint8)
    for path in (target / layer / str(z)).iterdir():
        x, y = (int(part) for part in path.stem.split("_"))
        tile = np.asarray(Image.open(path).convert("RGBA"))
        assert tile.shape == (512, 512, 4)
        level[y * 512 : y * 512 + 512, x * 512 : x * 512 + 512] = tile
    return level


def test_the_deepest_level_holds_the_pixels_of_the_files(painted: Any, written: Any) -> None:
    assert (written.pyramid.zmax, written.pyramid.size) == (1, 512)
    before = mosaic(written.target, "before", 1)
    assert (before[:HEIGHT, :WIDTH, 3] == 255).all()
    assert not before[HEIGHT:, :, 3].any()
    assert not before[:, WIDTH:, 3].any()
    # WebP blurs colours at edges: the squares without their rims.
    rim = (np.arange(HEIGHT) % 100)[:, None], (np.arange(WIDTH) % 120)[None]
    inner = np.ones((HEIGHT, WIDTH), bool)
    for place, side in zip(rim, (100, 120), strict=True):
        inner &= (place > 15) & (place < side - 16)
    inner[:, 496:528] = False  # the seam of two tiles, coded apart
    difference = before[:HEIGHT, :WIDTH, :3].astype(int) - painted.before
    assert np.abs(difference[inner]).max() <= 4
    after = mosaic(written.target, "after", 1)
    np.testing.assert_array_equal(
        after[:HEIGHT, :WIDTH, 3], np.where(painted.after.any(axis=2), 255, 0)
    )
    index, colours = class_layer(painted.codes)
    classes = mosaic(written.target, "classes", 1)[:HEIGHT, :WIDTH]
    np.testing.assert_array_equal(classes, colours[index])
    index, colours = evidence_layer(painted.evidence)
    pixel = mosaic(written.target, "pixel", 1)[:HEIGHT, :WIDTH]
    expected = colours[index]
    np.testing.assert_array_equal(pixel[..., 3], expected[..., 3])
    np.testing.assert_array_equal(pixel[pixel[..., 3] > 0], expected[expected[..., 3] > 0])


def test_the_top_is_half_as_large_and_empty_tiles_are_not_there(painted: Any, written: Any) -> None:
    top = mosaic(written.target, "before", 0)
    assert (top[:250, :300, 3] == 255).all()
    assert not top[250:, :, 3].any()
    assert np.abs(top[20:30, 20:40, :3].astype(int) - painted.before[50, 60]).max() <= 4
    files = {
        path.relative_to(written.target).as_posix()
        for path in written.target.rglob("*")
        if path.is_file()
    }
    both = {f"{name}/1/{x}_0.webp" for name in ("before", "after") for x in (0, 1)}
    assert files == both | {
        "before/0/0_0.webp", "after/0/0_0.webp", "classes/0/0_0.png", "classes/1/0_0.png",
        "classes/1/1_0.png", "pixel/0/0_0.png", "pixel/1/0_0.png",
    }  # fmt: skip
    document = pyramid_document(written.pyramid)
    assert list(document["layers"]) == ["before", "after", "classes", "pixel"]
    assert document["layers"]["pixel"]["present"] == [1, "gA=="]
    assert document["layers"]["classes"]["present"] == [1, 1]


def test_one_stretch_for_all_tiles_of_a_large_image(
    painted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large image's limits come from windows over all of it, and not from each tile."""
    path = tmp_path / "ramp.tif"
    ramp = np.linspace(1000, 3000, WIDTH).astype(np.uint16)
    save(path, np.broadcast_to(ramp, (1, HEIGHT, WIDTH)).copy())
    raster = inspect_raster(path, role="before")
    exact = tiles._limits(raster, raster.roles)
    assert exact == pytest.approx((1020, 2980), abs=8)
    monkeypatch.setattr(tiles, "SIZE", 200)
    monkeypatch.setattr(tiles, "_SAMPLE_PX", 60)
    assert tiles._limits(raster, raster.roles) == pytest.approx(exact, abs=40)
    windows = []
    read = tiles.read_window
    monkeypatch.setattr(
        tiles, "read_window", lambda *a, **k: (windows.append(a[1]), read(*a, **k))[1]
    )
    tiles._limits(raster, raster.roles)
    assert len(windows) == 36
    assert sum(w.height * w.width for w in windows) < HEIGHT * WIDTH / 2


def test_an_image_before_that_is_gone_is_said(painted: Any, tmp_path: Path) -> None:
    image = painted.record.inputs.before.model_copy(update={"path": str(tmp_path / "gone.tif")})
    inputs = painted.record.inputs.model_copy(update={"before": image})
    record = painted.record.model_copy(update={"inputs": inputs})
    with pytest.raises(InputError, match=r"gone\.tif: the image before is not there any more"):
        tiles.write_tiles(painted.out, record, tmp_path / "tiles")
    assert not (tmp_path / "tiles").exists()


def test_the_report_command_writes_them_and_replaces_old_ones(
    small_result: Result, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(small_result.folder, out)
    stale = out / "tiles" / "before" / "9" / "7_7.webp"
    mine = out / "tiles" / "before" / "9" / "mine.txt"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    mine.write_text("mine")
    _, files = rebuild_report(out, export=("tiles",))
    assert {out / "tiles" / "data.js", out / "tiles" / "index.html"} <= set(files)
    assert not any(is_tile(path.relative_to(out)) for path in files)
    assert not stale.exists()
    assert mine.read_text() == "mine"
    text = (out / "tiles" / "data.js").read_text("utf-8")
    data = json.loads(text.removeprefix("window.CHANGEDET_DATA=").removesuffix(";\n"))
    document = data["tiles"]
    assert data["pair"] is None
    assert (document["width"], document["zmax"]) == (384, 0)
    assert list(document["layers"]) == ["before", "after", "classes", "structural", "pixel"]
    for name, layer in document["layers"].items():
        address = layer["template"].format(z=0, x=0, y=0)
        assert (out / "tiles" / address).is_file() == (layer["present"] == [1]), name


PAGE = """<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src 'self' file: data:; script-src 'self' file:;
 style-src 'unsafe-inline'">
<style>body{margin:0;background:#fff}img{position:absolute;image-rendering:pixelated}</style>
<script src="data.js"></script><script src="page.js"></script>"""
SCRIPT = """
addEventListener('load', () => {
  const {layers, size, zmax, width, height} = window.changedetTiles;
  for (const name of ['before', 'classes']) {
    const {template, present} = layers[name];
    const columns = Math.ceil(width / size), rows = Math.ceil(height / size);
    const bits = present[zmax];
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
      const k = y * columns + x;
      if (bits !== 1 && (!bits || !(atob(bits).charCodeAt(k >> 3) & 128 >> (k & 7)))) continue;
      const tile = document.createElement('img');
      tile.src = template.replace('{z}', zmax).replace('{x}', x).replace('{y}', y);
      tile.style.left = x * size + 'px'; tile.style.top = y * size + 'px';
      document.body.append(tile);
    }
  }
});
"""


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
def test_a_browser_shows_them_from_a_file_and_says_nothing(painted: Any, tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    pyramid = tiles.write_tiles(painted.out, painted.record, tmp_path / "tiles")
    page = tmp_path / "tiles" / "index.html"
    page.write_text(PAGE, "utf-8")
    data = json.dumps(pyramid_document(pyramid))
    (tmp_path / "tiles" / "data.js").write_text(f"window.changedetTiles={data};", "utf-8")
    (tmp_path / "tiles" / "page.js").write_text(SCRIPT, "utf-8")
    heard: list[str] = []
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.on("console", lambda message: heard.append(message.text))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.goto(page.as_uri())
        tab.wait_for_function("[...document.images].length == 4")
        tab.evaluate("Promise.all([...document.images].map(image => image.decode()))")
        shot = tab.screenshot(path=str(tmp_path / "shot.png"))
        browser.close()
    assert shot
    assert heard == []
    seen = np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(int)
    index, colours = class_layer(painted.codes)
    layer = colours[index].astype(float)
    alpha = layer[..., 3:] / 255
    expected = painted.before * (1 - alpha) + layer[..., :3] * alpha
    # Far enough from the edges of colours, which WebP blurs.
    for row, col in ((50, 60), (150, 60), (250, 420), (450, 550), (25, 545), (230, 140)):
        np.testing.assert_allclose(seen[row, col], expected[row, col], atol=6)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
def test_the_page_of_the_tiles_draws_its_map_from_them(
    small_result: Result, tmp_path: Path
) -> None:
    api = pytest.importorskip("playwright.sync_api")
    out = tmp_path / "out"
    shutil.copytree(small_result.folder, out)
    rebuild_report(out, export=("tiles",))
    page = (out / "tiles" / "index.html").as_uri()
    heard: list[str] = []
    asked: list[str] = []
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1000, "height": 800})
        tab.on("console", lambda message: heard.append(message.text))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page)
        for name in ("before", "after"):
            tab.locator(f".leaflet-{name}-pane img.leaflet-tile-loaded").first.wait_for()
        tab.locator("[data-show=structural]").check()
        tab.locator(".leaflet-rasters-pane img.leaflet-tile-loaded").first.wait_for()
        tab.locator("[data-table=buildings] tbody button").first.click()
        tab.wait_for_function(
            """() => [...document.querySelectorAll(".card canvas")].length === 2"""
        )
        browser.close()
    assert heard == []
    outside = [
        url for url in asked if not url.startswith(("data:", page.removesuffix("index.html")))
    ]
    assert outside == []
