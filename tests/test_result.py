from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from changedet.core.errors import InputError
from changedet.result import (
    SCHEMA_VERSION,
    ImageRecord,
    Inputs,
    Note,
    Provenance,
    Record,
    build_schema,
    read_record,
    read_schema,
)

IMAGE = ImageRecord(
    path="before.tif",
    sha256="0" * 64,
    date=None,
    width=10,
    height=10,
    bands={"red": 1},
    bands_from="count",
    dtype="uint8",
    crs=None,
    gsd_m=None,
)


def make_record(**changes: object) -> Record:
    values: dict[str, object] = {
        "status": "refused",
        "title": "Бахмут <b>",
        "refusals": (Note(code="no_overlap", message="The images do not overlap."),),
        "inputs": Inputs(before=IMAGE, after=IMAGE),
        "provenance": Provenance(
            version="0.1.0",
            options={},
            command="changedet run",
            started="2026-01-01T00:00:00+00:00",
            seconds=1.0,
            peak_mb=100.0,
            software={},
        ),
    }
    return Record.model_validate(values | changes)


def test_the_shipped_schema_is_the_one_of_the_classes() -> None:
    assert read_schema() == json.loads(json.dumps(build_schema()))


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(read_schema())


def test_a_record_is_valid_against_the_schema() -> None:
    document = json.loads(make_record().to_json())
    jsonschema.Draft202012Validator(read_schema()).validate(document)
    assert document["schema_version"] == SCHEMA_VERSION


def test_a_document_with_a_strange_key_is_not_valid() -> None:
    document = json.loads(make_record().to_json()) | {"hectares": 5}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(read_schema()).validate(document)


def test_every_value_in_the_schema_has_a_name_of_the_contract() -> None:
    promised = {
        "schema_version", "status", "warnings", "refusals", "inputs", "grid", "registration",
        "radiometry", "thresholds", "null", "built", "vegetation", "buildings", "cells",
        "not_observable_share", "provenance",
    }  # fmt: skip
    assert promised <= set(read_schema()["properties"])


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(make_record().to_json(), "utf-8")
    assert read_record(path) == make_record()
    assert "Бахмут" in path.read_text("utf-8")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"status": "ok"}'])
def test_what_is_no_result_is_an_input_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match="not a changedet result"):
        read_record(path)


def test_a_missing_result_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_record(tmp_path / "result.json")


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_numbers_are_strict_json(wrong: float) -> None:
    with pytest.raises(ValidationError):
        make_record(not_observable_share=wrong)
