"""The real pairs, one function each: run the main job and yield what was measured.

None of these pairs has a ground truth of destruction that was checked in the field; each
function says what its reference is. A measure is a :class:`Measure`, with the peers on the same
images where that makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from rasterio.features import rasterize

from changedet.result import Record
from tests.benchmarks import metrics
from tests.benchmarks.buildings import (
    BUILT_DESTROYED,
    Buildings,
    graded,
    judge,
    peer_maps,
    peer_verdicts,
)
from tests.benchmarks.images import (
    Pair,
    opened,
    pair_aligned,
    pair_as_given,
    read_band,
    read_unit,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One number on one pair, and the same of the peers.

    Parameters
    ----------
    what : str
        The measure.
    ours : float or None
        None where it could not be measured, such as after a refusal.
    peers : mapping of str to mapping of str to float
        By input (``given``, ``aligned``) and name.
    note : str
        Such as the reason of a refusal.
    """

    what: str
    ours: float | None
    peers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    note: str = ""


def run_pair(before: Path, after: Path, output: Path, **wishes: Any) -> Record:
    """Run the main job with a fresh result folder."""
    import changedet

    return changedet.run(before, after, output=output, overwrite=True, **wishes).record


def note_of(record: Record) -> str:
    """Return status and reasons of a run."""
    codes = [note.code for note in (*record.refusals, *record.warnings)]
    return record.status + (f" ({', '.join(codes)})" if codes else "")


def inputs(before: Path, after: Path, folder: Path, record: Record) -> dict[str, Pair]:
    """Return what the peers are given: the pair as delivered, and as we aligned it."""
    pairs = {"given": pair_as_given(before, after, record)}
    aligned = pair_aligned(before, folder, record)
    return pairs if aligned is None else pairs | {"aligned": aligned}


def class_share(folder: Path, where: np.ndarray | None = None) -> float:
    """Return the share of the analysed ground (in ``where``) that is destroyed built area."""
    classes = read_band(folder / "maps" / "classes.tif")
    seen = classes != 0 if where is None else (classes != 0) & where
    return float((classes[seen] == BUILT_DESTROYED).mean()) if seen.any() else float("nan")


def evidence(folder: Path, *names: str) -> np.ndarray:
    """Return the largest of the named maps of evidence, NaN where none is known."""
    maps = [read_unit(folder / "maps" / f"{name}.tif") for name in names]
    return np.asarray(np.fmax.reduce(maps))


def peer_pixels(
    pairs: Mapping[str, Pair], changed: np.ndarray, known: np.ndarray
) -> dict[str, Any]:
    """Return AP and F1 of every peer against a pixel label, by input."""
    found: dict[str, Any] = {"ap": {}, "f1": {}}
    for given, pair in pairs.items():
        for figures in found.values():
            figures[given] = {}
        for name, score, called in peer_maps(pair):
            found["ap"][given][name] = metrics.average_precision(score[known], changed[known])
            found["f1"][given][name] = metrics.f1(called[known], changed[known])
    return found


def write_outlines(path: Path, shapes: np.ndarray, crs: str) -> np.ndarray:
    """Write polygons, geometry and a running ``id`` alone; return the ids."""
    ids = np.arange(1, len(shapes) + 1)
    pyogrio.raw.write(
        path,
        np.array(shapely.to_wkb(shapes), dtype=object),
        [ids],
        ["id"],
        layer="footprints",
        driver="GPKG",
        geometry_type="Polygon",
        crs=crs,
    )
    return ids


def joplin(folder: Path, work: Path) -> Iterator[Measure]:
    """Tornado, 2011. Reference: the grades of a strong supervised model, not truth."""
    before, after = folder / "before.tif", folder / "after.tif"
    with opened(before) as grid:
        crs, transform, shape = grid.crs.to_string(), grid.transform, grid.shape
    _, _, wkb, values = pyogrio.raw.read(folder / "footprints_model_grades.gpkg", columns=["dmg"])
    shapes, level = shapely.from_wkb(wkb), values[0].astype(int)
    large = shapely.area(shapes) >= 20
    shapes, level = shapes[large], level[large]
    ids = write_outlines(work / "outlines.gpkg", shapes, crs)
    labels = rasterize(
        list(zip(shapes, ids.tolist(), strict=True)),
        out_shape=shape,
        transform=transform,
        dtype="int32",
    )
    buildings = Buildings(ids=ids, level=level, labels=labels)
    record = run_pair(before, after, work / "with", footprints=work / "outlines.gpkg")
    yield from _joplin_with(record, before, after, work / "with", buildings)
    record = run_pair(before, after, work / "without")
    note = note_of(record)
    if record.status == "refused":
        yield Measure(what="no outlines: class 2 in grade 4 minus grade 1", ours=None, note=note)
        return
    own = np.append(0, level)[labels]
    lost, intact = (class_share(work / "without", own == grade) for grade in (4, 1))
    yield Measure(what="no outlines: class 2 in grade 4", ours=lost, note=note)
    yield Measure(what="no outlines: class 2 in grade 1", ours=intact)
    yield Measure(what="no outlines: class 2 in grade 4 minus grade 1", ours=lost - intact)


