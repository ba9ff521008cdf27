from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.core.spread import spread


def square(value: int) -> int:
    return value * value


@given(st.lists(st.integers(-1000, 1000), max_size=30), st.integers(-1, 9))
def test_threads_give_the_same_as_a_loop(items: list[int], ahead: int) -> None:
    with ThreadPoolExecutor(2) as executor:
        threaded = list(spread(square, items, executor=executor, ahead=ahead))
    assert threaded == list(spread(square, items)) == [square(item) for item in items]


def test_processes_give_the_same_as_a_loop() -> None:
    with ProcessPoolExecutor(1) as executor:
        assert list(spread(abs, range(-5, 5), executor=executor)) == [*map(abs, range(-5, 5))]


class Counting(ThreadPoolExecutor):
    """Counts what was submitted."""

    submitted = 0

    def submit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.submitted += 1
        return super().submit(*args, **kwargs)


@pytest.mark.parametrize("ahead", [1, 3])
def test_at_most_ahead_items_are_in_flight(ahead: int) -> None:
    taken = 0

    def source() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    with Counting(1) as executor:
        walk = spread(square, source(), executor=executor, ahead=ahead)
        for done in range(1, 6):
            next(walk)
            assert taken <= done + ahead
            assert executor.submitted == taken
        walk.close()
    assert executor.submitted <= 5 + ahead


class AtOnce(Executor):
    """Computes where it is asked to, and says how many workers it has, or does not."""

    def __init__(self, workers: int | None) -> None:
        self.submitted = 0
        if workers is not None:
            self._max_workers = workers

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.submitted += 1
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize(("workers", "flying"), [(1, 4), (6, 7), (None, 17)])
def test_by_default_every_worker_has_something_to_do(workers: int | None, flying: int) -> None:
    executor = AtOnce(workers)
    walk = spread(square, range(40), executor=executor)
    next(walk)
    assert executor.submitted == flying + 1
    walk.close()


def fail_at_two(value: int) -> int:
    if value == 2:
        raise KeyError(value)
    return value


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_ends_the_walk_at_its_item(threads: int) -> None:
    seen = []
    executor: Executor | None = ThreadPoolExecutor(threads) if threads else None
    walk = spread(fail_at_two, range(50), executor=executor)
    with pytest.raises(KeyError):
        seen.extend(value for value in walk)
    if executor is not None:
        executor.shutdown()


def test_what_has_not_begun_is_cancelled() -> None:
    gate, ran = threading.Event(), []

    def work(value: int) -> int:
        if value:
            gate.wait(5)
        ran.append(value)
        return value

    executor = ThreadPoolExecutor(1)
    walk = spread(work, range(50), executor=executor, ahead=8)
    assert next(walk) == 0
    walk.close()
    gate.set()
    executor.shutdown()
    assert len(ran) <= 2
