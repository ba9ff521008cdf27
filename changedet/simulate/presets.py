"""Presets: scenarios that people ask for, as what they change of the defaults."""

from __future__ import annotations

from typing import Any

from changedet.core.errors import UsageError
from changedet.core.scenario import Scenario

_NOTHING = {
    "prevalence": 0.0,
    "trees_lost": 0.0,
    "ground_lost": 0.0,
    "craters_per_ha": 0.0,
    "weeds": 0.0,
}
_SPREAD = ("trees_lost", "ground_lost", "craters_per_ha")
"""Events that go with the share of destroyed buildings where that alone is set."""

PRESETS: dict[str, dict[str, Any]] = {
    # Slabs, houses and trees; May against May; most of it gone.
    "bakhmut": {
        "town": {"slabs": 0.30, "trees_per_ha": 95.0, "fields": 0.04},
        "before": {"sun_azimuth": 162.0, "sun_elevation": 57.4, "off_nadir": 6.0},
        "after": {
            "date": "2023-05-15", "sun_azimuth": 163.0, "sun_elevation": 59.1, "off_nadir": 9.0,
            "view_azimuth": 210.0, "haze": 0.10, "grass": 0.85, "gain": (0.95, 0.97, 0.98, 0.96),
            "gamma": 0.94, "smoke_per_km2": 1.0,
        },
        "events": {"prevalence": 0.6, "trees_lost": 0.75, "ground_lost": 0.5},
    },
    # Houses in gardens among fields, a river; a third destroyed.
    "village": {
        "town": {"slabs": 0.0, "works": 0.05, "schools": 0.05, "fields": 0.30, "river": True,
                 "railway": False, "trees_per_ha": 80.0},
        "after": {"date": "2023-06-20", "sun_azimuth": 148.0, "sun_elevation": 61.0,
                  "off_nadir": 12.0, "view_azimuth": 300.0, "grass": 0.75,
                  "gain": (1.08, 1.02, 0.98, 1.05), "offset": (0.004, 0.004, 0.008, 0.0)},
        "events": {"prevalence": 0.3, "trees_lost": 0.35, "ground_lost": 0.25,
                   "craters_per_ha": 8.0},
    },
    # Nothing happened, all nuisances: sun, view, season, haze, sensor, geometry, new roofs, cars.
    "control": {
        "after": {"date": "2023-06-25", "sun_azimuth": 131.0, "sun_elevation": 63.0,
                  "off_nadir": 15.0, "view_azimuth": 250.0, "haze": 0.16, "grass": 0.55,
                  "gain": (0.90, 0.95, 1.02, 0.92), "offset": (0.006, 0.006, 0.010, 0.004),
                  "gamma": 1.10, "psf": 0.8, "snr": 80.0, "jpeg": 88},
        "placement": {"shift_px": (4.2, -3.1), "warp_px": 0.8, "terrain_px": 0.6},
        "events": {**_NOTHING, "renewed": 0.08, "built_per_ha": 0.3, "ploughed": 0.6,
                   "puddles": 0.06},
    },
    # What newspapers print: JPEG, no georeference, a turned crop.
    "press": {
        "before": {"jpeg": 82, "snr": 90.0},
        "after": {"date": "2023-05-15", "jpeg": 70, "off_nadir": 11.0, "view_azimuth": 200.0,
                  "gamma": 0.85, "haze": 0.12, "gain": (1.05, 1.0, 0.94, 1.0)},
        "placement": {"georeferenced": False, "rotation_deg": 11.0, "scale": 0.92, "crop": 0.8,
                      "shift_px": (9.0, -14.0)},
    },
    # Three metres, four bands.
    "planet": {
        "gsd": 3.0,
        "before": {"bands": "rgbn", "bits": 11, "pansharpened": False, "sharpen": 0.0, "psf": 0.7,
                   "off_nadir": 2.0},
        "after": {"date": "2023-05-17", "bands": "rgbn", "bits": 11, "pansharpened": False,
                  "sharpen": 0.0, "psf": 0.75, "off_nadir": 4.0, "grass": 0.8, "haze": 0.08},
        "placement": {"shift_px": (0.7, -0.5), "warp_px": 0.15, "warp_length_m": 900.0},
    },
    # Ten metres, ten bands of reflectance.
    "sentinel2": {
        "gsd": 10.0,
        "before": {"bands": "sentinel2", "bits": 11, "pansharpened": False, "sharpen": 0.0,
                   "psf": 0.55, "off_nadir": 3.0, "snr": 150.0},
        "after": {"date": "2023-05-13", "bands": "sentinel2", "bits": 11, "pansharpened": False,
                  "sharpen": 0.0, "psf": 0.55, "off_nadir": 3.0, "snr": 150.0, "grass": 0.85},
        "placement": {"shift_px": (0.3, 0.2), "warp_px": 0.05, "warp_length_m": 3000.0,
                      "terrain_px": 0.1},
    },
    # The sun 40 degrees away and lower, walls that lean, a warp of two pixels, haze.
    "hard": {
        "after": {"date": "2023-08-24", "sun_azimuth": 112.0, "sun_elevation": 40.0,
                  "off_nadir": 20.0, "view_azimuth": 285.0, "haze": 0.28, "grass": 0.5,
                  "gain": (0.92, 0.98, 1.04, 0.95), "gamma": 1.12, "psf": 0.85, "snr": 70.0},
        "placement": {"shift_px": (6.5, -4.5), "rotation_deg": 0.15, "warp_px": 2.0,
                      "warp_length_m": 160.0, "terrain_px": 1.0,
                      "footprint_shift_m": (1.2, -0.8)},
        "events": {"prevalence": 0.4, "trees_lost": 0.5, "ground_lost": 0.3},
    },
}  # fmt: skip


def make_scenario(
    preset: str = "bakhmut", *, prevalence: float | None = None, **wishes: Any
) -> Scenario:
    """Return the scenario of a preset with what is wished otherwise.

    Parameters
    ----------
    preset : str
        One of :data:`PRESETS`.
    prevalence : float, optional
        Share of the buildings that are destroyed; what is lost of trees and ground goes with it
        in proportion, unless ``events`` states it.
    **wishes
        Fields of :class:`Scenario`; of a group (``events={"weeds": 0}``) what is not given stays
        as the preset has it.

    Raises
    ------
    UsageError
        Where there is no such preset.

    Examples
    --------
    >>> make_scenario("control", seed=3).events.prevalence
    0.0
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; known: {', '.join(PRESETS)}")
    values: dict[str, Any] = {"preset": preset, **PRESETS[preset]}
    if prevalence is not None:
        values["events"] = _scaled(values.get("events", {}), prevalence)
    for name, wish in wishes.items():
        group = isinstance(wish, dict) and isinstance(values.get(name, {}), dict)
        values[name] = {**values.get(name, {}), **wish} if group else wish
    return Scenario.model_validate(values)


def _scaled(events: dict[str, Any], prevalence: float) -> dict[str, Any]:
    """Return events with another prevalence, and the other losses in proportion."""
    base = Scenario.model_validate({"events": events}).events
    if prevalence == 0:
        return {**events, **_NOTHING}
    factor = prevalence / base.prevalence if base.prevalence else 1.0
    limits = {"craters_per_ha": 60.0}
    return {
        **events,
        "prevalence": prevalence,
        **{name: min(limits.get(name, 0.92), getattr(base, name) * factor) for name in _SPREAD},
    }
