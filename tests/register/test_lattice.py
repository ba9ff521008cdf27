"""Smooth maps of the plane."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from changedet.register.lattice import (
    IDENTITY,
    Chain,
    Lattice,
    Mapping,
    fit_affine,
    fit_mapping,
)


@pytest.fixture
def lattice() -> Lattice:
    rng = np.random.default_rng(3)
    return Lattice.through(rng.normal(size=(6, 7, 2)), origin=(10.0, 20.0), spacing=16.0)


def test_it_goes_through_its_values() -> None:
    values = np.random.default_rng(0).normal(size=(5, 6, 2))
    lattice = Lattice.through(values, origin=(3.0, 4.0), spacing=8.0)
    cols, rows = np.meshgrid(3 + 8.0 * np.arange(6), 4 + 8.0 * np.arange(5))
    np.testing.assert_allclose(np.stack(lattice.at(cols, rows), -1), values, atol=1e-9)


def test_rows_and_columns_give_what_scattered_positions_give(lattice: Lattice) -> None:
    cols, rows = np.linspace(-30, 150, 40)[None], np.linspace(-30, 140, 30)[:, None]
    fast = lattice.at(cols, rows)
    slow = lattice.at(*np.broadcast_arrays(cols, rows))
    np.testing.assert_allclose(fast, slow, atol=1e-9)


def test_it_is_constant_outside(lattice: Lattice) -> None:
    np.testing.assert_allclose(lattice.at(-500.0, 50.0), lattice.at(10.0, 50.0))


def test_a_bad_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="coefficients"):
        Lattice(origin=(0, 0), spacing=1.0, coefficients=np.zeros((2, 5, 2)))
    with pytest.raises(ValueError, match="spacing"):
        Lattice(origin=(0, 0), spacing=0.0, coefficients=np.zeros((5, 5, 2)))


def test_affine_is_found_again_and_outweighs_what_has_no_weight() -> None:
    rng = np.random.default_rng(5)
    truth = np.array([[0.9, 0.2, 1e5], [-0.1, 1.1, -4e4]])
    cols, rows = rng.uniform(0, 2e4, 30), rng.uniform(0, 2e4, 30)
    found = np.stack(Mapping(affine=truth).at(cols, rows), -1)
    found[0] += 1e3
    weights = np.r_[0.0, np.ones(29)]
    np.testing.assert_allclose(fit_affine(cols, rows, found, weights), truth, atol=1e-6)
    with pytest.raises(ValueError, match="three"):
        fit_affine(cols, rows, found, np.r_[1.0, 1.0, np.zeros(28)])


def test_a_curved_map_is_condensed_to_a_thousandth_of_a_pixel() -> None:
    def locate(cols: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return cols * 1.1 + 3e-6 * rows**2, rows * 0.9 - 2e-6 * cols * rows

    mapping = fit_mapping(locate, height=3000, width=2000)
    assert mapping.lattice is not None
    cols, rows = np.meshgrid(np.linspace(0, 1999, 77), np.linspace(0, 2999, 91))
    np.testing.assert_allclose(mapping.at(cols, rows), locate(cols, rows), atol=1e-3)


def test_a_straight_map_needs_no_lattice() -> None:
    mapping = fit_mapping(lambda c, r: (2 * c + 1, 2 * r - 1), height=100, width=50)
    assert mapping.lattice is None
    assert mapping.scale == pytest.approx(2)


def test_a_chain_goes_through_the_model_first_and_pickles() -> None:
    base = Mapping(affine=np.array([[2.0, 0, 0], [0, 2.0, 0]]))
    shift = Mapping(affine=np.column_stack([np.eye(2), [1.0, 0.0]]))
    chain = pickle.loads(pickle.dumps(Chain(base=base, model=shift)))  # noqa: S301
    assert chain.at(3.0, 4.0) == (8.0, 8.0)
    assert chain.scale == pytest.approx(2)
    assert Mapping(affine=IDENTITY).at(3.0, 4.0) == (3.0, 4.0)
