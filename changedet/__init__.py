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

# These sub-packages share their names with functions that the contract promises,
# ``changedet.register(before, after)``: the modules themselves are made callable below.
import changedet.register as _register
import changedet.simulate as _simulate

if TYPE_CHECKING:
    from changedet.api import (
        BatchResult,
        RegistrationResult,
        Result,
        Simulation,
        open_result,
        register,
        run,
        run_batch,
        simulate,
    )
    from changedet.api import widgets as widgets
    from changedet.compare import indices, pixel, structure, texture
    from changedet.core.errors import (
        ChangedetError,
        EnvironmentFault,
        InputError,
        MissingExtra,
        NotComparable,
        UsageError,
    )
    from changedet.core.options import DecideOptions, RegisterOptions, RunOptions
    from changedet.core.scenario import Scenario
    from changedet.register.alignment import Alignment
    from changedet.result import Record

__version__ = "0.1.0"

__all__ = [
    "Alignment",
    "BatchResult",
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
    "Scenario",
    "Simulation",
    "UsageError",
    "__version__",
    "indices",
    "open_result",
    "pixel",
    "register",
    "run",
    "run_batch",
    "simulate",
    "structure",
    "texture",
]

_HOMES = {
    "Alignment": "changedet.register.alignment",
    "BatchResult": "changedet.api",
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
    "Scenario": "changedet.core.scenario",
    "Simulation": "changedet.api",
    "UsageError": "changedet.core.errors",
    "open_result": "changedet.api",
    "run": "changedet.api",
    "run_batch": "changedet.api",
}
_MODULES = {
    name: f"changedet.compare.{name}" for name in ("indices", "pixel", "structure", "texture")
}
# Not in __all__: it needs an extra, and ``import *`` must not.
_MODULES["widgets"] = "changedet.api.widgets"


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
    """A sub-package that is called like the function of its name in :mod:`changedet.api`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do the job: see :func:`changedet.api.register` and :func:`changedet.api.simulate`."""
        return getattr(import_module("changedet.api"), self.__name__.rpartition(".")[2])(
            *args, **kwargs
        )


_register.__class__ = _simulate.__class__ = _CallableModule
