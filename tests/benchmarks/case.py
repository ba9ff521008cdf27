"""One simulated case: make it, run the main job on it, compare with the truth."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyogrio.raw

from changedet.result import AreaRecord, Record
from tests.benchmarks.buildings import (
    BUILT_DESTROYED,
    LEVELS,
    Buildings,
    graded,
    judge,
    mapped,
    peer_verdicts,
)
from tests.benchmarks.images import (
    Mask,
    Pair,
    opened,
    pair_aligned,
    pair_as_given,
    pair_by_truth,
    read_band,
    registration_error,
)
from tests.benchmarks.metrics import Array, is_inside, relative_bias
from tests.benchmarks.table import plain

SEEN_ENOUGH = 0.1
"""Share of BEFORE that AFTER must show; below it a refusal is due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is simulated, and what is measured on it."""

    preset: str
    seed: int
    prevalence: float | None = None
    """Share of buildings destroyed; None for the preset's own."""
    size: int = 1000
    """Side, pixels."""
    modes: tuple[str, ...] = ("with", "without")
    """With and without footprints; none for the peers alone."""
    peers: bool = True
    keep: Path | None = None
    """Where the case and its results are kept."""

    @property
    def name(self) -> str:
        """Return what the case is called in tables and folders."""
        share = "own" if self.prevalence is None else f"{self.prevalence:g}"
        return f"{self.preset}-{share}-{self.seed}-{self.size}px"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truth:
    """What the simulator knows about a case."""

    folder: Path
    facts: dict[str, Any]
    classes: np.ndarray
    buildings: Buildings
    to_after: tuple[Array, Array]

    @property
    def placed(self) -> bool:
        """Say whether the images have a georeference (then footprints can be given)."""
        return self.facts["grid"]["crs"] is not None

    @property
    def ground(self) -> dict[str, Mask]:
        """Return where registration is judged."""
        seen = self.classes != 0
        return {"seen": seen, "stable": seen & ~np.isin(self.classes, (2, 4))}


def read_truth(folder: Path) -> Truth:
    """Read the truth of a simulated folder."""
    meta, _, _, values = pyogrio.raw.read(
        folder / "footprints.gpkg", layer="footprints", columns=["id", "grade"], read_geometry=False
    )
    columns = dict(zip(map(str, meta["fields"]), values, strict=True))
    ids = columns["id"].astype(np.int64)
    burnt = read_band(folder / "truth_buildings.tif").astype(np.int64)
    number = np.zeros(int(max(ids.max(initial=0), burnt.max(initial=0))) + 1, np.int32)
    number[ids] = np.arange(1, len(ids) + 1)
    path = folder / "truth_correspondence.tif"
    return Truth(
        folder=folder,
        facts=json.loads((folder / "truth.json").read_text("utf-8")),
        classes=read_band(folder / "truth_classes.tif"),
        buildings=Buildings(
            ids=ids,
            level=np.array([LEVELS.get(str(grade), 0) for grade in columns["grade"]]),
            labels=number[burnt],
        ),
        to_after=(read_band(path, 1).astype(np.float64), read_band(path, 2).astype(np.float64)),
    )


def run_case(case: Case) -> dict[str, Any]:
    """Return the row of a case; where it fails, a row that says how."""
    row: dict[str, Any] = {
        "case": case.name,
        "preset": case.preset,
        "seed": case.seed,
        "prevalence": case.prevalence,
        "size": case.size,
        "error": None,
    }
    start = time.perf_counter()
    try:
        with _place(case) as folder:
            _simulate(case, folder / "pair")
            row |= _measure_case(case, read_truth(folder / "pair"), folder)
    except Exception as error:  # noqa: BLE001 - a case that fails is a row, not the end
        row["error"] = f"{type(error).__name__}: {error}"
        row["traceback"] = traceback.format_exc()
    row["seconds"] = round(time.perf_counter() - start, 1)
    result: dict[str, Any] = plain(row)
    return result


@contextmanager
def _place(case: Case) -> Iterator[Path]:
    if case.keep is None:
        with TemporaryDirectory(prefix="changedet-bench-") as temporary:
            yield Path(temporary)
    else:
        folder = case.keep / case.name
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def _simulate(case: Case, folder: Path) -> None:
    if (folder / "truth.json").is_file():  # kept from a run before
        return
    import changedet

    changedet.simulate(
        folder,
        preset=case.preset,
        seed=case.seed,
        width=case.size,
        height=case.size,
        prevalence=case.prevalence,
    )


