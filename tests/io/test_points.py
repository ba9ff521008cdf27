"""Tie points in files: what QGIS writes is read, what we write comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.places import move_points
from changedet.io.points import read_tie_points, write_tie_points

PLACED = Grid(width=100, height=80, transform=Affine(0.5, 0, 426000, 0, -0.5, 5383600),
              crs="EPSG:32637", unit_m=1.0)  # fmt: skip
PLAIN = Grid(width=90, height=70)
POINTS = np.array([[1.5, 2.0, 3.0, 4.25], [50, 10, 51, 12], [90, 70, 80, 60], [10, 60, 12, 61]])


@pytest.mark.parametrize("before", [PLACED, PLAIN])
@pytest.mark.parametrize("after", [PLACED, PLAIN])
def test_what_was_written_comes_back(tmp_path: Path, before: Grid, after: Grid) -> None:
    path = tmp_path / "t.points"
    used = np.array([True, True, True, True])
    write_tie_points(path, POINTS, used=used, before=before, after=after)
    found = read_tie_points(path, before=before, after=after)
    np.testing.assert_allclose(found, POINTS, atol=1e-5)


def test_rejected_points_are_not_enabled(tmp_path: Path) -> None:
    path = tmp_path / "t.points"
    six = np.vstack([POINTS, POINTS[:2] + 1])
    used = np.array([True, False, True, True, True, False])
    write_tie_points(path, six, used=used, before=PLACED, after=PLAIN)
    found = read_tie_points(path, before=PLACED, after=PLAIN)
    np.testing.assert_allclose(found, six[used], atol=1e-5)


def test_a_file_of_qgis_in_another_crs(tmp_path: Path) -> None:
    x, y = (426000 + 0.5 * (POINTS[:, 0] + 0.5), 5383600 - 0.5 * (POINTS[:, 1] + 0.5))
    lon, lat = move_points(x, y, source="EPSG:32637", target="EPSG:4326")
    lines = ["#CRS: EPSG:4326", "mapX,mapY,pixelX,pixelY,enable,dX,dY,residual"]
    for a, b, (c, r) in zip(lon, lat, POINTS[:, 2:], strict=True):
        lines.append(f"{a:.12f},{b:.12f},{c + 0.5},{-(r + 0.5)},1,0,0,0")
    path = tmp_path / "q.points"
    path.write_text("\n".join(lines))
    np.testing.assert_allclose(read_tie_points(path, before=PLACED, after=PLAIN), POINTS, atol=1e-3)


def test_plain_pixels(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "\n".join(",".join(map(str, row)) for row in POINTS)
    path.write_text("\ufeffbefore_col,before_row,after_col,after_row\n" + rows + "\n\n")
    np.testing.assert_array_equal(read_tie_points(path, before=PLACED, after=PLAIN), POINTS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "needs the columns"),
        ("before_col,before_row,after_col,after_row\n1,2,3,4\n", "give at least 4"),
        ("before_col,before_row,after_col,after_row\n1,2,x,4\n", "point 1 has no number"),
        ("before_col,before_row,after_col,after_row\n1,2,inf,4\n", "point 1 has no number"),
        ("before_col,before_row,after_col,after_row\n1,2\n", "point 1 has no number"),
        ("#CRS: nonsense\nmapX,mapY,sourceX,sourceY\n" + "1,2,3,4\n" * 4, "is not known"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "t.points"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as error:
        read_tie_points(path, before=PLACED, after=PLAIN)
    assert "t.points" in str(error.value)


def test_a_missing_or_binary_or_huge_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_tie_points(tmp_path / "no.points", before=PLACED, after=PLAIN)
    binary = tmp_path / "b.points"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        read_tie_points(binary, before=PLACED, after=PLAIN)
    huge = tmp_path / "h.points"
    huge.write_bytes(b"0" * 5_000_001)
    with pytest.raises(InputError, match="larger than"):
        read_tie_points(huge, before=PLACED, after=PLAIN)
