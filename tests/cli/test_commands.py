"""What the commands hand on, print and return."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from changedet.cli.console import one_line
from changedet.core.errors import EnvironmentFault, InputError, UsageError
from changedet.result import Record

Call = Callable[..., tuple[int, str, str]]
Make = Callable[..., Record]


def test_run_hands_on_what_was_asked(fake: Any, call: Call, tmp_path: Path) -> None:
    code, out, err = call(
        "run", "b.tif", "a.tif", "-o", tmp_path / "out", "--gsd", "0.5", "--bands", "red=3",
        "--overwrite", "--force", "--title", "Bakhmut", "--before-date", "2022-05-08",
        "--jobs", "2", "--allow-driver", "ENVI", "--allow-driver", "HFA",
    )  # fmt: skip
    assert (code, err) == (0, "warning: the images are identical\n")
    asked = fake.calls[0]
    assert asked["args"] == ("b.tif", "a.tif")
    assert asked["output"] == tmp_path / "out"
    assert asked["overwrite"] is True
    assert isinstance(asked["executor"], ThreadPoolExecutor)
    assert callable(asked["progress"])
    assert asked["command"].startswith("changedet run b.tif a.tif -o")
    options = asked["options"]
    assert (options.gsd, options.bands, options.force) == (0.5, {"red": 3}, True)
    assert (options.title, options.allow_driver) == ("Bakhmut", ("ENVI", "HFA"))
    # The terminal says what the report says, in its words: they cannot disagree.
    told = out.replace("\N{NO-BREAK SPACE}", " ")
    assert "2.00 ha of 4.00 ha" in told
    assert "(model interval 1.00–3.00 ha, 25.0–75.0 %)" in told
    assert "Co-registration: affine, RMSE 0.310 px (0.155 m)" in told
    assert f"changedet report {tmp_path / 'out'} --export pictures" in told
    assert out.splitlines()[-1] == str(tmp_path / "out")


def test_the_demo_runs_the_sample_and_tells_its_truth(
    fake: Any, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "changedet-demo").mkdir()
    code, out, _ = call("demo")
    assert code == 0
    (asked,) = fake.calls
    before, after, footprints = fake.sample_pair()
    assert asked["args"] == (before, after)
    assert asked["options"].footprints == footprints
    assert asked["options"].title == "Sample town (simulated)"
    assert asked["output"] == Path("changedet-demo-2")
    areas = json.loads(before.with_name("truth.json").read_text("utf-8"))["hectares"]
    told = next(line for line in out.splitlines() if line.startswith("Truth of the sample"))
    for name in ("built_destroyed", "built_before", "vegetation_lost", "vegetation_before"):
        assert f"{areas[name]:.3g}" in told
    assert call("demo", "-q")[1] == ""
    assert "Істинні значення" in call("demo", "--lang", "uk")[1]


def test_one_job_needs_no_executor(fake: Any, call: Call) -> None:
    call("run", "b.tif", "a.tif", "-o", "out")
    assert fake.calls[0]["executor"] is None


def test_without_scale_hectares_are_not_available(fake: Any, call: Call, make: Make) -> None:
    fake.record = make("degraded", scale=False)
    code, out, _ = call("run", "b.tif", "a.tif", "-o", "out")
    assert code == 0
    assert "degraded" in out
    told = out.replace("\N{NO-BREAK SPACE}", " ")
    assert "50.0 %" in told
    assert re.search(r"\d ha\b", told) is None


@pytest.mark.parametrize("command", ["run", "register"])
def test_json_is_the_only_thing_on_stdout(fake: Any, call: Call, command: str) -> None:
    code, out, err = call(command, "b.tif", "a.tif", "-o", "out", "--json")
    assert code == 0
    assert Record.model_validate_json(out) == fake.record
    assert err == "warning: the images are identical\n"


def test_quiet_says_nothing(fake: Any, call: Call) -> None:
    assert call("run", "b.tif", "a.tif", "-o", "out", "-q") == (0, "", "")


def test_a_refused_pair_ends_with_4_and_its_reason(fake: Any, call: Call, make: Make) -> None:
    fake.record = make("refused")
    code, out, err = call("run", "b.tif", "a.tif", "-o", "out")
    assert (code, out) == (4, "")
    assert err == f"changedet: refused: no common ground (see {Path('out/result.json')})\n"
    code, out, err = call("run", "b.tif", "a.tif", "-o", "out", "--json", "-q")
    assert code == 4
    assert json.loads(out)["status"] == "refused"
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", [["info"], ["run", "--dry-run"], ["register", "--dry-run"]])
def test_a_dry_run_only_describes(fake: Any, call: Call, command: list[str]) -> None:
    code, out, err = call(*command, "b.tif", "a.tif", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["grid"] == {"width": 9, "gsd_m": None}
    _, out, _ = call(*command, "b.tif", "a.tif")
    assert [line.split() for line in out.splitlines()] == [
        ["grid"], ["width", "9"], ["gsd", "m", "n/a"], ["blocks", "1"], ["bands", "red,", "green"],
    ]  # fmt: skip
    assert {asked["name"] for asked in fake.calls} == {"describe"}


def test_report_prints_the_page(fake: Any, call: Call) -> None:
    assert call("report", "out") == (0, f"{Path('out/report.html')}\n", "")
    code, out, _ = call("report", "out", "--export", "pictures", "--lang", "uk")
    assert (code, out.splitlines()[-1]) == (0, str(Path("out/report.html")))
    assert (fake.calls[-1]["lang"], fake.calls[-1]["export"]) == ("uk", ("pictures",))


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (
            InputError("after.tif is truncated:\nneeds 9 bytes"),
            3,
            "after.tif is truncated: needs 9",
        ),
        (UsageError("out exists: use --overwrite"), 2, "out exists"),
        (EnvironmentFault("disk full"), 5, "disk full"),
        (OSError(errno.ENOSPC, "No space left on device", "out/x.tif"), 5, "No space left"),
        (MemoryError(), 5, "out of memory"),
        (ZeroDivisionError("division by zero"), 1, "please report it: ZeroDivisionError"),
    ],
)
def test_an_error_is_one_line(
    fake: Any, call: Call, fault: Exception, code: int, says: str
) -> None:
    fake.fault = fault
    found, out, err = call("run", "b.tif", "a.tif", "-o", "out", "--json")
    assert (found, out) == (code, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("changedet: ")
    assert says in err


def test_a_traceback_only_where_asked_for(fake: Any, call: Call) -> None:
    fake.fault = InputError("x")
    assert "Traceback" not in call("run", "b", "a", "-o", "out", "-v")[2]
    assert "Traceback" in call("run", "b", "a", "-o", "out", "-vv")[2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run"], "Missing argument"),
        (["run", "b", "a"], "no result folder: give -o"),
        (["run", "b", "a", "-o", "out", "--gds", "1"], "--gds"),
        (["run", "b", "a", "-o", "out", "--gsd", "-3"], "--gsd: input should be greater than 0"),
        (["rum"], "rum"),
    ],
)
def test_wrong_usage_is_one_line_and_2(fake: Any, call: Call, words: list[str], says: str) -> None:
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert says in err
    assert fake.calls == []


def test_names_cannot_steer_the_terminal() -> None:
    assert one_line("a\x1b[2Jb\nc\u202ed") == "a\\x1b[2Jb c\\u202ed"
    assert one_line("Сєвєродонецьк.tif") == "Сєвєродонецьк.tif"


def test_doctor_finds_this_installation_whole(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH", "OGR_DRIVER_PATH"):
        monkeypatch.delenv(name, raising=False)
    code, out, _ = call("doctor", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["problems"] is None
    assert "GTiff" in facts["rasterio"]["drivers"]
    assert "GPKG" in facts["pyogrio"]["drivers"]


def test_doctor_finds_a_foreign_environment() -> None:
    # In a process of its own: rasterio would keep to that place for the tests that follow.
    done = subprocess.run(
        [sys.executable, "-m", "changedet", "doctor", "--json"],
        env={**os.environ, "PROJ_LIB": "/nowhere"}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5
    assert "PROJ_LIB" in json.loads(done.stdout)["problems"][0]


def test_a_control_is_two_paths(fake: Any, call: Call) -> None:
    code, _, _ = call("run", "b.tif", "a.tif", "-o", "out", "--control", "c.tif", "d.tif")
    assert code == 0
    options = fake.calls[0]["options"]
    assert (options.control_before, options.control_after) == (Path("c.tif"), Path("d.tif"))
    assert call("run", "b.tif", "a.tif", "-o", "out", "--control", "c.tif")[0] == 2


def test_the_record_quotes_no_secrets(fake: Any, call: Call) -> None:
    call("run", "b.tif", "a.tif", "-o", "out", "--credit", "https://ann:secret@host/x")
    (asked,) = fake.calls
    assert asked["command"].endswith("--credit https://***@host/x")
