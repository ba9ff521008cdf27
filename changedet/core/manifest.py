"""The manifest of a batch as values: towns with their options, folders of their own, its faults."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from typing import Any

from pydantic import ValidationError

from changedet.core.errors import UsageError
from changedet.core.options import Options, RunOptions

PATHS = ("footprints", "aoi", "tie_points", "control_before", "control_after")
"""Options that name a file."""
NEEDED = ("name", "before", "after")
OF_BATCH = ("jobs", "scheduler")
"""Options that say where towns are compared: of the whole batch, and without effect on results."""
MAX_TOWNS = 100_000
MAX_NAME = 500
"""Characters of a town's name."""
_SHOWN = 10  # most faults that a message lists
_FOLDER_BYTES = 100  # longest name of a folder
_TITLE = 200  # longest title of a report
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))]
)
# Invisible characters that turn the direction of what follows: one name would look like another.
_TURNING = frozenset(
    "\u200e\u200f\u061c" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
)


def _teller() -> Repr:
    """Return what shows a value in a message, however deep or long it is."""
    short = Repr()
    short.maxstring = short.maxother = 60
    short.maxlevel = short.maxdict = 2
    short.maxlist = 3
    short.maxlong = 30
    return short


_short = _teller()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One town as it stands in the manifest, nothing checked yet.

    Parameters
    ----------
    place : str
        Where it stands, for messages: ``line 3``.
    values : mapping
        What was given, by its name.
    """

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A manifest as it was read, nothing checked yet.

    Parameters
    ----------
    name : str
        Of the manifest, for messages.
    base : Path
        The folder that relative paths start from.
    defaults : mapping
        Options of all towns.
    rows : sequence of Row
        The towns in their order.
    """

    name: str
    base: Path
    defaults: Mapping[str, Any]
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True, slots=True)
class Town:
    """One town of a batch, checked.

    Parameters
    ----------
    name : str
        As given, in composed Unicode (NFC).
    folder : str
        Name of its folder, unique in the batch also where case does not count.
    before, after : str
        Image files; absolute, or an address.
    options : RunOptions
        Its own, over the defaults.
    """

    name: str
    folder: str
    before: str
    after: str
    options: RunOptions

    def files(self) -> dict[str, str]:
        """Return the files that the town needs, by role."""
        given = {name: getattr(self.options, name) for name in PATHS}
        more = {name: str(path) for name, path in given.items() if path is not None}
        return {"before": self.before, "after": self.after, **more}


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A manifest, checked.

    Parameters
    ----------
    name : str
        Of the manifest.
    towns : tuple of Town
        In its order.
    jobs : int
        Towns at the same time.
    scheduler : str or None
        Of the cluster that compares them.
    lang : str
        Of the batch as a whole; a town may have its own.
    """

    name: str
    towns: tuple[Town, ...]
    jobs: int = 1
    scheduler: str | None = None
    lang: str = "en"


@dataclass(slots=True)
class Faults:
    """What is wrong with a manifest: all of it counted, some of it kept."""

    kept: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        """Take one fault."""
        self.count += 1
        if len(self.kept) < _SHOWN:
            short = text if len(text) <= 300 else f"{text[:299]}…"
            self.kept.append("".join(c if c.isprintable() else "?" for c in short))

    @property
    def full(self) -> bool:
        """Whether a text that is added is only counted: it need not be worded well."""
        return len(self.kept) >= _SHOWN

    def stop(self, name: str) -> None:
        """Raise UsageError where there was any fault; its message is bounded."""
        if self.count:
            raise UsageError(f"{name}: {summarise(self.kept, self.count)}")


def summarise(kept: Sequence[str], count: int) -> str:
    """Return texts in one line, with how many more there are.

    Examples
    --------
    >>> summarise(["a", "b"], 1002)
    'a; b; and 1,000 more'
    """
    rest = count - len(kept)
    return "; ".join([*kept, *([f"and {rest:,} more"] if rest > 0 else [])])


def check_sheet(
    sheet: Sheet, *, base: Mapping[str, Any] | None = None, over: Mapping[str, Any] | None = None
) -> Batch:
    """Turn a manifest into towns, or say what is wrong with it.

    Parameters
    ----------
    sheet : Sheet
        The manifest as it was read.
    base : mapping, optional
        Options below the manifest's defaults (configuration file, environment).
    over : mapping, optional
        Options above the manifest's defaults and below those of a town (flags).

    Returns
    -------
    Batch
        Whether the files of its towns exist is not looked at.

    Raises
    ------
    UsageError
        All faults are found; the first ten are named, and how many more there are.
    """
    faults = Faults()
    if not sheet.rows:
        raise UsageError(f"{sheet.name}: lists no town; add a [[town]] table, or a row")
    if len(sheet.rows) > MAX_TOWNS:
        raise UsageError(
            f"{sheet.name}: lists {len(sheet.rows):,} towns; at most {MAX_TOWNS:,}: split it"
        )
    shared = dict(base or {})
    given = _read_keys(sheet.defaults, "[defaults]", faults, town=False)
    shared = _lay(shared, _resolve_paths(given, sheet.base, "[defaults]", faults))
    shared = _lay(shared, over or {})
    # a fault of what all towns share is told once, not with every town
    common = _validate(shared, "[defaults]", faults)
    named: list[tuple[Row, str, dict[str, Any]]] = []
    for row in sheet.rows:
        values = _read_keys(row.values, row.place, faults, town=True)
        name = _check_name(values.pop("name", None), row.place, faults)
        named.append((row, name, _resolve_paths(values, sheet.base, row.place, faults)))
    _check_unique([(row.place, name) for row, name, _ in named if name], faults)
    folders = name_folders([name for _, name, _ in named])
    towns: list[Town] = []
    for (row, name, values), folder in zip(named, folders, strict=True):
        before, after = (values.pop(role, None) for role in ("before", "after"))
        for role, value in (("before", before), ("after", after)):
            if value is None and role not in row.values:
                faults.add(f"{row.place}: {role} is missing")
        wishes = _lay({"title": name[:_TITLE]} if name else {}, _lay(shared, values))
        options = _validate(wishes, row.place, faults) if common is not None else None
        if name and before and after and options is not None:
            towns.append(Town(name=name, folder=folder, before=str(before), after=str(after),
                              options=_alone(options)))  # fmt: skip
    faults.stop(sheet.name)
    shared_by_all = common or RunOptions()
    return Batch(
        name=sheet.name,
        towns=tuple(towns),
        jobs=shared_by_all.jobs,
        scheduler=shared_by_all.scheduler,
        lang=shared_by_all.lang,
    )


def _alone(options: RunOptions) -> RunOptions:
    """Return options of a town without what is of the batch."""
    given = options.model_dump(exclude_unset=True, exclude=set(OF_BATCH))
    return RunOptions.model_validate(given)


def _lay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``over`` laid over ``under``, tables key by key."""
    laid = dict(under)
    for name, value in over.items():
        old = laid.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping) and name != "bands"
        laid[name] = {**old, **value} if both else value  # type: ignore[dict-item]
    return laid


