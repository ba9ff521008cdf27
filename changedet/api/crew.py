"""Many towns on an executor, or on processes of our own: few in flight, none costs another."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection

from changedet.api.town import TownJob, TownOutcome, defect, failed, run_town
from changedet.core.errors import ChangedetError

_LOST = (
    "its worker process died (killed, or out of memory), also when it ran alone: "
    "use a smaller --block-size, or look at its files"
)


def work_through(
    jobs: Iterable[TownJob], *, workers: int = 1, executor: Executor | None = None
) -> Generator[tuple[TownJob, TownOutcome], None, None]:
    """Compare many towns and yield each with what became of it, in the order they end.

    Parameters
    ----------
    jobs : iterable of TownJob
        At most one more than ``workers`` are in flight.
    workers : int
        Towns at the same time.
    executor : concurrent.futures.Executor, optional
        Where they are computed; without it, on processes that end with this one. When one of our
        processes dies, the towns that were in flight are run again, each alone: one whose process
        dies twice more is to blame, and fails.
    """
    rest = deque(jobs)
    if executor is not None:
        ahead = max(workers, getattr(executor, "_max_workers", None) or 1) + 1
        # A cluster cannot interrupt a town that runs: it has a way to make it end by itself.
        heed = getattr(executor, "heed", None)
        unit = run_town if heed is None else partial(run_town, heed=heed)
        for job, future in _fly(rest, executor, ahead, unit):
            yield job, _outcome(job, future)
        for job in rest:  # the executor is broken, and not ours to replace
            yield job, failed(job, "the executor has broken down", 5)
        return
    while rest:
        suspects: list[TownJob] = []
        with open_crew(min(workers, len(rest))) as crew:
            for job, future in _fly(rest, crew, workers + 1, run_town):
                if _is_broken(future):
                    suspects.append(job)
                else:
                    yield job, _outcome(job, future)
        for job in suspects:
            yield job, _run_alone(job)


def _run_alone(job: TownJob) -> TownOutcome:
    """Run a town on a process of its own; one death may have come from elsewhere, two do not."""
    for _ in range(2):
        with open_crew(1) as crew:
            future = crew.submit(run_town, job)
            wait([future])
        if not _is_broken(future):
            break
    return _outcome(job, future)


def _fly(
    rest: deque[TownJob],
    executor: Executor,
    ahead: int,
    unit: Callable[[TownJob], TownOutcome],
) -> Iterator[tuple[TownJob, Future[TownOutcome]]]:
    """Keep a few towns in flight; end early, with towns left in ``rest``, where it breaks."""
    flying: dict[Future[TownOutcome], TownJob] = {}
    broken = False
    try:
        while flying or (rest and not broken):
            while rest and not broken and len(flying) < ahead:
                try:
                    future = executor.submit(unit, rest[0])
                except BrokenExecutor:
                    broken = True
                else:
                    flying[future] = rest.popleft()
            if flying:
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    broken = broken or _is_broken(future)
                    yield flying.pop(future), future
    finally:
        for future in flying:
            future.cancel()


def _is_broken(future: Future[TownOutcome]) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


def _outcome(job: TownJob, future: Future[TownOutcome]) -> TownOutcome:
    """Return what a future holds; its error is the town's."""
    fault = CancelledError("cancelled") if future.cancelled() else future.exception()
    if fault is None:
        return future.result()
    if isinstance(fault, ChangedetError):  # such as a cluster's: this town has killed its workers
        return failed(job, str(fault), fault.exit_code)
    if isinstance(fault, BrokenExecutor):
        return failed(job, _LOST, 5)
    if isinstance(fault, CancelledError | MemoryError | OSError):
        return failed(job, str(fault) or type(fault).__name__, 5)
    if type(fault).__name__ == "KilledWorker":  # Dask's, where the executor is a plain one
        return failed(job, f"it killed its workers again and again: {fault}", 5)
    return failed(job, defect(fault), 1)


@contextmanager
def open_crew(workers: int) -> Iterator[Executor]:
    """Yield processes that end at once with an error here, a signal, or this process itself.

    Each holds the end of a pipe and watches it: when the other end closes, because we close it or
    because we were killed, it ends, whatever it does. No process outlives its batch.
    """
    context = get_context("spawn")
    leash, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_enlist, initargs=(leash,))
    well = False
    try:
        yield pool
        well = True
    finally:
        if not well:
            held.close()
        pool.shutdown(wait=True, cancel_futures=True)
        held.close()
        leash.close()


def _enlist(leash: Connection) -> None:
    """Make a worker quiet, deaf to Ctrl-C (its batch hears it) and bound to its batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # what matters stands in the record
    threading.Thread(target=_watch, args=(leash,), daemon=True).start()


def _watch(leash: Connection) -> None:
    try:
        leash.poll(None)
    finally:
        os._exit(1)
