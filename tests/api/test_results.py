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


def titles(figure: Figure) -> str:
    named = [axes.get_title(loc="left") for axes in figure.get_axes()]
    return " ".join([*named, *(text.get_text() for text in figure.texts)])


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (None, "Classes"),
        ("before_after", "Before"),
        ("buildings", "Buildings by grade"),
        ("structural_change", "structural change"),
        ("pixel_change", "spectral change"),
        ("cells", "Built area destroyed"),
        ("registration", "Checkerboard"),
        ("evidence", "structural evidence"),
    ],
)
def test_it_plots_each_figure(small_result: api.Result, kind: str | None, title: str) -> None:
    backend = mpl.get_backend()
    figure = small_result.plot(kind)
    assert title.lower() in titles(figure).lower()
    assert mpl.get_backend() == backend


def test_what_cannot_be_plotted_is_said(small_result: api.Result, tmp_path: Path) -> None:
    with pytest.raises(cd.UsageError, match="before_after"):
        small_result.plot("hectares")
    with pytest.raises(cd.UsageError, match="uk"):
        small_result.plot(lang="eo")
    opened = cd.open_result(small_result.folder)
    with pytest.raises(cd.InputError, match=r"evidence\.png"):
        opened.plot("evidence")


def test_a_registration_plots_itself(registered: api.RegistrationResult) -> None:
    assert "Checkerboard" in titles(registered.plot())
    with pytest.raises(cd.InputError, match="classes"):
        registered.plot("classes")


def test_a_refusal_plots_nothing(refused_result: api.Result) -> None:
    for kind in (None, "classes", "registration"):
        with pytest.raises(cd.InputError, match="refused"):
            refused_result.plot(kind)


def test_one_building_has_two_names(small_result: api.Result) -> None:
    name = small_result.to_geodataframe()["id"].iloc[0]
    one, other = small_result.plot_building(name), small_result.explain_building(name)
    assert titles(one) == titles(other) != ""


def test_it_is_named_in_one_line_without_paths(
    small_result: api.Result, registered: api.RegistrationResult
) -> None:
    assert repr(small_result) == "<Result ok: before.tif / after.tif>"
    assert repr(registered).startswith("<RegistrationResult ok: ")


def test_it_is_opened_again(small_result: api.Result, tmp_path: Path) -> None:
    opened = cd.open_result(small_result.save(tmp_path / "out").folder)
    assert type(opened) is api.Result
    assert opened.record == small_result.record
    with pytest.raises(cd.InputError, match="no such file"):
        cd.open_result(tmp_path)


def test_a_registration_is_opened_as_one(registered: api.RegistrationResult) -> None:
    opened = cd.open_result(registered.folder)
    assert isinstance(opened, api.RegistrationResult)
    assert opened.alignment is None
    assert opened.registration == registered.registration


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
