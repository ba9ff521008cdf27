"""One building: the sentence says what decided, and the figure shows it."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

from changedet.quantify.buildings import why_not_analysed
from changedet.report import figures
from changedet.report.language import tell
from changedet.report.reasons import BuildingView, Measures, not_analysed, why

GRADES = ["Destroyed", "Damaged", "Possibly damaged", "No visible damage", "Not analysed"]
NAN = float("nan")


def view_of(number: int, **changes) -> BuildingView:
    rng = np.random.default_rng(0)
    chips = rng.integers(0, 255, (2, 60, 60, 3), dtype=np.uint8)
    square = np.array([[20.0, 20.0], [40, 20], [40, 40], [20, 40]])
    view = BuildingView(
        id="b7",
        before=chips[0],
        after=chips[1],
        outline=square,
        ring=(square - 30) * 1.3 + 30,
        metres=30.0,
        number=number,
        measures=Measures(
            grade=np.array(GRADES, dtype=object),
            similarity=np.array([0.2, 4.0, 7.0, 9.8, NAN]),
            order_loss=np.array([6.0, 2.0, 1.0, -0.3, NAN]),
            probability=np.array([0.97, 0.3, 0.05, 0.001, NAN]),
            damage_probability=np.array([0.999, 0.9, 0.4, 0.03, NAN]),
            reason=np.array(["", "", "", "", "below 20 m2"], dtype=object),
        ),
        unchanged_similarity=10.0,
        prior=0.58,
        separable=True,
    )
    return replace(view, **changes)


SENTENCES = [
    (
        "Destroyed: hardly more alike than unrelated places (0.2 spreads above chance, unchanged "
        "buildings 10.0), its order lost (6.0 spreads); probability 0.97 at a prior of 0.58."
    ),
    (
        "Damaged: much less alike than unchanged buildings (4.0 spreads above chance, unchanged "
        "buildings 10.0), a part of its order lost (2.0 spreads); probability of damaged or "
        "destroyed 0.90, of destroyed 0.30 at a prior of 0.58."
    ),
    (
        "Possibly damaged: a little less alike than unchanged buildings (7.0 spreads above chance, "
        "unchanged buildings 10.0), its order kept (1.0 spreads lost); probability of damaged or "
        "destroyed 0.40, too little to be sure (from 0.9)."
    ),
    (
        "No visible damage: as alike as unchanged buildings (9.8 spreads above chance, unchanged "
        "buildings 10.0), its order kept (−0.3 spreads lost); probability of damaged or destroyed "
        "0.03, below 0.2."
    ),
    "Not analysed: below 20 m².",
]


@pytest.mark.parametrize("number", range(5))
def test_the_sentence_says_what_decided(number: int) -> None:
    assert tell(why(view_of(number))) == SENTENCES[number]


def test_a_pair_that_is_not_separable_claims_nothing() -> None:
    said = tell(why(view_of(2, separable=False)))
    assert "cannot be told apart" in said
    assert "nothing graver is claimed" in said


UKRAINIAN = [
    (
        "Зруйновано: схожість ледь більша, ніж у не пов’язаних місць (0,2 розкиду над випадковою, "
        "у незмінених будівель 10,0), упорядкованість утрачено (6,0 розкиду); імовірність 0,97 за "
        "апріорної 0,58."
    ),
    "Не проаналізовано: менша за 20 м².",
]


def test_the_sentence_is_told_in_ukrainian() -> None:
    assert [tell(why(view_of(number)), "uk") for number in (0, 4)] == UKRAINIAN


REASONS = ["below 20.5 m2", "not seen in both images", "too small for this pixel size",
           "saturated or under snow", "under cloud or smoke",
           "pixels too large to see whether it stands"]  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_of_the_layer_are_known_in_both_languages(reason: str) -> None:
    english, ukrainian = (tell(not_analysed(reason), lang) for lang in ("en", "uk"))
    assert english.replace("m²", "m2") == reason
    assert not set("abcdefghijklmnopqrstuvwxyz") & set(ukrainian)


def test_the_layer_gives_no_other_reason() -> None:
    """Each reason that the grading can write has its words here."""
    source = inspect.getsource(why_not_analysed)
    written = set(re.findall(r'reason\[[^\n]*\] = "([^"]+)"', source))
    assert len(written) == 4
    assert written <= set(REASONS)


def test_probabilities_never_say_0_or_1() -> None:
    measures = view_of(0).measures
    sure = replace(measures, probability=np.array([0.9999, 0.3, 0.05, 0.0, NAN]))
    assert "probability over 0.99 at" in tell(why(view_of(0, measures=sure, prior=0.001)))
    assert tell(why(view_of(0, measures=sure, prior=0.001))).endswith("a prior of under 0.01.")


@pytest.mark.parametrize("number", range(5))
def test_the_figure_shows_both_dates_measures_and_the_sentence(record, number: int) -> None:
    figure = figures.explain_building(view_of(number), record)
    texts = [part.get_text() for part in figure.findobj(lambda p: hasattr(p, "get_text"))]
    shown = " ".join(" ".join(texts).split())
    assert f"Building b7. {SENTENCES[number]}" in shown
    assert sum("Before" in text for text in texts) >= 1
    assert "30 m wide" in shown
    assert texts.count("this building") == (0 if number == 4 else 3)
    assert {"Similarity", "Loss of order", "unrelated", "unchanged"} <= set(texts)
    cut = "Probability of destroyed" if number in {0, 4} else "Probability of damaged or destroyed"
    assert cut in shown
    assert len(figures.to_png(figure)) > 20_000


def test_a_building_without_a_scale_or_with_odd_names_is_drawn(record) -> None:
    view = view_of(0, metres=None, id="$x_{1}$ дім")
    assert figures.to_png(figures.explain_building(view, record))


def test_the_figure_speaks_ukrainian(record) -> None:
    figure = figures.explain_building(view_of(1), record, lang="uk")
    texts = [part.get_text() for part in figure.findobj(lambda p: hasattr(p, "get_text"))]
    assert {"Схожість", "ця будівля", "незмінені", "будівлі", "Пошкоджено"} <= set(texts)
    assert "До · 14 березня 2021" in texts
