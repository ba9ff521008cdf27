"""A stand-in for ``changedet.api`` that records how it was called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import changedet
from changedet.api import sample_pair, say_next, say_result, say_truth
from changedet.cli import main
from changedet.result import (
    Built,
    GridRecord,
    ImageRecord,
    Inputs,
    Note,
    Provenance,
    Record,
    Registration,
    Vegetation,
)

Outcome = tuple[int, str, str]


def make_record(status: str = "ok", *, scale: bool = True) -> Record:
    image = ImageRecord(
        path="b.tif", sha256="0" * 64, date=None, width=9, height=9, bands={"red": 1},
        bands_from="count", dtype="uint8", crs=None, gsd_m=0.5,
    )  # fmt: skip
    hectares = {"before_ha": 4.0, "low_ha": 1.0, "high_ha": 3.0} if scale else dict.fromkeys(
        ("before_ha", "low_ha", "high_ha")
    )  # fmt: skip
    area: dict[str, Any] = {
        **hectares, "before_share": 0.2, "low_share": 0.25, "high_share": 0.75,
        "interval_kind": "model", "separable": True, "method": "a test",
    }  # fmt: skip
    made = status != "refused"
    return Record(
        status=status,  # type: ignore[arg-type]
        title="A town",
        warnings=(Note(code="w", message="the images are\nidentical"),) if made else (),
        refusals=() if made else (Note(code="no_overlap", message="no common ground"),),
        inputs=Inputs(before=image, after=image),
        grid=GridRecord(crs=None, transform=(1, 0, 0, 0, 1, 0), gsd_m=0.5, width=9, height=9,
                        analysed_share=0.875) if made else None,
        registration=Registration(method="m", model="affine", tie_points=9, inliers=8, rmse_px=0.31,
                                  rmse_m=0.155, ce90_px=None, ce90_m=None, max_shift_px=None,
                                  coarse_score=None, supported_share=None) if made else None,
        built=Built(**area, destroyed_ha=2.0 if scale else None, destroyed_share=0.5)
        if made else None,
        vegetation=Vegetation(**area, lost_ha=2.0 if scale else None, lost_share=0.5,
                              gained_ha=None) if made else None,
        provenance=Provenance(version="0", options={}, command="", started="", seconds=0, peak_mb=0,
                              software={}),
    )  # fmt: skip


class FakeApi:
    """What the command line calls, without any computing."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.record = make_record()
        self.fault: BaseException | None = None

    def _note(self, name: str, *args: Any, **kwargs: Any) -> SimpleNamespace:
        self.calls.append({"name": name, "args": args, **kwargs})
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(record=self.record, folder=kwargs.get("output"))

    def run(self, *args: Any, **kwargs: Any) -> SimpleNamespace:
        return self._note("run", *args, **kwargs)

    def register(self, *args: Any, **kwargs: Any) -> SimpleNamespace:
        return self._note("register", *args, **kwargs)

    def describe(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._note("describe", *args, **kwargs)
        return {"grid": {"width": 9, "gsd_m": None}, "blocks": 1, "bands": ["red", "green"]}

    def sample_pair(self) -> tuple[Path, ...]:
        return sample_pair()

    def rebuild_report(self, folder: Path, **kwargs: Any) -> tuple[Path, tuple[Path, ...]]:
        self._note("report", folder, **kwargs)
        return folder / "report.html", (folder / "pictures" / "map.png",) * bool(kwargs["export"])

    say_next = staticmethod(say_next)
    say_result = staticmethod(say_result)
    say_truth = staticmethod(say_truth)


@pytest.fixture
def make() -> Callable[..., Record]:
    """Return a function that makes a record of a status, with or without hectares."""
    return make_record


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    api = FakeApi()
    monkeypatch.setitem(sys.modules, "changedet.api", api)  # type: ignore[arg-type]
    monkeypatch.setattr(changedet, "api", api, raising=False)
    return api


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process; return exit code, stdout and stderr."""

    def run_line(*words: object) -> Outcome:
        code = main([str(word) for word in words])
        return (code, *capsys.readouterr())

    return run_line
