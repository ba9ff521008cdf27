"""The walk over a pair, from two paths to a record and the files of its result folder."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from changedet import __version__
from changedet.core.errors import Finding, NotComparable
from changedet.core.grid import Grid
from changedet.core.options import RunOptions
from changedet.decide.comparable import (
    check_colours,
    check_observable,
    check_plan,
    check_registration,
    check_seen,
)
from changedet.io.formats import StrPath
from changedet.io.places import lonlat_bounds
from changedet.io.raster import inspect_raster
from changedet.io.sources import Pair, open_pair
from changedet.io.vector import Layer, Outlines, read_polygons
from changedet.pipeline import outputs, record
from changedet.pipeline.apply import Rules
from changedet.pipeline.checking import (
    alignment_facts,
    check_images,
    checks_record,
    early_facts,
    image_facts,
    least_correlation,
    pair_facts,
)
from changedet.pipeline.control import read_control
from changedet.pipeline.fit import fit_plan
from changedet.pipeline.found import found_layers
from changedet.pipeline.grading import (
    Grading,
    grade_footprints,
    is_built_seen,
    make_rules,
)
from changedet.pipeline.observe import observe
from changedet.pipeline.outcome import Outcome, Progress, Run, no_progress, refused, stops
from changedet.pipeline.outlining import (
    Laid,
    Outlining,
    align_outlines,
    footprints_record,
    on_roofs,
)
from changedet.pipeline.plan import Plan, ScoreHistogram
from changedet.pipeline.plants import has_burn_ratio
from changedet.pipeline.prepare import align_pair, check_outlines
from changedet.pipeline.registered import write_registration
from changedet.pipeline.scene import Scene, pick_zoom
from changedet.pipeline.vegetation_record import floor_record, lost_pixels, vegetation_record
from changedet.quantify.areas import Tally, share
from changedet.quantify.seasons import check_leaves
from changedet.result import Cell, Inputs, Record


def run_pair(
    before: StrPath,
    after: StrPath,
    *,
    options: RunOptions,
    folder: Path,
    executor: Executor | None = None,
    progress: Progress = no_progress,
    command: str = "",
    styles: Mapping[str, str] | None = None,
    keep: Path | None = None,
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
    keep : Path, optional
        Where alignment and plan are kept until the result is whole, and looked for first.

    Returns
    -------
    Outcome
        With ``record.status == "refused"`` where the pair must not be compared.

    Raises
    ------
    InputError
        Where a file cannot be used.
    """
    run = Run(options, folder, executor, progress, command, styles or {}, keep)
    try:
        with open_pair(before, after, options) as pair:
            return _walk(pair, run)
    except NotComparable as refusal:
        return _refuse(refusal, before, after, run)


def _refuse(refusal: NotComparable, before: StrPath, after: StrPath, run: Run) -> Outcome:
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
    facts = image_facts(rasters[0], rasters[1], options)
    return Outcome(record=refused(run, inputs, (finding,), None, facts))


def register_pair(
    before: StrPath,
    after: StrPath,
    *,
    options: RunOptions,
    folder: Path,
    executor: Executor | None = None,
    progress: Progress = no_progress,
    command: str = "",
    styles: Mapping[str, str] | None = None,
) -> Outcome:
    """Bring AFTER onto BEFORE and write the aligned image and the correspondence; see run_pair."""
    run = Run(options, folder, executor, progress, command, styles or {}, compares=False)
    try:
        with open_pair(before, after, options) as pair:
            return _register(pair, run)
    except NotComparable as refusal:
        return _refuse(refusal, before, after, run)


