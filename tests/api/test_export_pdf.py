"""``--export pdf``: beside a result, on request alone, and only where the extra is there."""

from __future__ import annotations

from importlib.util import find_spec as real_find_spec
from pathlib import Path
from typing import Any

import pytest

from changedet import api
from changedet.api import exports
from changedet.cli import main
from tests.report.pdftext import texts

pytest.importorskip("typst")


@pytest.fixture(scope="module")
def folder(small_result: api.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("printed") / "out"
    small_result.save(place)
    return place


def test_a_result_folder_is_printed_in_the_language_asked_for(folder: Path) -> None:
    assert not (folder / "report.pdf").exists()
    _, files = api.rebuild_report(folder, lang="uk", export=("pdf",))
    assert files == (folder / "report.pdf",)
    pages = texts((folder / "report.pdf").read_bytes())
    assert 2 <= len(pages) <= 4
    assert "Зруйновано" in "".join(pages)


def test_a_refused_result_is_not_printed(refused_result: api.Result, tmp_path: Path) -> None:
    refused_result.save(tmp_path / "out")
    assert main(["report", str(tmp_path / "out"), "--export", "pdf"]) == 3
    assert not (tmp_path / "out" / "report.pdf").exists()


def test_without_the_extra_it_ends_with_2_and_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(name: str) -> Any:
        return None if name == "typst" else real_find_spec(name)

    monkeypatch.setattr(exports, "find_spec", find)
    before = sorted(folder.rglob("*"))
    assert main(["report", str(folder), "--export", "pdf"]) == 2
    assert 'pip install "changedet[pdf]"' in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
