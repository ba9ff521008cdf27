"""Unlucky environments: a full disk at every stage, signals, limits, files that may not be read."""

from __future__ import annotations

import csv
import errno
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine

import changedet as cd
from changedet import api
from changedet.api import batch, jobs
from changedet.api.town import TownJob, TownOutcome, run_town
from changedet.cli import app
from changedet.core.errors import EnvironmentFault
from changedet.core.grid import Grid
from changedet.core.options import RunOptions
from changedet.io.output import write_file
from changedet.io.points import write_tie_points
from changedet.io.raster import check_raster, create_raster, read_own, write_cog
from changedet.io.vector import Layer, write_geopackage
from changedet.report.language import Phrase
from tests.trust.command import (
    drop_privileges,
    fill_disk,
    full_disk,
    limit,
    modest,
    only_line,
    run,
    seen,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")

TYCHE = Path(__file__).parents[2] / "samples" / "towns" / "tyche"
PAIR = (TYCHE / "before.tif", TYCHE / "after.tif")
GRID = Grid(
    width=90, height=80, transform=Affine(0.5, 0, 3e5, 0, -0.5, 4e6), crs="EPSG:32637", unit_m=1.0
)
NOISE = np.random.default_rng(0).integers(0, 255, (3, *GRID.shape), np.uint8)


def check_line(fault: EnvironmentFault, *words: object) -> None:
    text = str(fault)
    assert fault.exit_code == 5
    assert "\n" not in text
    assert "MB free there" in text
    for word in words:
        assert str(word) in text


# ---------------------------------------------------------------- single files


def test_a_small_image_that_is_flushed_when_it_is_closed(tmp_path: Path) -> None:
    """GDAL keeps it in memory until then; a write that is lost must not pass for one."""
    path = tmp_path / "map.tif"
    with create_raster(path, GRID, count=3, dtype="uint8") as raster:
        raster.write(NOISE, GRID.window)
        written = path.stat().st_size
    assert written < path.stat().st_size / 10
    with pytest.raises(EnvironmentFault) as caught, full_disk(2000):  # noqa: PT012 - either of both
        with create_raster(path, GRID, count=3, dtype="uint8") as raster:
            raster.write(NOISE, GRID.window)
        check_raster(path)
    check_line(caught.value, path)


def test_a_cog_that_does_not_fit(tmp_path: Path) -> None:
    draft, path = tmp_path / "draft.tif", tmp_path / "map.tif"
    with create_raster(draft, GRID, count=3, dtype="uint8", zlevel=0) as raster:
        raster.write(NOISE, GRID.window)
    with pytest.raises(EnvironmentFault) as caught, full_disk(5000):  # noqa: PT012 - either of both
        write_cog(draft, path)
        check_raster(path)
    check_line(caught.value, path)


@pytest.mark.parametrize("size", [0, 20_000, 99_000, 110_000])
def test_a_geopackage_that_does_not_fit(tmp_path: Path, size: int) -> None:
    path = tmp_path / "vectors.gpkg"
    shapes = [shapely.box(k, 0, k + 1, 1) for k in range(300)]
    layer = Layer(name="cells", geometries=shapes, columns={"id": np.arange(300)}, qml="<qgis/>")
    with (
        pytest.raises(EnvironmentFault, match=r"vectors\.gpkg: cannot be written"),
        full_disk(size),
    ):
        write_geopackage(path, [layer], crs="EPSG:32637")


def test_tie_points_that_do_not_fit(tmp_path: Path) -> None:
    path, points = tmp_path / "tie_points.points", np.ones((9, 4))
    with pytest.raises(EnvironmentFault) as caught, full_disk(100):
        write_tie_points(path, points, used=np.ones(9, np.bool_), before=GRID, after=GRID)
    check_line(caught.value, path)


# ---------------------------------------------------------------- a run, from its first figure on


@pytest.fixture(scope="module")
def made(small_files: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the small result and how to make it again without computing."""
    outcomes: list[Any] = []
    folder = tmp_path_factory.mktemp("small")
    compare, draw = jobs.run_pair, jobs.draw_figures

    def keep(*args: Any, folder: Path, **wishes: Any) -> Any:
        outcomes.append(compare(*args, folder=folder, **wishes))
        _copy(folder, copy)
        return outcomes[0]

    def again(*args: Any, folder: Path, **wishes: Any) -> Any:
        _copy(copy, folder)
        return outcomes[0]

    copy = folder / "walked"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "run_pair", keep)
        patch.setattr(jobs, "draw_figures", lambda *_, **__: FIGURES)
        out = folder / "out"
        outlines = _disguised(small_files.footprints, folder / "houses.gpkg")
        api.run(small_files.before, small_files.after, footprints=outlines, output=out)
    assert draw is jobs.draw_figures
    return again, out


FIGURES = {"scores": (b"a picture" * 99, Phrase("alt-before"))}
"""In place of those that are drawn, which takes longer than all tests of this file."""


EVIL = "<script>alert(1)</script>'; DROP TABLE buildings;--\x1b[31m"
"""As an attribute; a spreadsheet's formula comes first in others."""


def _disguised(source: Path, target: Path) -> Path:
    """Return footprints whose ids and layer would like to be code."""
    _, _, shapes, _ = pyogrio.raw.read(source)
    ids = [f"=1+{n}{EVIL}" if n % 2 else f"{EVIL}{n}" for n in range(len(shapes))]
    pyogrio.raw.write(
        target, geometry=shapes, field_data=[np.array(ids, object)], fields=["id"],
        layer='x"; DROP TABLE gpkg_contents;--<b>', driver="GPKG", geometry_type="Polygon",
        crs=str(pyogrio.read_info(source)["crs"]),
    )  # fmt: skip
    return target


def test_attributes_and_layer_names_stay_text_wherever_they_go(made: Any, tmp_path: Path) -> None:
    _, out = made
    place = tmp_path / "out"
    shutil.copytree(out, place)
    api.rebuild_report(place, export=("gis", "ems"))
    _, _, shapes, (ids, *_) = pyogrio.raw.read(place / "vectors.gpkg", layer="buildings")
    assert len(shapes) > 5
    assert all(EVIL in value for value in ids)
    tables = {str(name) for name, _ in pyogrio.list_layers(place / "vectors.gpkg")}
    assert "buildings" in tables
    page = (place / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "\x1b" not in page
    with zipfile.ZipFile(place / "gis" / "town.kmz") as archive:
        kml = archive.read("doc.kml").decode()
    assert "<script>" not in kml
    ET.fromstring(kml)  # noqa: S314 - ours
    houses = json.loads((place / "gis" / "buildings.geojson").read_text("utf-8"))
    told = {str(house["properties"]["id"]) for house in houses["features"]}
    assert told == set(ids)
    for path in place.rglob("*.csv"):
        rows = csv.reader(path.read_text("utf-8-sig").splitlines())
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@")) or "\x1b" in cell]


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)


@contextmanager
def filling(stage: str, fraction: float, size: int) -> Iterator[Callable[[str, float], None]]:
    """Yield a progress that fills the disk where a stage comes to a fraction."""
    ends: list[Callable[[], None]] = []

    def progress(name: str, done: float) -> None:
        if (name, done) == (stage, fraction) and not ends:
            ends.append(fill_disk(size))

    try:
        yield progress
    finally:
        for end in ends:
            end()


@pytest.mark.parametrize(
    "case",
    [
        ("figures", 0.0, 300, "figures/before.png"),
        ("report", 0.0, 300, "summary.csv"),
        ("report", 0.0, 40_000, "report.html"),
        ("report", 1.0, 300, "result.json"),
    ],
)
def test_a_disk_that_fills_up_in_a_run_keeps_the_older_result(
    small_files: Any, made: Any, monkeypatch: pytest.MonkeyPatch, case: tuple[str, float, int, str],
) -> None:  # fmt: skip
    stage, fraction, size, file = case
    pair = (small_files.before, small_files.after)
    again, out = made
    monkeypatch.setattr(jobs, "run_pair", again)
    monkeypatch.setattr(jobs, "draw_figures", lambda *_, **__: FIGURES)
    before = seen(out)
    with filling(stage, fraction, size) as progress, pytest.raises(EnvironmentFault) as caught:
        api.run(*pair, output=out, overwrite=True, progress=progress)
    check_line(caught.value, file, "cannot write", "ulimit -f")
    assert seen(out) == before


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pictures", "pictures/before.jpg"),
        ("gis", "gis/buildings.geojson"),
        ("ems", "gis/ems.gpkg"),
        ("tiles", "tiles/before/0/0_0.webp"),
    ],
)
def test_a_disk_that_fills_up_in_an_export_leaves_the_result(
    made: Any, name: str, file: str
) -> None:
    _, out = made
    before = seen(out)
    with filling("export", 0.0, 0) as progress, pytest.raises(EnvironmentFault) as caught:
        api.rebuild_report(out, export=(name,), progress=progress)
    assert file in str(caught.value)
    assert caught.value.exit_code == 5
    assert seen(out) == before


