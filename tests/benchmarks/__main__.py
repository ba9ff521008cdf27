"""Benchmarks, off by default: ``python -m tests.benchmarks COMMAND`` from the repository root.

accuracy    the main job against simulated truth
peers-only  the standard measures alone, as given and perfectly aligned
real        real pairs in the folder that CHANGEDET_BENCH_DATA names
register    known displacements of real and simulated images, ours beside other methods
looks       how simulated images look
cost        CPU seconds by stage and memory, at several sizes, beside the least possible work
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # CPU seconds that can be compared

COMMANDS = ("accuracy", "peers-only", "real", "register", "looks", "cost")


def main(argv: Sequence[str]) -> int:
    """Hand the arguments to the sub-command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    wishes = parser.parse_args(argv[:1])
    rest = list(argv[1:])
    if wishes.command == "real":
        from tests.benchmarks import real

        return real.main(rest)
    if wishes.command == "register":
        from tests.benchmarks import register

        return register.main(rest)
    if wishes.command == "cost":
        from tests.benchmarks import cost

        return cost.main(rest)
    if wishes.command == "looks":
        from tests.benchmarks import looks

        return int(looks.main(rest))
    from tests.benchmarks import accuracy

    return accuracy.main(rest, peers_only=wishes.command == "peers-only")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
