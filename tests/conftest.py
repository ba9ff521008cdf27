"""Fixtures shared by all tests: the shipped sample, and a small generated pair."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from changedet import api
from changedet.core.options import RunOptions
from changedet.pipeline import run_pair
from changedet.result import Record

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "town"
sys.path.append(str(ROOT / "samples"))

# Two threads of each of several libraries on a small machine only get in each other's way.
cv2.setNumThreads(1)


class PairFiles(NamedTuple):
    """Where a pair was written, and what is known about it."""

    before: Path
    after: Path
    footprints: Path
    classes: Path
    truth: dict[str, Any]


def _files(folder: Path) -> PairFiles:
    names = ("before.tif", "after.tif", "footprints.geojson", "truth_classes.tif")
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return PairFiles(*(folder / name for name in names), truth)


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    """Return the module ``samples/make_sample.py``."""
    return importlib.import_module("make_sample")


@pytest.fixture(scope="session")
def sample_files() -> PairFiles:
    """Return the sample that ships with the package: 1,000 x 1,000 pixels."""
    return _files(SAMPLE)


@pytest.fixture(scope="session")
def small_pair(generator: ModuleType) -> Any:
    """Return a generated pair of 384 x 384 pixels as arrays (``make_sample.Pair``)."""
    return generator.make_pair(384, 11)


@pytest.fixture(scope="session")
def small_files(
    generator: ModuleType, small_pair: Any, tmp_path_factory: pytest.TempPathFactory
) -> PairFiles:
    """Return the same pair as files."""
    folder = tmp_path_factory.mktemp("small")
    generator.write_pair(small_pair, folder)
    return _files(folder)


@pytest.fixture(scope="session")
def quiet_files(generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> PairFiles:
    """Return a pair where nothing happened: only sun, sensor and geometry differ."""
    folder = tmp_path_factory.mktemp("quiet")
    generator.write_pair(generator.make_pair(384, 12, quiet=True), folder)
    return _files(folder)


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
