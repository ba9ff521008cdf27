"""The same pair in other surroundings: the same figures and maps, to the last bit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import changedet
from tests.trust import seeds

PACKAGE = Path(changedet.__file__).parents[1]
SIDE = 192
MAPS = ("aligned", "pixel_change", "structural_change", "classes", "correspondence")
# A plain ASCII locale, with what Python does about it switched off.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
TOWN = "Ma’arat معرة"
NUMBERS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def command(
    *words: object, cwd: Path, module: bool = True, **wishes: str
) -> subprocess.CompletedProcess[bytes]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    start = ["-m", "changedet"] if module else ["-c", str(words[0])]
    rest = words if module else words[1:]
    return subprocess.run(
        [sys.executable, *start, *(os.fsencode(str(word)) for word in rest)],
        capture_output=True, check=False, cwd=cwd, stdin=subprocess.DEVNULL, timeout=300,
        env={**kept, "PYTHONPATH": str(PACKAGE), **wishes},
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small pair and its footprints."""
    folder = tmp_path_factory.mktemp("pair")
    for name in ("before", "after"):
        image, place = seeds.read_piece(name, SIDE)
        seeds.save(folder / f"{name}.tif", image, crs=seeds.UTM, transform=place)
    shutil.copy(seeds.SAMPLE / "footprints.gpkg", folder)
    return folder


def findings(folder: Path) -> dict[str, Any]:
    """Everything in result.json that is a finding; paths of the inputs are not."""
    document = json.loads((folder / "result.json").read_text("utf-8"))
    for name in ("provenance", "figures", "title"):
        document.pop(name, None)
    for image in document["inputs"].values():
        image.pop("path")
    found: dict[str, Any] = document
    return found


def same_maps(one: Path, other: Path) -> None:
    for name in MAPS:
        first, second = one / "maps" / f"{name}.tif", other / "maps" / f"{name}.tif"
        with rasterio.open(first) as a, rasterio.open(second) as b:
            assert np.array_equal(a.read(), b.read(), equal_nan=a.dtypes[0] != "uint8"), name


@pytest.fixture(scope="module")
def plain(pair: Path) -> Path:
    """Return the result of one job, one thread and plain surroundings."""
    out = pair / "plain"
    done = command("run", pair / "before.tif", pair / "after.tif", "--footprints",
                   pair / "footprints.gpkg", "-o", out, "--block-size", 128, cwd=pair,
                   LC_ALL="C.UTF-8", TZ="UTC", PYTHONHASHSEED="0",
                   **dict.fromkeys(NUMBERS, "1"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def test_jobs_threads_zone_hashes_and_folder_change_nothing(pair: Path, plain: Path) -> None:
    """Three jobs, four threads of each library, a day ahead, another hash seed, relative paths."""
    away = pair / "away"
    away.mkdir()
    done = command("run", "../before.tif", "../after.tif", "--footprints", "../footprints.gpkg",
                   "-o", "out", "--block-size", 128, "--jobs", 3, cwd=away,
                   LC_ALL="tr_TR.UTF-8", LANG="de_DE.UTF-8", TZ="Pacific/Kiritimati",
                   PYTHONHASHSEED="4711", **dict.fromkeys(NUMBERS, "4"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert findings(away / "out") == findings(plain)
    assert findings(plain)["buildings"]["total"] > 5
    same_maps(away / "out", plain)


def test_any_name_in_an_ascii_locale(pair: Path, plain: Path) -> None:
    """A town whose name no ASCII holds, in a folder of such a name, beside files of such names."""
    home = pair / "Маріуполь مدينة"
    home.mkdir()
    for name, new in (("after", "nach – ☂"), ("before", "vör")):
        shutil.copy(pair / f"{name}.tif", home / f"{new}.tif")
    shutil.copy(pair / "footprints.gpkg", home / "Häuser.gpkg")
    (home / "міста.toml").write_text(
        f'[[town]]\nname = "{TOWN}"\nbefore = "vör.tif"\nafter = "nach – ☂.tif"\n'
        'footprints = "Häuser.gpkg"\nblock_size = 128\nlang = "uk"\n',
        "utf-8",
    )
    done = command("batch", home / "міста.toml", "-o", home / "вихід", cwd=pair, **ASCII)
    assert done.returncode == 0, done.stderr
    folders = [path.parent for path in (home / "вихід").glob("towns/*/result.json")] or [
        path.parent for path in (home / "вихід").rglob("result.json")
    ]
    assert len(folders) == 1
    assert "معرة" in folders[0].name
    assert {**findings(folders[0]), "checks": None} == {**findings(plain), "checks": None}
    same_maps(folders[0], plain)


def test_python_in_an_ascii_locale_says_what_to_do(pair: Path) -> None:
    """A library cannot begin anew; one line that says how."""
    code = (
        "import sys\nfrom changedet import api\n"
        "from changedet.core.errors import EnvironmentFault\n"
        "try:\n    api.describe(sys.argv[1], sys.argv[2])\n"
        "except EnvironmentFault as fault:\n    print(ascii(str(fault)))\n"
        "try:\n    api.run(sys.argv[2], sys.argv[2], output='\\u043c')\n"
        "except EnvironmentFault as fault:\n    print(ascii(str(fault)))\n"
    )
    odd = pair / "vör2.tif"
    shutil.copy(pair / "before.tif", odd)
    done = command(code, odd, pair / "after.tif", cwd=pair, module=False, **ASCII)
    assert done.stderr == b""
    lines = done.stdout.decode("ascii").splitlines()
    assert len(lines) == 2
    assert all("set PYTHONUTF8=1" in line for line in lines)


def test_the_order_of_a_folder_changes_no_batch(tmp_path: Path) -> None:
    """Towns come in the order of the manifest, files of a shapefile in that of their names."""
    from changedet.io.digests import Digests

    parts = {".shp": b"a", ".dbf": b"b", ".prj": b"c", ".shx": b"d"}
    found = set()
    for number, order in enumerate((sorted(parts), sorted(parts, reverse=True))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for suffix in order:
            (folder / f"a{suffix}").write_bytes(parts[suffix])
        found.add(Digests().of(folder / "a.shp"))
    assert len(found) == 1
    assert found != {hashlib.sha256(b"a").hexdigest()}
