"""Hashes of input files: what was compared, and whether it is still the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from changedet.core.manifest import PATHS
from changedet.core.options import RunOptions

_FRESH_NS = 2_000_000_000
"""A file that was written less than this before it was looked at may be written again within the
same tick of the file system's clock: its stamp proves nothing."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file; of a Shapefile, that of all its parts.

    Raises
    ------
    OSError
        Where it cannot be read.
    """
    total = hashlib.sha256()
    for part in _parts(Path(path)):
        with part.open("rb") as file:
            one = hashlib.file_digest(file, "sha256")
        if part == Path(path) and len(_parts(Path(path))) == 1:
            return one.hexdigest()
        total.update(part.suffix.lower().encode() + one.digest())
    return total.hexdigest()


def _parts(path: Path) -> list[Path]:
    """Return a file, and for a Shapefile those beside it that belong to it."""
    if path.suffix.lower() != ".shp":
        return [path]
    ends = (".dbf", ".shx", ".prj", ".cpg")
    beside = [path.with_suffix(end) for end in ends]
    return [path, *(part for part in beside if part.is_file())]


def digest_files(options: RunOptions) -> dict[str, str]:
    """Return the hash of each file that options name, by option; those that are gone are left out.

    Parameters
    ----------
    options : RunOptions
        Footprints, AOI, tie points and the control pair are looked at.
    """
    found: dict[str, str] = {}
    for name in PATHS:
        path = getattr(options, name)
        if path is not None:
            with contextlib.suppress(OSError):
                found[name] = digest_file(path)
    return found


def stamp(path: str | Path) -> Stamp | None:
    """Return size and time of the last change; None where that time proves nothing yet."""
    parts = [part.stat() for part in _parts(Path(path))]
    newest = max(part.st_mtime_ns for part in parts)
    if time.time_ns() - newest < _FRESH_NS:
        return None
    return sum(part.st_size for part in parts), newest


@dataclass(slots=True)
class Digests:
    """Hashes by path, those of an earlier call believed while size and time are the same.

    Parameters
    ----------
    known : dict
        Stamp and hash by absolute path.
    """

    known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)

    def of(self, path: str) -> str:
        """Return the hash of a file, read only where it may have changed."""
        place = os.path.abspath(path)  # noqa: PTH100 - a text, and no link followed
        now = stamp(place)
        held = self.known.get(place)
        if held is not None and now is not None and held[0] == now:
            return held[1]
        value = digest_file(place)
        self.learn(place, now, value)
        return value

    def learn(self, path: str, before: Stamp | None, value: str) -> None:
        """Keep a hash of what lay there when ``before`` was taken, if it still does."""
        place = os.path.abspath(path)  # noqa: PTH100
        if before is not None and stamp(place) == before:
            self.known[place] = (before, value)

    def take(self, listed: Any) -> None:
        """Take what :meth:`give` gave; anything else is passed over."""
        if not isinstance(listed, Mapping):
            return
        for path, item in listed.items():
            with contextlib.suppress(TypeError, ValueError):
                size, changed, value = item
                self.known[str(path)] = ((int(size), int(changed)), str(value))

    def give(self, paths: list[str]) -> str:
        """Return what is known of these files, as JSON."""
        places = [os.path.abspath(path) for path in paths]  # noqa: PTH100
        held = {place: self.known[place] for place in places if place in self.known}
        return json.dumps({place: [*mark, value] for place, (mark, value) in held.items()})