def _measure_case(case: Case, truth: Truth, folder: Path) -> dict[str, Any]:
    modes = [mode for mode in case.modes if mode != "with" or truth.placed]
    row: dict[str, Any] = {"truth": truth.facts, "runs": {}, "peers": {}}
    record, judged, last = None, None, folder
    for mode in modes:
        output = folder / mode
        record, cpu = _run(truth, output, footprints=mode == "with")
        figures = _measure_run(record, output, truth, footprints=mode == "with")
        row["runs"][mode] = figures | {"cpu_s": round(cpu, 2)}
        last = output
        if mode == "with" and record.status != "refused":
            judged = np.isfinite(graded(output, truth.buildings).score)
    if case.peers:
        for name, pair in _peer_inputs(truth, last, record):
            row["peers"][name] = {
                peer: judge(verdict, truth.buildings, among=judged)
                for peer, verdict in peer_verdicts(pair, truth.buildings)
            }
    return row


def _run(truth: Truth, output: Path, *, footprints: bool) -> tuple[Record, float]:
    import changedet

    start = time.process_time()
    result = changedet.run(
        truth.folder / "before.tif",
        truth.folder / "after.tif",
        output=output,
        overwrite=True,
        footprints=truth.folder / "footprints.gpkg" if footprints else None,
    )
    return result.record, time.process_time() - start


def _peer_inputs(truth: Truth, folder: Path, record: Record | None) -> Iterator[tuple[str, Pair]]:
    """Yield AFTER as given and as aligned by us; perfectly aligned where there was no run."""
    before, after = truth.folder / "before.tif", truth.folder / "after.tif"
    yield "given", pair_as_given(before, after, record)
    if record is None:
        yield "perfect", pair_by_truth(before, after, truth.to_after)
        return
    aligned = pair_aligned(before, folder, record)
    if aligned is not None:
        yield "aligned", aligned


def _measure_run(record: Record, folder: Path, truth: Truth, *, footprints: bool) -> dict[str, Any]:
    refused = record.status == "refused"
    figures: dict[str, Any] = {
        "status": record.status,
        "refusals": [note.code for note in record.refusals],
        "warnings": [note.code for note in record.warnings],
        "refusal_due": float((truth.classes != 0).mean()) < SEEN_ENOUGH,
    }
    if refused:
        return figures
    before = truth.folder / "before.tif"
    figures["epe_px"] = registration_error(before, folder, truth.to_after, truth.ground)
    if record.registration is not None:
        figures["own_rmse_px"] = record.registration.rmse_px
    figures["built"] = _area(record.built, truth.facts, "built", "destroyed")
    figures["vegetation"] = _area(record.vegetation, truth.facts, "vegetation", "lost")
    verdict = (graded if footprints else mapped)(folder, truth.buildings)
    if verdict is not None:
        figures["buildings"] = judge(verdict, truth.buildings)
    figures["mapped_share"] = _mapped_share(folder, truth)
    return figures


def _area(
    part: AreaRecord | None, facts: dict[str, Any], what: str, event: str
) -> dict[str, Any] | None:
    """Compare one of the two areas with the truth: hectares, or shares where no scale is known."""
    if part is None:
        return None
    share = facts["shares"][f"{what}_{event}"]
    in_ha = part.before_ha is not None
    if in_ha:
        true = facts["hectares"][f"{what}_{event}"]
        found, low, high = getattr(part, f"{event}_ha"), part.low_ha, part.high_ha
    else:
        true, found = share, getattr(part, f"{event}_share")
        low, high = part.low_share, part.high_share
    found_share = getattr(part, f"{event}_share")
    return {
        "unit": "ha" if in_ha else "share",
        "truth": true,
        "found": found,
        "low": low,
        "high": high,
        "inside": is_inside(low, true, high),
        "bias": relative_bias(found, true),
        "before_bias": relative_bias(part.before_ha, facts["hectares"][f"{what}_before"]),
        "truth_share": share,
        "found_share": found_share,
        "low_share": part.low_share,
        "high_share": part.high_share,
        "points": None if found_share is None else found_share - share,
        "separable": part.separable,
    }


def _mapped_share(folder: Path, truth: Truth) -> float | None:
    """Return the share of the true built ground that the map calls destroyed."""
    with opened(folder / "maps" / "classes.tif") as dataset:
        classes = dataset.read(1)
    built = truth.buildings.labels > 0
    if classes.shape != built.shape:
        return None
    seen = built & (classes != 0)
    return float((classes[seen] == BUILT_DESTROYED).mean()) if seen.any() else None
