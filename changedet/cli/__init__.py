"""The command line: flags, configuration and exit codes around :mod:`changedet.api`.

Nothing heavy is imported before a command runs, so that ``changedet --help`` is quick.
"""

from __future__ import annotations

from changedet.cli.app import main

__all__ = ["main"]
