from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from changedet.report import palette
from changedet.result import CLASS_COLOURS

# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1, linear RGB.
VISIONS = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def lab(colour, matrix=VISIONS["all cones"]):
    """CIE Lab of an sRGB colour, as seen through a colour vision matrix."""
    value = np.array(palette.rgb(colour)) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    seen = (matrix @ linear).clip(0, 1)
    shown = np.where(seen > 0.0031308, 1.055 * seen ** (1 / 2.4) - 0.055, 12.92 * seen)
    return rgb2lab(shown[None, None])[0, 0]


def nearest(styles, matrix):
    """Return the least CIEDE2000 distance of two colours, and whose they are."""
    return min(
        (float(deltaE_ciede2000(lab(a.colour, matrix), lab(b.colour, matrix))), a.name, b.name)
        for a, b in itertools.combinations(styles, 2)
    )


# Measured. From 10 on two colours differ at a glance, whatever lies between them.
LEAST = [
    (palette.CHANGES, "all cones", 34.7, "Other change", "Vegetation gained"),
    (palette.CHANGES, "protanopia", 18.2, "Built area destroyed", "Vegetation gained"),
    (palette.CHANGES, "deuteranopia", 20.5, "Built area destroyed", "Vegetation gained"),
    (palette.GRADES, "all cones", 21.1, "No visible damage", "Not analysed"),
    (palette.GRADES, "protanopia", 15.2, "Damaged", "Possibly damaged"),
    (palette.GRADES, "deuteranopia", 11.6, "Damaged", "Possibly damaged"),
]


@pytest.mark.parametrize(("styles", "vision", "least", "one", "two"), LEAST)
def test_any_two_colours_stay_apart_with_two_kinds_of_cones(styles, vision, least, one, two):
    distance, *names = nearest(styles, VISIONS[vision])
    assert distance > 10
    assert distance == pytest.approx(least, abs=0.06)
    assert names == [one, two]


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
