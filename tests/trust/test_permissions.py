"""What may not be read or entered is told as such, before any work: not as wrong usage."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOWN = Path(__file__).parents[2] / "samples" / "towns" / "tyche"

if sys.platform == "win32":
    pytest.skip("file modes of POSIX", allow_module_level=True)

# root passes over modes unless it gives that right away
MEEK = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
if MEEK and shutil.which("setpriv") is None:
    pytest.skip("root, and no setpriv to be less", allow_module_level=True)


@pytest.fixture
def shut(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with files that may not be read, and a folder that may not be entered."""
    for name in ("hidden.tif", "hidden.gpkg", "hidden.toml"):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(0)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed").chmod(0)
    (tmp_path / "readonly").mkdir()
    (tmp_path / "readonly").chmod(0o500)
    yield tmp_path
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "readonly").chmod(0o700)


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["run", "BEFORE", "hidden.tif", "-o", "out"], 3, "hidden.tif"),
        (["run", "BEFORE", "AFTER", "--footprints", "hidden.gpkg", "-o", "out"], 3, "hidden.gpkg"),
        (["run", "BEFORE", "AFTER", "-o", "closed"], 5, "closed"),
        (["run", "BEFORE", "AFTER", "-o", "readonly/out"], 5, "readonly"),
        (["run", "BEFORE", "AFTER", "-o", "out", "--config", "hidden.toml"], 2, "hidden.toml"),
        (["batch", "hidden.toml", "-o", "out"], 2, "hidden.toml"),
        (["report", "closed"], 5, "closed"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else None,
)
def test_no_permission(shut: Path, words: list[str], code: int, named: str) -> None:
    pair = {"BEFORE": str(TOWN / "before.tif"), "AFTER": str(TOWN / "after.tif")}
    command = [*MEEK, sys.executable, "-m", "changedet", *(pair.get(word, word) for word in words)]
    done = subprocess.run(
        [*command, "-q"], cwd=shut, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert named in done.stderr
    assert "permission" in done.stderr.lower()
    assert not (shut / "out").exists()
