"""The folder of a batch: one batch at a time in it, and what it remembers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from changedet.core.errors import EnvironmentFault, UsageError
from changedet.io.formats import shown
from changedet.io.output import faults, lock, make_folder, sweep

INDEX = "index.json"
MEMORY = ".batch"
"""Holds the lock, and for each town the hashes of its inputs with their sizes and times. Without
it nothing is lost: all inputs are hashed again."""


def check_place(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is not that of a batch.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    overwrite : bool
        Let a folder with other things in it be used; they stay as they are.

    Raises
    ------
    UsageError
        Where it is a file, or has something in it and is no batch's.
    EnvironmentFault
        Where it cannot be looked at.
    """
    name = shown(out)
    try:
        if not out.exists():
            if out.is_symlink():
                raise UsageError(f"{name}: is a broken link; choose another output folder")
            return
        if not out.is_dir():
            raise UsageError(f"{name}: is a file; choose another output folder")
        held = {entry.name for entry in out.iterdir()}
    except PermissionError:
        raise EnvironmentFault(f"{name}: no permission to look there; choose another -o") from None
    if held and not held & {INDEX, MEMORY} and not overwrite:
        raise UsageError(
            f"{name}: is not empty and no batch's; add --overwrite or choose another output folder"
        )


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Make the folder and keep other batches out of it; the lock ends with the process.

    Raises
    ------
    EnvironmentFault
        ``code="busy"``, where another batch is at work there; or the disk says no.
    """
    make_folder(out)
    with faults(out), lock(out / MEMORY):
        yield


def recall(out: Path, town: str) -> Any:
    """Return what was remembered of a town; None where there is nothing, or nothing readable."""
    path = out / MEMORY / f"{town}.json"
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size < 1_000_000:
            return json.loads(path.read_text("utf-8"))
    return None


def remember(out: Path, town: str, text: str) -> None:
    """Keep what is to be remembered of a town."""
    write_whole(out, f"{MEMORY}/{town}.json", text)


def write_whole(out: Path, name: str, text: str) -> None:
    """Write a file of the batch's folder: the whole of it, or nothing."""
    draft = out / MEMORY / f"new-{secrets.token_hex(4)}"
    with faults(out):
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(out / name)
        finally:
            draft.unlink(missing_ok=True)


def clear(out: Path, towns: list[str]) -> None:
    """Remove what a killed batch left half done, but not from what it can go on."""
    for draft in (out / MEMORY).glob("new-*"):
        draft.unlink(missing_ok=True)
    for town in towns:
        sweep(out / town)