def _joplin_with(
    record: Record, before: Path, after: Path, folder: Path, buildings: Buildings
) -> Iterator[Measure]:
    words = {
        "auc": "AUC, grade 4 v 1",
        "auc_rest": "AUC, grade 4 v rest",
        "ap": "AP, grade 4 v rest",
        "f1": "F1 of Destroyed, grade 4 v rest",
        "area_ratio": "area Destroyed over area of grade 4",
        "false_alarms": "grade 1 called Destroyed or Damaged",
        "kappa": "quadratic kappa of the grades",
    }
    note = note_of(record)
    if record.status == "refused":
        yield Measure(what=words["auc"], ours=None, note=note)
        return
    verdict = graded(folder, buildings)
    seen = np.isfinite(verdict.score)
    ours = judge(verdict, buildings)
    theirs = {
        given: {
            name: judge(said, buildings, among=seen)
            for name, said in peer_verdicts(pair, buildings)
        }
        for given, pair in inputs(before, after, folder, record).items()
    }
    yield Measure(what="footprints graded, share", ours=float(seen.mean()), note=note)
    for grade in (1, 4):
        count = float((buildings.level[seen] == grade).sum())
        yield Measure(what=f"footprints of grade {grade} among them", ours=count)
    for key, what in words.items():
        peers = {
            given: {name: figures[key] for name, figures in methods.items() if key in figures}
            for given, methods in theirs.items()
        }
        yield Measure(what=what, ours=ours[key], peers=peers)


def taizhou(folder: Path, work: Path) -> Iterator[Measure]:
    """Landsat, 2000 and 2003. Reference: labelled pixels, any change."""
    before, after = folder / "before.tif", folder / "after.tif"
    label = read_band(folder / "label.png")
    # Landsat's bands 1-5 and 7, which the files do not name.
    bands = {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}
    record = run_pair(before, after, work / "run", bands=bands)
    yield from _any_change(record, before, after, work / "run", label, names=("pixel_change",))


def levir(folder: Path, name: str, work: Path) -> Iterator[Measure]:
    """Construction over years, 0.5 m. Reference: pixels of buildings that came or went."""
    before, after = folder / "before" / name, folder / "after" / name
    label = read_band(folder / "label" / name)
    record = run_pair(before, after, work / "run", gsd=0.5)
    yield from _any_change(record, before, after, work / "run", label, names=("pixel_change",))
    if record.status != "refused":
        names = ("pixel_change", "structural_change")
        ours = metrics.average_precision(evidence(work / "run", *names), label == 255)
        yield Measure(what=f"AP of {' or '.join(names)}, any change", ours=ours)


def _any_change(
    record: Record, before: Path, after: Path, folder: Path, label: np.ndarray, *, names: Any
) -> Iterator[Measure]:
    """Compare evidence and classes with a label: 255 changed, 0 unchanged, else unknown."""
    what, note = f"AP of {' or '.join(names)}, any change", note_of(record)
    if record.status == "refused":
        yield Measure(what=what, ours=None, note=note)
        return
    changed, known = label == 255, (label == 255) | (label == 0)
    peers = peer_pixels(inputs(before, after, folder, record), changed, known)
    score = evidence(folder, *names)
    ours = metrics.average_precision(score[known], changed[known])
    yield Measure(what="share changed", ours=float(changed[known].mean()))
    yield Measure(what=what, ours=ours, peers=peers["ap"], note=note)
    ours = metrics.f1(evidence(folder, *names)[known] > 0.5, changed[known])
    yield Measure(what=f"F1 of {' or '.join(names)} above 0.5", ours=ours)
    called = read_band(folder / "maps" / "classes.tif") >= BUILT_DESTROYED
    ours = metrics.f1(called[known], changed[known])
    yield Measure(what="F1 of classes 2-5, any change", ours=ours, peers=peers["f1"])
