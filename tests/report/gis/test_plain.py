from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from changedet.report.gis.plain import file_name, is_day, json_value, parse_date, rows_of, xml_text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/before.tif", "before.tif"),
        (r"C:\data\before.tif", "before.tif"),
        ("https://x.org/a/b.tif", "b.tif"),
        ("folder/", "folder"),
        ("", ""),
    ],
)
def test_only_the_last_part_of_a_path_is_told(path, name):
    assert file_name(path) == name


def test_what_xml_cannot_hold_is_left_out():
    assert xml_text("a\x00\x1f\ud800\ufffeb\n\U0001f600") == "ab\n\U0001f600"


def test_rows_hold_json_values():
    rows = rows_of({"a": np.array([1.5, np.inf]), "b": np.array(["x", None], object)})
    assert rows == [{"a": 1.5, "b": "x"}, {"a": None, "b": None}]
    assert json_value("\ud800") == "?"


def test_dates_are_read_as_utc():
    assert parse_date("2022-05-08T08:45:00") == datetime(2022, 5, 8, 8, 45, tzinfo=UTC)
    assert parse_date("2022-05-08T08:45:00+03:00") == datetime(2022, 5, 8, 5, 45, tzinfo=UTC)
    assert parse_date(None) is None
    assert is_day("2022-05-08")
    assert not is_day("2022-05-08T08:45:00")
