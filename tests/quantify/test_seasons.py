from __future__ import annotations

import pytest

from changedet.quantify.seasons import check_leaves


@pytest.mark.parametrize(
    ("before", "after", "latitude", "reason"),
    [
        ("2022-05-08", "2023-05-15", 48.6, ""),
        ("2022-05-08", "2023-06-20T08:45:00", 48.6, ""),
        ("2022-05-08", "2023-06-25", 48.6, "48 days"),
        ("2022-12-20", "2023-01-10", 10.0, ""),
        ("2022-12-20", "2023-01-10", 48.6, "before image"),
        ("2022-10-20", "2022-11-02", None, "after image"),
        ("2022-06-20", "2022-07-10", -35.0, "before image"),
        ("2022-12-20", "2023-01-10", -35.0, ""),
        ("2022-03-20", "2023-03-22", 70.0, ""),
        (None, "2023-06-25", 48.6, ""),
        (None, "2023-02-25", 48.6, "after image"),
        ("spring", "", 48.6, ""),
    ],
)
def test_dates_are_judged(
    before: str | None, after: str | None, latitude: float | None, reason: str
) -> None:
    found = check_leaves(before, after, latitude=latitude)
    assert (reason in found) if reason else not found