def _table_of(name: str) -> type[Options] | None:
    field = RunOptions.model_fields.get(name)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Options) else None


def _list_known() -> tuple[str, ...]:
    names: list[str] = []
    for name in RunOptions.model_fields:
        table = _table_of(name)
        names += [name] if table is None else [f"{name}.{key}" for key in table.model_fields]
    return tuple(names)


_KNOWN = _list_known()


def _read_keys(
    values: Mapping[str, Any], place: str, faults: Faults, *, town: bool
) -> dict[str, Any]:
    """Return known keys in one spelling, ``a.b`` as tables; what is unknown is a fault."""
    allowed = {*_KNOWN, *(NEEDED if town else ())} - set(OF_BATCH if town else ())
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = str(key).strip().replace("-", "_")
        outer, _, inner = name.partition(".")
        table = _table_of(outer)
        if table is not None and not inner:
            if not isinstance(value, Mapping):
                faults.add(
                    f"{place}: {name} is a table, as {name}.{next(iter(table.model_fields))}"
                )
                continue
            pairs = [(f"{name}.{str(k).replace('-', '_')}", v) for k, v in value.items()]
        else:
            pairs = [(name, value)]
        for full, item in pairs:
            if full not in allowed:
                faults.add("" if faults.full else f"{place}: {_unknown(full, allowed, town=town)}")
            elif not _put(found, full, item):
                faults.add(f"{place}: {full} is given twice")
    return found


