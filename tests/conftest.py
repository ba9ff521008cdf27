"""Fixtures shared by all tests: the shipped sample, and small simulated pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import rasterio
from hypothesis import settings
from numpy.typing import NDArray

import changedet as cd
from changedet import api
from changedet.core.options import RunOptions
from changedet.pipeline import run_pair
from changedet.result import Record

ROOT = Path(__file__).parents[1]

# A loaded machine is no defect: time is measured elsewhere.
settings.register_profile("changedet", deadline=None)
settings.load_profile("changedet")
# Two threads of each of several libraries on a small machine only get in each other's way.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class PairFiles:
    """Where a pair lies, and what is known about it."""

    folder: Path
    before: Path
    after: Path
    footprints: Path
    truth: dict[str, Any]

    @property
    def hectares(self) -> dict[str, float]:
        """The true areas."""
        found: dict[str, float] = self.truth["hectares"]
        return found

    def read_truth(self, name: str) -> NDArray[Any]:
        """Read one of the truth rasters: (height, width), the correspondence (2, height, width)."""
        with rasterio.open(self.folder / f"truth_{name}.tif") as file:
            return np.asarray(file.read().squeeze())


def _files(folder: Path) -> PairFiles:
    names = ("before.tif", "after.tif", "footprints.gpkg")
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return PairFiles(folder, *(folder / name for name in names), truth)


Simulate = Callable[..., PairFiles]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    """Return a function that simulates a pair of 384 x 384 pixels of half a metre."""

    def make(seed: int, **wishes: Any) -> PairFiles:
        folder = tmp_path_factory.mktemp("town") / "pair"
        groups = {
            "placement": {
                "shift_px": (3.4, -2.3),
                "rotation_deg": 0.05,
                **wishes.pop("placement", {}),
            },
            "after": {"smoke_per_km2": 0, **wishes.pop("after", {})},
        }
        cd.simulate(folder, seed=seed, width=384, height=384, **groups, **wishes)
        return _files(folder)

    return make


@pytest.fixture(scope="session")
def sample_files() -> PairFiles:
    """Return the sample that ships with the package: 1,200 x 1,200 pixels."""
    return _files(ROOT / "samples" / "bakhmut")


@pytest.fixture(scope="session")
def small_files(simulated: Simulate) -> PairFiles:
    """Return a small pair: houses and sheds, more than half of them destroyed."""
    return simulated(15)


@pytest.fixture(scope="session")
def quiet_files(simulated: Simulate) -> PairFiles:
    """Return a pair where nothing happened: only sun, view, sensor and geometry differ."""
    return simulated(34, prevalence=0.0, events={"renewed": 0, "built_per_ha": 0, "ploughed": 0})


class Outcome(NamedTuple):
    """What comparing a pair left: the record, and the folder with its maps."""

    record: Record
    folder: Path

    def read(self, name: str) -> NDArray[Any]:
        """Read the first band of one of the maps."""
        with rasterio.open(self.folder / "maps" / f"{name}.tif") as file:
            return np.asarray(file.read(1))


@pytest.fixture(scope="session")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """Return a function that compares two files without drawing a report."""

    def run(
        before: Path, after: Path, *, executor: Executor | None = None, **wishes: Any
    ) -> Outcome:
        folder = tmp_path_factory.mktemp("compared")
        options = RunOptions.model_validate(wishes)
        made = run_pair(before, after, options=options, folder=folder, executor=executor)
        return Outcome(made.record, folder)

    return run


@pytest.fixture(scope="session")
def small_run(small_files: PairFiles, compare: Callable[..., Outcome]) -> Outcome:
    """Return the small pair, compared without footprints."""
    return compare(small_files.before, small_files.after)


@pytest.fixture(scope="session")
def graded_run(small_files: PairFiles, compare: Callable[..., Outcome]) -> Outcome:
    """Return the small pair, compared with footprints."""
    return compare(small_files.before, small_files.after, footprints=small_files.footprints)


@pytest.fixture(scope="session")
def sample_result(sample_files: PairFiles, tmp_path_factory: pytest.TempPathFactory) -> api.Result:
    """Return the result of the sample, with its footprints and its whole folder."""
    return api.run(
        sample_files.before,
        sample_files.after,
        footprints=sample_files.footprints,
        output=tmp_path_factory.mktemp("sample") / "out",
    )
