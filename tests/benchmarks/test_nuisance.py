"""The simulator is neither too easy nor too hard: nuisance is what beats a plain difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import changedet as cd
from changedet.simulate.presets import make_scenario
from tests.benchmarks import metrics
from tests.benchmarks.buildings import Buildings
from tests.benchmarks.case import read_truth
from tests.benchmarks.images import pair_by_truth
from tests.benchmarks.peers import PEERS
from tests.benchmarks.seeds import DEVELOPMENT


def scores(folder: Path) -> dict[str, float]:
    """Return the AUC of every peer, on images that are aligned by the truth."""
    truth = read_truth(folder)
    pair = pair_by_truth(folder / "before.tif", folder / "after.tif", truth.to_after)
    buildings: Buildings = truth.buildings
    clear = np.isin(buildings.level, (1, 4))
    lost = buildings.level[clear] == 4
    return {
        name: metrics.auc(buildings.mean(peer(pair.before, pair.after, pair.valid))[clear], lost)
        for name, peer in PEERS.items()
    }


@pytest.mark.parametrize("seed", DEVELOPMENT[:2])
def test_every_peer_sees_destruction_under_the_same_sun(seed: int, tmp_path: Path) -> None:
    scenario = make_scenario("bakhmut", prevalence=0.4, seed=seed, width=800, height=800)
    same = scenario.before.model_copy(update={"date": "2023-05-08"})
    made = cd.simulate(tmp_path / "easy", scenario=scenario.model_copy(update={"after": same}))
    assert min(scores(made.folder).values()) > 0.95


@pytest.mark.parametrize("seed", DEVELOPMENT[:2])
def test_nuisance_beats_a_plain_difference(seed: int, tmp_path: Path) -> None:
    made = cd.simulate(tmp_path / "hard", preset="hard", seed=seed, width=800, height=800)
    assert scores(made.folder)["difference"] < 0.85