def _unknown(name: str, allowed: Collection[str], *, town: bool) -> str:
    if name in OF_BATCH and town:
        return f"{name} is of the whole batch: give --{name}"
    if name in NEEDED:
        return f"{name} belongs to a town"
    near = get_close_matches(name[:80], sorted(allowed), 1)
    hint = f"; did you mean {near[0]}?" if near else " (see changedet run --help)"
    return f"no such option: {_short.repr(name)}{hint}"


def _put(found: dict[str, Any], full: str, value: Any) -> bool:
    outer, _, inner = full.partition(".")
    place, key = (found.setdefault(outer, {}), inner) if inner else (found, outer)
    if key in place:
        return False
    place[key] = value
    return True


def _resolve_paths(
    values: Mapping[str, Any], base: Path, place: str, faults: Faults
) -> dict[str, Any]:
    """Return values with paths that start from the manifest's folder."""
    found = dict(values)
    for name in ("before", "after", *PATHS):
        if name not in found:
            continue
        value = found[name]
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            faults.add(f"{place}: {name} is the path of a file, not {_short.repr(value)}")
            found[name] = None
        else:
            found[name] = value if "://" in value else str(base / value)
    return found


def _validate(values: Mapping[str, Any], place: str, faults: Faults) -> RunOptions | None:
    wrong = [
        name
        for name, value in values.items()
        if isinstance(value, bool) and name in RunOptions.model_fields and name != "force"
    ]
    for name in wrong:  # true would be taken for 1
        faults.add(f"{place}: {name} is not true or false")
    if wrong:
        return None
    try:
        return RunOptions.model_validate(dict(values))
    except ValidationError as fault:
        for error in fault.errors(include_url=False)[:_SHOWN]:
            where = ".".join(str(part) for part in error["loc"])
            message = str(error["msg"]).removeprefix("Value error, ")
            told = f"{where}: {message[:1].lower()}{message[1:]}" if where else message
            value = "" if not where else f", not {_short.repr(error['input'])}"
            faults.add(f"{place}: {told}{value}")
        return None


def _check_name(value: Any, place: str, faults: Faults) -> str:
    """Return the name in composed Unicode; an empty text where it is wrong."""
    if value is None:
        faults.add(f"{place}: name is missing")
        return ""
    if not isinstance(value, str) or not value.strip():
        faults.add(f"{place}: name is a text, not {_short.repr(value)}")
        return ""
    name = unicodedata.normalize("NFC", value.strip())
    if len(name) > MAX_NAME:
        faults.add(f"{place}: the name has {len(name):,} characters; at most {MAX_NAME}")
        return ""
    bad = [c for c in name if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in _TURNING]
    if bad:
        faults.add(
            f"{place}: the name {_short.repr(ascii(name))} has a control character "
            f"(U+{ord(bad[0]):04X}): take it out"
        )
        return ""
    return name


def _same(name: str) -> str:
    """Return what two names share that a reader takes for one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_unique(names: Sequence[tuple[str, str]], faults: Faults) -> None:
    first: dict[str, str] = {}
    for place, name in names:
        key = _same(name)
        if key in first:
            faults.add(f"{place}: the name {_short.repr(name)} stands in {first[key]}, too")
        else:
            first[key] = place


def name_folders(names: Iterable[str]) -> list[str]:
    """Return a folder's name for each town: safe on any system, and each its own.

    Letters and digits of all scripts stay. Where two names would share a folder (also one where
    case does not count), both get a part of their hash, so that the order does not matter.

    Examples
    --------
    >>> name_folders(["Stary Krym", "St. Louis", "a/b", "a b"])
    ['Stary-Krym', 'St-Louis', 'a-b-c14cdd', 'a-b-c8687a']
    """
    listed = list(names)
    safe = [_safe(name) for name in listed]
    often = Counter(folder.casefold() for folder in safe)
    return [
        f"{folder}-{_mark(name)}" if often[folder.casefold()] > 1 else folder
        for folder, name in zip(safe, listed, strict=True)
    ]


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:6]


def _safe(name: str) -> str:
    """Return letters, digits, ``_`` and single ``-`` of a name."""
    kept = "".join(c if c.isalnum() or unicodedata.combining(c) or c == "_" else "-" for c in name)
    folder = "-".join(part for part in kept.split("-") if part)
    short = folder.encode()[:_FOLDER_BYTES].decode("utf-8", "ignore")
    if short != folder:
        return f"{short.rstrip('-')}-{_mark(name)}"
    if not folder:
        return f"town-{_mark(name)}"
    return f"town-{folder}" if folder.casefold() in _RESERVED else folder
