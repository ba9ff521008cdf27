"""The command as a process: what it imports, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("numpy", "scipy", "rasterio", "cv2", "shapely", "pyogrio", "matplotlib", "skimage",
         "fluent", "babel", "PIL", "pandas", "geopandas", "jinja2")  # fmt: skip
PROBE = f"""
import sys
from changedet.cli import main
code = main(sys.argv[1:])
found = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"imported {{found}}" if found else code)
"""
WAITING = """
import sys, time, types
import changedet
api = types.ModuleType("changedet.api")
def run(*args, **kwargs):
    print("started", flush=True)
    time.sleep(30)
api.run = run
sys.modules["changedet.api"] = changedet.api = api
from changedet.cli import main
sys.exit(main(["run", "b.tif", "a.tif", "-o", "out"]))
"""


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=60, check=False, cwd=cwd,
        stdin=subprocess.DEVNULL, encoding="utf-8",
    )  # fmt: skip


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    done = run("-c", PROBE, *words)
    assert done.stderr == ""
    assert done.returncode == 0
    assert "changedet" in done.stdout


def test_the_package_imports_nothing_heavy() -> None:
    done = run("-c", f"import sys, changedet; print([n for n in {HEAVY!r} if n in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_command_spares_pandas_which_pyogrio_would_load() -> None:
    sample = Path(__file__).parents[2] / "samples" / "bakhmut"
    words = ["changedet", "info", str(sample / "before.tif"), str(sample / "after.tif"), "--json"]
    code = (
        f"import sys; sys.argv = {words!r}; from changedet.cli import main; code = main(); "
        "print(code, sys.modules.get('pandas'), 'pyogrio' in sys.modules, file=sys.stderr)"
    )
    assert run("-c", code).stderr.split() == ["0", "None", "True"]


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = run("-m", "changedet", "run", "b.tif", "--gsd", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("changedet: ")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_command_the_help_is_shown() -> None:
    done = run("-m", "changedet")
    assert done.returncode == 2
    assert "doctor" in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_obeyed_at_once(tmp_path: Path, number: int, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert time.monotonic() - began < 5
    assert err == "changedet: interrupted; nothing was left under the result's name\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_went_away_is_no_defect() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "changedet", "doctor"], stdout=writer, stderr=subprocess.PIPE,
        check=False, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (5, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_is_no_defect(stream: str) -> None:
    command = f'"{sys.executable}" -m changedet --version {stream}>&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from changedet.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and file descriptors of Linux")
def test_a_file_that_may_not_grow_is_told_in_one_line(tmp_path: Path) -> None:
    """libtiff writes lines of its own to the descriptor of the standard error."""
    town = Path(__file__).parents[2] / "samples" / "towns" / "tyche"
    pair = (str(town / "before.tif"), str(town / "after.tif"))
    done = run("-c", LIMITED, "run", *pair, "-o", str(tmp_path / "out"), "-q")
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("changedet: ")
    assert "cannot be written" in done.stderr
    assert not (tmp_path / "out").exists()
