from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np

from changedet.report import palette
from changedet.result import CLASS_COLOURS

# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1, linear RGB.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, matrix=None):
    """CIE Lab of an sRGB colour, as seen through a colour vision matrix."""
    value = np.array(palette.rgb(colour)) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    if matrix is not None:
        linear = (matrix @ linear).clip(0, 1)
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ linear / (0.9505, 1.0, 1.089), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours, matrix=None):
    return min(
        float(np.linalg.norm(lab(a, matrix) - lab(b, matrix)))
        for a, b in itertools.combinations(colours, 2)
    )


def test_classes_stay_apart_without_red_green_vision():
    colours = [style.colour for style in palette.CHANGES]
    assert nearest(colours) > 40
    assert nearest(colours, DEUTERANOPIA) > 25


def test_no_two_classes_or_grades_differ_by_colour_alone():
    assert len({(style.pattern, style.name) for style in palette.CHANGES}) == 4
    looks = [(style.dash, style.width) for style in palette.GRADES]
    assert len(set(looks)) == len(looks)


def test_codes_are_those_of_the_classes_raster():
    assert [style.code for style in palette.CLASSES] == [0, 1, 2, 3, 4, 5]
    assert [palette.rgb(style.colour) for style in palette.CLASSES] == list(CLASS_COLOURS.values())
    assert palette.CLASSES[2].name == "Built area destroyed"
    assert palette.CLASSES[2].colour == "#d55e00"


def test_evidence_colours_are_cividis():
    ours = palette.evidence_colours().astype(float)
    theirs = mpl.colormaps["cividis"](np.linspace(0, 1, 251))[:, :3] * 255
    assert np.abs(ours - theirs).max() < 12
    lightness = [lab("#" + bytes(row).hex())[0] for row in palette.evidence_colours()[::10]]
    assert (np.diff(lightness) > 0).all()
