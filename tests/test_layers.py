"""The import rules of ARCHITECTURE.md, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import changedet

PACKAGE = Path(changedet.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "core": set(),
    "io": {"core"},
    "register": {"core"},
    "compare": {"core"},
    "decide": {"core"},
    "quantify": {"core"},
    "simulate": {"core"},
    "result": {"core"},
    "report": {"core", "result"},
    "pipeline": {"core", "io", "register", "compare", "decide", "quantify", "result"},
    # register: arrays are brought together without a pipeline, which is for files.
    "api": {"core", "io", "result", "register", "pipeline", "report", "simulate"},
    # simulate: its presets alone, to check the wishes before anything heavy is loaded.
    "cli": {"core", "result", "api", "simulate"},
    "__main__": {"cli"},
    # The face: names resolved when they are first used, so it may know every room.
    "__init__": {"core", "register", "compare", "result", "api", "simulate"},
}
PURE = {"register", "compare", "decide", "quantify", "simulate"}

ONLY_IN = {
    "pyogrio": {"io/vector.py"},
    "matplotlib": {"report/figures"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "jinja2": {"report"},
    "rasterio": {"io"},
    "dask": {"cli/scheduler.py"},
    "distributed": {"cli/scheduler.py"},
    "osgeo": set(),
}

ONE_DOOR = {"io/raster.py"}
"""May be longer: the rule that one file alone opens images keeps it whole."""


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("changedet", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def room_of_module(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path, *, for_types: bool = True) -> Iterator[str]:
    """Yield every imported module of a file, ``from a import b`` as ``a.b``."""
    skipped = set()
    if not for_types:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                skipped |= {id(inner) for child in node.body for inner in ast.walk(child)}
    for node in ast.walk(tree(path)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path, *, for_types: bool = True) -> set[str]:
    """Return the modules of this package that a file imports."""
    known = {module_of(other) for other in FILES}
    found = set()
    for name in imports(path, for_types=for_types):
        if name.split(".")[0] == "changedet":
            found.add(name if name in known else name.rpartition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT[room] | {room}
    for name in ours(path):
        if name == "changedet":  # its version
            assert room in {"api", "cli", "pipeline", "result", "__init__"}
        else:
            assert room_of_module(name) in allowed, f"{relative(path)} imports {name}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_one_door(library: str) -> None:
    doors = ONLY_IN[library]
    for path in FILES:
        here = relative(path)
        if any(here == door or here.startswith(f"{door}/") for door in doors):
            continue
        names = imports(path, for_types=False)
        users = [name for name in names if name.split(".")[0] == library]
        assert not users, f"{here} imports {users[0]}"


def test_datasets_are_opened_in_one_file() -> None:
    opens = {
        relative(path)
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"rasterio.open", "MemoryFile", "rasterio.io.MemoryFile"}
    }
    assert opens <= {"io/raster.py"}


def test_pure_rooms_touch_no_files() -> None:
    for path in FILES:
        if room_of(path) in PURE:
            used = {name.split(".")[0] for name in imports(path)}
            assert not used & {"pathlib", "os", "shutil", "tempfile", "logging"}, relative(path)
            calls = {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}
            assert not calls & {"open", "print"}, relative(path)


def test_no_circles() -> None:
    graph = {module_of(path): ours(path, for_types=False) - {"changedet"} for path in FILES}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


TOPS = {"cli/app.py", "api/town.py"}
"""Where everything is caught: the command; the unit of work of a batch (no town costs another)."""


def test_no_blind_except_but_at_the_top() -> None:
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and relative(path) not in TOPS:
                caught = "" if node.type is None else ast.unparse(node.type)
                assert caught not in {"", "Exception", "BaseException"}, relative(path)


def test_files_stay_readable() -> None:
    for path in FILES:
        assert path.name != "utils.py"
        lines = len(path.read_text("utf-8").splitlines())
        limit = 650 if relative(path) in ONE_DOOR else 450
        assert lines <= limit, f"{relative(path)} has {lines} lines"
