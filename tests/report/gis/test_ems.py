from __future__ import annotations

import numpy as np
import pytest
import shapely

from changedet.report.gis.ems import GRADES, Found, make_tables


def objects(*items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def found_with(grades, *, given=True, separable=True):
    """Return buildings in a row, two for each cell of two units."""
    buildings = [shapely.box(k + 0.25, 0.25, k + 0.75, 0.75) for k in range(len(grades))]
    cells = [shapely.box(2 * k, 0, 2 * k + 2, 1) for k in range((len(grades) + 1) // 2)]
    count = len(cells)
    return Found(
        buildings=objects(*buildings),
        building_columns={
            "id": objects(*(f"b{k}" for k in range(len(grades)))),
            "grade": objects(*grades),
            "area_m2": np.full(len(grades), 100.0),
            "probability": np.full(len(grades), 0.5),
            "reason": objects(*([""] * len(grades))),
        },
        cells=objects(*cells),
        cell_columns={
            "id": objects(*(f"r000c{k:03d}" for k in range(count))),
            "built_before_ha": np.full(count, 2.0),
            "built_destroyed_ha": np.linspace(0, 1, count),
            "built_destroyed_share": np.linspace(0, 0.5, count),
            "built_low_ha": np.linspace(0, 0.4, count),
            "analysed_share": np.ones(count),
        },
        aoi=objects(shapely.MultiPolygon([shapely.box(0, 0, 8, 1)])),
        images=objects(shapely.box(0, 0, 8, 1), shapely.box(0, 0, 7, 1)),
        given=given,
        separable=separable,
    )


def tables(record, found):
    return {table.name: table for table in make_tables(record, found)}


def test_each_grade_has_the_words_of_both(record):
    made = tables(record, found_with(list(GRADES)))["builtUpA"]
    assert made.columns["damage_gra"].tolist() == [
        "Destroyed",
        "Damaged",
        "Possibly damaged",
        "No visible damage",
        "Not Analysed",
    ]
    assert made.columns["unosat_cls"].tolist() == [1, 2, 4, 6, 0]
    assert set(made.columns["det_method"]) == {"Automatic extraction"}
    assert "not validated" in made.about


def test_points_are_the_damaged_buildings_alone(record):
    made = tables(record, found_with(list(GRADES)))["unosat_points"]
    assert made.columns["bld_id"].tolist() == ["b0", "b1", "b2"]
    assert made.columns["Main_Damage_Site_Class"].tolist() == [1, 2, 4]
    assert shapely.get_x(made.shapes).tolist() == [0.5, 1.5, 2.5]


def test_cells_tell_the_share_of_their_buildings(record):
    grades = ["Destroyed", "No visible damage", "Possibly damaged", "No visible damage"]
    grades += ["No visible damage", "Not analysed", "Not analysed", "Not analysed"]
    columns = tables(record, found_with(grades))["rdba_500m"].columns
    assert columns["bld_dest"].tolist() == [1, 0, 0, 0]
    assert columns["bld_na"].tolist() == [0, 0, 1, 2]
    np.testing.assert_array_equal(columns["dmg_share"], [0.5, 0.5, 0, np.nan])
    # what is only possible makes no cell damaged, and nothing judged is not "no damage"
    np.testing.assert_array_equal(columns["visible_dmg"], [1, 0, 0, np.nan])


def test_a_building_on_a_border_counts_once(record):
    found = found_with(["Destroyed"] * 4)
    found.buildings[0] = shapely.box(1.9, 0.4, 2.1, 0.6)
    columns = tables(record, found)["rdba_500m"].columns
    assert columns["bld_dest"].sum() == 4


def test_regions_are_no_buildings(record):
    made = tables(record, found_with(["Destroyed"] * 4, given=False))
    assert "unosat_points" not in made
    assert set(made["builtUpA"].columns["notation"]) == {"Built-up region"}
    assert made["source"].columns["src_id"].tolist() == [1, 2]
    cells = made["rdba_500m"].columns
    assert "bld_dest" not in cells
    np.testing.assert_array_equal(cells["visible_dmg"], [0, 1])


def test_nothing_is_claimed_where_nothing_can_be_told(record):
    cells = tables(record, found_with(["Destroyed"] * 4, separable=False))["rdba_500m"].columns
    assert np.isnan(cells["visible_dmg"]).all()
    assert np.isnan(cells["dmg_share"]).all()


def test_sources_are_told_with_day_first_and_without_folders(record):
    image = record.inputs.before.model_copy(
        update={"path": "/home/me/a.tif", "date": "2011-05-09T17:03:00", "gsd_m": 0.5}
    )
    inputs = record.inputs.model_copy(update={"before": image})
    changed = record.model_copy(update={"inputs": inputs})
    columns = tables(changed, found_with(["Destroyed"]))["source"].columns
    assert columns["source_nam"][0] == "a.tif"
    assert columns["src_date"][0] == "09/05/2011"
    assert columns["source_tm"][0] == "T17:03:00Z"
    assert columns["sensor_gsd"][0] == "0.5 m"
    assert columns["eventphase"].tolist() == ["Pre-event", "Post-event", "Not applicable"]


def test_the_summary_holds_the_figures_of_the_record(record):
    columns = tables(record, found_with(["Destroyed"]))["summary"].columns
    rows = {name: k for k, name in enumerate(columns["category"])}
    built = rows["Built-up area"]
    assert columns["destroyed"][built] == record.built.destroyed_ha
    assert columns["low"][built] == record.built.low_ha
    assert columns["total"][built] == record.built.before_ha
    plants = rows["Vegetation lost"]
    assert columns["high"][plants] == record.vegetation.high_ha
    assert columns["destroyed"][rows["Buildings"]] == record.buildings.destroyed


def test_a_loss_that_cannot_be_told_says_so(record):
    built = record.built.model_copy(update={"separable": False})
    changed = record.model_copy(update={"built": built})
    columns = tables(changed, found_with(["Not analysed"], separable=False))["summary"].columns
    note = columns["note"][list(columns["category"]).index("Built-up area")]
    assert "cannot be told" in note
    assert "Cells of 500 m with visible damage" not in columns["category"]


def test_what_was_not_measured_says_so(record):
    nothing = dict.fromkeys(("before_ha", "destroyed_ha", "low_ha", "high_ha"))
    built = record.built.model_copy(update={**nothing, "separable": False})
    changed = record.model_copy(update={"built": built})
    columns = tables(changed, found_with([], separable=False))["summary"].columns
    row = list(columns["category"]).index("Built-up area")
    assert columns["note"][row] == "not measured in this pair"
    assert np.isnan(columns["destroyed"][row])


@pytest.mark.parametrize("given", [True, False])
def test_a_town_without_buildings_has_empty_layers(record, given):
    made = tables(record, found_with([], given=given))
    assert len(made["builtUpA"].shapes) == 0
    assert len(made["rdba_500m"].shapes) == 0
