"""The scene: no seams, and a truth that is exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from changedet.core.grid import Window
from changedet.core.scenario import PlacementOptions, Scenario
from changedet.simulate.frames import Frame
from changedet.simulate.presets import PRESETS, make_scenario
from changedet.simulate.scene import _lay, chunk_size, make_world, paint, render_chunk

WHOLE = Window(row=0, col=0, height=256, width=256)


@pytest.mark.parametrize("date", [0, 1])
def test_a_piece_of_the_world_does_not_depend_on_its_frame(date: int) -> None:
    world = make_world(make_scenario("bakhmut", seed=3, width=600, height=600))
    big = Frame(row=100, col=200, height=900, width=800, fine=world.fine)
    small = Frame(row=300, col=450, height=500, width=420, fine=world.fine)
    canvases = [paint(world, _lay(world, frame), date) for frame in (big, small)]
    edge = 120  # what is cut off at a frame's edge may throw no shadow into the core
    first = (slice(200 + edge, 700 - edge), slice(250 + edge, 670 - edge))
    second = (slice(edge, 500 - edge), slice(edge, 420 - edge))
    for name in ("plants", "material", "marked"):
        a, b = getattr(canvases[0], name)[first], getattr(canvases[1], name)[second]
        assert (a != b).mean() < 1e-3, name
    for name in ("height", "colour", "slope"):
        a, b = getattr(canvases[0], name), getattr(canvases[1], name)
        off = np.abs(a[..., *first] - b[..., *second])
        assert np.mean(off > 0.01) < 2e-3, name


def test_after_on_before_differs_by_noise_alone(still: Scenario) -> None:
    before, truth, after = render_chunk(still, WHOLE, WHOLE)
    assert before is not None
    assert truth is not None
    assert after is not None
    cols, rows = truth.correspondence
    inner = np.isfinite(cols)
    inner[:8] = inner[-8:] = inner[:, :8] = inner[:, -8:] = False
    assert inner.mean() > 0.8
    at = [np.nan_to_num(rows), np.nan_to_num(cols)]
    laid = np.stack([map_coordinates(band.astype(float), at, order=3) for band in after])
    off = (laid - before)[:, inner]
    assert off.std() < 0.05 * before.std()
    assert abs(float(off.mean())) < 0.1
    assert set(np.unique(truth.classes)) <= {0, 1}
    assert (truth.classes[inner] == 1).all()


def test_the_same_sensor_and_no_shift_give_the_same_image_but_for_noise(still: Scenario) -> None:
    placement = PlacementOptions(shift_px=(0, 0), warp_px=0, terrain_px=0)
    same = still.model_copy(update={"placement": placement})
    before, _, after = render_chunk(same, WHOLE, WHOLE)
    assert before is not None
    assert after is not None
    assert np.abs(before.astype(int) - after).max() <= 3


def test_windows_far_apart_are_painted_one_by_one() -> None:
    scenario = make_scenario("press", seed=1, width=300, height=300)
    window = Window(row=0, col=0, height=64, width=64)
    far = Window(row=150, col=150, height=64, width=64)
    alone = render_chunk(scenario, None, far)
    both = render_chunk(scenario, window, far)
    assert alone[0] is None
    assert alone[1] is None
    np.testing.assert_array_equal(alone[2], both[2])
    np.testing.assert_array_equal(render_chunk(scenario, window, None)[0], both[0])


def test_destroyed_buildings_are_class_two() -> None:
    scenario = make_scenario("bakhmut", seed=3, width=256, height=256)
    _, truth, _ = render_chunk(scenario, WHOLE, WHOLE)
    assert truth is not None
    world = make_world(scenario)
    destroyed = {
        b.number for cell in world.town.all_cells() for b in cell.buildings
        if world.events.of_building(b).grade == "Destroyed"
    }  # fmt: skip
    fallen = np.isin(truth.buildings, list(destroyed))
    seen = truth.classes > 0
    np.testing.assert_array_equal((truth.classes == 2) & seen, fallen & seen)
    assert fallen.any()
    assert (truth.classes == 3).any()
    lost = np.isin(truth.vegetation, (3, 4, 5, 7))
    assert lost[(truth.classes == 3)].all()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_renders_its_bands(preset: str) -> None:
    scenario = make_scenario(preset, seed=2, width=128, height=128)
    size = min(96, chunk_size(scenario))
    window = Window(row=0, col=0, height=size, width=size)
    before, truth, after = render_chunk(scenario, window, window)
    assert before is not None
    assert after is not None
    assert truth is not None
    assert before.dtype == (np.uint8 if scenario.before.bits == 8 else np.uint16)
    assert before.shape[1:] == after.shape[1:] == truth.classes.shape
    for image in (before, after):
        assert (image.std((1, 2)) > 3).all()
        assert np.mean((image == 0) | (image == image.max())) < 0.05


def test_an_intact_roof_is_no_change_whatever_befell_the_ground_below() -> None:
    events = {"ground_lost": 1.0, "craters_per_ha": 60.0, "renewed": 0.0, "built_per_ha": 0.0}
    scenario = make_scenario("bakhmut", seed=3, width=256, height=256, prevalence=0.0)
    scenario = make_scenario(
        "bakhmut", seed=3, width=256, height=256,
        events={**scenario.events.model_dump(), **events},
    )  # fmt: skip
    _, truth, _ = render_chunk(scenario, WHOLE, WHOLE)
    assert truth is not None
    roofs = (truth.buildings > 0) & (truth.classes > 0)
    assert roofs.any()
    assert (truth.classes[roofs] == 1).mean() > 0.9  # crowns that hang over a roof may be lost
    assert (truth.classes == 3).any()


def test_puddles_are_no_change() -> None:
    dry = make_scenario("control", seed=2, width=256, height=256, events={"puddles": 0.0})
    wet = make_scenario("control", seed=2, width=256, height=256, events={"puddles": 0.3})
    images = [render_chunk(scenario, WHOLE, WHOLE) for scenario in (dry, wet)]
    (_, before, after), (_, same, rained) = images
    assert before is not None
    assert same is not None
    assert after is not None
    assert rained is not None
    np.testing.assert_array_equal(before.classes, same.classes)
    darker = after.astype(int).mean(0) - rained.mean(0)
    assert np.mean(darker > 15) > 0.02
