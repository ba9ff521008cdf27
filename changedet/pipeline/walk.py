"""The walk over a pair, from two paths to a record and the files of its result folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from changedet import __version__
from changedet.core.errors import Finding, NotComparable
from changedet.core.grid import Grid
from changedet.core.options import RunOptions
from changedet.decide.comparable import check_plan, check_registration, check_seen
from changedet.io.places import lonlat_bounds
from changedet.io.raster import inspect_raster
from changedet.io.sources import Pair, open_pair
from changedet.io.vector import Outlines, read_polygons
from changedet.pipeline import outputs, record
from changedet.pipeline.apply import Rules
from changedet.pipeline.fit import fit_plan
from changedet.pipeline.grading import (
    Grading,
    grade_footprints,
    is_built_seen,
    make_rules,
)
from changedet.pipeline.plan import Plan, ScoreHistogram
from changedet.pipeline.plants import has_burn_ratio
from changedet.pipeline.prepare import align_pair, check_outlines
from changedet.pipeline.registered import write_registration
from changedet.pipeline.scene import Scene, pick_zoom
from changedet.pipeline.vegetation_record import floor_record, lost_pixels, vegetation_record
from changedet.quantify.areas import Tally, share
from changedet.quantify.buildings import Assessment
from changedet.quantify.seasons import check_leaves
from changedet.register.alignment import Alignment
from changedet.result import Cell, Inputs, Record

Progress = Callable[[str, float], None]
"""Takes the name of a stage and the fraction of it that is done."""


def no_progress(stage: str, fraction: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outcome:
    """What a walk leaves beside its files: the record, and what only the report draws."""

    record: Record
    scene: Scene | None = None
    histograms: tuple[ScoreHistogram, ...] = ()
    outlines: Outlines | None = None
    assessment: Assessment | None = None
    areas_m2: np.ndarray | None = None


@dataclass(slots=True)
class _Run:
    """What is the same for the whole of one walk."""

    options: RunOptions
    folder: Path
    executor: Executor | None
    progress: Progress
    command: str
    styles: Mapping[str, str]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """Return the provenance that every raster carries."""
        return {
            "SOFTWARE": f"changedet {__version__}",
            "BEFORE_SHA256": inputs.before.sha256,
            "AFTER_SHA256": inputs.after.sha256,
        }

    def walk(self, scene: Scene, work: Path, inputs: Inputs) -> outputs.Walk:
        """Return what every walk over the blocks of a scene needs."""
        return outputs.Walk(
            scene=scene,
            work=work,
            block_size=self.options.block_size,
            executor=self.executor,
            ahead=max(4, self.options.jobs + 1),
            tags=self.tags(inputs),
        )

    def on(self, stage: str) -> Callable[[float], None]:
        """Return the progress of one stage."""
        return lambda fraction: self.progress(stage, fraction)


def run_pair(
    before: str | Path,
    after: str | Path,
    *,
    options: RunOptions,
    folder: Path,
    executor: Executor | None = None,
    progress: Progress = no_progress,
    command: str = "",
    styles: Mapping[str, str] | None = None,
) -> Outcome:
    """Compare two images and write maps and layers into ``folder``.

    Parameters
    ----------
    before, after : path-like
        Image files.
    options : RunOptions
        All wishes.
    folder : Path
        A staging folder; after a refusal nothing is written into it.
    executor : concurrent.futures.Executor, optional
        Blocks are computed on it.
    progress : callable
        See :data:`Progress`.
    command : str
        For the provenance.
    styles : mapping of str to str, optional
        QML text by layer, put into the GeoPackage.

    Returns
    -------
    Outcome
        With ``record.status == "refused"`` where the pair must not be compared.

    Raises
    ------
    InputError
        Where a file cannot be used.
    """
    run = _Run(options, folder, executor, progress, command, styles or {})
    try:
        with open_pair(before, after, options) as pair:
            return _walk(pair, run)
    except NotComparable as refusal:
        return _refuse(refusal, before, after, run)


def _refuse(refusal: NotComparable, before: str | Path, after: str | Path, run: _Run) -> Outcome:
    """Return the outcome of a pair that was found not comparable halfway."""
    options = run.options
    finding = Finding(code=refusal.code, message=str(refusal), severity="refuse")
    rasters = [
        inspect_raster(path, role=role, bands=options.bands, allow_driver=options.allow_driver)
        for path, role in ((before, "before"), (after, "after"))
    ]
    inputs = record.inputs_record(rasters[0], rasters[1], options)
    for path in run.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return Outcome(record=_refused(run, inputs, (finding,), None))


def register_pair(
    before: str | Path,
    after: str | Path,
    *,
    options: RunOptions,
    folder: Path,
    executor: Executor | None = None,
    progress: Progress = no_progress,
    command: str = "",
    styles: Mapping[str, str] | None = None,
) -> Outcome:
    """Bring AFTER onto BEFORE and write the aligned image and the correspondence; see run_pair."""
    run = _Run(options, folder, executor, progress, command, styles or {})
    try:
        with open_pair(before, after, options) as pair:
            return _register(pair, run)
    except NotComparable as refusal:
        return _refuse(refusal, before, after, run)


def _register(pair: Pair, run: _Run) -> Outcome:
    options, grid = run.options, pair.grid
    inputs = record.inputs_record(pair.before, pair.after, options)
    scene, findings = _align(pair, run, inputs)
    if isinstance(scene, Record):
        return Outcome(record=scene)
    outputs.write_aligned(run.walk(scene, run.folder, inputs), report=run.on("warp"))
    layers = [outputs.source_layer(scene, inputs)]
    outputs.write_rest(scene, run.folder, layers, styles=run.styles)
    write_registration(scene, run.folder)
    made = Record(
        status=record.resolve_status(findings, force=options.force),
        title=_title(options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        inputs=inputs,
        grid=record.grid_record(grid, None),
        registration=record.registration_record(scene.alignment, grid.gsd_m),
        provenance=record.provenance_record(options, run.command, run.started, __version__),
    )
    return Outcome(record=made, scene=scene)


def _align(pair: Pair, run: _Run, inputs: Inputs) -> tuple[Scene | Record, tuple[Finding, ...]]:
    """Return the scene of an aligned pair, or the record of a refusal; and what was found."""
    options, findings = run.options, pair.findings
    if _stops(findings, options):
        return _refused(run, inputs, findings, None), findings
    run.progress("register", 0.0)
    alignment = align_pair(pair, options, executor=run.executor)
    run.progress("register", 1.0)
    findings += alignment.findings
    if not alignment.refused:
        findings += check_registration(
            rmse_px=alignment.rmse_px, supported_share=alignment.supported_share
        )
    if _stops(findings, options):
        return _refused(run, inputs, findings, alignment), findings
    scene = Scene(
        before=pair.before,
        after=pair.after,
        grid=pair.grid,
        alignment=alignment,
        zoom=pick_zoom(alignment, pair.grid),
    )
    return scene, findings


def _walk(pair: Pair, run: _Run) -> Outcome:
    options = run.options
    wanted = {"aoi": options.aoi, "footprints": options.footprints}
    read = {
        what: read_polygons(path, grid=pair.grid, what=what)
        for what, path in wanted.items()
        if path is not None
    }
    said = tuple(finding for what in read for finding in check_outlines(read[what], what=what))
    pair = replace(pair, findings=pair.findings + said)
    outlines = read.get("footprints")
    aoi = tuple(read["aoi"].geometries) if "aoi" in read else ()
    inputs = record.inputs_record(pair.before, pair.after, options)
    scene, findings = _align(pair, run, inputs)
    if isinstance(scene, Record):
        return Outcome(record=scene)
    footprints = () if outlines is None else tuple(outlines.geometries)
    scene = replace(scene, aoi=aoi, footprints=footprints)
    return _compare(scene, run, inputs, findings, outlines)


def _stops(findings: tuple[Finding, ...], options: RunOptions) -> bool:
    return record.resolve_status(findings, force=options.force) == "refused"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Decided:
    """What both walks over the blocks left."""

    grading: Grading
    rules: Rules
    tally: Tally
    built_seen: bool
    """False where the pixels are too large to see buildings."""

    @property
    def plan(self) -> Plan:
        """The plan, with the null that was decided with."""
        return self.grading.plan

    def check(self) -> tuple[Finding, ...]:
        """Judge whether lost and kept could be told apart."""
        return check_plan(
            separable=self.plan.null.separable,
            built_pixels=self.tally.total("built") if self.built_seen else None,
            correlations={role: line.correlation for role, line in self.plan.lines},
            colour=self.plan.vegetation is not None,
            plants_judged=self.rules.plants_judged,
        )


def _compare(
    scene: Scene,
    run: _Run,
    inputs: Inputs,
    findings: tuple[Finding, ...],
    outlines: Outlines | None,
) -> Outcome:
    options = run.options
    run.progress("fit", 0.0)
    plan, histograms = fit_plan(scene, executor=run.executor)
    run.progress("fit", 1.0)
    work = run.folder / ".walk"
    work.mkdir()
    walk = run.walk(scene, work, inputs)
    paths, sums = outputs.write_evidence(walk, plan, report=run.on("evidence"))
    grading = grade_footprints(scene, plan, sums, options)
    rules = make_rules(scene, grading, options)
    tally = outputs.write_classes(walk, rules, paths, report=run.on("decide"))
    findings += check_seen(tally.total("analysed"), tally.total("inside"))
    if _stops(findings, options):
        _remove(work)
        return Outcome(record=_refused(run, inputs, findings, scene.alignment))
    built_seen = is_built_seen(plan)
    decided = _Decided(grading=grading, rules=rules, tally=tally, built_seen=built_seen)
    findings += decided.check()
    run.progress("write", 0.0)
    outputs.finish_maps(paths, run.folder / "maps")
    _remove(work)
    run.progress("write", 0.5)
    cells = _write_layers(scene, run, inputs, decided, outlines)
    run.progress("write", 1.0)
    return Outcome(
        record=_record(scene, run, inputs, findings=findings, decided=decided, cells=cells),
        scene=scene,
        histograms=histograms,
        outlines=outlines,
        assessment=grading.assessment,
        areas_m2=grading.areas_m2,
    )


def _write_layers(
    scene: Scene, run: _Run, inputs: Inputs, decided: _Decided, outlines: Outlines | None
) -> tuple[Cell, ...]:
    """Write correspondence and GeoPackage; return the cells, which the record holds too."""
    grading, rules = decided.grading, decided.rules
    cells = outputs.cell_records(
        decided.tally,
        rules.cells,
        scene.grid,
        built_seen=decided.built_seen,
        plants_seen=decided.plan.vegetation is not None,
        judged=rules.plants_judged,
        plants_lost=lost_pixels(decided.tally, decided.plan),
    )
    layers = [
        outputs.cell_layer(cells, scene.grid, rules.cells),
        outputs.aoi_layer(scene),
        outputs.source_layer(scene, inputs),
    ]
    if outlines is not None and grading.assessment is not None:
        layers.append(outputs.building_layer(outlines, grading.assessment, grading.areas_m2))
    else:
        layers.append(outputs.no_building_layer())
    outputs.write_rest(scene, run.folder, layers, styles=run.styles)
    return cells


def _record(
    scene: Scene,
    run: _Run,
    inputs: Inputs,
    *,
    findings: tuple[Finding, ...],
    decided: _Decided,
    cells: tuple[Cell, ...],
) -> Record:
    options, grid = run.options, scene.grid
    plan, rules, tally = decided.plan, decided.rules, decided.tally
    analysed = share(tally.total("analysed"), tally.total("inside"))
    return Record(
        status=record.resolve_status(findings, force=options.force),
        title=_title(options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        inputs=inputs,
        grid=record.grid_record(grid, analysed),
        registration=record.registration_record(scene.alignment, grid.gsd_m),
        radiometry=record.radiometry_record(plan),
        thresholds=plan.describe_thresholds()
        | {"minimum_built_px": rules.min_built, "minimum_vegetation_px": rules.min_plants}
        | floor_record(tally, plan),
        null=plan.describe_null(),
        built=record.built_record(
            tally, plan, grid, footprints=scene.has_footprints, seen=decided.built_seen
        ),
        vegetation=vegetation_record(
            tally,
            plan,
            grid,
            judged=rules.plants_judged,
            bare=check_leaves(inputs.before.date, inputs.after.date, latitude=_latitude(grid)),
            burn_ratio=has_burn_ratio(scene),
        ),
        buildings=record.buildings_record(decided.grading.assessment),
        cells=cells,
        not_observable_share=round(1 - analysed, 6),
        provenance=record.provenance_record(options, run.command, run.started, __version__),
    )


def _latitude(grid: Grid) -> float | None:
    bounds = lonlat_bounds(grid)
    return None if bounds is None else (bounds[1] + bounds[3]) / 2


def _remove(work: Path) -> None:
    for path in work.iterdir():
        path.unlink()
    work.rmdir()


def _title(options: RunOptions, inputs: Inputs) -> str:
    return options.title or f"{Path(inputs.before.path).name} / {Path(inputs.after.path).name}"


def _refused(
    run: _Run, inputs: Inputs, findings: tuple[Finding, ...], alignment: Alignment | None
) -> Record:
    """Return the record of a refusal: reasons, and no area anywhere."""
    registration = None
    if alignment is not None:
        registration = record.registration_record(alignment, alignment.gsd_m)
    return Record(
        status="refused",
        title=_title(run.options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        inputs=inputs,
        registration=registration,
        provenance=record.provenance_record(run.options, run.command, run.started, __version__),
    )
