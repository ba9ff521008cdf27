from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import changedet as cd
from changedet import api
from changedet.api.results import Temporary
from changedet.result import read_record


def test_a_result_reads_like_the_contract(small_result: api.Result) -> None:
    assert small_result.status == "ok"
    assert small_result.built is not None
    assert small_result.vegetation is not None
    assert small_result.buildings is not None
    assert small_result.registration is not None
    assert small_result.built.destroyed_ha > 0.1  # type: ignore[operator]
    assert small_result.vegetation.lost_share > 0.1  # type: ignore[operator]
    assert small_result.buildings.total > 50  # type: ignore[operator]


def test_it_is_saved_whole(small_result: api.Result, tmp_path: Path) -> None:
    saved = small_result.save(tmp_path / "deep" / "out")
    assert saved.folder == tmp_path / "deep" / "out"

    def files(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes()
                for p in folder.rglob("*") if p.is_file()}  # fmt: skip

    assert files(saved.folder) == files(small_result.folder)
    assert read_record(saved.folder / "result.json") == small_result.record


def test_saving_does_not_overwrite_unasked(small_result: api.Result, tmp_path: Path) -> None:
    small_result.save(tmp_path / "out")
    with pytest.raises(cd.UsageError):
        small_result.save(tmp_path / "out")
    small_result.save(tmp_path / "out", overwrite=True)


def test_it_plots_a_figure(small_result: api.Result) -> None:
    before = mpl.get_backend()
    figure = small_result.plot()
    assert isinstance(figure, Figure)
    assert figure.axes
    assert mpl.get_backend() == before
    ukrainian = small_result.plot(lang="uk")
    assert "Класи змін поверх знімка після" in [text.get_text() for text in ukrainian.texts]


def test_it_shows_itself(small_result: api.Result) -> None:
    html = small_result._repr_html_()
    assert html.count("data:image/png;base64,") == 2
    assert f"{small_result.built.destroyed_ha:.3g}" in html  # type: ignore[union-attr]
    assert '="http' not in html
    assert html.count("<img alt=") == 2


def test_names_are_escaped_where_it_shows_itself(small_result: api.Result) -> None:
    record = small_result.record.model_copy(update={"title": "<script>alert(1)</script>"})
    shown = api.Result(record=record, folder=small_result.folder)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_refusal_shows_itself_and_does_not_plot(refused_result: api.Result) -> None:
    html = refused_result._repr_html_()
    assert "refused" in html
    assert "<img" not in html
    with pytest.raises(cd.InputError, match="refused"):
        refused_result.plot()


def test_a_refusal_can_be_saved(refused_result: api.Result, tmp_path: Path) -> None:
    saved = refused_result.save(tmp_path / "out")
    assert [path.name for path in saved.folder.iterdir()] == ["result.json"]


def test_a_temporary_folder_goes_with_its_holder() -> None:
    keep: Any = Temporary()
    path = keep.path
    (path / "x").write_text("1")
    assert path.is_dir()
    del keep
    gc.collect()
    assert not path.exists()


def test_a_temporary_folder_goes_where_filling_fails() -> None:
    keep = Temporary()
    with pytest.raises(ZeroDivisionError), keep.filled():
        raise ZeroDivisionError
    assert not keep.path.exists()
