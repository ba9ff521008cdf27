"""Open one damaged file after the other, each in a process of its own, as a user would.

Started as ``python probe.py JOBS`` with a JSON file: this process imports everything once and
forks a child for each file, with a limit of memory and time. What became of each is one line of
JSON on stdout.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from changedet import api
from changedet.api.batch import read_batch
from changedet.core.errors import ChangedetError
from changedet.core.grid import Grid, Window
from changedet.io.points import read_tie_points
from changedet.io.raster import inspect_raster, put_on_metres, read_window
from changedet.io.vector import read_polygons
from changedet.pipeline import describe

MEMORY = 2**30
"""Bytes that a child may take beyond what it shares with this process."""
CPU_SECONDS = 10
"""Of a child that looks at a file of some kilobytes."""
SECONDS = 90
RUN_SECONDS = 400
"""Wall time, for what hangs without computing; long, because the machine may be busy."""
_STEP = 48
GRID = Grid(width=128, height=128, transform=Affine(0.5, 0, 426_200, 0, -0.5, 5_383_400),
            crs="EPSG:32637", unit_m=1.0)  # fmt: skip


def look_at_image(job: dict[str, Any]) -> dict[str, Any]:
    """Look at it alone, describe a pair with it, and read it window by window."""
    raster = put_on_metres(inspect_raster(job["path"], role="before"))
    roles = (job["path"], job["partner"])
    told = api.describe(*(roles if job["first"] else roles[::-1]))
    shape = raster.grid.shape
    values = np.zeros((len(raster.roles), *shape), np.float32)
    valid = np.zeros(shape, bool)
    for row in range(0, shape[0], _STEP):
        for col in range(0, shape[1], _STEP):
            window = Window(row=row, col=col, height=_STEP, width=_STEP)
            part, use = read_window(raster, window)
            cut = window & raster.grid.window
            values[(slice(None), *cut.slices)] = part[:, : cut.height, : cut.width]
            valid[cut.slices] = use[: cut.height, : cut.width]
    assert np.isfinite(values).all(), "values that are not finite"
    assert np.isfinite(tuple(raster.grid.transform)).all(), "a transform that is not finite"
    found = {"told": told, "white": raster.white, "valid": float(valid.mean())}
    if job.get("keep"):
        np.savez(job["keep"], values=values, valid=valid)
    if job.get("sealed"):
        whole = np.load(job["sealed"])
        found["altered"] = (
            int(np.count_nonzero((values != whole["values"]).any(axis=0) & valid & whole["valid"]))
            if values.shape == whole["values"].shape
            else -1
        )
    return found


def look_at_outlines(job: dict[str, Any]) -> dict[str, Any]:
    outlines = read_polygons(job["path"], grid=GRID, what="footprints")
    areas = [float(shape.area) for shape in outlines.geometries]
    assert all(np.isfinite(areas)), "areas that are not finite"
    return {"number": len(outlines), "areas": sum(areas), "skipped": outlines.skipped,
            "ids": list(outlines.ids)}  # fmt: skip


def look_at_manifest(job: dict[str, Any]) -> dict[str, Any]:
    batch = read_batch(job["path"])
    out = Path(job["path"]).parent / "out"
    for town in batch.towns:
        place = os.path.normpath(out / town.folder)
        assert Path(place).parent == out, f"a folder outside: {place}"
        json.dumps(town.options.model_dump(mode="json"), allow_nan=False)
    return {"towns": len(batch.towns)}


def look_at_points(job: dict[str, Any]) -> dict[str, Any]:
    points = read_tie_points(job["path"], before=GRID, after=GRID)
    return {"points": [] if points is None else points.tolist()}


def compare(job: dict[str, Any]) -> dict[str, Any]:
    """Run the whole work against the intact partner."""
    kind, out = job["kind"], Path(job["path"]).with_suffix(".out")
    pair = (job["before"], job["partner"]) if kind == "outlines" else (job["path"], job["partner"])
    wishes = {"footprints": job["path"]} if kind == "outlines" else {}
    made = api.run(*pair, output=out, overwrite=True, **wishes)
    record = json.loads((out / "result.json").read_text("utf-8"), parse_constant=_no_constant)
    assert record["status"] in {"ok", "degraded", "refused"}
    return {"status": made.status}


def _no_constant(text: str) -> None:
    raise ValueError(f"result.json holds {text}")


LOOK = {"image": look_at_image, "outlines": look_at_outlines, "manifest": look_at_manifest,
        "points": look_at_points}  # fmt: skip


def judge(job: dict[str, Any]) -> dict[str, Any]:
    """Say how looking at a file ended."""
    try:
        found = (compare if job.get("run") else LOOK[job["kind"]])(job)
        json.dumps(found, allow_nan=False)
    except ChangedetError as error:
        return {"end": "error", "type": type(error).__name__, "message": str(error)}
    except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
        return {"end": "defect", "message": traceback.format_exc()}
    return {"end": "read", "found": found}


def resident() -> int:
    """Return the bytes of memory that this process holds now, and those it has addressed."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * resource.getpagesize()


def child(job: dict[str, Any], pipe: int) -> None:
    held = resident()
    addressed = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    limit = addressed * resource.getpagesize() + MEMORY
    if not job.get("run"):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    answer = judge(job)
    answer["grown"] = max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held)
    with os.fdopen(pipe, "wb") as file:
        file.write(json.dumps(answer).encode())
    os._exit(0)


def attend(job: dict[str, Any]) -> dict[str, Any]:
    """Fork a child for a file and wait for what it says, or for its end."""
    reading, writing = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            child(job, writing)
        finally:
            os._exit(70)
    os.close(writing)
    left = started + (RUN_SECONDS if job.get("run") else SECONDS)
    said = b""
    while select.select([reading], [], [], max(0.0, left - time.monotonic()))[0]:
        piece = os.read(reading, 65536)
        if not piece:
            break
        said += piece
    else:
        os.kill(pid, signal.SIGKILL)
        said = json.dumps({"end": "defect", "message": "took too long"}).encode()
    os.close(reading)
    _, status, usage = os.wait4(pid, 0)
    if not said:
        code = os.waitstatus_to_exitcode(status)
        return {"end": "defect", "message": f"the process died ({code})", "cpu": usage.ru_utime}
    return {**json.loads(said), "cpu": usage.ru_utime + usage.ru_stime}


def main() -> None:
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Use .@. matmul", PendingDeprecationWarning)
    # How fast this machine is has nothing to do with the files, and takes longest.
    describe.estimate_seconds = lambda *_, **__: 1.0  # type: ignore[assignment]
    jobs = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for job in jobs[
        : 1 if jobs[0].get("run") else 2
    ]:  # what is loaded late is loaded before the first child
        judge(job)
    gc.collect()
    gc.freeze()  # what a child does not touch need not be copied for it
    for job in jobs:
        answer = attend(job)
        sys.stdout.write(json.dumps({"id": job["id"], **answer}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
