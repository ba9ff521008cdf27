"""Whatever the environment says to GDAL, PROJ or Python: the same numbers, and nothing loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from changedet.core.environment import INDIRECT_DRIVERS

TOWN = Path(__file__).parents[2] / "samples" / "towns" / "tyche"
PAIR = (str(TOWN / "before.tif"), str(TOWN / "after.tif"))


def python(
    *words: str, env: dict[str, str] | None = None, without: tuple[str, ...] = (), **how: Any
) -> subprocess.CompletedProcess[str]:
    given = {name: text for name, text in os.environ.items() if name not in without}
    return subprocess.run(
        [sys.executable, *words], env={**given, **(env or {})}, capture_output=True, text=True,
        encoding="utf-8", timeout=120, check=False, stdin=subprocess.DEVNULL, **how,
    )  # fmt: skip


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """Return a folder of what GDAL would take for plugins; they are opened where it tries."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    for name in ("gdal_Evil.so", "ogr_Evil.so", "evil.py"):
        (folder / name).write_bytes(b"# no library\n")
    (folder / "gdalrc").write_text("[configoptions]\nGDAL_SKIP=GTiff\nGTIFF_FORCE_RGBA=YES\n")
    return folder


def hostile(folder: Path) -> dict[str, str]:
    return {
        "GDAL_DRIVER_PATH": str(folder),
        "OGR_DRIVER_PATH": str(folder),
        "GDAL_PYTHON_DRIVER_PATH": str(folder),
        "GDAL_CONFIG_FILE": str(folder / "gdalrc"),
        "GDAL_SKIP": "GTiff",
        "OGR_SKIP": "GPKG",
        "CPL_DEBUG": "ON",
        "GDAL_VRT_ENABLE_PYTHON": "YES",
        "GTIFF_IGNORE_READ_ERRORS": "YES",
        "GTIFF_FORCE_RGBA": "YES",
        "GTIFF_POINT_GEO_IGNORE": "YES",
        "GDAL_CACHEMAX": "1",
        "OSR_DEFAULT_AXIS_MAPPING_STRATEGY": "AUTHORITY_COMPLIANT",
    }


COMMAND = ("-m", "changedet", "info", *PAIR, "--json")
INSPECT = """
import sys
from changedet.io import raster, vector
print(raster.inspect_raster(sys.argv[1], role="before"))
import pyogrio
print("GPKG" in pyogrio.list_drivers())
"""
LIBRARY = ("-c", INSPECT, PAIR[0])


@pytest.mark.parametrize("words", [COMMAND, LIBRARY], ids=["command", "library"])
def test_the_environment_loads_nothing_and_changes_no_number(
    words: tuple[str, ...], plugins: Path, watch: Any
) -> None:
    traps = [watch(path) for path in plugins.iterdir()]
    plain = python(*words)
    done = python(*words, env=hostile(plugins))
    assert (plain.returncode, plain.stderr) == (0, "")
    assert (done.returncode, done.stderr) == (0, "")
    assert steady(done.stdout) == steady(plain.stdout)
    assert not [trap.path.name for trap in traps if trap.was_read()]


def steady(text: str) -> Any:
    """Return what was printed, without the estimate of time."""
    if not text.startswith("{"):
        return text
    facts = json.loads(text)
    facts.pop("seconds", None)
    return facts


@pytest.mark.parametrize("name", ["PROJ_DATA", "PROJ_LIB"])
def test_another_database_of_proj_is_not_used(name: str, tmp_path: Path, watch: Any) -> None:
    (tmp_path / "proj.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    (tmp_path / "proj.ini").write_text("[general]\nnetwork = on\n")
    traps = [watch(path) for path in tmp_path.iterdir()]
    done = python(*COMMAND, env={name: str(tmp_path), "PROJ_NETWORK": "ON", "PROJ_DEBUG": "3"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["grid"]["crs"] == "EPSG:32637"
    assert not [trap.path.name for trap in traps if trap.was_read()]


SKIPS = f"""
import sys
sys.argv = ["changedet", "info", *{PAIR!r}, "-q"]
from changedet.cli import main
code = main()
import os, subprocess, numpy as np, rasterio, pyogrio
from rasterio.vrt import WarpedVRT
with rasterio.Env() as env:
    drivers = {{*env.drivers(), *pyogrio.list_drivers()}}
    with rasterio.open({PAIR[0]!r}) as file, WarpedVRT(file, crs="EPSG:4326") as warped:
        warped.read(1)
again = "from changedet.io import vector; import pyogrio; print(*pyogrio.list_drivers(), sep=',')"
child = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=True)
print("FOUND", code, ";".join(sorted(drivers)), ";".join(child.stdout.strip().split(",")), sep="|")
"""


def test_the_command_and_its_workers_have_no_driver_that_follows_files() -> None:
    done = python("-c", SKIPS)
    assert (done.returncode, done.stderr) == (0, "")
    _, code, own, inherited = done.stdout.strip().splitlines()[-1].split("|")
    assert code == "0"
    for drivers in (own.split(";"), inherited.split(";")):
        left = {name for name in drivers if name.upper() in INDIRECT_DRIVERS}
        assert left <= {"MEM"}, left
    assert {"GTiff", "COG", "PNG", "JPEG", "JP2OpenJPEG", "GPKG"} <= set(own.split(";"))


@pytest.mark.parametrize("first", ["rasterio", "pyogrio"])
def test_a_process_that_has_gdal_already_keeps_its_environment(first: str) -> None:
    code = (
        f"import {first}, os, changedet.io.raster; "
        "print(*(os.environ.get(name) for name in ('GDAL_SKIP', 'CPL_DEBUG')))"
    )
    given = {"GDAL_SKIP": "VRT", "CPL_DEBUG": "OFF"}
    assert python("-c", code, env=given).stdout.split() == ["VRT", "OFF"]
    alone = code.replace(f"import {first}, os, ", "import os, ")
    assert python("-c", alone, env=given).stdout.split() == ["None", "None"]


def test_python_variables_and_credentials_of_its_owner_stay() -> None:
    code = "import changedet.io.raster, os; print(os.environ['AWS_REGION'], os.environ['PROJ_X'])"
    assert python("-c", code, env={"AWS_REGION": "a", "PROJ_X": "b"}).stdout.split() == ["a", "b"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write")
def test_a_run_without_a_home_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    homes = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR")
    path = os.pathsep.join(str(Path(place).resolve()) for place in sys.path if place)
    done = python(
        "-m", "changedet", "run", *PAIR, "-o", str(tmp_path / "out"), "-q",
        env={"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, without=homes, cwd="/proc",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert record["grid"]["analysed_share"] > 0.5
