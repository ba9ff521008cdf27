from __future__ import annotations

import pickle

import pytest

from changedet.core.errors import (
    ChangedetError,
    EnvironmentFault,
    Finding,
    InputError,
    MissingExtra,
    NotComparable,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "exit_code", "parent"),
    [
        (ChangedetError, 1, Exception),
        (UsageError, 2, ValueError),
        (InputError, 3, ValueError),
        (NotComparable, 4, ValueError),
        (EnvironmentFault, 5, OSError),
    ],
)
def test_exit_codes_are_those_of_the_contract(
    kind: type[ChangedetError], exit_code: int, parent: type[Exception]
) -> None:
    error = kind("after.tif is empty")
    assert error.exit_code == exit_code
    assert isinstance(error, ChangedetError)
    assert isinstance(error, parent)
    assert str(error) == "after.tif is empty"


def test_a_code_can_be_narrowed_for_one_error() -> None:
    assert NotComparable("no common ground", code="no_overlap").code == "no_overlap"
    assert NotComparable("x").code == "not_comparable"


def test_missing_extra_names_the_cure() -> None:
    error = MissingExtra("pdf", "a PDF report")
    assert error.exit_code == 2
    assert 'pip install "changedet[pdf]"' in str(error)


@pytest.mark.parametrize("kind", [UsageError, InputError, NotComparable, EnvironmentFault])
def test_errors_survive_the_way_back_from_a_process(kind: type[ChangedetError]) -> None:
    again = pickle.loads(pickle.dumps(kind("one fact", code="special")))  # noqa: S301
    assert type(again) is kind
    assert str(again) == "one fact"
    assert again.code == "special"


def test_a_finding_is_frozen() -> None:
    finding = Finding(code="identical", message="both files are equal", severity="warn")
    with pytest.raises(AttributeError):
        finding.code = "other"  # type: ignore[misc]
