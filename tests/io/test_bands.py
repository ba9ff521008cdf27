"""Which band is which, and how bright white is."""

from __future__ import annotations

import pytest

from changedet.core.errors import InputError
from changedet.io.bands import resolve_bands, resolve_white

RGB = (("red", 1), ("green", 2), ("blue", 3))


@pytest.mark.parametrize(
    ("facts", "bands", "source"),
    [
        ({"count": 1, "colours": ["gray"]}, (("pan", 1),), "colour interpretation"),
        ({"count": 3}, RGB, "count"),
        ({"count": 3, "colours": ["red", "green", "blue"]}, RGB, "colour interpretation"),
        (
            {"count": 3, "colours": ["blue", "green", "red"]},
            (("red", 3), ("green", 2), ("blue", 1)),
            "colour interpretation",
        ),
        ({"count": 4}, (*RGB, ("nir", 4)), "count"),
        (
            {"count": 4, "colours": ["red", "green", "blue", "undefined"]},
            (*RGB, ("nir", 4)),
            "colour interpretation",
        ),
        (
            {"count": 4, "colours": ["red", "green", "blue", "alpha"], "alpha": 4},
            RGB,
            "colour interpretation",
        ),
        ({"count": 2, "colours": ["gray", "alpha"], "alpha": 2}, (("pan", 1),), None),
        (
            {"count": 4, "descriptions": ["NIR", "Red", "Green", "Blue"]},
            (("red", 2), ("green", 3), ("blue", 4), ("nir", 1)),
            "description",
        ),
        (
            {"count": 3, "descriptions": ["B08", "B04", "B03"]},
            (("red", 2), ("green", 3), ("nir", 1)),
            "description",
        ),
        (
            {"count": 4, "option": {"nir": 1, "red": 2}, "colours": ["red"] * 4},
            (("red", 2), ("nir", 1)),
            "option",
        ),
    ],
)
def test_roles(facts: dict, bands: tuple, source: str | None) -> None:
    found, found_source = resolve_bands(**facts)
    assert found == bands
    assert source in (None, found_source)


@pytest.mark.parametrize(
    ("count", "red", "nir"), [(6, 3, 4), (7, 4, 5), (8, 5, 7), (10, 3, 7), (12, 4, 8), (13, 4, 8)]
)
def test_layouts_by_count(count: int, red: int, nir: int) -> None:
    bands = dict(resolve_bands(count=count)[0])
    assert (bands["red"], bands["nir"]) == (red, nir)


def test_roles_that_cannot_be_told() -> None:
    with pytest.raises(InputError, match="--bands"):
        resolve_bands(count=17)
    with pytest.raises(InputError, match="has 3 band"):
        resolve_bands(count=3, option={"nir": 4})


@pytest.mark.parametrize(
    ("dtype", "bits", "high", "white"),
    [
        ("uint8", None, 90, 255),
        ("uint16", None, 1800, 2047),
        ("uint16", None, 4000, 4095),
        ("uint16", 12, 300, 4095),
        ("uint16", None, 60000, 65535),
        ("float32", None, 0.8, 0.8),
        ("float32", None, 0.0, 1.0),
    ],
)
def test_white(dtype: str, bits: int | None, high: float, white: float) -> None:
    assert resolve_white(dtype=dtype, bits=bits, high=high) == white
