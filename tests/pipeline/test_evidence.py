from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy.optimize import nnls

from changedet.compare.structure import window_sizes
from changedet.core.blocks import blocks
from changedet.core.grid import Window
from changedet.core.options import RunOptions
from changedet.io.sources import open_pair
from changedet.pipeline.evidence import (
    as_evidence,
    change_reach_px,
    fit_noise,
    invariant_samples,
    measure_change,
    not_negative,
)
from changedet.pipeline.fit import block_margin, fit_plan
from changedet.pipeline.measure import read_pair
from changedet.pipeline.plan import Plan
from changedet.pipeline.prepare import align_pair
from changedet.pipeline.scene import Scene


def test_change_does_not_depend_on_the_block(true_scene: Scene, true_plan: Plan) -> None:
    margin = block_margin(true_plan.sizes, true_plan.gsd_m, built=False)
    (whole,) = blocks(true_scene.grid, size=4096, margin=margin)
    pair = read_pair(true_scene, whole.padded)
    full = measure_change(true_scene, pair, true_plan, whole.padded)[whole.trim]
    for block in blocks(true_scene.grid, size=128, margin=margin):
        pair = read_pair(true_scene, block.padded)
        part = measure_change(true_scene, pair, true_plan, block.padded)[block.trim]
        core = block.core
        same = full[core.row : core.stop_row, core.col : core.stop_col]
        seen = pair.analysed[block.trim]
        assert part[seen] == pytest.approx(same[seen], abs=2e-4)


def test_what_was_rebuilt_or_burnt_stands_out(true_scene: Scene, true_plan: Plan) -> None:
    window = Window(row=0, col=0, height=true_scene.grid.height, width=true_scene.grid.width)
    pair = read_pair(true_scene, window)
    evidence = as_evidence(measure_change(true_scene, pair, true_plan, window), true_plan)
    truth_path = Path(true_scene.before.path).parent / "truth_classes.tif"
    with rasterio.open(truth_path) as file:
        truth = file.read(1)
    seen = pair.analysed & (truth > 0)
    changed = seen & (truth >= 2) & (truth <= 4)
    assert np.median(evidence[changed]) > 0.5
    assert np.median(evidence[seen & (truth == 1)]) < 0.2
    assert true_plan.chroma is not None
    assert true_plan.irmad is None


@pytest.mark.parametrize("gsd", [0.3, 0.5, 1.0, 3.0, 30.0])
def test_the_margin_holds_what_evidence_reaches(gsd: float) -> None:
    assert block_margin(window_sizes(gsd), gsd, built=False) >= change_reach_px(gsd)


def test_noise_of_a_ratio_is_split_by_the_light() -> None:
    rng = np.random.default_rng(3)
    dimness = rng.uniform(0.0, 1e-3, 60_000)
    residual = rng.normal(size=60_000) * np.sqrt(0.02**2 + 1.5**2 * dimness)
    own, band = fit_noise(residual, dimness, least=0.3)
    assert own == pytest.approx(0.02, rel=0.1)
    assert band == pytest.approx(1.5, rel=0.1)
    assert fit_noise(0 * residual, dimness, least=0.3) == (0.0, 0.3)


ROLES = ("blue", "green", "red", "nir", "swir1", "swir2")
SIDE = 220


def paint(seed: int = 4) -> np.ndarray:
    """Six bands of 30 m fields: smooth, correlated, with texture."""
    rng = np.random.default_rng(seed)
    fields = cv2.resize(rng.uniform(0, 1, (3, 28, 28)).transpose(1, 2, 0), (SIDE, SIDE),
                        interpolation=cv2.INTER_NEAREST)  # fmt: skip
    mixing = rng.uniform(0.2, 1, (6, 3))
    return 40 + 60 * np.tensordot(mixing, fields.transpose(2, 0, 1), axes=1)


@contextmanager
def multispectral(folder: Path, before: np.ndarray, after: np.ndarray) -> Iterator[Scene]:
    paths = []
    for name, image in (("before", before), ("after", after)):
        paths.append(folder / f"{name}.tif")
        with rasterio.open(
            paths[-1], "w", driver="GTiff", count=6, height=SIDE, width=SIDE, dtype="uint8",
            crs="EPSG:32637", transform=Affine(30, 0, 4e5, 0, -30, 5.4e6),
        ) as file:  # fmt: skip
            file.write(np.clip(np.rint(image), 1, 255).astype(np.uint8))
    options = RunOptions(bands={role: k + 1 for k, role in enumerate(ROLES)})
    with open_pair(paths[0], paths[1], options) as pair:
        alignment = align_pair(pair, options)
        assert not alignment.refused
        yield Scene(before=pair.before, after=pair.after, grid=pair.grid, alignment=alignment)


