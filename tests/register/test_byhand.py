"""Given tie points start the matching, or make the model where nothing matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from changedet.register.byhand import fit_given
from changedet.register.estimate import estimate_alignment
from changedet.register.lattice import IDENTITY, Lattice, Mapping
from changedet.register.reader import ArrayReader

TURNED = np.array([[0.2, 0.97, 8.0], [-0.97, 0.2, 420.0]])  # some 78 degrees


def corners(pair: Any, *, error: float = 0.0) -> np.ndarray:
    """Return six tie points with an error such as a hand makes, pixels."""
    rng = np.random.default_rng(5)
    rows, cols = np.nonzero(pair.inside)
    at = rng.choice(len(rows), 6, replace=False)
    col, row = cols[at], rows[at]
    exact = np.column_stack([col, row, pair.col[row, col], pair.row[row, col]])
    exact[:, 2:] += rng.normal(0, error, (6, 2))
    return exact


def test_rough_points_start_a_fine_alignment(warped: Callable[..., Any]) -> None:
    pair = warped(TURNED, size=400)
    found = estimate_alignment(*pair.readers(), given=corners(pair, error=2.0))
    assert found.method == "tie-points"
    assert not found.refused
    assert np.median(pair.errors(found.to_after)) < 0.05


def test_where_nothing_matches_the_points_alone_align(town: Callable[..., Any]) -> None:
    first, second = town(1, 300), town(2, 300)  # two different towns
    places = np.array([[10, 10], [280, 20], [20, 270], [250, 260], [150, 140]], float)
    given = np.column_stack([places, np.add(places, (5, 2))])
    given[4, 3] += 0.5
    readers = ArrayReader(image=first), ArrayReader(image=second)
    assert estimate_alignment(*readers).refused
    found = estimate_alignment(*readers, given=given)
    assert [f.code for f in found.findings] == ["tie_points_alone"]
    assert not found.refused
    col, row = found.to_after(100.0, 100.0)
    assert (float(col), float(row)) == pytest.approx((105, 102), abs=0.5)
    assert found.rmse_px == pytest.approx(np.sqrt(np.mean(found.tie_points.residual_px**2)))
    assert 0 < found.rmse_px < 2


def test_points_go_through_the_georeference() -> None:
    values = np.random.default_rng(0).normal(0, 0.5, (6, 6, 2))
    base = Mapping(
        affine=np.array([[0.5, 0.0, 3.0], [0.0, 0.5, -2.0]]),
        lattice=Lattice.through(values, origin=(0, 0), spacing=80),
    )
    col, row = np.random.default_rng(1).uniform(20, 380, (2, 9))
    given = np.column_stack([col, row, *base.at(col + 4, row - 7)])
    hand = fit_given(given, base)
    np.testing.assert_allclose(hand.affine, np.add(IDENTITY, [[0, 0, 4], [0, 0, -7]]), atol=1e-6)
    assert hand.rmse_px < 1e-6


@pytest.mark.parametrize("shape", [(3, 4), (5, 3)])
def test_too_few_points_are_an_error(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 4"):
        fit_given(np.zeros(shape), Mapping(affine=IDENTITY))