def _register(pair: Pair, run: Run) -> Outcome:
    options, grid = run.options, pair.grid
    inputs = record.inputs_record(pair.before, pair.after, options)
    scene, findings = _align(pair, run, inputs)
    if isinstance(scene, Record):
        return Outcome(record=scene)
    outputs.write_aligned(run.walk(scene, run.folder, inputs), report=run.on("warp"))
    layers = [outputs.source_layer(scene, inputs)]
    outputs.write_rest(scene, run.folder, layers, styles=run.styles)
    write_registration(scene, run.folder)
    facts = image_facts(pair.before, pair.after, options) | alignment_facts(scene.alignment)
    made = Record(
        status=record.resolve_status(findings, force=options.force),
        title=record.title_of(options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        checks=checks_record(findings, facts, options, compares=False),
        inputs=inputs,
        grid=record.grid_record(grid, None),
        registration=record.registration_record(scene.alignment, grid.gsd_m),
        provenance=record.provenance_record(options, run.command, run.started, __version__),
    )
    return Outcome(record=made, scene=scene)


def _align(pair: Pair, run: Run, inputs: Inputs) -> tuple[Scene | Record, tuple[Finding, ...]]:
    """Return the scene of an aligned pair, or the record of a refusal; and what was found."""
    options, findings = run.options, pair.findings
    facts = image_facts(pair.before, pair.after, options)
    if stops(findings, options):
        return refused(run, inputs, findings, None, facts), findings
    run.progress("register", 0.0)
    alignment = run.stages().of(
        "alignment",
        lambda: align_pair(pair, options, executor=run.executor),
        inputs=inputs,
        options=options,
    )
    run.progress("register", 1.0)
    findings += alignment.findings
    if not alignment.refused:
        findings += check_registration(
            rmse_px=alignment.rmse_px,
            supported_share=alignment.supported_share,
            most_px=options.decide.max_residual_px if run.compares else math.inf,
        )
    if stops(findings, options):
        return refused(run, inputs, findings, alignment, facts), findings
    scene = Scene(
        before=pair.before,
        after=pair.after,
        grid=pair.grid,
        alignment=alignment,
        zoom=pick_zoom(alignment, pair.grid),
    )
    return scene, findings


def _walk(pair: Pair, run: Run) -> Outcome:
    options = run.options
    wanted = {"aoi": options.aoi, "footprints": options.footprints}
    read = {
        what: read_polygons(path, grid=pair.grid, what=what)
        for what, path in wanted.items()
        if path is not None
    }
    said = tuple(finding for what in read for finding in check_outlines(read[what], what=what))
    said += check_images(pair.before, pair.after, options)
    pair = replace(pair, findings=pair.findings + said)
    outlines = read.get("footprints")
    aoi = tuple(read["aoi"].geometries) if "aoi" in read else ()
    inputs = record.inputs_record(pair.before, pair.after, options)
    scene, findings = _align(pair, run, inputs)
    if isinstance(scene, Record):
        return Outcome(record=scene)
    footprints = () if outlines is None else tuple(outlines.geometries)
    scene = replace(scene, aoi=aoi, footprints=footprints)
    if outlines is None:
        return _compare(scene, run, inputs, findings, None)
    outlining = Outlining()
    if options.decide.align_footprints:
        run.progress("outlines", 0.0)
        scene, outlining = align_outlines(scene, executor=run.executor)
        run.progress("outlines", 1.0)
    laid = Laid(outlines=on_roofs(outlines, scene), outlining=outlining)
    return _compare(scene, run, inputs, findings + outlining.check(), laid)


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
            samples=self.plan.null.samples,
            correlations={role: line.correlation for role, line in self.plan.lines},
            colour=self.plan.vegetation is not None,
            plants_judged=self.rules.plants_judged,
        )


def _compare(
    scene: Scene,
    run: Run,
    inputs: Inputs,
    findings: tuple[Finding, ...],
    laid: Laid | None,
) -> Outcome:
    options = run.options
    work = run.folder / ".walk"
    work.mkdir()
    run.progress("fit", 0.0)
    observed = observe(scene, work / "observed.tif", executor=run.executor)
    scene = replace(scene, observed=observed)
    findings += check_observable(
        observed.shares, colour=observed.colour, thin_decided=observed.thin_decided
    )
    if stops(findings, options):
        _remove(work)
        facts = early_facts(scene, options)
        return Outcome(record=refused(run, inputs, findings, scene.alignment, facts))
    plan, histograms = run.stages().of(
        "plan", lambda: _fit(scene, run), inputs=inputs, options=options
    )
    findings += check_colours({role: line.correlation for role, line in plan.lines})
    if stops(findings, options):
        _remove(work)
        facts = {**early_facts(scene, options), "radiometry": least_correlation(plan)}
        return Outcome(record=refused(run, inputs, findings, scene.alignment, facts))
    run.progress("fit", 1.0)
    walk = run.walk(scene, work, inputs)
    paths, sums = outputs.write_evidence(walk, plan, report=run.on("evidence"))
    run.progress("grade", 0.0)
    grading = grade_footprints(scene, plan, sums, options)
    run.progress("grade", 1.0)
    rules = make_rules(scene, grading, options)
    tally = outputs.write_classes(walk, rules, paths, report=run.on("decide"))
    findings += check_seen(tally.total("analysed"), tally.total("inside"))
    if stops(findings, options):
        _remove(work)
        facts = pair_facts(scene, plan, tally, options)
        return Outcome(record=refused(run, inputs, findings, scene.alignment, facts))
    built_seen = is_built_seen(plan)
    decided = _Decided(grading=grading, rules=rules, tally=tally, built_seen=built_seen)
    findings += decided.check()
    run.progress("write", 0.0)
    outputs.finish_maps(paths, run.folder / "maps", executor=run.executor)
    run.progress("write", 0.5)
    given = None if laid is None else laid.outlines
    cells = _write_layers(scene, run, inputs, decided, given, paths=paths)
    _remove(work)
    run.progress("write", 1.0)
    return Outcome(
        record=_record(
            scene, run, inputs, findings=findings, decided=decided, cells=cells, laid=laid
        ),
        scene=scene,
        histograms=histograms,
        outlines=None if laid is None else laid.outlines,
        assessment=grading.assessment,
        areas_m2=grading.areas_m2,
    )


