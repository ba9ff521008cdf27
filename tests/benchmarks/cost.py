"""What a run costs: CPU seconds by stage and peak memory, at several sizes of one town.

``python -m tests.benchmarks cost FOLDER [SIZE ...]``: FOLDER holds before.tif, after.tif and
footprints.gpkg, as ``changedet simulate --size 4096x4096`` writes them. The town is cut to each
size; each run is a process of its own, with one thread. Beside each stands how many times the work
is what no program can do without (CPU; see ``floor.py``), and how many times one structural
similarity of scikit-image (wall). The last lines are the constants of
``changedet/pipeline/estimate.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

SIZES = (700, 1000, 1400, 2000, 2800, 4000)
RUN = """
import json, resource, sys, time
start = time.perf_counter()
from changedet import api
marks = {}
def progress(stage, fraction):
    now = time.process_time()
    marks.setdefault(stage, [now, now])[1] = now
before, after, out, outlines = sys.argv[1:5]
result = api.run(before, after, output=out, progress=progress, footprints=outlines or None)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "status": result.status,
    "cpu": used.ru_utime + used.ru_stime,
    "wall": time.perf_counter() - start,
    "mb": used.ru_maxrss / 1e3,
    "stages": {name: end - start for name, (start, end) in marks.items()},
}))
"""


def cut(source: Path, target: Path, size: int) -> None:
    """Write the upper left part of an image."""
    with rasterio.open(source) as whole:
        values = whole.read(window=Window(0, 0, size, size))
        profile = {**whole.profile, "width": size, "height": size, "tiled": True}
        with rasterio.open(target, "w", **profile) as part:
            part.write(values)
            part.update_tags(**whole.tags())


def measure(before: Path, after: Path, outlines: str, out: Path) -> dict[str, Any]:
    """Run one pair in a process of its own and return what it took."""
    command = [sys.executable, "-c", RUN, str(before), str(after), str(out), outlines]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(before: Path, after: Path, out: Path, taken: dict[str, Any]) -> str:
    """Say how many times the least possible work, and one measure alone, a run has taken."""
    command = [sys.executable, "-m", "tests.benchmarks.floor", str(before), str(after), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    least = json.loads(done.stdout.splitlines()[-1])
    files, alone = least["read"] + least["write"], least["similarity"]
    return (
        f"reading {least['read']:.2f} and writing {least['write']:.2f} CPU-s alone: "
        f"the run is {taken['cpu'] / files:.1f} times that; one structural similarity "
        f"{alone:.1f} s: the run's wall is {taken['wall'] / alone:.1f} times that"
    )


def main(argv: Sequence[str]) -> int:
    """Measure all sizes, with footprints and without."""
    from changedet.pipeline.estimate import SAMPLE_MPX, work_seconds

    folder = Path(argv[0])
    sizes = [int(size) for size in argv[1:]] or list(SIZES)
    reference = work_seconds()
    for outlines in (str(folder / "footprints.gpkg"), ""):
        kind = "footprints" if outlines else "no footprints"
        found = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as place:
                files = [Path(place) / name for name in ("before.tif", "after.tif")]
                for file in files:
                    cut(folder / file.name, file, size)
                taken = measure(*files, outlines, Path(place) / "out")
                beside = compare(*files, Path(place) / "out", taken)
            found.append((size**2 / 1e6, taken["cpu"]))
            stages = ", ".join(f"{k} {v:.1f}" for k, v in taken["stages"].items())
            sys.stdout.write(
                f"{kind} {size}: {taken['cpu']:.1f} CPU-s, {taken['mb']:.0f} MB; {stages}\n"
                f"  {beside}\n"
            )
        area, cpu = np.array(found).T
        # Relative errors count: a small run matters as much as a large one.
        terms = np.stack([np.ones(len(area)), np.minimum(area, SAMPLE_MPX), area], axis=1)
        costs = np.linalg.lstsq(terms / cpu[:, None], np.ones(len(cpu)), rcond=None)[0]
        worst = np.exp(np.abs(np.log(terms @ costs / cpu)).max())
        sys.stdout.write(
            f"{kind}: {costs.round(2)} (fixed, sampled, megapixel), worst {worst:.2f} times\n"
        )
    sys.stdout.write(f"work_seconds: {reference:.4f}\n")
    return 0
