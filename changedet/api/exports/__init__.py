"""What is written beside a result when it is asked for: one file of this folder for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from changedet.core.errors import UsageError
from changedet.report.views import Views
from changedet.result import Record

_NEEDS = {"pdf": "typst"}
"""Library that an export needs and that only an extra brings; the extra has the export's name."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kit:
    """What an export is made from, and where it goes.

    Parameters
    ----------
    folder : Path
        The result folder, complete, to be read.
    target : Path
        Stands for the result folder where files are written: ``target / "gis" / "town.kmz"``.
    record : Record
        Never a refused one.
    views : Views
        Both dates and all maps at the size of a screen.
    lang : str
        Language of what people read.
    """

    folder: Path
    target: Path
    record: Record
    views: Views
    lang: str

    @property
    def credit(self) -> str:
        """Credit line of the imagery; empty where none was given."""
        return str(self.record.provenance.options.get("credit") or "")


def write_exports(names: tuple[str, ...], kit: Kit) -> tuple[Path, ...]:
    """Write exports by name and return their files, relative to the result folder, sorted.

    Each is written by the function ``write`` of the module of its name. Single tiles, which may
    be thousands, are not listed.
    """
    before = _files(kit.target)
    for name in names:
        _writer(name)(kit)
    made = _files(kit.target) - before
    return tuple(sorted(file for file in made if not is_tile(file)))


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def is_tile(file: Path) -> bool:
    """Tell a tile, ``tiles/{layer}/{z}/{x}_{y}``, from what people open."""
    return file.parts[0] == "tiles" and len(file.parts) > 2


def check_exports(names: tuple[str, ...]) -> None:
    """Refuse an export whose libraries are not there, before any work is done.

    Raises
    ------
    UsageError
        Names the extra.
    """
    for name in names:
        library = _NEEDS.get(name)
        if library and find_spec(library) is None:
            raise UsageError(f'--export {name} needs an extra: pip install "changedet[{name}]"')


def _writer(name: str) -> Callable[[Kit], None]:
    """Return the function that writes an export; its libraries are loaded here and not before."""
    write: Callable[[Kit], None] = import_module(f"{__name__}.{name}").write
    return write
