"""What a walk is given and what it leaves: the wishes of one run, its outcome, its refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from changedet import __version__
from changedet.core.errors import Finding
from changedet.core.options import RunOptions
from changedet.io.vector import Outlines
from changedet.pipeline import outputs, record
from changedet.pipeline.checking import Facts, alignment_facts, checks_record
from changedet.pipeline.plan import ScoreHistogram
from changedet.pipeline.scene import Scene
from changedet.pipeline.stages import Stages
from changedet.quantify.buildings import Assessment
from changedet.register.alignment import Alignment
from changedet.result import Inputs, Record

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
class Run:
    """What is the same for the whole of one walk."""

    options: RunOptions
    folder: Path
    executor: Executor | None
    progress: Progress
    command: str
    styles: Mapping[str, str]
    keep: Path | None = None
    compares: bool = True
    """False where the images are only laid on each other."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """Return the provenance that every raster carries."""
        return {
            "SOFTWARE": f"changedet {__version__}",
            "BEFORE_SHA256": inputs.before.sha256,
            "AFTER_SHA256": inputs.after.sha256,
        }

    def stages(self) -> Stages:
        """Return what keeps the values of stages."""
        return Stages(keep=self.keep, draft=self.folder)

    def walk(self, scene: Scene, work: Path, inputs: Inputs) -> outputs.Walk:
        """Return what every walk over the blocks of a scene needs."""
        return outputs.Walk(
            scene=scene,
            work=work,
            block_size=self.options.block_size,
            executor=self.executor,
            tags=self.tags(inputs),
        )

    def on(self, stage: str) -> Callable[[float], None]:
        """Return the progress of one stage."""
        return lambda fraction: self.progress(stage, fraction)


def stops(findings: tuple[Finding, ...], options: RunOptions) -> bool:
    """Say whether what was found ends the walk."""
    return record.resolve_status(findings, force=options.force) == "refused"


def refused(
    run: Run,
    inputs: Inputs,
    findings: tuple[Finding, ...],
    alignment: Alignment | None,
    facts: Facts,
) -> Record:
    """Return the record of a refusal: reasons, and no area anywhere."""
    registration = None
    if alignment is not None:
        facts = alignment_facts(alignment) | facts
        registration = record.registration_record(alignment, alignment.gsd_m)
    return Record(
        status="refused",
        title=record.title_of(run.options, inputs),
        warnings=record.notes(findings, refusals=False),
        refusals=record.notes(findings, refusals=True),
        checks=checks_record(findings, facts, run.options, compares=run.compares),
        inputs=inputs,
        registration=registration,
        provenance=record.provenance_record(run.options, run.command, run.started, __version__),
    )
