"""What the command line and Python share: the walk over a pair, joined with its report.

The names below are loaded when they are first used: a simulation needs no report.
"""

import gc
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from changedet.api.batch import BatchResult, plan_batch, read_batch, run_batch
    from changedet.api.jobs import describe, rebuild_report, register, run, sample_pair
    from changedet.api.results import RegistrationResult, Result, open_result
    from changedet.api.simulation import Simulation, simulate
    from changedet.api.telling import say_next, say_result, say_truth

__all__ = [
    "BatchResult",
    "RegistrationResult",
    "Result",
    "Simulation",
    "describe",
    "open_result",
    "plan_batch",
    "read_batch",
    "rebuild_report",
    "register",
    "run",
    "run_batch",
    "sample_pair",
    "say_next",
    "say_result",
    "say_truth",
    "simulate",
]

_HOMES = {"BatchResult": "batch", "plan_batch": "batch", "read_batch": "batch",
          "run_batch": "batch", "RegistrationResult": "results", "Result": "results",
          "Simulation": "simulation",
          "open_result": "results", "simulate": "simulation", "say_next": "telling",
          "say_result": "telling",
          "say_truth": "telling"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_load(f"{__name__}.{_HOMES.get(name, 'jobs')}"), name)
    globals()[name] = value
    return value


def _load(name: str) -> ModuleType:
    """Import a module without looking for garbage: what is loaded stays, and is much."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        if collects:
            gc.enable()
