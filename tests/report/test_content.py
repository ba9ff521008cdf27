from __future__ import annotations

from typing import Any

import pytest

from changedet.report import content, credit, made
from changedet.report.language import tell
from changedet.report.words import NBSP
from changedet.result import Canopy, Note, Record, Vegetation


def said(record):
    return " ".join(map(tell, content.headline(record))).replace("\u00a0", " ")


def test_the_headline_gives_figure_interval_and_what_could_not_be_judged(record):
    text = said(record)
    assert (
        "2.35 ha of 12.4 ha of built area (18.9 %) is mapped as destroyed"
        " (model interval 2.10–2.90 ha, 16.9–23.4 %)." in text
    )
    assert "1.92 ha of 16.0 ha of vegetation (12.0 %) is mapped as lost" in text
    assert "24 of 150 buildings are graded destroyed and 8 damaged." in text
    assert "3.75 % of the area could not be judged" in text


def test_without_a_scale_there_are_shares_alone(record, record_with):
    lost = {"before_ha": None, "low_ha": None, "high_ha": None}
    bare = record_with(
        built=record.built.model_copy(update={**lost, "destroyed_ha": None}),
        vegetation=record.vegetation.model_copy(
            update={**lost, "lost_ha": None, "gained_ha": None}
        ),
    )
    assert "18.9 % of the built area is mapped as destroyed" in said(bare)
    assert " ha" not in said(bare).replace("no hectares", "")
    assert tell(content.tiles(bare)[0].value) == "18.9\u00a0%"


def test_no_claim_where_the_score_is_not_separable(record, record_with):
    unclear = record_with(built=record.built.model_copy(update={"separable": False}))
    text = said(unclear)
    assert "not separable from what happens where nothing changed" in text
    assert "(model interval 2.10–2.90 ha, 16.9–23.4 %)" in text
    assert "mapped as destroyed" not in text
    assert tell(content.tiles(unclear)[0].value) == "no claim"
    assert content.tiles(unclear)[0].middle is None
    row = content.figures_table(unclear)[1]
    assert (tell(row.area), tell(row.share)) == ("no claim", "no claim")
    assert tell(row.interval_area) == "2.10–2.90\u00a0ha"
    assert [tell(field[2]) for field in content.cell_fields(unclear)] == ["Vegetation lost"]


def test_nothing_there_before_is_not_a_share(record, record_with):
    none = {"before_share": 0.0, "low_share": None, "high_share": None, "lost_share": None}
    desert = record_with(vegetation=record.vegetation.model_copy(update=none))
    assert "Vegetation: none was mapped before" in said(desert)
    assert tell(content.tiles(desert)[1].value) == "none"
    assert tell(content.figures_table(desert)[3].share) == "n/a"


def test_a_refusal_has_reasons_and_remedies_but_no_figure(refused):
    verdict = content.verdict(refused)
    assert verdict.kind == "refused"
    assert [bool(remedy) for _, remedy in verdict.reasons] == [True, True]
    assert content.tiles(refused) == content.figures_table(refused) == ()
    assert content.cell_fields(refused) == ()
    assert not any(char.isdigit() for char in said(refused))


@pytest.mark.parametrize(
    ("status", "refusals", "kind"),
    [("ok", (), "ok"), ("degraded", (), "degraded"), ("degraded", ("no_match",), "forced")],
)
def test_verdicts(record_with, status, refusals, kind):
    notes = tuple(Note(code=code, message="They do not match.") for code in refusals)
    verdict = content.verdict(record_with(status=status, refusals=notes))
    assert verdict.kind == kind
    assert bool(verdict.reasons) == (kind != "ok")


def test_the_kind_of_interval_is_explained(record, record_with):
    assert "not a confidence interval" in tell(content.interval_note(record))
    sampled = record_with(built=record.built.model_copy(update={"interval_kind": "confidence_95"}))
    assert "95 % confidence intervals" in tell(content.interval_note(sampled))
    assert "95 % confidence interval 2.10" in said(sampled)


def test_the_worst_cells_come_by_area(record):
    share, area, _ = content.cell_fields(record)[0]
    assert [cell.id for cell in content.worst_cells(record, share, area, most=1)] == ["r001c000"]


