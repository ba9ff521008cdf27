"""Values of any kind become what they should be, or are refused by the right error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from changedet.core.errors import UsageError
from changedet.core.grid import Grid, Window
from changedet.core.manifest import Row, Sheet, check_sheet, name_folders
from changedet.core.options import BAND_ROLES, RunOptions, parse_bands

numbers = st.floats(allow_nan=True, allow_infinity=True)
whole = st.integers(-(10**6), 10**6)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=40) | st.dates()
    | st.datetimes() | st.times(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip
options = st.sampled_from(sorted(RunOptions.model_fields))


@given(st.tuples(*[numbers] * 6), st.integers(1, 10**6), st.integers(1, 10**6), numbers)
def test_a_grid_has_a_pixel_size_or_is_refused(
    values: tuple[float, ...], width: int, height: int, unit: float
) -> None:
    transform = Affine(*values)
    try:
        grid = Grid(width=width, height=height, transform=transform, unit_m=unit)
    except ValueError:
        area = abs(transform.determinant)
        assert not (math.isfinite(area) and area > 0 and math.isfinite(unit) and unit > 0)
        return
    assert grid.res > 0
    assert math.isfinite(grid.res)


@pytest.mark.parametrize(
    "transform",
    [
        Affine(0, 0, 4e5, 0, -0.5, 5e6),
        Affine(1, 2, 4e5, 2, 4, 5e6),
        Affine(1e-300, 0, 0, 0, 1e-300, 0),
        Affine(1e300, 0, 0, 0, 1e300, 0),
        Affine(math.nan, 0, 0, 0, 1, 0),
        Affine(math.inf, 0, 0, 0, 1, 0),
    ],
)
def test_degenerate_transforms_are_no_grid(transform: Affine) -> None:
    with pytest.raises(ValueError, match="no finite, non-zero pixel area"):
        Grid(width=9, height=9, transform=transform)


@given(whole, whole, st.integers(-5, 500), st.integers(-5, 500), st.integers(-300, 300))
def test_a_window_never_has_a_negative_side(
    row: int, col: int, height: int, width: int, margin: int
) -> None:
    try:
        window = Window(row=row, col=col, height=height, width=width).pad(margin)
    except ValueError:
        sides = (height, width)
        assert min(sides) < 0 or min(sides) + 2 * margin < 0
        return
    assert window & window == window
    assert min(window.shape) >= 0


@given(
    st.text(max_size=60) | st.from_regex(r"[a-z]{1,6}=[-0-9²eE.]{1,20}(,[a-z]{1,6}=[0-9]{1,3})?")
)
def test_band_strings_are_numbers_by_role_or_refused(text: str) -> None:
    said, bands = "", {}
    try:
        bands = parse_bands(text)
    except ValueError as fault:
        said = str(fault)
    assert len(said) < 1000
    if said:
        return
    assert all(isinstance(number, int) for number in bands.values())
    try:
        made = RunOptions(bands=text).bands  # type: ignore[arg-type]
    except ValidationError:
        return
    assert made is not None
    assert set(made) <= set(BAND_ROLES)
    assert min(made.values()) >= 1


@given(st.dictionaries(options, anything, max_size=3))
def test_options_of_any_value_are_strict_json_or_refused(values: dict[str, Any]) -> None:
    try:
        made = RunOptions.model_validate(values)
    except ValidationError:
        return
    text = json.dumps(made.model_dump(mode="json"), allow_nan=False)
    assert RunOptions.model_validate(json.loads(text)) == made


@settings(max_examples=150)
@given(st.dictionaries(options | st.text(max_size=10), anything, max_size=3), anything, anything)
def test_manifest_values_are_towns_or_one_line(
    values: dict[str, Any], name: Any, before: Any
) -> None:
    row = Row(place="town 1", values={**values, "name": name, "before": before, "after": "a.tif"})
    said, towns = "", ()
    try:
        towns = check_sheet(Sheet(name="m.toml", base=Path("/data"), defaults={}, rows=[row])).towns
    except UsageError as fault:
        said = str(fault)
    assert said.isprintable()
    assert len(said) < 4000
    if said:
        return
    (town,) = towns
    assert town.name == str(name).strip()
    json.dumps(town.options.model_dump(mode="json"), allow_nan=False)


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=5))
def test_folders_of_any_names_stay_in_their_batch(names: list[str]) -> None:
    assume(all(name.strip() for name in names))
    folders = name_folders(names)
    for folder in folders:
        path = Path("/out") / folder
        assert path.parent == Path("/out")
        assert folder not in {".", ".."}
        assert folder.isprintable()
        assert len(folder.encode()) <= 255
