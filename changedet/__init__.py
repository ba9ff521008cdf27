"""Map what was destroyed between two images of one place, and how sure that is.

The names below are loaded when they are first used: ``import changedet`` imports neither
numpy nor rasterio.

Examples
--------
>>> import changedet as cd
>>> cd.RunOptions(gsd=0.5).gsd
0.5
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

# The sub-package shares its name with the function that the contract promises,
# ``changedet.register(before, after)``: the module itself is made callable below.
import changedet.register as _sub_package

if TYPE_CHECKING:
    from changedet.api import RegistrationResult, Result, register, run
    from changedet.compare import pixel, structure
    from changedet.core.errors import (
        ChangedetError,
        EnvironmentFault,
        InputError,
        MissingExtra,
        NotComparable,
        UsageError,
    )
    from changedet.core.options import DecideOptions, RegisterOptions, RunOptions
    from changedet.register.alignment import Alignment
    from changedet.result import Record

__version__ = "0.1.0"

__all__ = [
    "Alignment",
    "ChangedetError",
    "DecideOptions",
    "EnvironmentFault",
    "InputError",
    "MissingExtra",
    "NotComparable",
    "Record",
    "RegisterOptions",
    "RegistrationResult",
    "Result",
    "RunOptions",
    "UsageError",
    "__version__",
    "pixel",
    "register",
    "run",
    "structure",
]

_HOMES = {
    "Alignment": "changedet.register.alignment",
    "ChangedetError": "changedet.core.errors",
    "DecideOptions": "changedet.core.options",
    "EnvironmentFault": "changedet.core.errors",
    "InputError": "changedet.core.errors",
    "MissingExtra": "changedet.core.errors",
    "NotComparable": "changedet.core.errors",
    "Record": "changedet.result",
    "RegisterOptions": "changedet.core.options",
    "RegistrationResult": "changedet.api",
    "Result": "changedet.api",
    "RunOptions": "changedet.core.options",
    "UsageError": "changedet.core.errors",
    "run": "changedet.api",
}
_MODULES = {"pixel": "changedet.compare.pixel", "structure": "changedet.compare.structure"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(set(globals()) | set(__all__))


class _CallableModule(ModuleType):
    """``changedet.register``: a sub-package that is called like ``changedet.api.register``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Bring AFTER onto BEFORE; see :func:`changedet.api.register`."""
        return import_module("changedet.api").register(*args, **kwargs)


_sub_package.__class__ = _CallableModule
