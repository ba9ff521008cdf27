"""The result folder as a transaction: everything in place, or nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from changedet.core.errors import ChangedetError, EnvironmentFault, UsageError
from changedet.io.formats import check_encoding, shown
from changedet.io.placing import flush, is_unfinished, recover, replace_files

if sys.platform != "win32":  # no lock there
    import fcntl

RECORD = "result.json"
_WORK = ".work"
_STAGED = "new-"
KEPT = "stage-"
"""Begins the names of what stages keep in the work folder, until the result is whole."""
_PRODUCTS = (
    "summary.csv",
    "report.html",
    "report.pdf",
    "vectors.gpkg",
    "tie_points.points",
    "maps/aligned.tif",
    "maps/pixel_change.tif",
    "maps/structural_change.tif",
    "maps/classes.tif",
    "maps/classes.qml",
    "maps/correspondence.tif",
    "maps/registration_error.tif",
    "pictures/before.jpg",
    "pictures/after.jpg",
    "pictures/before_after.png",
    "pictures/map.png",
    "pictures/change.webp",
    "pictures/change.gif",
    "pictures/captions.txt",
    "gis/README.txt",
    "gis/buildings.geojson",
    "gis/changes.geojson",
    "gis/cells.geojson",
    "gis/town.kmz",
    "gis/town.qgz",
    "gis/before.jpg",
    "gis/before.jpg.aux.xml",
    "gis/item.json",
    "gis/ems.gpkg",
    "gis/ems-README.txt",
)
_TILES = "tiles"
_TILE = re.compile(
    r"(index\.html|data\.js"
    r"|(before|after|classes|structural|pixel)/[0-9]{1,2}/[0-9]{1,5}_[0-9]{1,5}\.(webp|png))"
)
"""Names under ``tiles/`` that an export writes; others are not ours."""
_FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew larger than is allowed",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.ENOMEM: "out of memory",
    errno.EIO: "the disk reports an error",
}
_CURES = {
    errno.ENOSPC: "free some space or choose -o",
    errno.EDQUOT: "free some space or choose -o",
    errno.EFBIG: "raise the limit (ulimit -f) or choose -o",
    errno.EMFILE: "raise the limit (ulimit -n), or use --jobs 1",
    errno.ENFILE: "raise the limit of the system, or use --jobs 1",
    errno.ENOMEM: "use a smaller --block-size or --jobs 1",
}


@contextmanager
def stage(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Write a result folder as one transaction.

    Parameters
    ----------
    out : path-like
        The result folder, made here. Files in it that are not ours are never touched;
        symbolic links in the place of products are replaced, not followed.
    overwrite : bool
        Replace a result that is there; otherwise a folder with anything in it is refused.

    Yields
    ------
    Path
        A private folder on the same file system. What the ``with`` block leaves in it is
        flushed and moved into place when the block ends well, ``result.json`` last; when it
        ends with an error nothing of it remains, and an older result stays as it was.

    Raises
    ------
    UsageError
        Where ``out`` is a file, or has something in it and ``overwrite`` is not set.
    EnvironmentFault
        Disk full, no permission, or another run is writing there.
    """
    folder = Path(out).absolute()
    _check_place(folder, overwrite=overwrite)
    made = make_folder(folder)
    work = folder / _WORK
    try:
        with faults(folder), lock(work):
            recover(folder, work)
            for old in work.glob(f"{_STAGED}*"):
                shutil.rmtree(old, ignore_errors=True)
            staged = work / f"{_STAGED}{secrets.token_hex(4)}"
            staged.mkdir()
            try:
                yield staged
                names = _prepare(staged, folder)
                outdated = set(_old_products(folder)) - set(names)
                replace_files(staged, folder, names=names, old=outdated, last=Path(RECORD))
                _forget(work)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    finally:
        _tidy(folder, made=made)


@contextmanager
def extend(out: Path, *, last: str | None = None) -> Iterator[Path]:
    """Add files to a result folder, or write some of them anew, as one transaction.

    Parameters
    ----------
    out : Path
        A result folder; its other files stay as they are.
    last : str, optional
        The file that says that all are there: an older one goes before the others come, and the
        new one is moved into place after them.

    Yields
    ------
    Path
        A private folder, as with :func:`stage`.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission, or another run is writing there.
    """
    folder = Path(out).absolute()
    work = folder / _WORK
    try:
        with faults(folder), lock(work):
            recover(folder, work)
            staged = work / f"{_STAGED}{secrets.token_hex(4)}"
            staged.mkdir()
            try:
                yield staged
                names = _prepare(staged, folder)
                tiled = any(name.parts[0] == _TILES for name in names)
                outdated = set(_old_tiles(folder)) - set(names) if tiled else set()
                end = None if last is None else Path(last)
                replace_files(staged, folder, names=names, old=outdated, last=end)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    finally:
        _tidy(folder, made=False)


def _forget(work: Path) -> None:
    for kept in work.glob(f"{KEPT}*"):
        kept.unlink(missing_ok=True)


