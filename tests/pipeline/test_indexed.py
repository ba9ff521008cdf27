from __future__ import annotations

import numpy as np
import pytest

from changedet.pipeline.indexed import allowed_indices, index_differences
from changedet.result import Radiometry

LANDSAT = ("blue", "green", "red", "nir", "swir1", "swir2")


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        (LANDSAT, ("ndvi", "nbr", "bsi", "ndbi")),
        (("red", "green", "blue", "nir"), ("ndvi",)),
        (("red", "green", "blue"), ("exg", "gli")),
        (("pan",), ()),
        (("red", "green"), ()),
    ],
)
def test_the_bands_say_which_indices(roles: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert allowed_indices(roles) == names


def test_a_difference_is_after_minus_before_in_one_radiometry() -> None:
    before = np.full((4, 2, 3), 100, np.float32)
    before[3] = 150
    after = before.copy()
    after[3, 0, 0] = 100
    # AFTER as its file has it: half as bright, and 10 darker.
    given = (after - 10) / 2
    lines = {role: Radiometry(gain=2.0, offset=10.0, correlation=1.0) for role in ("red", "nir")}
    given[:, 1, 2] = -3
    found = index_differences(
        before, given, ("blue", "green", "red", "nir"), lines=lines, white=255
    )
    assert list(found) == ["ndvi"]
    assert found["ndvi"][0, 0] == pytest.approx(-0.2)
    assert found["ndvi"][0, 1:] == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(found["ndvi"][1, 2]), "too dark for an index"
