"""The one walk: open -> register -> fit -> apply -> decide -> quantify -> record.

The parts that compute are pure and do not know each other; here they meet the files.
"""

from changedet.pipeline.describe import describe_pair
from changedet.pipeline.outcome import Outcome, Progress, no_progress
from changedet.pipeline.walk import register_pair, run_pair

__all__ = ["Outcome", "Progress", "describe_pair", "no_progress", "register_pair", "run_pair"]
