"""Seeds of the simulated towns.

The two sets are disjoint. The program is changed while looking at DEVELOPMENT alone; every figure
that is quoted anywhere (documentation, release notes, papers) comes from HELD_BACK.
"""

from __future__ import annotations

DEVELOPMENT = tuple(range(101, 121))
"""For work on the program: look at these as often as you like."""
HELD_BACK = tuple(range(9001, 9021))
"""For figures that are quoted: run, write down, do not tune on them."""
