"""Fixtures shared by all tests: the shipped sample, and a small generated pair."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import pytest

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
