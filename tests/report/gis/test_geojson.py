from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from changedet.report.gis.geojson import box_of, on_globe, write_features


def same(xs, ys):
    return xs, ys


def shapes(*items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def signed_area(ring):
    x, y = np.array(ring, float).T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


@pytest.mark.parametrize("ccw", [True, False])
def test_outer_rings_run_counter_clockwise_and_holes_clockwise(ccw):
    hole = shapely.box(1, 1, 2, 2, ccw=ccw)
    shape = shapely.Polygon(shapely.box(0, 0, 4, 4, ccw=ccw).exterior, [hole.exterior])
    (found,) = on_globe(shapes(shape), same)
    assert signed_area(found.exterior.coords) == 16
    assert signed_area(found.interiors[0].coords) == -1


def test_positions_are_moved_and_rounded_to_seven_decimals():
    (found,) = on_globe(
        shapes(shapely.box(0, 0, 3, 3)), lambda xs, ys: (xs / 3 + 10 / 3, ys / 3 - 5)
    )
    assert found.bounds == (3.3333333, -5.0, 4.3333333, -4.0)


def test_a_shape_across_the_antimeridian_is_cut_there():
    across = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    (found,) = on_globe(shapes(across), same)
    assert sorted(part.bounds for part in found.geoms) == [
        (-180.0, 0.0, -179.0, 1.0),
        (179.0, 0.0, 180.0, 1.0),
    ]
    assert box_of(shapely.bounds(shapely.get_parts(shapes(found)))) == [179, 0, -179, 1]


def text_of(parts, **wishes):
    return "".join(write_features(parts, same, name="buildings", about={}, **wishes))


def test_a_layer_of_one_shape_across_the_antimeridian_has_a_narrow_box():
    across = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    assert json.loads(text_of([(shapes(across), {})]))["bbox"] == [179, 0, -179, 1]


def test_the_text_is_a_feature_collection_with_its_box():
    columns = {
        "id": np.array(['</script>"\u202e'], object),
        "area_m2": np.array([np.nan]),
        "unosat": np.array([1], np.int32),
        "reason": np.array([""], object),
    }
    parts = [
        (shapes(shapely.box(0, 0, 1, 1)), columns),
        (shapes(shapely.box(2, 3, 4, 5)), {**columns, "area_m2": np.array([2.5])}),
    ]
    found = json.loads(text_of(parts, id_column="id"))
    assert found["bbox"] == [0, 0, 4, 5]
    first, second = found["features"]
    assert first["id"] == first["properties"]["id"] == '</script>"\u202e'
    assert first["properties"] == {
        "id": '</script>"\u202e',
        "area_m2": None,
        "unosat": 1,
        "reason": None,
    }
    assert second["properties"]["area_m2"] == 2.5
    assert second["geometry"]["coordinates"][0][0] in ([4, 3], [2, 3])
    assert "crs" not in found


def test_an_empty_layer_is_an_empty_collection():
    found = json.loads(text_of([]))
    assert found == {"type": "FeatureCollection", "name": "buildings", "features": []}


def test_parts_are_taken_one_at_a_time():
    taken = []

    def parts():
        for number in range(3):
            taken.append(number)
            yield shapes(shapely.box(number, 0, number + 1, 1)), {"id": np.array(["a"], object)}

    pieces = write_features(parts(), same, name="x", about={})
    next(pieces)  # the head
    next(pieces)
    assert taken == [0]
