"""Damaged files, several hundred: each is refused in one line or read with sane values.

Each is opened in a process of its own with a limit of memory and time (``probe.py``). The seed is
fixed. Every second one is looked at; ``CHANGEDET_FUZZ=1`` takes all, ``CHANGEDET_FUZZ=20`` draws
twenty times as many, ``CHANGEDET_FUZZ_SEED=7`` something else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import changedet
from tests.trust import mutate, seeds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits of Linux")

ROOT = Path(__file__).parents[2]
PATHS = (Path(changedet.__file__).parents[1], ROOT)
TIMES = int(os.environ.get("CHANGEDET_FUZZ", "1"))
STEP = 1 if "CHANGEDET_FUZZ" in os.environ else 2
SEED = int(os.environ.get("CHANGEDET_FUZZ_SEED", "2024"))
MEMORY = 500_000_000
"""Bytes that looking at a file of some kilobytes may take."""
VECTORS = {".gpkg", ".geojson", ".fgb", ".shp"}
BESIDE = (".shx", ".dbf", ".prj")
Answer = dict[str, Any]


def probe(jobs: list[dict[str, Any]], folder: Path) -> dict[str, Answer]:
    """Have the jobs done by the fork server, and return what became of each."""
    (folder / "jobs.json").write_text(json.dumps(jobs), "utf-8")
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("probe.py")), str(folder / "jobs.json")],
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=900 * TIMES,
        env=surroundings,
        cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(jobs)
    return {answer["id"]: answer for answer in answers}


class Ground:
    """The whole files, and how a damaged one is looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "whole").mkdir()
        self.tiffs = seeds.make_tiffs(folder / "whole")
        self.pictures = seeds.make_pictures(folder / "whole")
        self.outlines = seeds.make_outlines(folder / "whole")
        self.lists = seeds.make_lists()
        for name, data in self.lists.items():
            self.whole(name).write_bytes(data)

    def whole(self, name: str) -> Path:
        return self.folder / "whole" / name

    @property
    def images(self) -> list[str]:
        return [*(f"{name}.tif" for name in self.tiffs), *self.pictures]

    def intact(self) -> list[dict[str, Any]]:
        """Jobs for the files as they were made."""
        names = [*self.images, *self.outlines, *self.lists]
        return [
            self.job(name, self.whole(name), name, keep=f"{self.whole(name)}.npz") for name in names
        ]

    def job(self, label: str, path: Path, seed: str, **more: Any) -> dict[str, Any]:
        suffix = path.suffix
        kind = ("outlines" if suffix in VECTORS else "points" if "p" in (suffix[1], seed[0])
                and suffix in {".points", ".csv"} else "manifest")  # fmt: skip
        if seed not in {*self.outlines, *self.lists}:
            kind = "image"
        partner = self.whole("sealed-deflate-tiles.tif")
        return {"id": label, "path": str(path), "kind": kind, "partner": str(partner),
                "first": True, **more}  # fmt: skip

    def place(self, mutants: list[mutate.Mutant]) -> list[dict[str, Any]]:
        """Write damaged files and return the job of each."""
        jobs = []
        for number, mutant in enumerate(mutants[::STEP]):
            path = self.folder / f"{number}{mutant.suffix}"
            path.write_bytes(mutant.data)
            if mutant.suffix == ".shp":
                for suffix in BESIDE:
                    shutil.copy(self.whole(f"a{suffix}"), path.with_suffix(suffix))
            seed = f"{mutant.seed}.tif" if mutant.seed in self.tiffs else mutant.seed
            more = {"sealed": f"{self.whole(seed)}.npz"} if mutant.sealed else {}
            label = f"{number} {mutant.seed}: {mutant.name}"
            jobs.append(self.job(label, path, seed, **more, first=bool(number % 2)))
        return jobs


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(scope="module")
def whole(ground: Ground) -> dict[str, Answer]:
    """What became of the files as they were made; their pixels are kept to compare with."""
    return probe(ground.intact(), ground.folder)


def faults(answers: dict[str, Answer]) -> list[str]:
    """What no damaged file may lead to."""
    found = []
    for label, answer in answers.items():
        text = answer.get("message", "")
        if answer["end"] == "defect":
            found.append(f"{label}: {text[-500:]}")
        elif answer["end"] == "error" and not (0 < len(text) < 1000 and text.isprintable()):
            found.append(f"{label}: not one short line: {text[:300]!r}")
        elif "out of memory" in text or answer["grown"] > MEMORY:
            found.append(f"{label}: took {answer['grown'] / 1e6:.0f} MB ({text[:100]})")
        elif answer["end"] == "read" and answer["found"].get("altered"):
            found.append(f"{label}: {answer['found']['altered']} pixels are not those of the file")
    return found


Draw = Callable[[Ground, np.random.Generator], list[mutate.Mutant]]


def draw_images(ground: Ground, rng: np.random.Generator) -> list[mutate.Mutant]:
    return list(seeds.damaged_images(ground.tiffs, ground.pictures, rng, TIMES))


def draw_lists(ground: Ground, rng: np.random.Generator) -> list[mutate.Mutant]:
    return list(seeds.damaged_lists({**ground.outlines, **ground.lists}, rng, TIMES))


def test_whole_files_are_read(whole: dict[str, Answer]) -> None:
    assert faults(whole) == []
    assert {answer["end"] for answer in whole.values()} == {"read"}


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "number"), [(draw_images, 550), (draw_lists, 200)],
                         ids=["images", "lists"])  # fmt: skip
def test_damaged_files_are_refused_or_read_with_sane_values(
    ground: Ground, whole: dict[str, Answer], draw: Draw, number: int
) -> None:
    mutants = draw(ground, np.random.default_rng(SEED))
    assert len(mutants) >= number
    # The server looks at the first two itself: what is loaded late is then loaded once.
    first = {job["id"]: job for job in ground.intact()}
    warm = [first["sealed-deflate-tiles.tif"], first["a.gpkg"]]
    answers = probe([*warm, *ground.place(mutants)], ground.folder)
    assert faults(answers) == []
    # Both happen: the damage is not such that nothing is ever opened.
    ends = [answer["end"] for answer in answers.values()]
    assert ends.count("error") > number // 4
    assert ends.count("read") > number // 10


@pytest.mark.slow
def test_damaged_files_that_open_go_through_the_whole_work(ground: Ground) -> None:
    rng = np.random.default_rng(SEED)
    image = ground.tiffs["sealed-deflate-float"]
    made = {
        "scale": mutate.set_text(image, 42112, seeds.SCALED.encode()),
        "shape": next(m.data for m in mutate.geopackage_values("a.gpkg", ground.outlines["a.gpkg"])
                      if m.name == "shape: endless numbers"),
        "marker": next(data for name, data in iter(lambda: mutate.marker_value(
            ground.pictures["rgb.jpg"], rng), None) if name.startswith("marker DB")),
    }  # fmt: skip
    jobs = []
    for (name, data), suffix in zip(made.items(), (".tif", ".gpkg", ".jpg"), strict=True):
        assert data is not None
        path = ground.folder / f"run-{name}{suffix}"
        path.write_bytes(data)
        seed = "a.gpkg" if suffix == ".gpkg" else "sealed-deflate-tiles.tif"
        before = str(ground.whole("sealed-deflate-tiles.tif"))
        jobs.append(ground.job(name, path, seed, run=True, before=before))
    answers = probe(jobs, ground.folder)
    assert [(name, answer["message"]) for name, answer in answers.items()
            if answer["end"] == "defect"] == []  # fmt: skip
    assert sum(answer["end"] == "read" for answer in answers.values()) >= 2
