"""The command ``batch``: what it prints and returns, and how it ends by a signal or is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import changedet as cd
from changedet.io.batches import hold

Call = Callable[..., tuple[int, str, str]]


def write_sheet(folder: Path, count: int = 2, **more: str) -> Path:
    """Write a manifest of towns whose images are not there."""
    path = folder / "towns.csv"
    head, cells = ("".join(f",{cell}" for cell in part) for part in (more, more.values()))
    rows = [f"t{n},b{n}.tif,a{n}.tif{cells}" for n in range(count)]
    path.write_text("\n".join([f"name,before,after{head}", *rows]) + "\n", "utf-8")
    return path


def test_towns_that_cannot_be_read_are_told_each(call: Call, tmp_path: Path) -> None:
    sheet, out = write_sheet(tmp_path), tmp_path / "out"
    code, said, err = call("batch", sheet, "-o", out)
    assert code == 6
    assert said.splitlines() == ["2 towns: 2 failed", str(out / "index.html")]
    assert err.splitlines() == [
        f"changedet: {n + 1}/2 t{n}: failed: before {tmp_path}/b{n}.tif: no such file; "
        "correct the manifest"
        for n in range(2)
    ]
    code, said, err = call("batch", sheet, "-o", out, "--json", "-q")
    assert code == 6
    assert json.loads(said)["counts"]["failed"] == 2
    assert len(err.splitlines()) == 2


def test_ten_thousand_bad_towns_are_told_shortly(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, err = call("batch", write_sheet(tmp_path, 10_000), "-o", out)
    assert code == 6
    assert len(err.splitlines()) == 21
    assert err.splitlines()[-1].startswith("changedet: and 9,980 more")
    assert said.startswith("10,000 towns: 10,000 failed")
    assert len(json.loads((out / "index.json").read_text("utf-8"))["towns"]) == 10_000
    code, said, err = call("batch", write_sheet(tmp_path, 10_000, gdg="1"), "-o", out)
    assert (code, said) == (2, "")
    assert len(err.splitlines()) == 1
    assert len(err) < 4100


def test_a_dry_run_lists_the_towns(call: Call, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path)
    for name in ("b0.tif", "a0.tif"):
        (tmp_path / name).touch()
    code, said, err = call("batch", sheet, "--dry-run")
    assert (code, err) == (6, "")
    assert said.splitlines() == [
        "t0: to do",
        f"t1: fails: before {tmp_path}/b1.tif: no such file; correct the manifest",
    ]
    code, said, _ = call("batch", sheet, "--dry-run", "--json", "-o", tmp_path / "out")
    assert [town["what"] for town in json.loads(said)["towns"]] == ["run", "fail"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give -o FOLDER"),
        (["-o", "out", "--gsd", "wide"], "--gsd: input should be a valid number"),
        (["-o", "out", "--jobs", "0"], "--jobs"),
        (["-o", "towns.csv"], "is a file"),
    ],
)
def test_usage(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sheet(tmp_path)
    code, said, err = call("batch", "towns.csv", *words)
    assert (code, said) == (2, "")
    assert told in err
    assert not (tmp_path / "out").exists()


def test_flags_stand_between_defaults_and_towns(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from changedet.api import batch as engine

    seen: list[Any] = []

    def run(batch: Any, *_: Any, **__: Any) -> Any:
        seen.extend(batch.towns)
        return engine.BatchResult(folder=tmp_path, towns=())

    monkeypatch.setattr("changedet.api.run_batch", run)
    monkeypatch.setenv("CHANGEDET_CREDIT", "environment")
    sheet = tmp_path / "towns.toml"
    town = "[[town]]\nbefore='b'\nafter='a'\n"
    sheet.write_text(
        f"[defaults]\ngsd=2\nforce=true\n{town}name='x'\n{town}name='y'\ngsd=4\n", "utf-8"
    )
    call("batch", sheet, "-o", tmp_path / "out", "--gsd", "3", "--no-align-footprints")
    assert [town.options.gsd for town in seen] == [3, 4]
    assert {town.options.credit for town in seen} == {"environment"}
    assert all(town.options.force for town in seen)
    assert not any(town.options.decide.align_footprints for town in seen)


def test_another_batch_in_the_folder_is_5(call: Call, tmp_path: Path) -> None:
    sheet, out = write_sheet(tmp_path), tmp_path / "out"
    with hold(out):
        code, said, err = call("batch", sheet, "-o", out)
    assert (code, said) == (5, "")
    assert err == f"changedet: {out}: another run is writing there; wait for it, or choose -o\n"


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of three small towns, one of which is refused."""
    folder = tmp_path_factory.mktemp("towns")
    for name, wishes in (("a", {"seed": 15}), ("b", {"seed": 34, "prevalence": 0.0})):
        cd.simulate(folder / name, width=208, height=208, placement={"shift_px": (3.4, -2.3)},
                    after={"smoke_per_km2": 0}, **wishes)  # fmt: skip
    rows = [
        "A,a/before.tif,a/after.tif",
        "B,b/before.tif,b/after.tif",
        "C,a/before.tif,b/after.tif",
    ]
    path = folder / "towns.csv"
    path.write_text("\n".join(["name,before,after", *rows]) + "\n")
    return path


def start(sheet: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "changedet", "batch", sheet, "-o", out, "--jobs", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def staged(out: Path) -> list[Path]:
    return list(out.glob("*/.work/new-*"))


def wait_for(look: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not look():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes(towns: Path, tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "out"
    with start(towns, out) as process:
        wait_for(lambda: staged(out))
        workers = workers_of(process)
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - began < 15
    assert process.returncode == code
    assert err.splitlines()[-1] == (
        "changedet: interrupted; finished towns stay, and the same command goes on"
    )
    wait_for(lambda: not any(worker.is_running() for worker in workers))
    assert len(json.loads((out / "index.json").read_text("utf-8"))["towns"]) == 3
    assert not staged(out)


def told(out: Path) -> dict[str, Any]:
    """Return the records without what every run has its own of."""
    found = {}
    for path in sorted(out.glob("*/result.json")):
        record = json.loads(path.read_text("utf-8"))
        for name in ("started", "seconds", "peak_mb", "command"):
            del record["provenance"][name]
        found[path.parent.name] = record
    return found


def names(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*")}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_at_any_moment_the_same_command_goes_on(towns: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with start(towns, whole) as process:
        process.communicate(timeout=300)
    assert process.returncode == 6
    assert sorted(told(whole)) == ["A", "B", "C"]
    out = tmp_path / "out"
    moments: list[Callable[[], object]] = [
        lambda: staged(out),
        lambda: [path for work in staged(out) for path in work.glob("maps/*.tif")],
        lambda: list(out.glob("*/result.json")),
    ]
    for reached in moments:
        with start(towns, out) as process:
            wait_for(lambda reached=reached: reached() or process.poll() is not None)
            process.kill()
            process.communicate(timeout=60)
        done = {path: path.stat().st_mtime_ns for path in out.glob("*/result.json")}
    with start(towns, out) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 6, err
    assert done
    assert all(path.stat().st_mtime_ns == changed for path, changed in done.items())
    assert told(out) == told(whole)
    assert names(out) == names(whole)
    for name in ("A", "B"):
        maps = Path(name, "maps", "classes.tif")
        assert (out / maps).read_bytes() == (whole / maps).read_bytes()
