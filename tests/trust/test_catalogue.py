"""The catalogue of failures names tests that exist, for every row."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
CATALOGUE = TESTS.parent / "docs" / "trust.md"
ROWS = 92


def rows() -> dict[int, str]:
    """Return the tests of each row, as they are written."""
    lines = CATALOGUE.read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[0].strip().isdecimal():
            found[int(cells[0])] = cells[-1]
    return found


def test_every_row_has_tests_and_every_test_exists() -> None:
    found = rows()
    assert sorted(found) == list(range(1, ROWS + 1))
    for number, text in found.items():
        file = None
        named = re.findall(r"([\w/]+\.py)?(?:::(\w+))?(?:\[[^\]]*\])?(?:, |$)", text)
        named = [(path, name) for path, name in named if path or name]
        assert named, number
        for path, name in named:
            file = TESTS / path if path else file
            assert file is not None, number
            assert file.is_file(), (number, path)
            if name:
                assert f"def {name}(" in file.read_text("utf-8"), (number, file.name, name)
