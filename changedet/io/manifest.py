"""Read the manifest of a batch: TOML or CSV, bounded before it is parsed."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from changedet.core.errors import UsageError
from changedet.core.manifest import MAX_TOWNS, NEEDED, Row, Sheet
from changedet.io.formats import shown

MAX_TOML_BYTES = 5_000_000
MAX_CSV_BYTES = 20_000_000
_LONGEST_LINE = 4096
_DEEP = re.compile(r"""(?:\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*){30}""")
"""A key of that many parts: the time to read one grows with the square of their number."""


def read_manifest(path: str | Path) -> Sheet:
    """Read a manifest, nothing of it judged yet.

    Parameters
    ----------
    path : path-like
        TOML with ``[defaults]`` and one ``[[town]]`` table per town, or CSV with one row per town
        (UTF-8; commas, semicolons or tabs). The ending of the name tells which, else the content.

    Returns
    -------
    Sheet
        An empty cell of a CSV counts as not given.

    Raises
    ------
    UsageError
        Where it cannot be read; with line or column where there is one.
    """
    place = Path(path)
    name = shown(place)
    data = _read_bytes(place, name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name}: not UTF-8: save the manifest as UTF-8") from None
    if not text.strip():
        raise UsageError(f"{name}: is empty; add a [[town]] table, or a header and rows")
    base = place.absolute().parent
    if _is_toml(place, text):
        if len(data) > MAX_TOML_BYTES:
            raise UsageError(f"{name}: larger than 5 MB; split it, or write it as CSV")
        return _read_toml(text, name, base)
    return _read_csv(text, name, base)


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{name}: is no ordinary file; give a TOML or CSV manifest")
            data = file.read(MAX_CSV_BYTES + 1)
    except (OSError, ValueError) as fault:
        if isinstance(fault, UsageError):
            raise
        said = getattr(fault, "strerror", None) or "not a path"
        raise UsageError(f"{name}: cannot read this manifest: {said}") from None
    if len(data) > MAX_CSV_BYTES:
        raise UsageError(f"{name}: larger than 20 MB; split it")
    return data


def _open(path: str, flags: int) -> int:
    # a pipe without a writer must not be waited for
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_toml(path: Path, text: str) -> bool:
    if path.suffix.lower() in {".toml", ".csv"}:
        return path.suffix.lower() == ".toml"
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.startswith("[") or re.match(r"[\w.-]+\s*=", first) is not None


def _read_toml(text: str, name: str, base: Path) -> Sheet:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST_LINE:
            raise UsageError(f"{name}: line {number} is longer than {_LONGEST_LINE} characters")
    if _DEEP.search(text):
        raise UsageError(f"{name}: not valid here: a name of more than 30 parts")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{name}: not valid TOML: tables within tables, too deep") from None
    except ValueError as fault:  # also a number of too many digits
        raise UsageError(f"{name}: not valid TOML: {str(fault)[:300]}") from None
    unknown = [key for key in table if key not in {"defaults", "town"}]
    if unknown:
        raise UsageError(
            f"{name}: {unknown[0][:60]!r} stands outside of [defaults] and [[town]]; "
            "put options of all towns under [defaults]"
        )
    defaults, towns = table.get("defaults", {}), table.get("town", [])
    if not isinstance(defaults, dict):
        raise UsageError(f"{name}: defaults is a table: write [defaults]")
    if not isinstance(towns, list) or not all(isinstance(town, dict) for town in towns):
        raise UsageError(f"{name}: each town is a table of its own: write [[town]]")
    rows = [Row(place=_label(number, town), values=town) for number, town in enumerate(towns, 1)]
    return Sheet(name=name, base=base, defaults=defaults, rows=rows)


def _label(number: int, town: Mapping[str, Any]) -> str:
    name = town.get("name")
    return f"town {number} ({shown(name[:60])})" if isinstance(name, str) else f"town {number}"


def _read_csv(text: str, name: str, base: Path) -> Sheet:
    head = next(line for line in text.splitlines() if line.strip())
    comma = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    names: list[str] = []
    rows: list[Row] = []
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            while values and not values[-1]:  # spreadsheets leave empty columns behind
                values.pop()
            if not values:
                continue
            if not names:
                names = _read_header(values, name)
                continue
            where = f"line {reader.line_num}"
            if len(values) > len(names):
                raise UsageError(
                    f"{name}: {where} has {len(values)} cells, the header {len(names)}; "
                    "put a text with a comma into quotes"
                )
            given = {
                key: _value(key, cell) for key, cell in zip(names, values, strict=False) if cell
            }
            rows.append(Row(place=where, values=given))
            if len(rows) > MAX_TOWNS:
                break
    except csv.Error as fault:
        raise UsageError(f"{name}: line {reader.line_num}: not valid CSV: {fault}") from None
    return Sheet(name=name, base=base, defaults={}, rows=rows)


def _read_header(cells: list[str], name: str) -> list[str]:
    names = [cell.replace("-", "_").lower() for cell in cells]
    missing = [needed for needed in NEEDED if needed not in names]
    if missing:
        raise UsageError(f"{name}: the header has no column {missing[0]!r}; {_columns(names)}")
    twice = sorted(key for key, count in Counter(names).items() if count > 1)[:1]
    if twice:
        raise UsageError(
            f"{name}: the header has {shown(twice[0][:60]) or 'an empty name'!r} twice"
        )
    return names


def _columns(names: list[str]) -> str:
    listed = ", ".join(shown(key[:30]) for key in names[:8])
    return f"it has {listed}"


def _value(key: str, cell: str) -> Any:
    """Return a cell as the option takes it; lists are written with commas or spaces."""
    return re.split(r"[,;\s]+", cell) if key in ("allow_driver", "allow_host") else cell
