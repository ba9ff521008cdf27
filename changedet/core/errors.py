"""The error tree: every way a run can end, with its exit code.

A message is one line that names the file or the town, the fact and the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class ChangedetError(Exception):
    """Root of all errors that changedet raises on purpose.

    Attributes
    ----------
    exit_code : int
        What the command line returns for this error.
    code : str
        A short machine-readable name, stable within a major version.
    """

    exit_code = 1
    code = "defect"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(ChangedetError, ValueError):
    """Wrong options, an unreadable configuration, an output that is in the way."""

    exit_code = 2
    code = "usage"


class MissingExtra(UsageError):
    """A feature needs an optional package that is not installed."""

    code = "missing_extra"

    def __init__(self, extra: str, feature: str) -> None:
        super().__init__(f'{feature} needs an optional package: pip install "changedet[{extra}]"')
        self._given = extra, feature

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        # By its own arguments: it must come back from another process.
        return MissingExtra, self._given


class InputError(ChangedetError, ValueError):
    """A file that is missing, unreadable, damaged, unsupported or unsafe."""

    exit_code = 3
    code = "input"


class NotComparable(ChangedetError, ValueError):
    """Readable images that must not be compared; no area may be printed."""

    exit_code = 4
    code = "not_comparable"


class EnvironmentFault(ChangedetError, OSError):
    """Disk full, no permission, out of memory, network."""

    exit_code = 5
    code = "environment"


_NO_MEMORY = (
    "Insufficient memory",  # OpenCV
    "failed to map segment",  # the loader of libraries
    "Cannot allocate memory",
    "can't start new thread",
)


def is_out_of_memory(fault: BaseException) -> bool:
    """Tell an error that means too little memory; not every library has MemoryError for it."""
    return isinstance(fault, MemoryError) or any(text in str(fault) for text in _NO_MEMORY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a check of the pair found: a fact, and how far it reaches.

    Parameters
    ----------
    code : str
        Short machine-readable name.
    message : str
        One sentence: the fact, and what the user can do.
    severity : {"warn", "degrade", "refuse"}
        Say it; say it and claim less; print no area at all.
    """

    code: str
    message: str
    severity: Literal["warn", "degrade", "refuse"]
