"""Many towns on processes: one that dies costs no other, and no process outlives its batch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from changedet.api import crew
from changedet.api.crew import open_crew, work_through
from changedet.api.town import TownJob, TownOutcome
from changedet.core.options import RunOptions

HERE = Path(__file__).parent


def jobs(folder: Path, *names: str) -> list[TownJob]:
    return [
        TownJob(name=name, folder=str(folder / name), before="b", after="a", options=RunOptions())
        for name in names
    ]


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers, which look for it by its name, play the towns."""
    monkeypatch.syspath_prepend(str(HERE))
    spec = importlib.util.spec_from_file_location("towns", HERE / "towns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "towns", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(crew, "run_town", module.play_town)


def statuses(found: Any) -> dict[str, str]:
    return {job.name: outcome.status for job, outcome in found}


def test_a_town_that_kills_its_process_is_blamed_and_no_other(tmp_path: Path) -> None:
    names = ("a", "kill-always", "b", "kill-once", "c", "raise", "d")
    found = {job.name: out for job, out in work_through(jobs(tmp_path, *names), workers=2)}
    assert {name: outcome.status for name, outcome in found.items()} == {
        "a": "ok", "b": "ok", "c": "ok", "d": "ok", "kill-once": "ok",
        "kill-always": "failed", "raise": "failed",
    }  # fmt: skip
    assert found["kill-always"].exit_code == 5
    assert "died" in found["kill-always"].reason
    assert found["raise"].exit_code == 1
    assert "LookupError: nobody foresaw this" in found["raise"].reason


def test_few_are_in_flight_and_none_is_forgotten(tmp_path: Path) -> None:
    flying, most = 0, 0

    class Counting(Executor):
        def __init__(self) -> None:
            self.inner = ThreadPoolExecutor(2)

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            return self.inner.submit(function, *args, **kwargs)

    names = [f"t{n}" for n in range(40)]
    found = []
    executor = Counting()
    for job, _ in work_through(jobs(tmp_path, *names), workers=2, executor=executor):
        flying -= 1
        found.append(job.name)
    executor.inner.shutdown()
    assert most == 3
    assert sorted(found) == sorted(names)


def test_a_broken_executor_of_others_fails_what_is_left(tmp_path: Path) -> None:
    with open_crew(1) as executor:
        found = statuses(
            work_through(jobs(tmp_path, "kill-always", "a", "b"), workers=1, executor=executor)
        )
    assert found == {"kill-always": "failed", "a": "failed", "b": "failed"}


def test_processes_end_at_once_with_an_error_here(tmp_path: Path) -> None:
    def run() -> None:
        with closing(work_through(jobs(tmp_path, "a", "sleep-1", "sleep-2"), workers=2)) as found:
            next(found)
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.monotonic() - began < 30
    commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert not [command for command in commands if "spawn_main" in command]


ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
from towns import play_town
from changedet.api import crew
from changedet.api.town import TownJob
from changedet.core.options import RunOptions
if __name__ == "__main__":
    crew.run_town = play_town
    jobs = [TownJob(name=f"sleep-{n}", folder=f"{sys.argv[2]}/{n}", before="b", after="a",
                    options=RunOptions()) for n in range(3)]
    list(crew.work_through(jobs, workers=2))
"""


def test_no_process_outlives_a_batch_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    with subprocess.Popen([sys.executable, script, HERE, tmp_path]) as process:
        workers = _wait_for(lambda: sorted(tmp_path.glob("*/run-*")), 2)
        process.kill()
    numbers = [int(path.name.removeprefix("run-")) for path in workers]
    until = time.monotonic() + 10
    while any(_lives(number) for number in numbers):
        assert time.monotonic() < until
        time.sleep(0.05)


def _wait_for(look: Callable[[], list[Path]], count: int) -> list[Path]:
    until = time.monotonic() + 60
    while len(found := look()) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def _lives(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_outcomes_of_any_error() -> None:
    (job,) = jobs(Path("/x"), "a")

    def outcome(fault: BaseException) -> TownOutcome:
        future: Future[TownOutcome] = Future()
        future.set_exception(fault)
        return crew._outcome(job, future)

    killed = type("KilledWorker", (Exception,), {})
    assert outcome(killed("x")).exit_code == 5
    assert outcome(OSError("disk")).exit_code == 5
    assert outcome(ZeroDivisionError("x")).exit_code == 1
    future: Future[TownOutcome] = Future()
    future.cancel()
    assert crew._outcome(job, future).exit_code == 5