def test_a_disk_that_fills_up_under_a_pdf(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("typst")
    _, out = made
    before = seen(out)
    with filling("export", 0.0, 0) as progress, pytest.raises(EnvironmentFault) as caught:
        api.rebuild_report(out, export=("pdf",), progress=progress)
    # its sources lie elsewhere: the place that is full is told, not the result's
    check_line(caught.value, f"{tempfile.gettempdir()}: cannot write")
    monkeypatch.setattr("changedet.api.exports.pdf.render_pdf", lambda *_, **__: b"%PDF")
    with filling("export", 0.0, 0) as progress, pytest.raises(EnvironmentFault) as caught:
        api.rebuild_report(out, export=("pdf",), progress=progress)
    assert seen(out) == before


# ---------------------------------------------------------------- a batch

Go = Callable[..., cd.BatchResult]


@pytest.fixture
def go(tmp_path: Path) -> Iterator[Go]:
    """Run a batch of two towns that are refused at once, and one whose image is missing."""
    rng = np.random.default_rng(5)
    for name in "ba":
        with create_raster(tmp_path / f"{name}.tif", GRID, dtype="uint8") as raster:
            raster.write(rng.integers(1, 255, GRID.shape).astype(np.uint8), GRID.window)
    sheet = tmp_path / "towns.csv"
    sheet.write_text("name,before,after\nOne,b.tif,a.tif\nTwo,b.tif,a.tif\nGone,b.tif,no.tif\n")
    with ThreadPoolExecutor(1) as executor:
        yield lambda **wishes: cd.run_batch(sheet, tmp_path / "out", executor=executor, **wishes)


def test_a_disk_that_fills_up_under_the_index_leaves_the_towns(go: Go, tmp_path: Path) -> None:
    out, ends = tmp_path / "out", []
    go()
    before = seen(out)
    (out / "Two" / "result.json").unlink()

    def progress(outcome: TownOutcome, done: int, of: int) -> None:
        if done == of:
            ends.append(fill_disk(100))

    try:
        with pytest.raises(EnvironmentFault) as caught:
            go(progress=progress)
    finally:
        for end in ends:
            end()
    check_line(caught.value, "index.html")
    after = seen(out)
    for name in ("index.json", "index.html", "summary.csv", "summary.gpkg", "One/result.json"):
        assert after[name] == before[name]
    assert "Two/result.json" in after
    assert not [name for name in after if ".work" in name or "new-" in name]
    assert all(town.skipped for town in go().towns[:2])


def test_a_batch_that_cannot_remember_goes_on(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise EnvironmentFault("the disk is full")

    monkeypatch.setattr(batch, "remember", refuse)
    assert [town.status for town in go().towns] == ["refused", "refused", "failed"]
    assert (tmp_path / "out" / "index.json").is_file()


def test_a_town_that_finds_the_disk_full_costs_no_other(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = jobs.run_pair

    def fill(*args: Any, folder: Path, **wishes: Any) -> Any:
        if "Two" in folder.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return compare(*args, folder=folder, **wishes)

    monkeypatch.setattr(jobs, "run_pair", fill)
    one, two, gone = go().towns
    assert (one.status, two.status, two.exit_code, gone.exit_code) == ("refused", "failed", 5, 3)
    assert "the disk is full" in two.reason
    assert "MB free there" in two.reason
    assert not (tmp_path / "out" / "Two").exists()


def test_a_signal_while_the_index_is_written_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "out", tmp_path / "towns.csv"
    sheet.write_text("name,before,after\nOne,b.tif,a.tif\n")
    monkeypatch.setattr(app, "GRACE_S", 1e6)  # its thread would end this process
    words = ["batch", str(sheet), "-o", str(out)]
    assert app.main(words) == 6
    before = seen(out)
    sheet.write_text("name,before,after\nTwo,b.tif,a.tif\n")

    def stop(path: Path, *_: Any, **__: Any) -> None:
        assert (path.parent / "index.html").is_file()  # the new one, staged
        os.kill(os.getpid(), signal.SIGTERM)

    capsys.readouterr()
    monkeypatch.setattr("changedet.api.index.write_geopackage", stop)
    assert app.main(words) == 143
    err = modest(capsys.readouterr().err)
    assert err.splitlines()[-1].startswith("changedet: interrupted; finished towns stay")
    assert seen(out) == before
    assert not (out / ".work").exists()


# ---------------------------------------------------------------- signals in a process

STOPPED = """
import os, signal, sys, time
from changedet.api import jobs
from changedet.cli import app

stages, words = sys.argv[1].split(","), sys.argv[2:]
app.GRACE_S = 1e6
for stage in stages:
    write = jobs.__dict__[stage]
    began = []

    def stop(*args, **wishes):
        began.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)
        return write(*args, **wishes)

    jobs.__dict__[stage] = stop
    code = app.main(words)
    print(stage, code, time.monotonic() - began[0] < 15)
    jobs.__dict__[stage] = write
"""


def test_a_signal_is_obeyed_while_figures_report_and_exports_are_made(
    made: Any, tmp_path: Path
) -> None:
    _, out = made
    before = seen(out)
    words = ("report", out, "--export", "pdf,pictures")
    done = run("views_of_folder,render_page,_write_each", *words, code=STOPPED)
    assert done.out.split("\n")[:3] == [
        f"{stage} 143 True" for stage in ("views_of_folder", "render_page", "_write_each")
    ]
    assert "defect" not in done.err
    assert seen(out) == before
    done = run("run_pair,views_of_outcome", "run", *PAIR, "-q", "-o", tmp_path / "o", code=STOPPED)
    assert done.out.split("\n")[:2] == ["run_pair 143 True", "views_of_outcome 143 True"]
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- limits and modes


def test_a_run_with_little_memory_and_few_files(tmp_path: Path) -> None:
    prepare = limit(AS=1_500_000_000, NOFILE=40)
    done = run("run", *PAIR, "-o", tmp_path / "out", "-q", prepare=prepare)
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "out" / "result.json").is_file()


def test_too_little_memory_is_told_in_one_line(tmp_path: Path) -> None:
    prepare = limit(AS=600_000_000)
    done = run("run", *PAIR, "-o", tmp_path / "out", "-q", prepare=prepare)
    if done.code:  # some machines need less
        assert done.code == 5
        assert "out of memory" in only_line(done)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        cv2.error("OpenCV(5) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate"),
        ImportError("libx.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
)
def test_each_way_to_run_out_of_memory_is_the_environments_fault(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    assert app._explain(fault) == 5
    assert "out of memory" in capsys.readouterr().err
    monkeypatch.setattr(jobs, "run_pair", fail)
    job = TownJob(name="A", folder="/nowhere/A", before="b", after="a", options=RunOptions())
    monkeypatch.setattr(jobs, "_into", lambda *_: fail())
    outcome = run_town(job)
    assert (outcome.exit_code, outcome.reason[:13]) == (5, "out of memory")


def test_too_many_open_files_are_told_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    with create_raster(path, GRID, count=3, dtype="uint8") as raster:
        raster.write(NOISE, GRID.window)
    acts: tuple[Callable[[], object], ...] = (
        lambda: create_raster(tmp_path / "more.tif", GRID, dtype="uint8"),
        lambda: read_own(path, GRID.window),
        lambda: write_file(tmp_path / "page.html", "text"),
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    for act in acts:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            with pytest.raises(EnvironmentFault) as caught:
                act()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert "too many open files" in str(caught.value).lower()
        assert "ulimit -n" in str(caught.value)


def test_what_may_not_be_read_or_written_is_told_before_any_work(tmp_path: Path) -> None:
    hidden, shut, locked = tmp_path / "after.tif", tmp_path / "shut", tmp_path / "locked"
    hidden.write_bytes(PAIR[1].read_bytes())
    outlines = tmp_path / "hidden.gpkg"
    outlines.write_bytes((TYCHE / "footprints.gpkg").read_bytes())
    for folder in (shut, locked):
        folder.mkdir()
    for path, mode in ((hidden, 0), (outlines, 0), (shut, 0), (locked, 0o500)):
        path.chmod(mode)
    cases = (
        (3, "no permission to read it", PAIR[0], hidden, "-o", tmp_path / "out"),
        (3, "no permission to read it", *PAIR, "--footprints", outlines, "-o", tmp_path / "out"),
        (5, "no permission", *PAIR, "-o", shut),
        (5, "no permission", *PAIR, "-o", locked / "out"),
    )
    try:
        for code, fact, *words in cases:
            done = run("run", *words, "-q", prepare=drop_privileges)
            assert done.code == code, done.err
            assert fact in only_line(done)
            assert not (tmp_path / "out").exists()
    finally:
        for folder in (shut, locked):
            with suppress(OSError):
                folder.chmod(0o700)
    assert list(locked.iterdir()) == []
