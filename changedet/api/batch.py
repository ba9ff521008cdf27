"""Many towns: from a manifest to a folder of results, and the same call again goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changedet import __version__
from changedet.api.crew import work_through
from changedet.api.exports import check_exports
from changedet.api.index import fill_entry, write_index
from changedet.api.town import TownJob, TownOutcome, failed, told
from changedet.core.errors import ChangedetError, EnvironmentFault, InputError
from changedet.core.manifest import OF_BATCH, PATHS, Batch, Town, check_sheet
from changedet.core.options import RunOptions
from changedet.io.batches import (
    check_place,
    clear,
    hold,
    recall,
    remember,
)
from changedet.io.digests import Digests, Stamp, stamp
from changedet.io.manifest import read_manifest
from changedet.io.output import sweep
from changedet.io.remote import is_address
from changedet.report.index import TownEntry
from changedet.result import Record, read_record

Told = Callable[[TownOutcome, int, int], None]
"""Takes what became of a town, how many are done, and how many there are."""

_NO_MATTER = {*OF_BATCH, "block_size", *PATHS}
"""Options that alter no figure, or whose files are compared by their content."""
_WHOLE = ("report.html", "summary.csv", "vectors.gpkg", "maps/classes.tif")
_UNDONE = "not done yet: the batch was interrupted; the same command goes on"


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """What a batch left.

    Parameters
    ----------
    folder : Path
        Of the batch.
    towns : tuple of TownOutcome
        In the order of the manifest.
    """

    folder: Path
    towns: tuple[TownOutcome, ...]

    @property
    def exit_code(self) -> int:
        """6 where a town failed or was refused, else 0."""
        return 6 if any(town.status in {"failed", "refused"} for town in self.towns) else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a batch would do with a town.

    Parameters
    ----------
    name, folder : str
        Of the town.
    what : {"skip", "run", "fail"}
        It is complete; it will be compared; a file of it is missing.
    reason : str
        Of a failure.
    """

    name: str
    folder: str
    what: str
    reason: str = ""


def read_batch(
    path: str | Path,
    *,
    base: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
) -> Batch:
    """Read and check a manifest; see :func:`changedet.core.manifest.check_sheet`.

    Raises
    ------
    UsageError
        Where it cannot be read or anything in it is wrong; also where an export needs an extra.
    """
    batch = check_sheet(read_manifest(path), base=base, over=over)
    check_exports(tuple({name for town in batch.towns for name in town.options.export}))
    return batch


def plan_batch(batch: Batch, output: str | Path | None) -> tuple[Step, ...]:
    """Say what would be done with each town, without doing it."""
    out = None if output is None else Path(output).absolute()
    digests, steps = Digests(), []
    for town in batch.towns:
        lacking = find_missing(town)
        done = None if lacking or out is None else _find_done(town, out, digests)
        what = "fail" if lacking else "run" if done is None else "skip"
        steps.append(Step(name=town.name, folder=town.folder, what=what, reason=lacking or ""))
    return tuple(steps)


def run_batch(
    manifest: str | Path | Batch,
    output: str | Path,
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Told | None = None,
    command: str = "",
) -> BatchResult:
    """Compare many towns: the same work as ``changedet batch``.

    A town that is complete for these inputs and options, by this version, is left untouched; so
    the same call again goes on where one was ended.

    Parameters
    ----------
    manifest : path-like or Batch
        TOML or CSV, see :func:`changedet.io.manifest.read_manifest`.
    output : path-like
        Folder of the batch: a result folder per town in it, and the index.
    jobs : int, optional
        Towns at the same time; without it as many as the executor has workers, if it tells, else
        what the manifest says, else 1.
    executor : concurrent.futures.Executor, optional
        Towns are compared on it, ``jobs`` + 1 in flight; its workers must see the same files.
        Without it, on processes (a script needs ``if __name__ == "__main__":`` for them).
    overwrite : bool
        Compare all towns again, and use a folder that has other things in it.
    progress : callable, optional
        See :data:`Told`.
    command : str
        For the provenance.

    Returns
    -------
    BatchResult
        A town that cannot be compared is in it, with its reason; it costs no other town.

    Raises
    ------
    UsageError
        Where the manifest is wrong, or the folder is in the way; nothing is done then.
    EnvironmentFault
        Where another batch is at work in the folder, or it cannot be written.
    """
    batch = manifest if isinstance(manifest, Batch) else read_batch(manifest)
    out = Path(output).absolute()
    check_place(out, overwrite=overwrite)
    with hold(out):
        clear(out, [town.folder for town in batch.towns])
        course = _Course(batch=batch, out=out, command=command, progress=progress)
        try:
            course.look(again=overwrite)
            # as core.spread does: the standard executors know how many workers they have
            known: int = getattr(executor, "_max_workers", batch.jobs)
            course.work(jobs or known, executor)
        finally:
            # also after a signal: what is finished is listed, and what is not
            clear(out, [town.folder for town in batch.towns if town.folder not in course.done])
            towns = course.outcomes()
            entries = [course.entries.get(Path(t.folder).name) or _entry(t) for t in towns]
            title = Path(batch.name).stem
            # small maps were made as the towns ended: a signal leaves no time for them
            write_index(out, entries, title=title, lang=batch.lang, small_maps=False)
    return BatchResult(folder=out, towns=towns)


