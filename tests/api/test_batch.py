"""A batch: every town its folder, no town at another's cost, and the same call goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import changedet as cd
from changedet import api
from changedet.api import batch as engine
from changedet.core.errors import EnvironmentFault, UsageError
from changedet.io.batches import hold

Files = dict[str, int]


def write_image(path: Path, values: Any) -> None:
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype="uint8", crs="EPSG:32637",
                       transform=rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_400_000),
                       width=values.shape[1], height=values.shape[0]) as file:  # fmt: skip
        file.write(values, 1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two images that have nothing to do with each other: refused at once."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(5)
    for name in ("b", "a", "other"):
        write_image(folder / f"{name}.tif", rng.integers(1, 255, (96, 96)).astype(np.uint8))
    return folder


Go = Callable[..., cd.BatchResult]


@pytest.fixture
def go(tmp_path: Path, images: Path) -> Iterator[Go]:
    """Run a batch of two refused towns in a thread; extra lines change the second town."""
    for path in images.glob("*.tif"):
        shutil.copy(path, tmp_path)
        os.utime(tmp_path / path.name, (1_700_000_000, 1_700_000_000))
    (tmp_path / "c.tif").write_bytes(b"a control that is never opened")

    with ThreadPoolExecutor(1) as executor:

        def run(*lines: str, **wishes: Any) -> cd.BatchResult:
            pair = "before = 'b.tif'\nafter = 'a.tif'\n"
            second = "\n".join(lines)
            text = f"[[town]]\nname='One'\n{pair}[[town]]\nname='Two'\n{pair}{second}\n"
            (tmp_path / "towns.toml").write_text(text)
            return cd.run_batch(
                tmp_path / "towns.toml", tmp_path / "out", executor=executor, **wishes
            )

        yield run


def skipped(result: cd.BatchResult) -> list[bool]:
    return [town.skipped for town in result.towns]


def test_a_refusal_is_a_complete_result(go: Go, tmp_path: Path) -> None:
    result = go()
    assert [town.status for town in result.towns] == ["refused", "refused"]
    assert [town.exit_code for town in result.towns] == [4, 4]
    assert result.exit_code == 6
    assert all(town.reason for town in result.towns)
    before = stamps(tmp_path / "out")
    result = go()
    assert (skipped(result), result.exit_code) == ([True, True], 6)
    assert stamps(tmp_path / "out") == before
    shutil.rmtree(tmp_path / "out" / ".batch")  # nothing but time is lost with it
    assert skipped(go()) == [True, True]


def stamps(folder: Path) -> Files:
    """Return when each file was written, but those of the batch itself."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent not in {folder, folder / ".batch"}
    }


def test_only_what_changed_is_compared_again(go: Go, tmp_path: Path) -> None:
    go()
    assert skipped(go("lang = 'uk'")) == [True, False]
    assert skipped(go("lang = 'uk'", "block_size = 512")) == [True, True]
    assert skipped(go("[town.decide]", "mmu_built_m2 = 11")) == [True, False]
    assert skipped(go("[town.decide]", "mmu_built_m2 = 11.0")) == [True, True]
    assert skipped(go("title = 'T'")) == [True, False]
    assert skipped(go("title = 'T'", overwrite=True)) == [False, False]


def test_inputs_are_told_by_their_content(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = ("control_before = 'c.tif'", "control_after = 'c.tif'")
    go(*control)
    os.utime(tmp_path / "b.tif", (1_700_000_009, 1_700_000_009))  # touched, and the same
    assert skipped(go(*control)) == [True, True]
    (tmp_path / "c.tif").write_bytes(b"A control that is never opened")  # of the same length
    assert skipped(go(*control)) == [True, False]
    assert skipped(go(*control)) == [True, True]
    shutil.copy(tmp_path / "other.tif", tmp_path / "a.tif")
    assert skipped(go(*control)) == [False, False]
    monkeypatch.setattr(engine, "__version__", "9.9")
    assert skipped(go(*control)) == [False, False]


def test_hashes_are_not_computed_twice(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    monkeypatch.setattr("changedet.io.digests.digest_file", lambda _: pytest.fail("read again"))
    assert skipped(go()) == [True, True]
    (tmp_path / "out" / ".batch" / "One.json").write_text("[" * 100_000)  # of no use, no harm
    monkeypatch.undo()
    assert skipped(go()) == [True, True]


def test_a_result_that_lacks_files_is_made_again(go: Go, tmp_path: Path) -> None:
    go()
    (tmp_path / "out" / "One" / "result.json").unlink()
    (tmp_path / "out" / "Two" / "result.json").write_text("{}")
    assert skipped(go()) == [False, False]


def test_missing_files_fail_their_town_alone(go: Go, tmp_path: Path) -> None:
    result = go("footprints = 'none.gpkg'")
    one, two = result.towns
    assert (one.status, two.status, two.exit_code) == ("refused", "failed", 3)
    assert two.reason == f"footprints {tmp_path / 'none.gpkg'}: no such file; correct the manifest"
    assert result.exit_code == 6
    document = json.loads((tmp_path / "out" / "index.json").read_text("utf-8"))
    counts = document["counts"]
    assert [counts[s] for s in ("ok", "degraded", "refused", "failed")] == [0, 0, 1, 1]
    assert [town["name"] for town in document["towns"]] == ["One", "Two"]
    assert document["towns"][1]["reason"] == two.reason
    assert not (tmp_path / "out" / "Two").exists()


def test_a_damaged_image_or_a_defect_fails_its_town_alone(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from changedet.api import jobs

    real = jobs.run

    def run(before: Any, after: Any, **wishes: Any) -> Any:
        if wishes["options"].title == "bad":
            raise MemoryError
        if wishes["options"].title == "worse":
            raise ZeroDivisionError("by zero")
        return real(before, after, **wishes)

    monkeypatch.setattr(jobs, "run", run)
    assert [t.exit_code for t in go("title = 'bad'").towns] == [4, 5]
    two = go("title = 'worse'").towns[1]
    assert (two.exit_code, two.status) == (1, "failed")
    assert "ZeroDivisionError: by zero" in two.reason
    assert skipped(go("title = 'worse'")) == [True, False]  # tried again
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:500])
    assert [t.exit_code for t in go().towns] == [3, 3]


def test_two_batches_in_one_folder_are_refused(go: Go, tmp_path: Path) -> None:
    with hold(tmp_path / "out"), pytest.raises(EnvironmentFault, match="another run") as caught:
        go()
    assert caught.value.code == "busy"
    assert len(go().towns) == 2


def test_a_folder_of_something_else_is_left_alone(go: Go, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="no batch's"):
        go()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    go(overwrite=True)
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        cd.run_batch(tmp_path / "towns.toml", tmp_path / "file")


def test_a_link_in_the_place_of_a_town_is_not_followed(go: Go, tmp_path: Path) -> None:
    go()
    shutil.rmtree(tmp_path / "out" / "Two")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "Two").symlink_to(tmp_path / "elsewhere")
    two = go().towns[1]
    assert (two.status, two.exit_code) == ("failed", 2)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_a_killed_batch_left_is_removed(go: Go, tmp_path: Path) -> None:
    go()
    left = [tmp_path / "out" / "One" / ".work" / "new-1" / "maps", tmp_path / "out" / "Two"]
    left[0].mkdir(parents=True)
    (left[0] / "classes.tif").touch()
    (tmp_path / "out" / ".batch" / "new-2").touch()
    before = stamps(left[1])
    assert skipped(go()) == [True, True]
    assert not (tmp_path / "out" / "One" / ".work").exists()
    assert stamps(left[1]) == before
    kept = sorted(path.name for path in (tmp_path / "out" / ".batch").iterdir())
    assert kept == ["One.json", "Two.json"]


