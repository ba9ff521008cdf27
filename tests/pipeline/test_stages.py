"""What stages keep: the same bits, and a run that is ended goes on from them."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from changedet import api
from changedet.core.options import RunOptions
from changedet.pipeline import walk
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.pipeline.stages import key_of, read_kept, write_kept
from changedet.result import Inputs, Record


def same(first: Any, second: Any) -> bool:
    """Tell whether two values are the same to the bit, types included."""
    if type(first) is not type(second):
        return False
    if dataclasses.is_dataclass(first):
        fields = dataclasses.fields(first)
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in fields)
    if isinstance(first, np.ndarray | np.generic):
        whole = first.shape == second.shape and first.dtype == second.dtype
        return whole and first.tobytes() == second.tobytes()
    if isinstance(first, tuple | list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(map(same, first.values(), second.values()))
    return bool(repr(first) == repr(second))


def test_plan_and_alignment_come_back_to_the_bit(
    true_plan: Plan, true_scene: Scene, tmp_path: Path
) -> None:
    values = (true_plan, true_scene.alignment, (1.0, float("nan"), np.float32(0.1), {"a": [None]}))
    for number, value in enumerate(values):
        write_kept(tmp_path / f"{number}.npz", value)
        assert same(read_kept(tmp_path / f"{number}.npz"), value)
    assert not same(dataclasses.replace(true_plan, gsd_m=true_plan.gsd_m * (1 + 1e-15)), true_plan)


def test_what_is_not_whole_or_not_known_is_nothing(true_plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    assert read_kept(path) is None
    write_kept(path, true_plan)
    data = path.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        assert read_kept(path) is None
    bad = data.replace('"Plan"'.encode("utf-32-le"), '"Path"'.encode("utf-32-le"))
    assert bad != data  # the check of the zip file finds it
    path.write_bytes(bad)
    assert read_kept(path) is None
    path.write_bytes(pickle.dumps(true_plan.gsd_m))
    assert read_kept(path) is None
    np.savez(path, text=np.array(['{"class": "Path", "fields": {}}'])[0])
    assert read_kept(path) is None
    np.savez(path, text=np.array([{}], object))
    assert read_kept(path) is None
    with pytest.raises(TypeError, match="a PosixPath cannot be kept"):
        write_kept(path, tmp_path)


def test_the_key_knows_what_matters(small_run: Any, tmp_path: Path) -> None:
    inputs: Inputs = small_run.record.inputs
    (tmp_path / "aoi").write_text("a")
    plain = key_of(inputs, RunOptions())
    assert plain == key_of(inputs, RunOptions(jobs=2, block_size=512, lang="uk", title="T"))
    other = inputs.model_copy(update={"before": inputs.before.model_copy(update={"sha256": "1"})})
    keys = [plain, key_of(other, RunOptions()), key_of(inputs, RunOptions(gsd=1))]
    keys += [key_of(inputs, RunOptions(aoi=tmp_path / "aoi"))]
    (tmp_path / "aoi").write_text("b")
    keys += [key_of(inputs, RunOptions(aoi=tmp_path / "aoi"))]
    assert len(set(keys)) == 5


class Stop(BaseException):
    """Stands in for a signal."""


def told(record: Record) -> dict[str, Any]:
    document = json.loads(record.to_json())
    for name in ("started", "seconds", "peak_mb"):
        del document["provenance"][name]
    return document


def test_a_run_that_was_ended_goes_on_from_its_last_stage(
    small_files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    pair = (small_files.before, small_files.after)

    def stop(stage: str, fraction: float) -> None:
        if stage == "evidence":
            raise Stop

    with pytest.raises(Stop):
        api.run(*pair, output=out, resume=True, progress=stop)
    names = sorted(path.name.partition("-")[2].partition("-")[0] for path in out.glob(".work/*"))
    assert names == ["alignment", "plan"]
    whole = api.run(*pair, output=tmp_path / "whole")
    with monkeypatch.context() as patch:
        for name in ("align_pair", "fit_plan"):
            patch.setattr(walk, name, lambda *_, **__: pytest.fail("computed again"))
        resumed = api.run(*pair, output=out, resume=True)
    assert told(resumed.record) == told(whole.record)
    for name in ("pixel_change", "structural_change", "classes", "correspondence"):
        file = Path("maps", f"{name}.tif")
        assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert not (out / ".work").exists()
