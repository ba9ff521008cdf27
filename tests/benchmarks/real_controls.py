"""Real pairs in which nothing was destroyed: what is claimed all the same is a false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize, shapes
from scipy.ndimage import shift

from tests.benchmarks.buildings import Buildings, graded, peer_verdicts
from tests.benchmarks.images import Mask, opened, read_band, registration_error, write_image
from tests.benchmarks.real_cases import (
    Measure,
    class_share,
    inputs,
    note_of,
    run_pair,
    write_outlines,
)

SHIFT = 0.4
"""Columns and rows by which an image is moved against itself, pixels."""


def mexico(folder: Path, name: str, work: Path) -> Iterator[Measure]:
    """Mexico City, 2017, about 1 m: almost every building is intact.

    The chips have no georeference: run as they are with ``gsd=1``; and, with the footprints
    traced from the mask, as copies that lie on an invented grid of 1 m.
    """
    before, after = folder / "before" / name, folder / "after" / name
    mask = read_band(folder / "label_pre" / name) > 0
    record = run_pair(before, after, work / "without", gsd=1.0)
    refused = record.status == "refused"
    yield Measure(what="no outlines: refused", ours=float(refused), note=note_of(record))
    if not refused:
        share = class_share(work / "without", mask)
        yield Measure(what="no outlines: class 2 share of the building mask", ours=share)
        mapped = None if record.built is None else record.built.destroyed_share
        yield Measure(what="no outlines: class 2 share of the mapped built area", ours=mapped)
        low = None if record.built is None else record.built.low_ha
        told = None if low is None else float(low > 0)
        yield Measure(what="no outlines: loss claimed (interval above 0)", ours=told)
    yield from _mexico_with(folder, name, mask, work)


def _mexico_with(folder: Path, name: str, mask: Mask, work: Path) -> Iterator[Measure]:
    transform = Affine(1, 0, 480_000, 0, -1, 2_150_000)
    crs = "EPSG:32614"
    before, after = work / "before.tif", work / "after.tif"
    for date, path in (("before", before), ("after", after)):
        with opened(folder / date / name) as dataset:
            write_image(path, dataset.read(), crs=crs, transform=transform)
    buildings, traced = _trace(mask, read_band(folder / "label_damage" / name), transform)
    if not len(traced):
        return
    write_outlines(work / "outlines.gpkg", traced, crs)
    record = run_pair(before, after, work / "with", footprints=work / "outlines.gpkg")
    refused = record.status == "refused"
    yield Measure(what="outlines: refused", ours=float(refused), note=note_of(record))
    if refused:
        return
    verdict = graded(work / "with", buildings)
    seen = np.isfinite(verdict.score)
    intact = seen & (buildings.level == 1)
    if not intact.any():
        return
    peers = {
        given: {
            peer: float(said.damaged[intact].mean())
            for peer, said in peer_verdicts(pair, buildings)
        }
        for given, pair in inputs(before, after, work / "with", record).items()
    }
    ours = float(verdict.damaged[intact].mean())
    yield Measure(what="outlines: intact called Destroyed or Damaged", ours=ours, peers=peers)
    ours = float(verdict.destroyed[intact].mean())
    yield Measure(what="outlines: intact called Destroyed", ours=ours)


def _trace(mask: Mask, damage: np.ndarray, transform: Affine) -> tuple[Buildings, np.ndarray]:
    """Trace connected buildings of 20 pixels or more; level = worst grade over a tenth of it."""
    found = [
        shapely.geometry.shape(outline)
        for outline, _ in shapes(mask.astype(np.uint8), mask=mask, transform=transform)
    ]
    outlines = np.array([one for one in found if one.area >= 20], dtype=object)
    ids = np.arange(1, len(outlines) + 1)
    labels = np.zeros(mask.shape, np.int32)
    if len(outlines):
        pairs = list(zip(outlines, ids.tolist(), strict=True))
        labels = rasterize(pairs, out_shape=mask.shape, transform=transform, dtype="int32")
    buildings = Buildings(ids=ids, level=np.ones(len(ids), int), labels=labels)
    for grade in (2, 3, 4):
        buildings.level[buildings.mean(damage == grade) > 0.1] = grade
    return buildings, outlines


def same_date(before: Path, after: Path, work: Path) -> Iterator[Measure]:
    """Two views of one date, raw sensor geometry: all change is parallax and noise."""
    record = run_pair(before, after, work / "run", gsd=0.7)
    refused = record.status == "refused"
    yield Measure(what="refused", ours=float(refused), note=note_of(record))
    if refused:
        return
    yield Measure(what="class 2 share of the analysed ground", ours=class_share(work / "run"))
    share = None if record.built is None else record.built.destroyed_share
    yield Measure(what="class 2 share of the mapped built area", ours=share)
    rmse = None if record.registration is None else record.registration.rmse_px
    yield Measure(what="own residual, pixels", ours=rmse)


def itself(before: Path, work: Path, *, gsd: float | None) -> Iterator[Measure]:
    """An image against itself: moved by 0.4 px, brighter by 5 %, with noise of 1 % of its range."""
    after = work / "after.tif"
    values = _move(before, after)
    record = run_pair(before, after, work / "run", **({} if gsd is None else {"gsd": gsd}))
    refused = record.status == "refused"
    yield Measure(what="refused", ours=float(refused), note=note_of(record))
    if refused:
        return
    rows, cols = np.indices(values, dtype=float)
    inner = np.zeros(values, bool)
    inner[8:-8, 8:-8] = True
    truth = (cols + SHIFT, rows + SHIFT)
    errors = registration_error(before, work / "run", truth, {"all": inner})
    for key in ("median", "p95"):
        error = None if errors is None else errors["all"][key]
        yield Measure(what=f"registration error, {key}, pixels", ours=error)
    yield Measure(what="class 2 share of the analysed ground", ours=class_share(work / "run"))
    parts = (("built", "destroyed_share"), ("vegetation", "lost_share"))
    for name, key in parts:
        yield Measure(what=f"{name} {key}", ours=getattr(getattr(record, name), key, None))


def _move(source: Path, target: Path) -> tuple[int, int]:
    """Write the moved, brighter, noisy copy; return its shape."""
    with opened(source) as dataset:
        values = dataset.read().astype(np.float64)
        kind = np.dtype(dataset.dtypes[0])
        place = {} if dataset.crs is None else {"crs": dataset.crs, "transform": dataset.transform}
    scale = float(np.percentile(values, 99.5))
    moved = np.stack([shift(band, (SHIFT, SHIFT), order=3, mode="nearest") for band in values])
    noise = np.random.default_rng(0).normal(0, 0.01 * scale, moved.shape)
    moved = np.clip(1.05 * moved + noise, 0, np.iinfo(kind).max).round().astype(kind)
    write_image(target, moved, **place)
    return values.shape[1], values.shape[2]