def test_an_interrupted_batch_lists_what_is_done(go: Go, tmp_path: Path) -> None:
    def stop(outcome: Any, done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(progress=stop)
    document = json.loads((tmp_path / "out" / "index.json").read_text("utf-8"))
    assert [town["status"] for town in document["towns"]] == ["refused", "failed"]
    assert "the same command goes on" in document["towns"][1]["reason"]
    assert skipped(go())[0]


def test_a_wrong_manifest_costs_nothing(go: Go, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean lang"):
        go("lnag = 'uk'")
    assert not (tmp_path / "out").exists()


def test_the_plan_says_what_would_be_done(go: Go, tmp_path: Path) -> None:
    sheet = tmp_path / "towns.toml"
    go()
    plan = api.plan_batch(api.read_batch(sheet), tmp_path / "out")
    assert [(step.folder, step.what) for step in plan] == [("One", "skip"), ("Two", "skip")]
    assert [step.what for step in api.plan_batch(api.read_batch(sheet), None)] == ["run", "run"]
    (tmp_path / "b.tif").unlink()
    plan = api.plan_batch(api.read_batch(sheet), tmp_path / "out")
    assert [step.what for step in plan] == ["fail", "fail"]
    assert plan[0].reason.startswith("before ")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small simulated town."""
    folder = tmp_path_factory.mktemp("town") / "pair"
    cd.simulate(folder, seed=15, width=224, height=224, placement={"shift_px": (3.4, -2.3)},
                after={"smoke_per_km2": 0})  # fmt: skip
    return folder


def told(folder: Path) -> dict[str, Any]:
    """Return a record without what every run has its own of."""
    document: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    for name in ("started", "seconds", "peak_mb", "command"):
        del document["provenance"][name]
    return document


def test_a_town_of_a_batch_is_what_run_would_make(town: Path, images: Path, tmp_path: Path) -> None:
    row = f"{town}/before.tif,{town}/after.tif,{town}/footprints.gpkg"
    noise = f"{images}/b.tif,{images}/a.tif,"
    sheet = tmp_path / "towns.csv"
    sheet.write_text(f"name,before,after,footprints\nПерше,{row}\nNoise,{noise}\n", "utf-8")
    out = tmp_path / "out"
    result = cd.run_batch(sheet, out, jobs=2)
    assert [t.status for t in result.towns] == ["ok", "refused"]
    alone = cd.run(town / "before.tif", town / "after.tif", footprints=town / "footprints.gpkg",
                   title="Перше", output=tmp_path / "alone")  # fmt: skip
    assert told(out / "Перше") == told(alone.folder)
    made = {path.relative_to(alone.folder) for path in alone.folder.rglob("*")}
    assert {path.relative_to(out / "Перше") for path in (out / "Перше").rglob("*")} == made
    classes = Path("maps/classes.tif")
    assert (out / "Перше" / classes).read_bytes() == (alone.folder / classes).read_bytes()
    first, second = json.loads((out / "index.json").read_text("utf-8"))["towns"]
    assert alone.built is not None
    assert first["built"]["lost_ha"] == alone.built.destroyed_ha
    assert second.get("built") is None
    before = stamps(out)
    assert skipped(cd.run_batch(sheet, out)) == [True, True]
    assert stamps(out) == before
    (out / "Перше" / "maps" / "classes.tif").unlink()
    assert [step.what for step in api.plan_batch(api.read_batch(sheet), out)] == ["run", "skip"]
