"""Every sentence of the pipeline is told in every language, with its figures."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine

from changedet.core.grid import Grid
from changedet.core.options import BAND_ROLES, RunOptions
from changedet.decide.comparable import check_observable, check_plan, check_registration, check_seen
from changedet.decide.conditions import check_conditions
from changedet.io.bands import resolve_bands
from changedet.io.sources import _no_overlap
from changedet.pipeline.outlining import Outlining
from changedet.quantify.canopy import plan_canopy
from changedet.quantify.seasons import check_leaves
from changedet.report import notes
from changedet.report.language import LANGUAGES, Retold, keys, messages, tell
from changedet.report.retold import find_phrase, number_of, retell
from changedet.result import Note, Record
from tests.report.spoken import HOLE, PACKAGE, expand, fill, functions, nearest, scope_of

VALUES = {
    "": "7", ".0%": "12%", ".1%": "12.3%", ".0f": "48", ".1f": "3.2", ".2f": "0.31",
    ".3g": "0.5", ":g": "2", "g": "2", "+.1f": "-3.8", ".4f": "36.1234",
}  # fmt: skip
"""What may stand in a hole of a sentence, by its format."""
COMPUTED = {
    "decide/conditions.py",
    "decide/comparable.py",
    "pipeline/prepare.py",
    "io/sources.py",
    "pipeline/walk.py",
}
"""Where a sentence is put together by loops and dictionaries: these are called below."""
ROOMS = ("core", "io", "register", "compare", "decide", "quantify", "pipeline")


def emitted() -> list[tuple[str, str, list[str] | None]]:
    """Return every (place, code, templates of the message) that the source can emit."""
    found = []
    for path in sorted(file for room in ROOMS for file in (PACKAGE / room).rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        for function in functions(path):
            scope = scope_of(function)
            for call in ast.walk(function):
                said = _said(call)
                if said is None or function.name in {"reason", "_refuse"}:
                    continue
                code, message = said[0], nearest(said[1], scope)
                codes = expand(code, scope)
                templates = expand(message, scope) if codes else None
                found += [(place, one, templates) for one in codes or [HOLE]]
    return found


def _said(call: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    given = {key.arg: key.value for key in call.keywords}
    if call.func.id == "Finding":
        return given["code"], given["message"]
    if call.func.id == "NotComparable":
        return given["code"], call.args[0]
    if call.func.id == "reason" and len(call.args) == 2:
        return call.args[0], call.args[1]
    return None


def fillings(template: str) -> list[str]:
    named = re.sub(f"{HOLE}{HOLE}", "before a town.tif", template)
    wrong = re.sub(f"{HOLE}{HOLE}", "it would have to be mirrored", template)
    return [fill(text, VALUES) for text in (template, named, wrong)]


def covered(sentence: str, code: str) -> str | None:
    said = find_phrase(sentence, "said-")
    known = said is not None and (said.key + "-").startswith(f"said-{code}-")
    return said.key if known and said is not None else None


def test_every_sentence_that_the_source_can_emit_has_a_message_of_its_code() -> None:
    found = emitted()
    assert len(found) > 40
    used = set()
    for place, code, templates in found:
        if templates is None or HOLE in code:
            assert place in COMPUTED, (place, code)
            continue
        assert f"code-{code}" in keys("en"), code
        for template in templates:
            names = {covered(sentence, code) for sentence in fillings(template)} - {None}
            assert names, f"{place}: no message for {template!r}"
            used |= names
    assert len(used) > 35


def computed() -> list[tuple[str, str]]:
    """Call what puts sentences together."""
    facts = {
        "sun_elevation_difference": 12.4, "sun_elevation_least": 24.0, "view_difference": 14.0,
        "sun_azimuth_difference": 44.0, "day_of_year": 48.0,
    }  # fmt: skip
    found = [*check_conditions(facts)]
    for share in (0.08, 0.5):
        hidden = {"cloud": share, "smoke": 0.0, "snow": share, "saturated": share}
        for colour, thin in ((True, False), (False, False), (False, True)):
            found += check_observable(hidden, colour=colour, thin_decided=thin)
    for pixels, samples, separable in (
        (None, 99, True),
        (0, 99, True),
        (9, 3, True),
        (9, 99, False),
    ):
        found += check_plan(
            separable=separable, built_pixels=pixels, samples=samples,
            correlations={"red": 0.31, "nir": 0.7}, colour=samples < 9, plants_judged=False,
        )  # fmt: skip
    found += check_registration(rmse_px=1.73, supported_share=0.1)
    found += check_seen(1, 100) + check_seen(30, 100)
    found += Outlining(surprise=0.1).check() + Outlining(median_m=(-3.8, 2.9)).check()
    grids = [Grid(width=9, height=9, transform=t, crs=c) for t, c in (
        (Affine.translation(3e5, 4e6), "EPSG:32615"), (Affine.identity(), None))]  # fmt: skip
    rasters = [SimpleNamespace(name=f"{n}.tif", grid=grid) for n, grid in enumerate(grids)]
    said = [("no_overlap", _no_overlap(*rasters))]  # type: ignore[arg-type]
    return said + [(finding.code, finding.message) for finding in found]


def test_sentences_that_are_put_together_are_found_again() -> None:
    said = computed()
    assert len({code for code, _ in said}) >= 20
    for code, message in said:
        assert f"code-{code}" in keys("en"), code
        assert covered(message, code), message
    for what in ("aoi", "footprints"):
        parts = "2 were repaired; 1 could not be repaired or have no area, and were left out"
        text = f"{what}: of the geometries near the image, {parts}; 3 are empty"
        assert covered(text, f"{what}_geometry")


def figures(text: str) -> list[str]:
    plain = text.replace("\u2212", "-").replace("\u00a0", "")
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", plain.replace(",", ".")))


def test_ukrainian_holds_the_figures_of_the_english_sentence_and_none_else() -> None:
    for code, message in computed():
        told = tell(notes.note_text(Note(code=code, message=message)), "uk")
        assert tell(notes.note_text(Note(code=code, message=message)), "en") == message
        assert figures(told) == figures(message), (message, told)
        assert not re.search(
            r"[a-z]{4,}", told.replace("--footprints", "").replace("--no-align-footprints", "")
        ), told


def test_no_message_is_left_that_nothing_says() -> None:
    used = {
        find.key
        for _, _, templates in emitted()
        for template in templates or ()
        for sentence in fillings(template)
        if (find := find_phrase(sentence, "said-")) is not None
    }
    used |= {find.key for _, text in computed() if (find := find_phrase(text, "said-")) is not None}
    used |= {"said-aoi_geometry", "said-footprints_geometry", "said-within", "said-unknown"}
    assert {key for key in keys("en") if key.startswith("said-")} == used


@pytest.mark.parametrize("group", ["said-", "how-", "why-", "part-", "value-"])
def test_english_messages_find_themselves(group: str) -> None:
    """No sentence is taken for another one."""
    for key, text in messages("en").items():
        if key.startswith(group):
            named = re.sub(
                r"\{ \$(name|other|first|second|what|why|image|date) \}", "some text", text
            )
            filled = re.sub(r"\{ \$\w+ \}", "12", named)
            found = find_phrase(filled, group)
            assert found is not None
            assert found.key == key


@pytest.mark.parametrize(
    ("days", "word"), [(21, "21 день:"), (23, "23 дні:"), (48, "48 днів:"), (111, "111 днів:")]
)
def test_plurals_are_those_of_the_language(days: int, word: str) -> None:
    (finding,) = check_conditions({"day_of_year": float(days)})
    assert word in tell(retell(finding.message, "said-"), "uk")


def test_a_code_or_a_sentence_of_a_later_version_stays_readable() -> None:
    unknown = Note(code="comet", message="a comet\x1b hides 3 % of the area")
    assert tell(notes.note_text(unknown), "uk") == "a comet\ufffd hides 3 % of the area"
    reworded = Note(code="season", message="leaves differ by 40 days")
    assert tell(notes.note_text(reworded), "en") == "leaves differ by 40 days"
    assert tell(notes.note_text(reworded), "uk") == "пора року («leaves differ by 40 days»)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_stay_text(language: str) -> None:
    name = "<script>{ $name } \u202e=1+1 " + "x" * 300
    text = f"the scale of {name} is not known: no hectares without --gsd METRES"
    told = tell(notes.note_text(Note(code="no_scale", message=text)), language)
    assert "<script>{ $name } \ufffd=1+1 xxx" in told
    assert "\u202e" not in told


def test_numbers_keep_their_digits() -> None:
    said = ("0.30", "48", "-3.8", "1,234.5", "1e+03", "0.0", "nan", "0.000015")
    assert [tell(number_of(text), "uk") for text in said] == [
        "0,30", "48", "\u22123,8", "1\u00a0234,5", "1\u00a0000", "0", "н/д", "0,000015",
    ]  # fmt: skip


def test_reasons_of_canopy_and_of_buildings_are_told() -> None:
    few = np.ones(3, np.float32)
    many = np.ones(20_000, np.float32)
    rough = np.tile(np.array([0.0, 90.0], np.float32), 10_000)
    reasons = [
        plan_canopy(few, few, few, gsd_m=2.0).reason,
        plan_canopy(few, few, few, gsd_m=0.5).reason,
        plan_canopy(many, rough + 90, many, gsd_m=0.5).reason,
        check_leaves("2022-05-08", "2023-12-15", latitude=48.6),
        check_leaves("2022-12-08", "2023-06-15", latitude=48.6),
        check_leaves("2022-05-08", "2023-08-15", latitude=48.6),
    ]
    templates = list(reasons)
    for place in ("quantify/buildings.py", "pipeline/grading.py", "pipeline/found.py",
                  "pipeline/vegetation_record.py", "quantify/canopy.py"):  # fmt: skip
        templates += texts_of(place, "reason", "REASON", "NOT_SEPARABLE")
    assert all(reasons)
    assert len(templates) >= 17
    for template in templates:
        for text in {fill(template, VALUES)} - {""}:
            assert isinstance(notes.reason_text(text), Retold), text


def texts_of(place: str, *names: str) -> list[str]:
    """Return what is assigned to names (or to their elements), or given as such an argument."""
    found: list[str] = []
    tree = ast.parse((PACKAGE / place).read_text("utf-8"))
    for node in ast.walk(tree):
        value = None
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            inner = target.value if isinstance(target, ast.Subscript) else target
            value = node.value if getattr(inner, "id", "") in names else None
        elif isinstance(node, ast.keyword) and node.arg in names:
            value = node.value
        if value is not None:
            found += expand(value, {}) or []
    return [text for text in found if text]


def test_methods_of_a_record_are_told_with_all_their_parts() -> None:
    built = (
        "Built area: the footprints given. Destroyed: structure no more alike than unrelated places"
        " and its order lost, posterior probability at least 0.5 (interval: 95% of 100 repeats with"
        " other places of the town, other constants, noise and error of the alignment)."
    )
    told = tell(notes.method_text(built), "uk")
    assert "за наданими контурами будівель" in told
    assert "95 % з 100 повторів" in told.replace("\u00a0", " ")
    for name in ("identity", "sift", "sift-vote", "fft", "search", "tie-points", "none"):
        text = f"coarse: {name}; tie points: windowed correlation of gradients"
        assert "windowed" not in tell(notes.method_text(text), "uk")
    for model in ("identity", "shift", "similarity", "affine", "homography", "affine+field"):
        assert not re.search("[a-z]", tell(notes.model_text(model), "uk"))


def test_roles_of_bands_have_names() -> None:
    assert all(isinstance(notes.band_text(role), Retold) for role in BAND_ROLES)
    _, origin = resolve_bands(
        count=3, option=None, descriptions=(None,) * 3, colours=("red", "green", "blue"),
        alpha=None, name="a",
    )  # fmt: skip
    for one in (origin, "option", "description", "count"):
        assert isinstance(notes.bands_from_text(one), Retold)


def test_every_setting_of_a_run_has_a_label() -> None:
    options = RunOptions(bands="red=1,nir=4").model_dump(mode="json")
    for path in paths("options", options):
        assert not isinstance(notes._label(path), str), path
    for place, part in (("pipeline/plan.py", "thresholds"), ("pipeline/walk.py", "thresholds")):
        for name in described(place):
            known = {key.split("-")[1] for key in keys("en") if key.startswith((part, "null-"))}
            assert name in known, name


def paths(head: str, items: dict[str, object]) -> list[str]:
    return [
        path
        for name, item in items.items()
        for path in (
            paths(f"{head}.{name}", item) if isinstance(item, dict) else [f"{head}.{name}"]
        )
    ]


def described(place: str) -> set[str]:
    """Return the keys of the dictionaries that become thresholds and null."""
    found = set()
    for function in functions(PACKAGE / place):
        if function.name not in {"describe_thresholds", "describe_null", "_record"}:
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Dict):
                found |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                found.add(node.slice.value)
    return {name for name in found if isinstance(name, str)}


def test_rows_of_settings_say_label_value_and_unit(record: Record) -> None:
    told = record.model_copy(
        update={
            "thresholds": {
                "structural_evidence": {"central": 0.116057}, "window_px": 17, "new_thing": 3,
                "vegetation_index": "exg", "vegetation_floor": {"season_share": 0.00158},
            },
            "null": {"source": "the control pair a.tif / b.tif, where nothing happened",
                     "separable": True, "destroyed_prior_range": [0.1, 0.25], "chance_match": None},
        }
    )  # fmt: skip
    for language, thresholds, null in (
        ("en", ["0.1161", "17 px", "3", "exg", "0.16 %"],
         ["the control pair a.tif / b.tif, where nothing happened", "yes", "10.0 %, 25.0 %",
          "n/a"]),
        ("uk", ["0,1161", "17 пікс.", "3", "ExG («надлишок зеленого»)", "0,16 %"],
         ["контрольна пара a.tif / b.tif, де нічого не сталося", "так", "10,0 %, 25,0 %", "н/д"]),
    ):  # fmt: skip
        shown = [
            tell(value, language).replace("\u00a0", " ") for _, value in notes.threshold_rows(told)
        ]
        assert shown == thresholds
        shown = [tell(value, language).replace("\u00a0", " ") for _, value in notes.null_rows(told)]
        assert shown == null
    assert [tell(name, "uk") for name, _ in notes.threshold_rows(told)][2] == "new_thing"
    wished = RunOptions(bands="red=1", footprints="b.gpkg", export="pdf,gis").model_dump(
        mode="json"
    )
    made = record.provenance.model_copy(update={"options": wished})
    options = notes.option_rows(record.model_copy(update={"provenance": made}))
    rows = {tell(name, "uk"): tell(value, "uk").replace("\u00a0", " ") for name, value in options}
    assert rows["Канал: червоний"] == "1"
    assert rows["Контури будівель"] == "b.gpkg"
    assert rows["Експорт"] == "pdf, gis"
    assert rows["Область інтересу"] == "немає"
    assert rows["Суміщення: найбільший правдоподібний зсув"] == "300 м"
    assert rows["Продовжувати, навіть якщо пару порівнювати не можна"] == "ні"
    assert rows["Мова"] == "англійська"


def test_a_remedy_is_given_for_every_refusal() -> None:
    for code in ("no_match", "snow", "comet"):
        note = Note(code=code, message="x")
        assert tell(notes.remedy(note), "en") != tell(notes.remedy(note), "uk")
    assert tell(notes.remedy(Note(code="comet", message="x"))).startswith("Look at both images")