def sweep(out: Path, *, whole: bool = False) -> None:
    """Remove what a killed run left in a result folder; where a run is alive, nothing.

    Parameters
    ----------
    out : Path
        A result folder, or the place of one; gone afterwards where nothing is in it.
    whole : bool
        Also what its stages kept, from which another run could go on.
    """
    work = out / _WORK
    if out.is_symlink() or work.is_symlink() or not work.is_dir():
        return
    with contextlib.suppress(EnvironmentFault):
        try:
            with faults(out), lock(work):
                recover(out, work)
                for old in work.glob(f"{_STAGED}*"):
                    shutil.rmtree(old, ignore_errors=True)
                if whole:
                    _forget(work)
        finally:
            _tidy(out, made=True)


def check_output(out: str | Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder before any work is done; see :func:`stage` for the rules."""
    _check_place(Path(out).absolute(), overwrite=overwrite)


def _check_place(folder: Path, *, overwrite: bool) -> None:
    name = shown(folder)
    check_encoding(folder)
    try:
        if is_unfinished(folder / _WORK):
            sweep(folder)
        if not folder.exists():
            if folder.is_symlink():
                raise UsageError(f"{name}: is a broken link; choose another output folder")
            return
        if not folder.is_dir():
            raise UsageError(f"{name}: is a file; choose another output folder")
        # what a killed run left in .work is no result
        held = [entry.name for entry in folder.iterdir() if entry.name != _WORK]
    except PermissionError:
        raise EnvironmentFault(f"{name}: no permission to look there; choose another -o") from None
    if held and not overwrite:
        what = "has a result already" if RECORD in held else "is not empty"
        raise UsageError(f"{name}: {what}; add --overwrite or choose another output folder")


def make_folder(folder: Path) -> bool:
    """Make the folder; say whether it is new."""
    with faults(folder):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise UsageError(f"{shown(folder)}: is a file; choose another output") from None
            return False
        except NotADirectoryError:
            raise UsageError(
                f"{shown(folder)}: lies inside a file; choose another output folder"
            ) from None
        except FileNotFoundError:
            # /proc and the like: folders cannot be made there
            fact = f"{shown(folder)}: cannot be made; choose another output folder"
            raise EnvironmentFault(fact) from None
    return True


@contextmanager
def faults(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write a folder or a file into EnvironmentFault."""
    try:
        yield
    except ChangedetError:
        raise
    except OSError as error:
        number = error.errno or 0
        if number not in _FAULTS:
            raise
        fact, cure = _FAULTS[number], _CURES.get(number, "choose another -o")
        text = f"{shown(place)}: cannot write ({fact}{free_space(place)}); {cure}"
        raise EnvironmentFault(text) from error


def free_space(place: Path) -> str:
    """Return how much is free where a file lies or would lie, as a message goes on."""
    with contextlib.suppress(OSError):
        there = next(path for path in (place, *place.parents) if path.is_dir())
        return f"; {shutil.disk_usage(there).free / 1e6:,.0f} MB free there"
    return ""


def write_file(path: Path, content: str | bytes, *, encoding: str = "utf-8") -> None:
    """Write a file of a staging folder.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission; it names the file and the space that is free.
    """
    with faults(path):
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)


@contextmanager
def lock(work: Path) -> Iterator[None]:
    """Hold the folder for this run; the lock ends with the process, however it ends."""
    if work.is_symlink():
        work.unlink()
    work.mkdir(exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    path = work / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # another run may have finished, and removed the file, since we opened it
            same = os.fstat(descriptor).st_ino == path.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            same = False
        if not same:
            raise EnvironmentFault(
                f"{shown(work.parent)}: another run is writing there; wait for it, or choose -o",
                code="busy",
            )
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _prepare(staged: Path, folder: Path) -> list[Path]:
    """Flush all new files, and make sure that each can be moved into its place."""
    names = sorted(path.relative_to(staged) for path in staged.rglob("*") if path.is_file())
    for name in names:
        flush(staged / name)
        _check_parents(folder, name)
    return names


def _old_products(folder: Path) -> list[Path]:
    """List what an earlier run of ours has left in the folder (and nothing else)."""
    if not (folder / RECORD).is_file():
        return []
    listed: list[str] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        record = json.loads((folder / RECORD).read_text("utf-8"))
        listed = [str(figure["file"]) for figure in record["figures"]]
    figures = [Path(name) for name in listed]
    safe = [name for name in figures if len(name.parts) == 2 and name.parts[0] == "figures"]
    old = [*map(Path, _PRODUCTS), *safe]
    # never through a link into another folder
    known = [name for name in old if not (folder / name.parent).is_symlink()]
    return known + _old_tiles(folder)


def _old_tiles(folder: Path) -> list[Path]:
    """List what an export of tiles has left, links not followed."""
    place = folder / _TILES
    if place.is_symlink():
        return []
    found = [Path(root, name) for root, _, names in os.walk(place) for name in names]
    return [
        path.relative_to(folder)
        for path in found
        if _TILE.fullmatch(path.relative_to(place).as_posix())
    ]


def _check_parents(folder: Path, name: Path) -> None:
    for parent in name.parents:
        place = folder / parent
        if place.exists() and not place.is_dir():
            raise UsageError(f"{shown(place)}: is a file in the way; choose another output folder")
    target = folder / name
    if target.is_dir() and not target.is_symlink():
        raise UsageError(f"{shown(target)}: is a folder in the way; choose another output folder")


def _tidy(folder: Path, *, made: bool) -> None:
    """Remove what is empty and ours."""
    with contextlib.suppress(OSError):
        (folder / _WORK).rmdir()
    if made:
        with contextlib.suppress(OSError):
            folder.rmdir()