@pytest.fixture(scope="module")
def dates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Before, after in another light, and where it changed."""
    rng = np.random.default_rng(9)
    ground = paint()
    changed = np.zeros((SIDE, SIDE), bool)
    changed[20:60, 30:120] = changed[150:154, 10:200] = True
    later = np.where(changed, ground[::-1], ground)
    after = 0.8 * later + 12 + rng.normal(size=ground.shape) * 1.5
    return ground + rng.normal(size=ground.shape) * 1.5, after, changed


def test_many_bands_of_coarse_pixels(
    tmp_path: Path, dates: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    before, after, changed = dates
    with multispectral(tmp_path, before, after) as scene:
        assert scene.is_multispectral
        plan, histograms = fit_plan(scene)
        assert plan.irmad is not None
        assert plan.chroma is None
        assert plan.change_cut is not None
        assert plan.change_cut.changed == pytest.approx(changed.mean(), abs=0.03)
        for _, line in plan.lines:
            assert line.gain == pytest.approx(1 / 0.8, rel=0.03)
        window = scene.grid.window
        found = as_evidence(measure_change(scene, read_pair(scene, window), plan, window), plan)
        called = found > 0.5
        assert called[changed].mean() > 0.97
        # Within a pixel of a change the window of nine pixels sees it.
        away = cv2.dilate(changed.astype(np.uint8), np.ones((3, 3))) == 0
        assert called[away].mean() < 0.015
    said = plan.describe_thresholds()
    assert said["irmad_inflation"] == pytest.approx(2.278, abs=1e-3)
    assert len(said["irmad_correlations"]) == 6
    assert [h.name for h in histograms] == ["structural", "pixel"]


def test_many_bands_that_did_not_change(
    tmp_path: Path, dates: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    before = dates[0]
    rng = np.random.default_rng(10)
    after = 1.05 * before + rng.normal(size=before.shape) * 1.5
    with multispectral(tmp_path, before, after) as scene:
        plan, _ = fit_plan(scene)
        window = scene.grid.window
        found = as_evidence(measure_change(scene, read_pair(scene, window), plan, window), plan)
    assert (found > 0.5).mean() < 0.005


def test_invariant_samples_are_the_unchanged_ones() -> None:
    rng = np.random.default_rng(2)
    ground = rng.uniform(20, 200, (4, 20_000))
    before = ground + rng.normal(size=ground.shape)
    after = 1.2 * ground + rng.normal(size=ground.shape)
    after[:2, :4000] += 15
    fitted, kept = invariant_samples(before.astype(np.float32), after.astype(np.float32))
    assert fitted.bands == 4
    assert kept[:4000].mean() < 0.01
    assert kept[4000:].mean() > 0.4


@pytest.mark.parametrize("kind", ["the same", "one band constant", "one band twice"])
def test_odd_bands_still_leave_invariant_samples(kind: str) -> None:
    rng = np.random.default_rng(8)
    before = rng.uniform(20, 200, (5, 20_000)).astype(np.float32)
    after = (1.2 * before + rng.normal(size=before.shape)).astype(np.float32)
    if kind == "the same":
        after = before
    elif kind == "one band constant":
        before[2], after[2] = 7, 9
    else:
        before[3], after[3] = before[1], after[1]
    fitted, kept = invariant_samples(before, after)
    assert np.isfinite(fitted.variance).all()
    assert kept.mean() > 0.35


def test_evidence_is_a_half_at_the_scale(true_plan: Plan) -> None:
    plan = replace(true_plan, change_scale=3.0)
    for kind in (plan, replace(plan, chroma=None)):
        evidence = as_evidence(np.array([0, 3, 1e3], np.float32), kind)
        assert evidence == pytest.approx([0, 0.5, 1], abs=1e-5)


def test_two_unknowns_that_are_not_negative_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        design, wanted = rng.normal(0.3, 1, (12, 2)), rng.normal(0, 1, 12)
        assert not_negative(design, wanted) == pytest.approx(nnls(design, wanted)[0], abs=1e-9)
