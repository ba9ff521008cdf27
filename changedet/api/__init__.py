"""What the command line and Python share: the walk over a pair, joined with its report."""

from changedet.api.jobs import describe, rebuild_report, register, run, sample_pair
from changedet.api.results import RegistrationResult, Result
from changedet.api.simulation import Simulation, simulate

__all__ = [
    "RegistrationResult",
    "Result",
    "Simulation",
    "describe",
    "rebuild_report",
    "register",
    "run",
    "sample_pair",
    "simulate",
]
