from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from changedet.core.options import BAND_ROLES, Options, RegisterOptions, RunOptions, parse_bands
from changedet.core.redaction import without_secrets

tables = st.dictionaries(st.sampled_from(BAND_ROLES), st.integers(1, 99), min_size=1)


@given(tables)
def test_bands_written_and_read(bands: dict[str, int]) -> None:
    text = ",".join(f"{role}={number}" for role, number in bands.items())
    assert parse_bands(text) == bands
    assert RunOptions(bands=text).bands == bands  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "red", "red=", "red=x", "red=1;green=2", "red=1,RED=2", "=3", "red=²"]
)
def test_bands_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="red=1"):
        parse_bands(text)


@pytest.mark.parametrize("wrong", ["purple=1", "red=0"])
def test_unknown_roles_and_band_zero_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        RunOptions(bands=wrong)  # type: ignore[arg-type]


def test_text_from_toml_and_environment_becomes_values() -> None:
    options = RunOptions.model_validate(
        {"gsd": "0.5", "before_date": "2022-05-08", "footprints": "a.gpkg", "force": "true"}
    )
    assert options.gsd == 0.5
    assert options.before_date == dt.date(2022, 5, 8)
    assert options.footprints == Path("a.gpkg")
    assert options.force is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"gsd": 0},
        {"gsd": -1},
        {"gsd": float("nan")},
        {"gsd": float("inf")},
        {"jobs": 0},
        {"block_size": 1},
        {"before_date": "08.05.2022"},
        {"sgd": 0.5},
        {"coregistration": {"windw": 64}},
        {"bands": {}},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RunOptions.model_validate(wrong)


def test_options_are_frozen() -> None:
    with pytest.raises(ValidationError):
        RunOptions().jobs = 2  # type: ignore[misc]


def test_options_survive_json() -> None:
    options = RunOptions(gsd=0.6, bands={"red": 1}, footprints=Path("x/y.gpkg"))
    assert RunOptions.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize("kind", [RunOptions, RegisterOptions])
def test_every_field_says_what_it_is(kind: type[Options]) -> None:
    silent = [name for name, field in kind.model_fields.items() if not field.description]
    assert silent == []


def test_half_a_control_pair_is_an_error() -> None:
    with pytest.raises(ValidationError, match="a control is a pair"):
        RunOptions(control_before=Path("a.tif"))
    assert RunOptions(control_before=Path("a.tif"), control_after=Path("b.tif")).control_after


def test_an_address_is_used_whole_and_recorded_without_its_secrets() -> None:
    address = "tls://ann:secret@10.0.0.7:8786"
    options = RunOptions(scheduler=address)
    assert options.scheduler == options.model_dump()["scheduler"] == address
    assert options.model_dump(mode="json")["scheduler"] == "tls://***@10.0.0.7:8786"
    assert "secret" not in options.model_dump_json() + repr(options)
    assert RunOptions().model_dump(mode="json")["scheduler"] is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("run b.tif a.tif --scheduler tcp://10.0.0.7:8786", None),
        ("--scheduler=wss://a:b@h:1/x", "--scheduler=wss://***@h:1/x"),
        ("https://token@host/a.tif and https://me:p@host/b.tif",
         "https://***@host/a.tif and https://***@host/b.tif"),
        ("mail@host.org", None),
    ],
)  # fmt: skip
def test_only_secrets_are_replaced(text: str, kept: str | None) -> None:
    assert without_secrets(text) == (kept or text)


def test_texts_move_no_cursor() -> None:
    given = RunOptions(title="A\x1b[31m town\n\tby the\u202e river", credit="\x07Owner")
    assert (given.title, given.credit) == ("A[31m town by the river", "Owner")