def test_unknown_is_said(record_with, record):
    bare = record_with(registration=None, grid=None)
    assert made.registration_rows(bare) == made.grid_rows(bare) == ()
    image = record.inputs.after.model_copy(update={"date": None, "crs": None, "gsd_m": None})
    undated = record_with(inputs=record.inputs.model_copy(update={"after": image}))
    assert tell(credit.dates(undated)[1]) == "date unknown"
    rows = {tell(name): tell(after) for name, _, after in made.inputs_table(undated)}
    assert rows["Date"] == rows["Ground sample distance"] == "n/a"
    assert rows["Coordinate system"] == "none"


def test_the_citation_names_software_and_images(record):
    text = tell(made.citation(record))
    for part in ("changedet 0.1.0", "before.tif (14 March 2021)", "after.tif (9 April 2022)"):
        assert part in text


def test_ungraded_buildings_are_not_said_to_stand(record, record_with):
    none = dict.fromkeys(("destroyed", "damaged", "possibly_damaged", "no_visible_damage"), 0)
    counts = record.buildings.model_copy(update={**none, "not_analysed": record.buildings.total})
    ungraded = record_with(buildings=counts)
    assert "buildings could be graded" in said(ungraded)
    assert "graded destroyed" not in said(ungraded)
    tile = next(t for t in content.tiles(ungraded) if tell(t.label) == "Buildings destroyed")
    assert tell(tile.value) == "n/a"


def canopy_of(record: Record, **changes: object) -> Vegetation:
    assert record.vegetation is not None
    values = {
        "before_ha": 5.0, "before_share": 0.1, "lost_ha": 2.0, "lost_share": 0.4, "low_ha": 1.5,
        "high_ha": 2.5, "low_share": 0.3, "high_share": 0.5, "interval_kind": "model",
        "separable": True, "reason": "", "method": "by texture",
    }  # fmt: skip
    canopy = Canopy.model_validate(values | changes)
    update = {"canopy": canopy, "condition_share": 0.08, "fields_changed_ha": 3.5}
    return record.vegetation.model_copy(update=update)


def test_canopy_is_told_beside_all_green(record: Record, record_with: Any) -> None:
    told = record_with(vegetation=canopy_of(record))
    text = said(told)
    assert "2.00 ha of 5.00 ha of canopy (40.0 %) is mapped as lost" in text
    rows = {tell(row.name): row for row in content.figures_table(told)}
    assert tell(rows["Canopy lost"].area).replace(NBSP, " ") == "2.00 ha"
    assert tell(rows["Vegetation in worse condition"].share).replace(NBSP, " ") == "8.00 %"
    assert tell(rows["Fields changed"].area).replace(NBSP, " ") == "3.50 ha"
    assert "Vegetation burnt" not in rows


def test_canopy_that_is_not_told_says_why(record: Record, record_with: Any) -> None:
    empty = dict.fromkeys(
        ("before_ha", "before_share", "lost_ha", "lost_share", "low_ha", "high_ha", "low_share",
         "high_share"),
    )  # fmt: skip
    part = canopy_of(record, **empty, separable=False, reason="the trees may stand bare")
    told = record_with(vegetation=part)
    assert "Canopy (trees and shrubs): no figure, because the trees may stand bare." in said(told)
    rows = {tell(row.name): row for row in content.figures_table(told)}
    assert (tell(rows["Canopy lost"].area), tell(rows["Canopy lost"].note)) == (
        "no claim",
        "the trees may stand bare",
    )


def test_ukrainian_has_its_own_plurals_and_separators(record: Record, record_with: Any) -> None:
    def told(destroyed: int) -> str:
        counts = record.buildings.model_copy(update={"destroyed": destroyed})
        return " ".join(
            tell(text, "uk") for text in content.headline(record_with(buildings=counts))
        )

    assert "1 із 150 будівель оцінено як зруйновану" in told(1).replace(NBSP, " ")
    assert "3 із 150 будівель оцінено як зруйновані" in told(3).replace(NBSP, " ")
    assert "21 із 150 будівель оцінено як зруйновану" in told(21).replace(NBSP, " ")
    assert "2,35 га із 12,4 га забудови (18,9 %)" in told(5).replace(NBSP, " ")