class _Course:
    """One call of a batch: what is done, and what is still to do."""

    def __init__(self, *, batch: Batch, out: Path, command: str, progress: Told | None) -> None:
        self.batch, self.out, self.command, self.progress = batch, out, command, progress
        self.done: dict[str, TownOutcome] = {}
        """By folder."""
        self.entries: dict[str, TownEntry] = {}
        """What the index says of them, kept as they end: a signal leaves little time."""
        self.digests = Digests()
        self.left: list[Town] = []
        self.marks: dict[str, dict[str, Stamp | None]] = {}
        """Of the input files of what is left, before any work."""

    def look(self, *, again: bool) -> None:
        """Look at every town before any work begins: missing files, complete results."""
        for town in self.batch.towns:
            lacking = find_missing(town)
            if lacking is not None:
                self._take(town, failed(self._job(town), lacking, InputError.exit_code))
                continue
            done = None if again else _find_done(town, self.out, self.digests)
            if done is None:
                self.left.append(town)
                self.marks[town.folder] = _stamps(town)
            else:
                self._take(town, told(self._job(town), done, skipped=True), done)

    def work(self, workers: int, executor: Executor | None) -> None:
        """Compare the towns that are left."""
        towns = {str(self.out / town.folder): town for town in self.left}
        todo = [self._job(town) for town in self.left]
        # closed at once when a signal or an error comes: its processes end with it
        with closing(work_through(todo, workers=workers, executor=executor)) as ended:
            for job, outcome in ended:
                town = towns[job.folder]
                self._take(town, outcome, self._learn(town, outcome))

    def outcomes(self) -> tuple[TownOutcome, ...]:
        """Return what became of all towns; those that were not reached have failed, too."""
        return tuple(
            self.done.get(town.folder) or failed(self._job(town), _UNDONE, 5)
            for town in self.batch.towns
        )

    def _job(self, town: Town) -> TownJob:
        return TownJob(
            name=town.name,
            folder=str(self.out / town.folder),
            before=town.before,
            after=town.after,
            options=town.options,
            command=self.command,
        )

    def _take(self, town: Town, outcome: TownOutcome, record: Record | None = None) -> None:
        sweep(self.out / town.folder, whole=True)  # also what a town that failed has kept
        self.done[town.folder] = outcome
        self.entries[town.folder] = fill_entry(self.out, _entry(outcome, record))
        if self.progress is not None:
            self.progress(outcome, len(self.done), len(self.batch.towns))

    def _learn(self, town: Town, outcome: TownOutcome) -> Record | None:
        """Return a finished town's record; keep the hashes it tells, so that none is read again."""
        if outcome.status == "failed":
            return None
        record = read_record(self.out / town.folder / "result.json")
        files, before = town.files(), self.marks[town.folder]
        with suppress(OSError):
            for role, value in _hashes(record).items():
                self.digests.learn(files[role], before[role], value)
        with suppress(EnvironmentFault):  # it only saves reading: a full disk ends no batch here
            remember(self.out, town.folder, self.digests.give(list(files.values())))
        return record


def _entry(town: TownOutcome, record: Record | None = None) -> TownEntry:
    """Return a town as the index lists it."""
    return TownEntry(
        name=town.name,
        folder=Path(town.folder).name,
        status=town.status,
        exit_code=town.exit_code,
        # what a record says of itself can be told in every language
        reason="" if record is not None else town.reason,
        record=record,
    )


def _stamps(town: Town) -> dict[str, Stamp | None]:
    found: dict[str, Stamp | None] = {}
    for role, path in town.files().items():
        found[role] = None
        with suppress(OSError):
            found[role] = stamp(path)
    return found


def find_missing(town: Town) -> str | None:
    """Return what is said of the first file of a town that is not there, None where all are."""
    for role, path in town.files().items():
        if is_address(path):
            continue
        try:
            there = Path(path).exists()
        except (OSError, ValueError):
            there = False
        if not there:
            return f"{role} {path}: no such file; correct the manifest"
    return None


def _find_done(town: Town, out: Path, digests: Digests) -> Record | None:
    """Return the record of a town that is complete: for these inputs and options, by this version.

    A refusal is complete, too: it is what these inputs lead to.
    """
    folder = out / town.folder
    if folder.is_symlink() or not (folder / "result.json").is_file():
        return None
    try:
        record = read_record(folder / "result.json")
        made = record.provenance
        if made.version != __version__ or _matter(made.options) != _matter(_plain(town.options)):
            return None
        if record.status != "refused" and not all((folder / name).is_file() for name in _WHOLE):
            return None
        digests.take(recall(out, town.folder))
        files = town.files()
        hashes = {role: _hash_of(role, path, record, digests) for role, path in files.items()}
    except (ChangedetError, OSError):
        return None
    if hashes != _hashes(record):
        return None
    with suppress(ChangedetError, OSError):
        remember(out, town.folder, digests.give(list(files.values())))
    return record


def _hash_of(role: str, path: str, record: Record, digests: Digests) -> str:
    """Return the hash of a file; what lies at an address is taken to be what it was.

    Not so where something secret belongs to the address: it may tell one image from another.
    """
    if not is_address(path):
        return digests.of(path)
    known = {"before": record.inputs.before, "after": record.inputs.after}.get(role)
    return known.sha256 if known is not None and known.path == path else ""


def _hashes(record: Record) -> dict[str, str]:
    inputs = record.inputs
    return {
        "before": inputs.before.sha256,
        "after": inputs.after.sha256,
        **record.provenance.files,
    }


def _plain(options: RunOptions) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(options.model_dump_json())
    return plain


def _matter(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in _NO_MATTER}
