from __future__ import annotations

import numpy as np
import pytest

from changedet.compare import indices


def band(value: float) -> np.ndarray:
    return np.array([value], np.float32)


BLUE, GREEN, RED, NIR, SWIR1, SWIR2 = (band(value) for value in (30, 80, 40, 160, 90, 60))


@pytest.mark.parametrize(
    ("found", "by_hand"),
    [
        (indices.ndvi(RED, NIR), 120 / 200),
        (indices.nbr(NIR, SWIR2), 100 / 220),
        (indices.ndbi(NIR, SWIR1), -70 / 250),
        (indices.bsi(BLUE, RED, NIR, SWIR1), (130 - 190) / 320),
        (indices.exg(RED, GREEN, BLUE), 90 / 150),
        (indices.gli(RED, GREEN, BLUE), 90 / 230),
    ],
)
def test_indices_by_hand(found: np.ndarray, by_hand: float) -> None:
    assert found.dtype == np.float32
    assert found == pytest.approx([by_hand])


@pytest.mark.parametrize("name", indices.NEEDS)
def test_every_index_takes_the_bands_it_says_and_is_0_in_the_dark(name: str) -> None:
    dark = [np.zeros(3, np.float32)] * len(indices.NEEDS[name])
    assert getattr(indices, name)(*dark).tolist() == [0, 0, 0]


def test_fire_lowers_the_burn_ratio_and_clearing_raises_bare_soil() -> None:
    assert indices.nbr(band(60), band(120)) < indices.nbr(NIR, SWIR2)
    assert indices.bsi(band(60), band(110), band(100), band(140)) > indices.bsi(
        BLUE, RED, NIR, SWIR1
    )
