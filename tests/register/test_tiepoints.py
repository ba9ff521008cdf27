"""Windowed correlation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import ndimage

from changedet.core.grid import Window
from changedet.core.kernels import double_angle
from changedet.register.correlation import Spectra, correlate_windows
from changedet.register.lattice import IDENTITY, Chain, Mapping
from changedet.register.reader import ArrayReader
from changedet.register.tiepoints import match_nodes, plan_nodes

STILL = Chain(base=Mapping(affine=IDENTITY), model=Mapping(affine=IDENTITY))


def test_nodes_reach_from_edge_to_edge() -> None:
    area = Window(row=10, col=20, height=300, width=200)
    nodes = plan_nodes(area, zoom=1, window=64, spacing=32, max_nodes=1000)
    assert nodes is not None
    assert (nodes.row_starts[0], nodes.row_starts[-1] + 64) == (10, 310)
    assert (nodes.col_starts[0], nodes.col_starts[-1] + 64) == (20, 220)
    assert np.diff(nodes.row_starts).min() >= 32
    few = plan_nodes(area, zoom=1, window=64, spacing=32, max_nodes=12)
    assert few is not None
    assert few.shape[0] * few.shape[1] <= 12
    col, _ = nodes.positions()
    assert col[0, 0] == 20 + 32 - 0.5
    assert plan_nodes(area, zoom=8, window=64, spacing=32, max_nodes=9) is None


def test_the_outermost_windows_may_reach_over_the_edge() -> None:
    area = Window(row=0, col=0, height=300, width=200)
    nodes = plan_nodes(area, zoom=1, window=64, spacing=32, max_nodes=1000, beyond=24)
    assert nodes is not None
    assert (nodes.row_starts[0], nodes.row_starts[-1] + 64) == (-24, 324)


def test_left_out_points_come_in_blocks() -> None:
    area = Window(row=0, col=0, height=32 * 40, width=32 * 40)
    nodes = plan_nodes(area, zoom=1, window=64, spacing=32, max_nodes=2000)
    assert nodes is not None
    held = nodes.held_out()
    assert held.mean() == pytest.approx(0.2, abs=0.03)
    # in the middle of a block the nearest point of the fit is two nodes away
    inner = ndimage.distance_transform_edt(np.pad(held, 1))
    assert inner.max() == pytest.approx(2.0, abs=0.3)
    small = plan_nodes(Window(row=0, col=0, height=300, width=300), zoom=1, window=64, spacing=32,
                       max_nodes=2000)  # fmt: skip
    assert small is not None
    assert small.held_out().mean() == pytest.approx(0.2, abs=0.05)


def test_a_window_over_the_edge_says_where_what_it_shows_lies() -> None:
    image = np.random.default_rng(4).normal(size=(96, 96)).astype(np.float32)
    valid = np.zeros(image.shape, bool)
    valid[:, 48:] = True
    field = np.where(valid, double_angle(image, valid, contrast=1.0, sigma=1.0), 0)
    found = Spectra.of(field.astype(np.complex64), valid, rows=np.array([16]), cols=np.array([16]),
                       window=64)  # fmt: skip
    assert 5 < found.off_col[0] < 20
    assert abs(found.off_row[0]) < 1e-3


def spectra(image: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> Spectra:
    valid = np.ones(image.shape, bool)
    field = double_angle(image, valid, contrast=5.0)
    return Spectra.of(field, valid, rows=rows, cols=cols, window=64)


def test_a_shift_is_found_and_wrong_places_are_not(town: Callable[..., np.ndarray]) -> None:
    image = town(3, 300)
    moved = ndimage.shift(image, (-2.3, 3.4), order=5, mode="reflect")
    starts = np.arange(0, 237, 32)
    rows, cols = (g.ravel() for g in np.meshgrid(starts, starts, indexing="ij"))
    first, second = spectra(image, rows, cols), spectra(moved, rows, cols)
    found = correlate_windows(first, second, radius=10)
    # one look at unwarped windows has a small bias; the walk warps and looks again
    assert np.median(found.dcol) == pytest.approx(3.4, abs=0.1)
    assert np.median(found.drow) == pytest.approx(-2.3, abs=0.1)
    wrong = correlate_windows(first, second, radius=10, partner=np.roll(np.arange(64), 21))
    assert np.median(found.snr) > 10
    assert np.quantile(wrong.snr, 0.9) < 6.5
    assert (found.snr > wrong.snr.mean()).mean() > 0.9


def test_no_shift_is_not_the_answer_to_everything() -> None:
    """Windows without anything in common must not agree on zero, as untapered ones do."""
    rng = np.random.default_rng(1)
    stripes = np.tile(40 * np.sin(np.arange(300) / 3), (300, 1))
    first, second = (
        ndimage.gaussian_filter(rng.normal(0, 90, (300, 300)), 1.5) + stripes for _ in "ab"
    )
    starts = np.arange(0, 237, 32)
    rows, cols = (g.ravel() for g in np.meshgrid(starts, starts, indexing="ij"))
    second = np.roll(second, 97, 0).T
    found = correlate_windows(
        spectra(first.astype(np.float32), rows, cols),
        spectra(second.astype(np.float32), rows, cols),
        radius=12,
    )
    assert (np.maximum(abs(found.dcol), abs(found.drow)) < 1).mean() < 0.15


def test_invalid_windows_have_no_peak(town: Callable[..., np.ndarray]) -> None:
    image = town(3, 300)
    valid = np.ones(image.shape, bool)
    valid[:, :150] = False
    nodes = plan_nodes(
        Window(row=0, col=0, height=300, width=300), zoom=1, window=64, spacing=32, max_nodes=99
    )
    assert nodes is not None
    reader = ArrayReader(image=image, valid=valid)
    found = match_nodes(reader, ArrayReader(image=image), STILL, nodes, radius=6)
    assert not found.snr[:, nodes.col_starts + 64 <= 150].any()
    right = nodes.col_starts >= 150
    assert (found.snr[:, right] > 8).all()
    assert np.abs(found.dcol[:, right]).max() < 1e-2


@pytest.mark.parametrize("spacing", [40, 130])
def test_tiles_and_executors_do_not_matter(
    town: Callable[..., np.ndarray], spacing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = town(3, 420)
    other = ndimage.shift(image, (1.2, -0.7), order=3, mode="reflect")
    readers = ArrayReader(image=image), ArrayReader(image=other)
    nodes = plan_nodes(
        Window(row=0, col=0, height=420, width=420),
        zoom=1,
        window=64,
        spacing=spacing,
        max_nodes=400,
    )
    assert nodes is not None
    whole = match_nodes(*readers, STILL, nodes, radius=6)
    monkeypatch.setattr("changedet.register.tiepoints._TILE", 200)
    with ThreadPoolExecutor(2) as pool:
        tiles = match_nodes(*readers, STILL, nodes, radius=6, executor=pool)
    np.testing.assert_allclose(tiles.dcol, whole.dcol, atol=2e-3)
    np.testing.assert_allclose(tiles.snr, whole.snr, rtol=1e-2)
    assert np.median(whole.dcol) == pytest.approx(-0.7, abs=0.05)


@pytest.mark.parametrize("deviation", [2.0, 10.0, 25.0])
def test_the_noise_of_a_tie_point_is_predicted(
    town: Callable[..., np.ndarray], deviation: float
) -> None:
    rng = np.random.default_rng(4)
    image = town(6, 448).astype(np.float32)
    first, second = (
        ArrayReader(image=(image + rng.normal(0, deviation, image.shape)).astype(np.float32))
        for _ in range(2)
    )
    nodes = plan_nodes(first.grid.window, zoom=1, window=64, spacing=32, max_nodes=1000)
    assert nodes is not None
    found = match_nodes(first, second, STILL, nodes, radius=5)
    errors = np.concatenate([found.dcol.ravel(), found.drow.ravel()])  # nothing moved
    true = 1.48 * np.median(abs(errors))
    assert 0.5 < true / np.median(found.noise) < 1.6
