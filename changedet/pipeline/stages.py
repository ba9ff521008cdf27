"""What stages leave behind for a run that is killed: the alignment and the plan, bit for bit.

They are small values: numbers, texts, and a few arrays. They lie in the work folder of the result
until it is whole, with a hash of all that they depend on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from changedet import __version__
from changedet.core.manifest import OF_BATCH, PATHS
from changedet.core.options import RunOptions
from changedet.io.digests import digest_files
from changedet.io.output import KEPT
from changedet.pipeline.plan import Plan, ScoreHistogram
from changedet.register.alignment import Alignment
from changedet.result import Inputs

Value = TypeVar("Value")
Arrays = dict[str, NDArray[Any]]

_NO_MATTER = {*OF_BATCH, "block_size", "title", "credit", "lang", "export", *PATHS}
"""Options that alter neither; files are told by their content."""
_TEXT = "text"
_DRAFT = ".stage.npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Keeps the values of stages, or takes those that a killed run has left.

    Parameters
    ----------
    keep : Path or None
        Where they are kept; None keeps nothing.
    draft : Path
        A folder on the same file system that goes with the run, for files half written.
    """

    keep: Path | None
    draft: Path

    def of(
        self, name: str, compute: Callable[[], Value], *, inputs: Inputs, options: RunOptions
    ) -> Value:
        """Return what was kept of a stage, else what ``compute`` returns, and keep that.

        What is computed is used as it was read back: a run that goes on and one that was never
        ended see the same bits.
        """
        if self.keep is None:
            return compute()
        path = self.keep / f"{KEPT}{name}-{key_of(inputs, options)}.npz"
        found: Value | None = read_kept(path)
        if found is not None:
            return found
        value = compute()
        write_kept(self.draft / _DRAFT, value)
        (self.draft / _DRAFT).replace(path)
        return typing.cast("Value", read_kept(path))


def key_of(inputs: Inputs, options: RunOptions) -> str:
    """Return a hash of what alignment and plan depend on: images, files, options, version."""
    wishes = options.model_dump(mode="json", exclude=_NO_MATTER)
    said = [__version__, inputs.before.sha256, inputs.after.sha256, digest_files(options), wishes]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:24]


def write_kept(path: Path, value: Any) -> None:
    """Write a value as npz: its arrays, and everything else as JSON, whose floats are exact."""
    arrays: Arrays = {}
    text = json.dumps(_encode(value, arrays))
    np.savez(path, **{_TEXT: np.array(text)}, **arrays)  # type: ignore[arg-type]


def read_kept(path: Path) -> Any:
    """Read what :func:`write_kept` wrote; None where there is nothing, or nothing whole.

    Nothing in the file is executed: arrays without objects, and values of known classes.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _decode(json.loads(str(arrays[_TEXT])), arrays, _known())
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _encode(value: Any, arrays: Arrays) -> Any:
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, np.ndarray | np.generic):
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(item, arrays) for item in value]}
    if isinstance(value, Mapping):
        return {"map": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if dataclasses.is_dataclass(value) and type(value).__qualname__ in _known():
        fields = {
            field.name: _encode(getattr(value, field.name), arrays)
            for field in dataclasses.fields(value)
        }
        return {"class": type(value).__qualname__, "fields": fields}
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _decode(said: Any, arrays: Arrays, known: Mapping[str, type]) -> Any:
    if not isinstance(said, dict):
        return said
    if "class" in said:
        fields = {name: _decode(item, arrays, known) for name, item in said["fields"].items()}
        return known[said["class"]](**fields)
    ((kind, inner),) = said.items()
    if kind == "array":
        return arrays[inner]
    if kind == "number":
        return arrays[inner][()]
    if kind == "map":
        return {_decode(k, arrays, known): _decode(v, arrays, known) for k, v in inner}
    items = [_decode(item, arrays, known) for item in inner]
    return tuple(items) if kind == "tuple" else items


def _known() -> dict[str, type]:
    """Return the classes that alignment and plan are made of, by name."""
    if not _CLASSES:
        waiting: list[Any] = [Alignment, Plan, ScoreHistogram]
        while waiting:
            hint = waiting.pop()
            waiting += typing.get_args(hint)
            if isinstance(hint, type) and dataclasses.is_dataclass(hint):
                if _CLASSES.setdefault(hint.__qualname__, hint) is not hint:
                    raise TypeError(f"two classes are named {hint.__qualname__}")
                hints = typing.get_type_hints(hint)
                waiting += [
                    inner
                    for field in dataclasses.fields(hint)
                    for inner in [hints[field.name], *typing.get_args(hints[field.name])]
                    if inner not in _CLASSES.values()
                ]
    return _CLASSES


_CLASSES: dict[str, type] = {}
