"""Stands in for ``run_town`` in worker processes: ends as the name of the town says."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from changedet.api.town import TownJob, TownOutcome


def play_town(job: TownJob) -> TownOutcome:
    """Do what the name says; leave the number of the process in the folder."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"run-{os.getpid()}").touch()
    if job.name.startswith("kill-always"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.name.startswith("kill-once") and len(list(folder.glob("run-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.name.startswith("sleep"):
        time.sleep(60)
    if job.name.startswith("raise"):
        raise LookupError("nobody foresaw this")
    return TownOutcome(name=job.name, folder=job.folder, status="ok")
