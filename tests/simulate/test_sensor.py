"""The sensor: air, point spread, response, each with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.core.scenario import BAND_SETS, SensorOptions
from changedet.simulate import sensor as sense
from changedet.simulate.frames import Frame, make_textures
from changedet.simulate.materials import M, colour

FRAME = Frame(row=0, col=0, height=600, width=600, fine=1.0)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_clouds_cover_about_their_share(share: float) -> None:
    wide = Frame(row=0, col=0, height=900, width=900, fine=8.0)
    found = []
    for seed in range(4):
        clouds, shadow = sense.cloud_cover(
            wide, make_textures(seed), SensorOptions(clouds=share), 0
        )
        assert clouds is not None
        assert shadow is not None
        found.append((clouds > 0.5).mean())
    assert np.mean(found) == pytest.approx(share, abs=0.1)


def test_a_cloud_shadow_lies_away_from_the_sun() -> None:
    options = SensorOptions(clouds=0.3, sun_azimuth=180, sun_elevation=45)
    clouds, shadow = sense.cloud_cover(FRAME, make_textures(3), options, 0)
    assert clouds is not None
    assert shadow is not None
    # The sun in the south: shadow to the north, as far as the clouds are high.
    far = Frame(row=round(sense.CLOUD_HEIGHT), col=0, height=600, width=600, fine=1.0)
    behind, _ = sense.cloud_cover(far, make_textures(3), options, 0)
    np.testing.assert_allclose(shadow, behind, atol=1e-3)


def test_haze_lowers_the_contrast_most_in_blue() -> None:
    view = np.stack([np.tile(np.float32([0.05, 0.35]), (4, 2))] * 4)
    sense.add_air(view, Frame(row=0, col=0, height=4, width=4, fine=1), make_textures(1),
                  SensorOptions(haze=0.4), 0)  # fmt: skip
    contrast = view[:, 0, 1] - view[:, 0, 0]
    assert contrast[2] == pytest.approx(0.6 * 0.3, abs=1e-5)
    assert contrast[3] > contrast[0] > contrast[1] > contrast[2]


def test_no_smoke_without_plumes() -> None:
    assert sense.smoke_cover(FRAME, make_textures(1), SensorOptions(), 0) is None
    smoke = sense.smoke_cover(FRAME, make_textures(1), SensorOptions(smoke_per_km2=30), 0)
    assert smoke is not None
    assert smoke.max() > 0.5
    assert smoke.min() < 0.05


def test_the_point_spread_has_its_sigma() -> None:
    frame = Frame(row=0, col=0, height=81, width=81, fine=0.25)
    bands = np.zeros((1, 81, 81), np.float32)
    bands[0, 40, 40] = 1
    x, y = np.meshgrid((np.arange(81) + 0.5) * 0.25, (np.arange(81) + 0.5) * 0.25)
    image = sense.sample(bands, frame, x, y, 3.0)[0]
    spread = np.sqrt((image * (np.arange(81) - 40) ** 2).sum() / image.sum())
    assert spread == pytest.approx(3.0, abs=0.1)
    assert image.sum() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", BAND_SETS)
def test_bands_come_in_the_order_of_the_file(name: str) -> None:
    view = np.broadcast_to(colour(M.CROWN)[:, None, None], (4, 3, 3)).astype(np.float32)
    bands = sense.pick_bands(view, np.full((3, 3), M.CROWN, np.uint8), name)
    assert len(bands) == len(BAND_SETS[name])
    for role, value in zip(("red", "green", "blue", "nir"), colour(M.CROWN), strict=True):
        if role in BAND_SETS[name]:
            assert bands[BAND_SETS[name].index(role)][0, 0] == pytest.approx(value)
    if name == "sentinel2":  # leaves: a red edge, and less in the short waves
        b = dict(zip(BAND_SETS[name], bands[:, 0, 0], strict=True))
        assert b["red"] < b["rededge1"] < b["rededge2"] < b["nir"]
        assert b["swir2"] < b["swir1"] < b["nir"]


def test_the_noise_is_that_of_the_ratio() -> None:
    flat = np.full((3, 300, 300), 0.2, np.float32)
    options = SensorOptions(bits=11, snr=50)
    values = sense.respond(flat, options, np.random.default_rng(1))
    level = values.astype(float) / 2047 * sense.LINEAR_WHITE
    assert values.dtype == np.uint16
    assert level.mean() == pytest.approx(0.2, abs=0.001)
    assert level.mean() / level[0].std() == pytest.approx(50, rel=0.1)


def test_gain_offset_and_jpeg() -> None:
    flat = np.full((3, 64, 64), 0.1, np.float32)
    plain = sense.respond(flat, SensorOptions(snr=1000), np.random.default_rng(1))
    bright = sense.respond(flat, SensorOptions(snr=1000, gain=(2.0, 1.0, 1.0)),
                           np.random.default_rng(1))  # fmt: skip
    assert bright[0].mean() > plain[0].mean() + 30
    assert bright[1].mean() == pytest.approx(plain[1].mean(), abs=0.5)
    rough = np.random.default_rng(2).uniform(0, 0.4, (4, 64, 64)).astype(np.float32)
    options = SensorOptions(jpeg=50, bands="rgbn")
    pressed = sense.respond(rough, options, np.random.default_rng(1))
    whole = sense.respond(rough, options.model_copy(update={"jpeg": None}),
                          np.random.default_rng(1))  # fmt: skip
    assert pressed.shape == whole.shape
    assert np.corrcoef(pressed[3].ravel(), whole[3].ravel())[0, 1] > 0.8
    assert (pressed != whole).mean() > 0.5


def test_snow_leaves_crowns_and_covers_its_share() -> None:
    level = np.random.default_rng(0).standard_normal((200, 200)).astype(np.float32)
    paint = np.full((4, 200, 200), 0.1, np.float32)
    material = np.zeros((200, 200), np.uint8)
    material[:, :50] = M.CROWN
    sense.lay_snow(paint, material, level, 0.6)
    assert (material[:, 50:] == M.SNOW).mean() == pytest.approx(0.6, abs=0.02)
    assert (paint[0][:, :50] == np.float32(0.1)).all()
