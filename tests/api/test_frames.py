"""Results as tables and cubes: the same numbers, in their place."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import rasterio
import shapely

import changedet as cd
from changedet import api
from changedet.api import frames

geopandas = pytest.importorskip("geopandas")
xarray = pytest.importorskip("xarray")


def read(result: api.Result, name: str) -> np.ndarray:
    with rasterio.open(result.folder / "maps" / f"{name}.tif") as file:
        return np.asarray(file.read())


def test_buildings_come_with_grades_and_place(small_result: api.Result) -> None:
    frame = small_result.to_geodataframe()
    counted = small_result.buildings
    assert counted is not None
    assert len(frame) == counted.total
    assert (frame["grade"] == "Destroyed").sum() == counted.destroyed
    assert frame.crs.to_epsg() == 32637
    assert np.allclose(frame.area, frame["area_m2"], rtol=0.02)
    with rasterio.open(small_result.folder / "maps" / "classes.tif") as file:
        assert frame.intersects(shapely.box(*file.bounds)).all()


def test_other_layers_and_wrong_ones(small_result: api.Result) -> None:
    cells = small_result.to_geodataframe("grid_cells")
    assert len(cells) == len(small_result.record.cells or ())
    with pytest.raises(cd.UsageError, match="tie_points"):
        small_result.to_geodataframe("houses")
    with pytest.raises(cd.UsageError, match="tie_points"):
        small_result.to_geodataframe("layer_styles")


def test_maps_come_in_their_place(small_result: api.Result) -> None:
    cube = small_result.to_xarray()
    assert set(cube.data_vars) == {"pixel_change", "structural_change", "classes", "after"}
    with rasterio.open(small_result.folder / "maps" / "classes.tif") as file:
        assert np.array_equal(cube["classes"], file.read(1))
        x, y = file.xy(10, 20)
        wkt = file.crs.to_wkt()
    assert (float(cube.x[20]), float(cube.y[10])) == (x, y)
    assert cube.spatial_ref.attrs["crs_wkt"] == wkt
    assert cube["classes"].encoding["grid_mapping"] == "spatial_ref"
    raw = read(small_result, "structural_change")[0]
    expected = np.where(raw == 255, np.nan, raw * 0.004)
    assert np.allclose(cube["structural_change"], expected, atol=1e-6, equal_nan=True)
    assert list(cube.band.values) == ["red", "green", "blue"]
    assert np.array_equal(cube["after"], read(small_result, "aligned"))


def test_classes_say_what_their_codes_mean(small_result: api.Result) -> None:
    about = small_result.to_xarray("classes")["classes"].attrs
    meaning = dict(zip(about["flag_values"].tolist(), about["flag_meanings"].split(), strict=True))
    assert meaning[2] == "built_area_destroyed"
    assert meaning[0] == "not_analysed"


def test_rioxarray_finds_the_crs(small_result: api.Result) -> None:
    pytest.importorskip("rioxarray")
    cube = small_result.to_xarray("classes", zoom=5)
    assert cube.rio.crs.to_epsg() == 32637
    with rasterio.open(small_result.folder / "maps" / "classes.tif") as file:
        assert np.allclose(cube.rio.bounds(), file.bounds)


@pytest.mark.parametrize("zoom", [2, 5])
def test_zoom_makes_it_smaller_and_keeps_the_extent(small_result: api.Result, zoom: int) -> None:
    cube = small_result.to_xarray("structural_change", "classes", zoom=zoom)
    side = -(-384 // zoom)
    assert cube["classes"].shape == (side, side)
    step = float(cube.x[1] - cube.x[0])
    assert step == pytest.approx(0.5 * 384 / side)
    whole = small_result.to_xarray("structural_change")
    assert float(cube.x[0]) - step / 2 == pytest.approx(float(whole.x[0]) - 0.25)
    means = [float(c["structural_change"].mean()) for c in (cube, whole)]
    assert means[0] == pytest.approx(means[1], abs=0.02)


def test_a_large_map_is_not_read_unasked(
    small_result: api.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_PIXELS", 384 * 384 // 9)
    with pytest.raises(cd.UsageError, match="zoom=3"):
        small_result.to_xarray()
    assert small_result.to_xarray("classes", zoom=3)["classes"].shape == (128, 128)
    assert small_result.to_xarray("classes", zoom=1)["classes"].shape == (384, 384)
    with pytest.raises(cd.UsageError, match="whole number"):
        small_result.to_xarray(zoom=0)


def test_a_registration_has_the_image_alone(registered: api.RegistrationResult) -> None:
    assert list(registered.to_xarray().data_vars) == ["after"]
    with pytest.raises(cd.UsageError, match="after"):
        registered.to_xarray("classes")
    assert len(registered.to_geodataframe("tie_points")) == registered.registration.tie_points  # type: ignore[union-attr]


def test_a_refusal_has_neither(refused_result: api.Result) -> None:
    with pytest.raises(cd.InputError, match="refused"):
        refused_result.to_geodataframe()
    with pytest.raises(cd.InputError, match="refused"):
        refused_result.to_xarray()


@pytest.mark.parametrize(
    ("library", "method"), [("geopandas", "to_geodataframe"), ("xarray", "to_xarray")]
)
def test_a_missing_library_names_the_extra(
    small_result: api.Result, monkeypatch: pytest.MonkeyPatch, library: str, method: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(cd.UsageError, match=r'pip install "changedet\[notebook\]"') as error:
        getattr(small_result, method)()
    assert library in str(error.value)
