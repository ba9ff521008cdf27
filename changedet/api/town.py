"""One town of a batch: the unit of work, which any executor can take, and what it leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from changedet.core.errors import ChangedetError, EnvironmentFault, UsageError, is_out_of_memory
from changedet.core.options import RunOptions
from changedet.result import Record

if TYPE_CHECKING:
    from changedet.pipeline.outcome import Progress

PATIENCE_S = 15.0
"""How long a town waits for its folder: a worker of a batch that was killed may hold it still."""
_LONGEST = 1000  # characters of a reason


@dataclass(frozen=True, kw_only=True, slots=True)
class TownJob:
    """What is to be done for a town; picklable.

    Parameters
    ----------
    name : str
        Of the town.
    folder : str
        Its result folder, absolute.
    before, after : str
        Image files.
    options : RunOptions
        All wishes.
    command : str
        For the provenance.
    """

    name: str
    folder: str
    before: str
    after: str
    options: RunOptions
    command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TownOutcome:
    """What became of a town; picklable.

    Parameters
    ----------
    name, folder : str
        As in the job.
    status : {"ok", "degraded", "refused", "failed"}
        ``failed``: there is no result, or none for these inputs and options.
    exit_code : int
        What ``changedet run`` would have returned for this town alone.
    reason : str
        Why it is not ``ok``, one line; empty where it is.
    seconds : float
        Wall time of this call.
    skipped : bool
        It was complete already.
    """

    name: str
    folder: str
    status: Literal["ok", "degraded", "refused", "failed"]
    exit_code: int = 0
    reason: str = ""
    seconds: float = 0.0
    skipped: bool = False


def run_town(job: TownJob, *, heed: Progress | None = None) -> TownOutcome:
    """Compare the pair of a town; whatever goes wrong is told in the outcome, never raised.

    Blocks are computed one after the other: towns are what runs at the same time. ``heed`` hears of
    every stage, and ends the work with an error where nobody waits for it any more.
    """
    began = time.monotonic()
    try:
        outcome = told(job, _run_patiently(job, heed))
    except ChangedetError as fault:
        outcome = failed(job, str(fault), fault.exit_code)
    except OSError as fault:
        outcome = failed(job, str(fault) or type(fault).__name__, 5)
    except Exception as fault:  # noqa: BLE001 - a defect costs this town and no other
        outcome = failed(job, *_lay_bare(fault))
    seconds = round(time.monotonic() - began, 2)
    return TownOutcome(
        name=outcome.name,
        folder=outcome.folder,
        status=outcome.status,
        exit_code=outcome.exit_code,
        reason=outcome.reason,
        seconds=seconds,
    )


def _run_patiently(job: TownJob, heed: Progress | None) -> Record:
    from changedet.api.jobs import run

    if Path(job.folder).is_symlink():
        raise UsageError(f"{job.folder}: is a link; a batch writes only below its own folder")
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return run(
                job.before,
                job.after,
                options=job.options,
                output=job.folder,
                overwrite=True,
                command=job.command,
                progress=heed,
                resume=True,
            ).record
        except EnvironmentFault as fault:
            if fault.code != "busy" or time.monotonic() > until:
                raise
            time.sleep(0.2)


def told(job: TownJob, record: Record, *, skipped: bool = False) -> TownOutcome:
    """Return the outcome of a town that has a result."""
    reasons: list[str] = []
    if record.status == "refused":
        reasons = [note.message for note in record.refusals]
    elif record.status == "degraded":
        reasons = [c.message for c in record.checks if c.verdict in {"degraded", "refused"}]
    return TownOutcome(
        name=job.name,
        folder=job.folder,
        status=record.status,
        exit_code=4 if record.status == "refused" else 0,
        reason=_line("; ".join(reasons)),
        skipped=skipped,
    )


def failed(job: TownJob, reason: str, code: int) -> TownOutcome:
    """Return the outcome of a town that has no result."""
    return TownOutcome(
        name=job.name, folder=job.folder, status="failed", exit_code=code, reason=_line(reason)
    )


def _lay_bare(fault: Exception) -> tuple[str, int]:
    """Return what is told of an error that has no name of ours, and its exit code."""
    if is_out_of_memory(fault):
        return "out of memory: use fewer --jobs, or a smaller --block-size", 5
    return defect(fault), 1


def defect(fault: BaseException) -> str:
    """Return what is told of an error that nobody foresaw."""
    return f"a defect of changedet, please report it: {type(fault).__name__}: {fault}"


def _line(text: str) -> str:
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
