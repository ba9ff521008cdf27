"""``python -m changedet`` is the command ``changedet``."""

from __future__ import annotations

import sys

from changedet.cli import main

if __name__ == "__main__":
    sys.exit(main())
