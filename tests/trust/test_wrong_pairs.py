"""Pairs that must not be compared are refused, and no hectare is written anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import changedet as cd
from changedet.cli import main

Images = tuple[np.ndarray, np.ndarray]
AREA = re.compile(r"\d[\d.,]*\s*(ha\b|га\b|hectare|гектар)", re.IGNORECASE)


def mirror(before: np.ndarray, after: np.ndarray) -> Images:
    return before, after[:, :, ::-1]


def turn(before: np.ndarray, after: np.ndarray) -> Images:
    return before, after[:, ::-1, ::-1]


def negative(before: np.ndarray, after: np.ndarray) -> Images:
    return before, 255 - after


def noise(before: np.ndarray, after: np.ndarray) -> Images:
    return before, np.random.default_rng(1).integers(0, 255, after.shape).astype(np.uint8)


def speckle(before: np.ndarray, after: np.ndarray) -> Images:
    """What a radar sees, one look: brightness that has nothing to do with that of light."""
    rng = np.random.default_rng(2)
    steep = np.abs(np.gradient(after.mean(axis=0))[1])
    seen = (20 + 8 * steep) * rng.exponential(1.0, steep.shape)
    return before, np.clip(seen, 0, 255).astype(np.uint8)[np.newaxis].repeat(3, axis=0)


def nothing(before: np.ndarray, after: np.ndarray) -> Images:
    return before, np.zeros_like(after)


def flat(before: np.ndarray, after: np.ndarray) -> Images:
    return np.full_like(before, 90), np.full_like(after, 117)


def keys_with_a_figure(part: Any) -> set[str]:
    """Return keys of areas and lost shares in a document that hold a figure."""
    found: set[str] = set()
    if isinstance(part, dict):
        for key, value in part.items():
            area = key.endswith(("_ha", "destroyed_share", "lost_share"))
            found |= {key} if area and value is not None else keys_with_a_figure(value)
    elif isinstance(part, list):
        for value in part:
            found |= keys_with_a_figure(value)
    return found


@pytest.fixture(scope="module")
def images(small_files: Any) -> tuple[Images, dict[str, Any]]:
    with rasterio.open(small_files.before) as first, rasterio.open(small_files.after) as second:
        profile = {key: first.profile[key] for key in ("crs", "transform", "width", "height")}
        return (first.read(), second.read()), profile


def run(place: Path, pair: Images, profile: dict[str, Any], *, georeferenced: bool = True) -> int:
    kept = profile if georeferenced else {k: profile[k] for k in ("width", "height")}
    driver = "GTiff" if georeferenced else "PNG"
    paths = []
    for name, image in zip(("before", "after"), pair, strict=True):
        paths.append(str(place / f"{name}.img"))
        with rasterio.open(
            paths[-1], "w", driver=driver, count=len(image), dtype="uint8", **kept
        ) as file:
            file.write(np.ascontiguousarray(image))
    gsd = [] if georeferenced else ["--gsd", "0.5"]
    return main(["run", *paths, "-o", str(place / "out"), "--export", "gis", *gsd])


def assert_refused_without_figures(place: Path, said: str) -> dict[str, Any]:
    written = [path.name for path in (place / "out").iterdir()]
    assert written == ["result.json"]
    text = (place / "out" / "result.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    assert document["status"] == "refused"
    assert document["refusals"]
    assert keys_with_a_figure(document) == set()
    assert any(check["verdict"] == "refused" for check in document["checks"])
    for words in (said, text):
        assert AREA.search(words) is None, AREA.search(words)
    return document


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("wrong", "georeferenced"),
    [
        *((wrong, True) for wrong in (mirror, turn, noise, speckle, negative, nothing, flat)),
        (negative, False),
        (flat, False),
    ],
)
def test_a_pair_that_cannot_be_compared_ends_with_4_and_without_a_figure(
    images: Any,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    wrong: Callable[..., Images],
    georeferenced: bool,
) -> None:
    pair, profile = images
    assert run(tmp_path, wrong(*pair), profile, georeferenced=georeferenced) == 4
    out, err = capfd.readouterr()
    document = assert_refused_without_figures(tmp_path, out + err)
    if wrong in {negative, speckle}:
        assert [note["code"] for note in document["refusals"]] == ["unlike"]


def test_another_place_ends_with_4_and_without_a_figure(
    images: Any, simulated: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (before, _), profile = images
    with rasterio.open(simulated(77, prevalence=0.1).after) as file:
        other = file.read()
    assert run(tmp_path, (before, other), profile) == 4
    out, err = capfd.readouterr()
    assert_refused_without_figures(tmp_path, out + err)


def test_the_words_are_searched_for_what_a_result_does_say() -> None:
    """The search of the tests above finds the sentences of a result."""
    assert AREA.search("0.250 ha of 0.434 ha of canopy (57.6 %) is mapped as lost")
    assert AREA.search("0,25 га")
    assert keys_with_a_figure({"built": {"destroyed_ha": 0.0, "low_ha": None}}) == {"destroyed_ha"}


def test_a_pair_that_lies_badly_is_aligned_but_not_compared(
    small_files: Any, tmp_path: Path
) -> None:
    """Where edges do not meet, lost detail reads as destruction."""
    pair, strict = (small_files.before, small_files.after), {"max_residual_px": 0.01}
    refused = cd.run(*pair, output=tmp_path / "run", decide=strict).record
    assert [note.code for note in refused.refusals] == ["residual_too_large"]
    assert refused.built is None
    aligned = cd.register(*pair, output=tmp_path / "register", decide=strict).record
    assert aligned.status == "ok"
    (check,) = (check for check in refused.checks if check.code == "residual")
    assert (check.verdict, check.limit_refuse) == ("refused", 0.01)