def _fit(scene: Scene, run: Run) -> tuple[Plan, tuple[ScoreHistogram, ...]]:
    control = read_control(run.options, executor=run.executor)
    return fit_plan(scene, control=control, executor=run.executor)


def _write_layers(
    scene: Scene,
    run: Run,
    inputs: Inputs,
    decided: _Decided,
    outlines: Outlines | None,
    *,
    paths: dict[str, str],
) -> tuple[Cell, ...]:
    """Write correspondence and GeoPackage; return the cells, which the record holds too."""
    grading, rules = decided.grading, decided.rules
    cells = outputs.cell_records(
        decided.tally,
        rules.cells,
        scene.grid,
        built_seen=decided.built_seen,
        plants_seen=decided.plan.vegetation is not None,
        interval_px=grading.interval_px,
        plants_px=lost_pixels(decided.tally, decided.plan, judged=rules.plants_judged),
    )
    layers = [
        outputs.cell_layer(cells, scene.grid, rules.cells),
        outputs.aoi_layer(scene),
        outputs.source_layer(scene, inputs),
    ]
    found: Iterable[Layer] = ()
    if outlines is not None and grading.assessment is not None:
        layers.append(outputs.building_layer(outlines, grading.assessment, grading.areas_m2))
    else:
        layers.append(outputs.no_building_layer())
        if decided.built_seen:
            strips = outputs.read_strips(scene.grid, paths["state"], paths["classes"])
            found = found_layers(
                strips,
                scene.grid,
                least_px=rules.min_built,
                separable=decided.plan.null.separable,
            )
    outputs.write_rest(scene, run.folder, layers, styles=run.styles, more=found)
    return cells


def _record(
    scene: Scene,
    run: Run,
    inputs: Inputs,
    *,
    findings: tuple[Finding, ...],
    decided: _Decided,
    cells: tuple[Cell, ...],
    laid: Laid | None,
) -> Record:
    options, grid = run.options, scene.grid
    plan, rules, tally = decided.plan, decided.rules, decided.tally
    analysed = share(tally.total("analysed"), tally.total("inside"))
    edges = None if laid is None else laid.outlining.surprise
    facts = pair_facts(scene, plan, tally, options, edges=edges)
    return Record(
        status=record.resolve_status(findings, force=options.force),
        title=record.title_of(options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        checks=checks_record(findings, facts, options),
        inputs=inputs,
        grid=record.grid_record(grid, analysed),
        registration=record.registration_record(scene.alignment, grid.gsd_m),
        radiometry=record.radiometry_record(plan),
        thresholds=plan.describe_thresholds()
        | {"minimum_built_px": rules.min_built, "minimum_vegetation_px": rules.min_plants}
        | floor_record(tally, plan),
        null=plan.describe_null() | {"false_discovery": decided.grading.false_discovery},
        built=record.built_record(
            tally,
            plan,
            grid,
            footprints=scene.has_footprints,
            seen=decided.built_seen,
            interval_px=decided.grading.interval_px,
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
        footprints=footprints_record(laid, decided.grading.assessment),
        cells=cells,
        not_observable_share=round(1 - analysed, 6),
        observable=record.observable_record(tally, scene),
        provenance=record.provenance_record(options, run.command, run.started, __version__),
    )


def _latitude(grid: Grid) -> float | None:
    bounds = lonlat_bounds(grid)
    return None if bounds is None else (bounds[1] + bounds[3]) / 2


def _remove(work: Path) -> None:
    for path in work.iterdir():
        path.unlink()
    work.rmdir()
