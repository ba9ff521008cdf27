from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import rasterio

import changedet as cd
from changedet import api
from changedet.cli import main
from changedet.report.summary import summary_csv
from changedet.result import read_schema


def test_a_refused_pair_leaves_its_reasons_and_no_area(refused_result: api.Result) -> None:
    assert refused_result.status == "refused"
    assert refused_result.built is refused_result.vegetation is refused_result.buildings is None
    assert [path.name for path in refused_result.folder.iterdir()] == ["result.json"]
    document = json.loads((refused_result.folder / "result.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(read_schema()).validate(document)
    assert document["refusals"]
    assert "_ha" not in json.dumps(document)


def test_the_command_ends_with_4(
    refused_result: api.Result,
    small_files: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flat = refused_result.record.inputs.after.path
    out = tmp_path / "out"
    assert main(["run", str(small_files.before), flat, "-o", str(out), "-q"]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in out.iterdir()] == ["result.json"]


def spoil(path: Path, kind: str, source: Path) -> None:
    """Write something that is no image."""
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        data = source.read_bytes()
        content = {
            "empty": b"",
            "text": b"not an image\n" * 50,
            "truncated": data[: len(data) // 3],
        }
        path.write_bytes(content[kind])


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder"])
@pytest.mark.parametrize("role", ["before", "after"])
def test_a_bad_file_is_an_input_error_and_leaves_nothing(
    small_files: Any, tmp_path: Path, kind: str, role: str
) -> None:
    bad = tmp_path / "bad.tif"
    spoil(bad, kind, small_files.before)
    pair = {"before": small_files.before, "after": small_files.after, role: bad}
    with pytest.raises(cd.InputError, match=r"bad\.tif") as caught:
        cd.run(pair["before"], pair["after"], output=tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_bad_footprints_are_an_input_error_and_leave_nothing(
    small_files: Any, tmp_path: Path
) -> None:
    bad = tmp_path / "houses.geojson"
    bad.write_text("{}")
    with pytest.raises(cd.InputError, match=r"houses\.geojson"):
        cd.run(small_files.before, small_files.after, footprints=bad, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_in_the_way_is_left_alone(small_files: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.json").write_text("mine")
    with pytest.raises(cd.UsageError, match="out"):
        cd.run(small_files.before, small_files.after, output=out)
    assert [path.name for path in out.iterdir()] == ["result.json"]
    assert (out / "result.json").read_text() == "mine"


def test_a_failed_run_into_an_old_result_keeps_it(
    small_result: api.Result, small_files: Any, tmp_path: Path
) -> None:
    old = small_result.save(tmp_path / "out")
    kept = {path: path.stat().st_mtime_ns for path in old.folder.rglob("*")}
    bad = tmp_path / "bad.tif"
    bad.write_text("no")
    with pytest.raises(cd.InputError):
        cd.run(small_files.before, bad, output=old.folder, overwrite=True)
    files = [path for path in kept if path.is_file()]
    assert {path: path.stat().st_mtime_ns for path in files} == {p: kept[p] for p in files}


def test_unknown_wishes_are_errors(small_files: Any) -> None:
    with pytest.raises(ValueError, match="gds"):
        cd.run(small_files.before, small_files.after, gds=0.5)


def test_wishes_and_options_are_one(small_files: Any) -> None:
    options = cd.RunOptions(title="A town", block_size=256)
    merged = api.jobs._options(options, {"block_size": 512})
    assert merged == cd.RunOptions(title="A town", block_size=512)


def test_arrays_are_registered() -> None:
    rng = np.random.default_rng(4)
    ground = rng.integers(30, 220, (50, 55)).astype(np.float32)
    ground = np.kron(ground, np.ones((8, 8), np.float32)) + rng.normal(0, 3, (400, 440))
    before, after = ground[20:340, 20:380], ground[15:335, 28:388]
    alignment = cd.register(before, after)
    assert isinstance(alignment, cd.Alignment)
    assert not alignment.refused
    cols, rows = alignment.to_after(np.array([100.0, 200.0]), np.array([80.0, 250.0]))
    assert cols == pytest.approx([92, 192], abs=0.15)
    assert rows == pytest.approx([85, 255], abs=0.15)


def test_paths_are_registered_into_a_folder(small_files: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = cd.register(small_files.before, small_files.after, output=out)
    assert isinstance(found, cd.RegistrationResult)
    assert found.alignment is not None
    assert found.registration is not None
    assert found.registration.rmse_px == pytest.approx(found.alignment.rmse_px, abs=1e-3)
    assert found.built is None
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files >= {"result.json", "maps/aligned.tif", "maps/correspondence.tif", "vectors.gpkg",
                     "figures/registration.png"}  # fmt: skip
    assert not files & {"maps/classes.tif", "summary.csv", "report.html"}
    # nothing was compared, so no picture may show a change, nor that there is none
    figures = {name for name in files if name.startswith("figures/")}
    assert figures == {f"figures/{n}.png" for n in ("before", "before_after", "registration")}


def test_a_report_is_rebuilt_from_the_folder_alone(
    small_result: api.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = small_result.save(tmp_path / "out")
    first = (saved.folder / "report.html").read_text("utf-8")
    (saved.folder / "report.html").unlink()
    times = {path: path.stat().st_mtime_ns for path in saved.folder.rglob("*.tif")}

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a report is not computed again")

    monkeypatch.setattr(api.jobs, "run_pair", never)
    monkeypatch.setattr(api.jobs, "_draw", never)
    page, _ = api.rebuild_report(saved.folder)
    assert page == saved.folder / "report.html"
    text = page.read_text("utf-8")
    assert f"{saved.record.built.destroyed_ha:.3g}" in text  # type: ignore[union-attr]
    assert len(text) == pytest.approx(len(first), rel=0.1)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert not list(saved.folder.glob(".*"))


def test_no_report_without_a_result(tmp_path: Path, small_result: api.Result) -> None:
    with pytest.raises(cd.InputError, match="no such file"):
        api.rebuild_report(tmp_path)
    saved = small_result.save(tmp_path / "out")
    (saved.folder / "figures" / "classes.png").unlink()
    with pytest.raises(cd.InputError, match="picture is missing"):
        api.rebuild_report(saved.folder)


def test_the_sample_is_found() -> None:
    for path in api.sample_pair():
        assert path.is_file()
    with rasterio.open(api.sample_pair()[0]) as file:
        assert file.shape == (1200, 1200)


def test_a_title_cannot_become_a_formula(small_result: api.Result) -> None:
    record = small_result.record.model_copy(update={"title": '=1+1, "x"'})
    (row,) = csv.DictReader(io.StringIO(summary_csv(record)))
    assert row["title"] == '\'=1+1, "x"'
    assert float(row["built_before_ha"]) == record.built.before_ha  # type: ignore[union-attr]
    assert row["gsd_m"] == "0.5"


def test_describing_is_not_doing(small_files: Any, tmp_path: Path) -> None:
    found = api.describe(small_files.before, small_files.after)
    assert found["grid"]["gsd_m"] == 0.5
