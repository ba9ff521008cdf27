"""The bounded walk: a function over many items, on any executor, few in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

_UNKNOWN = 16
"""Workers of an executor that does not tell how many it has: enough for a small cluster."""

Item = TypeVar("Item")
Value = TypeVar("Value")


def spread(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    ahead: int | None = None,
) -> Iterator[Value]:
    """Apply ``function`` to ``items`` and yield the values in the order of the items.

    Parameters
    ----------
    function : callable
        A top-level function of picklable values, where the executor uses processes.
    items : iterable
        Consumed lazily: at most ``ahead`` items are in flight, so memory does not grow
        with their number (``Executor.map`` submits them all).
    executor : concurrent.futures.Executor, optional
        None computes one after the other in the caller's thread.
    ahead : int, optional
        Most items submitted and not yet yielded; by default one more than the executor has
        workers (17 where it does not say), and at least four.

    Yields
    ------
    object
        ``function(item)``, in order. An error of one item ends the walk; what has not
        begun is cancelled.
    """
    if executor is None:
        for item in items:
            yield function(item)
        return
    rest = iter(items)
    if ahead is None:
        # The pools of the standard library say it under this name, and so does our cluster.
        ahead = max(4, getattr(executor, "_max_workers", _UNKNOWN) + 1)
    flying: deque[Future[Value]] = deque()
    try:
        flying.extend(executor.submit(function, item) for item in islice(rest, max(1, ahead)))
        while flying:
            value = flying.popleft().result()
            flying.extend(executor.submit(function, item) for item in islice(rest, 1))
            yield value
    finally:
        for future in flying:
            future.cancel()
