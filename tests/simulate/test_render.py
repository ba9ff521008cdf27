"""Light and view: shadows point away from the sun and are as long as it stands low; walls lean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from changedet.core.scenario import SensorOptions
from changedet.simulate.canvas import Canvas, blank
from changedet.simulate.frames import Frame, make_textures
from changedet.simulate.materials import M
from changedet.simulate.render import cast_shadow, light, look

FINE = 0.25


def tower(height: float = 10.0) -> Canvas:
    """Return level ground with one block of 8 x 8 metres in the middle of 75 x 75."""
    canvas = blank(Frame(row=0, col=0, height=300, width=300, fine=FINE), make_textures(1))
    canvas.colour[...] = 0.2
    canvas.height[134:166, 134:166] = height
    canvas.material[134:166, 134:166] = M.ASBESTOS
    canvas.colour[:, 134:166, 134:166] = 0.4
    return canvas


def reach(shadow: np.ndarray, azimuth: float) -> float:
    """Return how far the shadow goes from the block's edge in a direction, metres."""
    dx, dy = math.sin(math.radians(azimuth)), -math.cos(math.radians(azimuth))
    steps = np.arange(0, 130)
    cols = np.clip(np.round(149.5 + steps * dx).astype(int), 0, 299)
    rows = np.clip(np.round(149.5 + steps * dy).astype(int), 0, 299)
    inside = (np.abs(cols - 149.5) < 16) & (np.abs(rows - 149.5) < 16)
    return float(((shadow[rows, cols] > 0.5) & ~inside).sum() * FINE)


@pytest.mark.parametrize("azimuth", [90.0, 180.0, 270.0])
@pytest.mark.parametrize("elevation", [25.0, 45.0, 60.0])
def test_a_shadow_has_the_length_and_direction_of_the_sun(azimuth: float, elevation: float) -> None:
    shadow = cast_shadow(tower().height, FINE, (azimuth, elevation))
    expected = 10 / math.tan(math.radians(elevation))
    assert reach(shadow, azimuth + 180) == pytest.approx(expected, abs=0.8)
    assert reach(shadow, azimuth) < 0.6
    assert shadow[140:160, 140:160].max() < 0.1  # the roof is in the sun


def test_neighbours_cast_parallel_shadows() -> None:
    canvas = tower(6.0)
    canvas.height[40:60, 200:220] = 6.0
    shadow = cast_shadow(canvas.height, FINE, (150.0, 40.0)) > 0.5
    at = []
    for rows, cols in (((134, 166), (134, 166)), ((40, 60), (200, 220))):
        window = np.zeros_like(shadow)
        window[rows[0] - 40 : rows[1] + 40, cols[0] - 40 : cols[1] + 40] = True
        r, c = np.nonzero(shadow & window)
        middle = (rows[0] + rows[1]) / 2, (cols[0] + cols[1]) / 2
        at.append(math.degrees(math.atan2(c.mean() - middle[1], middle[0] - r.mean())))
    assert at[0] == pytest.approx(150 - 180, abs=6)
    assert at[0] == pytest.approx(at[1], abs=3)


def test_light_is_even_on_level_ground_and_facets_face_the_sun() -> None:
    canvas = tower(0.0)
    canvas.slope[0][:, :150] = 0.5  # rises to the east: faces west
    lit = light(canvas, SensorOptions(sun_azimuth=270, sun_elevation=45))
    assert lit[0][20, 250] == pytest.approx(0.2, abs=1e-3)
    west, east = lit[0][20, 50], lit[0][20, 250]
    assert west > 1.1 * east
    other = light(canvas, SensorOptions(sun_azimuth=90, sun_elevation=45))
    assert other[0][20, 50] < 0.9 * other[0][20, 250]


def test_a_roof_leans_by_its_height_times_the_tangent() -> None:
    canvas = tower(10.0)
    sensor = SensorOptions(off_nadir=20, view_azimuth=90)
    view, material = look(canvas, canvas.colour.copy(), sensor)
    row = material[150]
    roof = np.flatnonzero(row == M.ASBESTOS)
    expected = 10 * math.tan(math.radians(20)) / FINE
    assert roof.mean() - 149.5 == pytest.approx(expected, abs=2.5)
    wall = np.flatnonzero(row == M.WALL)
    assert len(wall) == pytest.approx(expected, abs=4)
    assert wall.max() < roof.min() + 2
    untouched = view[0][:, :120]
    np.testing.assert_array_equal(untouched, canvas.colour[0][:, :120])


def test_nothing_leans_straight_down() -> None:
    canvas = tower()
    view, _ = look(canvas, canvas.colour, SensorOptions(off_nadir=0))
    np.testing.assert_array_equal(view, canvas.colour)
