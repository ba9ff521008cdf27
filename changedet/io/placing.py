"""Bring finished files into their places: all of them, or what was there before."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

_JOURNAL = "placing"
_ASIDE = "old"


def replace_files(
    staged: Path, folder: Path, *, names: Sequence[Path], old: Collection[Path], last: Path | None
) -> None:
    """Move files into a folder, and put the older ones back where that fails.

    Parameters
    ----------
    staged : Path
        Holds the new files, flushed, on the file system of ``folder``.
    folder : Path
        The result folder; its ``.work`` is held by the caller.
    names : sequence of Path
        The new files, relative to both.
    old : collection of Path
        Further files that go, relative to ``folder``.
    last : Path or None
        The one of ``names`` that says that all are there: it goes first and comes last.
    """
    if not names:
        return
    end = last if last is not None and last in names else names[-1]
    work = staged.parent
    order = [*(name for name in names if name != end), end]
    placed: list[Path] = []
    whole = False
    try:
        _note(work, placed)
        for name in [end, *sorted({*order, *old, *([last] if last else [])} - {end})]:
            _set_aside(folder, name, work / _ASIDE)
        _note(work, order)
        placed = order
        for name in order:
            for parent in list(name.parents)[-2::-1]:
                (folder / parent).mkdir(exist_ok=True)
            (staged / name).replace(folder / name)
        for parent in {folder / name.parent for name in order}:
            flush(parent)
        whole = True
    finally:
        if not whole:  # an error, or a signal
            _undo(folder, work, placed)
    _end(work)
    for parent in sorted({parent for name in old for parent in name.parents[:-1]}, reverse=True):
        with suppress(OSError):  # only what is empty goes
            (folder / parent).rmdir()


def recover(folder: Path, work: Path) -> None:
    """End what a killed run had begun: where its last file is not there, the older ones return.

    The caller holds ``work``.
    """
    if not is_unfinished(work):
        return
    placed: list[Path] = []
    with suppress(OSError, ValueError, TypeError):
        placed = [Path(name) for name in json.loads((work / _JOURNAL).read_text("utf-8"))]
    if any(name.is_absolute() or ".." in name.parts for name in placed):
        placed = []  # not ours
    if placed and (folder / placed[-1]).is_file():
        _end(work)
    else:
        _undo(folder, work, placed)


def is_unfinished(work: Path) -> bool:
    """Tell whether a run was killed while it moved its files into place."""
    return not work.is_symlink() and (work / _JOURNAL).is_file()


def _set_aside(folder: Path, name: Path, aside: Path) -> None:
    """Move what stands in the place of a file out of the way; a link as itself, not followed."""
    for part in [*list(name.parents)[-2::-1], name]:
        place = folder / part
        if place.is_symlink() or (part == name and place.exists()):
            (aside / part).parent.mkdir(parents=True, exist_ok=True)
            place.replace(aside / part)
            return


def _note(work: Path, names: Sequence[Path]) -> None:
    """Keep what is placed from now on: none while older files are still set aside."""
    draft = work / f"{_JOURNAL}.part"
    draft.write_text(json.dumps([name.as_posix() for name in names]), encoding="utf-8")
    flush(draft)
    os.replace(draft, work / _JOURNAL)  # noqa: PTH105


def _undo(folder: Path, work: Path, names: Sequence[Path]) -> None:
    """Remove what was placed, and bring back what was set aside."""
    for name in names:
        if not any((folder / parent).is_symlink() for parent in name.parents[:-1]):
            (folder / name).unlink(missing_ok=True)
    for parent in sorted({parent for name in names for parent in name.parents[:-1]}, reverse=True):
        with suppress(OSError):
            (folder / parent).rmdir()
    aside = work / _ASIDE
    for root, folders, files in os.walk(aside):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for entry in [*links, *files]:
            path = Path(root) / entry
            target = folder / path.relative_to(aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    _end(work)


def _end(work: Path) -> None:
    for note in (_JOURNAL, f"{_JOURNAL}.part"):
        (work / note).unlink(missing_ok=True)
    shutil.rmtree(work / _ASIDE, ignore_errors=True)


def flush(path: Path) -> None:
    """Wait until a file or a folder's entries are on the disk."""
    flags = os.O_RDONLY | (os.O_DIRECTORY if path.is_dir() else 0)
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some file systems cannot flush a folder
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
