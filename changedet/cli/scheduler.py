"""``--scheduler``: a Dask cluster as an executor, looked over before any work is sent to it.

The only file that knows Dask. What runs on the workers are the same top-level functions of
picklable values that threads and processes run, so figures are those of one machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import pickle
import pydoc
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from changedet import __version__
from changedet.cli import console
from changedet.core.errors import EnvironmentFault, MissingExtra, UsageError
from changedet.core.redaction import without_secrets

CONNECT_S = 15.0
"""Seconds after which a scheduler that does not answer, or has no worker, is given up."""
CLOSE_S = 4.0
"""Seconds for saying goodbye: after a signal all must be over within 15."""
ALONE_S = 60.0
"""Seconds without any worker after which a run is given up; they may be on their way back."""
SHARED_BYTES = 4096
"""Larger functions (with what is bound to them) are sent once, not with every item."""
_KEPT = 4  # such functions that are kept there at a time
_ENDS = 65536  # bytes of both ends of a file that tell one from another
_LIBRARIES = ("numpy", "opencv-python-headless", "rasterio", "scikit-image", "scipy", "shapely")
_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s/:@\[\]]+):[0-9]{1,5}/?")


@contextmanager
def open_scheduler(
    address: str, *, files: Sequence[str | Path | None] = (), output: str | Path | None = None
) -> Iterator[ClusterExecutor]:
    """Connect to a Dask scheduler, check that its workers can do our work, and yield an executor.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT``, ``tls://HOST:PORT`` (certificates from Dask's configuration), or the
        file that ``dask scheduler --scheduler-file`` wrote.
    files : sequence of path-like or None
        Inputs that workers will open: each worker must see the same ones. None and files that are
        not here either are left to those who read them.
    output : path-like, optional
        Result folder: workers must see what is written there.

    Yields
    ------
    ClusterExecutor
        When the block ends, however it ends, what has not run is cancelled, and the connection
        closed.

    Raises
    ------
    MissingExtra
        Where Dask is not installed.
    UsageError
        Where this is no address.
    EnvironmentFault
        Where nobody answers, there is no worker, workers have another version of changedet or do
        not see the files; and, later, where a piece of work ends one worker after another, or
        scheduler or workers are lost for good.
    """
    dask = _import_dask()
    name, where = without_secrets(address), _read_address(address)
    client = _connect(dask, where, name)
    executor = None
    try:
        _check_versions(client, name)
        _check_files(client, _absolute(files))
        if output is not None:
            _check_output(client, Path(output).absolute())
        executor = ClusterExecutor(client)
        with _watch(client, executor):
            yield executor
    except CancelledError:
        lost = executor is None or not executor.alone
        fact = "was lost" if lost else f"has had no worker for {ALONE_S:.0f} s"
        raise EnvironmentFault(f"the scheduler {name} {fact}; look at its log") from None
    except dask.KilledWorker as fault:
        raise EnvironmentFault(_killed(fault)) from None
    finally:
        with contextlib.suppress(OSError, TimeoutError, CancelledError, RuntimeError):
            if executor is not None and client.status == "running":
                executor.shutdown(wait=False)
            client.close(timeout=CLOSE_S)


class ClusterExecutor(Executor):
    """A Dask client as an executor.

    A function with much bound to it (``functools.partial`` with a scene) travels once, as a task of
    its own: workers pass it on among themselves, and it is made again where all that had it are
    lost. Work of a lost worker is done again by others; the cluster's ``allowed-failures`` says how
    often.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    """

    alone = False
    """Whether the workers stayed away for too long."""
    heed: Callable[[str, float], None]
    """What a long task on a worker calls to learn that nobody waits for it any more."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.heed = heed_cancellation
        self._inner = client.get_executor(pure=False)
        self._kept: OrderedDict[int, tuple[Callable[..., Any], Any]] = OrderedDict()
        # What core.spread asks an executor: how many items keep it busy.
        self._max_workers = max(1, sum(client.nthreads().values()))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Compute ``fn(*args, **kwargs)`` on one of the workers."""
        job = partial(fn, **kwargs) if kwargs else fn
        future: Future[Any] = self._inner.submit(_compute, self._shared(job), __version__, args)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work, and cancel what is still to do unless it is waited for."""
        self._kept.clear()
        self._inner.shutdown(wait=wait and not cancel_futures)

    def _shared(self, job: Callable[..., Any]) -> Any:
        """Return a function as it is sent: itself, or the task that holds it on the cluster."""
        known = self._kept.get(id(job))
        if known is None:
            packed = pickle.dumps(job, protocol=5)
            if len(packed) < SHARED_BYTES:
                return job
            # The function is kept, too: its id must not become that of another one.
            known = (job, self._client.submit(pickle.loads, packed, pure=False))
            self._kept[id(job)] = known
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(id(job))
        return known[1]


def blames_task(fault: BaseException) -> bool:
    """Say whether an error means that a task ended the workers that ran it (out of memory, mostly).

    True of Dask's ``KilledWorker``; a lost worker alone is no error, its work is done again.
    """
    # By name: without the extra there is no such class to ask for, and no such error either.
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(fault).__mro__}
    return "distributed.scheduler.KilledWorker" in kinds


def heed_cancellation(stage: str, fraction: float) -> None:
    """Stop a long task that nobody waits for any more: the ``progress`` of what runs on a worker.

    Dask cannot interrupt a running task. One that was cancelled ends here, at the next word of
    progress, and what it had staged is removed. Does nothing outside of a Dask worker.

    Raises
    ------
    EnvironmentFault
        Where the task was cancelled.
    """
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state in ("cancelled", "released", "forgotten"):
        raise EnvironmentFault("interrupted: nobody waits for this any more")


def _compute(job: Callable[..., Any], version: str, args: tuple[Any, ...]) -> Any:
    """Do one piece of work on a worker; workers that joined late are looked at here."""
    from changedet.api.threads import settle_worker

    if version != __version__:
        raise EnvironmentFault(_other_version({"a worker": __version__}, version))
    settle_worker()
    return job(*args)


def _import_dask() -> Any:
    try:
        import distributed
    except ImportError:
        raise MissingExtra("dask", "--scheduler") from None
    if not console.wants_library_words():
        # What goes wrong is said in one line of ours.
        for name in ("distributed", "distributed.client", "distributed.gc", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        logging.getLogger("tornado.application").setLevel(logging.CRITICAL + 1)
    return distributed


def _read_address(address: str) -> str:
    """Return what the client connects to; an address that a scheduler wrote into a file is read."""
    text = address.strip()
    scheme, sign, rest = text.partition("://")
    if "@" in rest:
        raise UsageError(
            f"--scheduler: {without_secrets(text)}: Dask takes no user and password; use tls:// "
            "and give Dask its certificates (distributed.comm.tls)"
        )
    if scheme in _SCHEMES and _HOST_PORT.fullmatch(rest):
        return text
    if not sign and (path := Path(text)).is_file():
        try:
            found = str(json.loads(path.read_bytes()[:100_000])["address"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(
                f"{text}: not the file of a Dask scheduler (--scheduler-file); give its address"
            ) from None
        return _read_address(found) if "://" in found else f"tcp://{found}"
    raise UsageError(
        f"--scheduler: {without_secrets(text)} is no address of a Dask scheduler: "
        "give tcp://HOST:PORT, or the file that `dask scheduler --scheduler-file` wrote"
    )


def _connect(dask: Any, where: str, name: str) -> Any:
    if where.startswith(("tls", "wss")):
        try:
            known = dask.Security().get_connection_args("client").get("ssl_context")
        except OSError:
            known = None
        if known is None:
            raise EnvironmentFault(
                f"{name}: TLS without certificates: give Dask its own (distributed.comm.tls)"
            )
    try:
        client = dask.Client(where, timeout=CONNECT_S, set_as_default=False, name="changedet")
    except (OSError, ValueError, TypeError, RuntimeError):
        raise EnvironmentFault(
            f"no Dask scheduler answers at {name}: check the address, the network, and that "
            "`dask scheduler` runs there with this version of Dask"
        ) from None
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except (TimeoutError, OSError):
        client.close(timeout=CLOSE_S)
        raise EnvironmentFault(
            f"the scheduler {name} has no workers: start one with `dask worker {name} --nthreads 1`"
        ) from None
    return client


def _check_versions(client: Any, name: str) -> None:
    """Refuse workers with another changedet, and tell of other libraries."""
    # A function of the standard library: ours cannot be loaded where changedet is missing.
    found = client.run(pydoc.locate, "changedet.__version__", on_error="return")
    other = {
        worker: version if isinstance(version, str) else "no changedet that can be loaded"
        for worker, version in found.items()
        if version != __version__
    }
    if other:
        raise EnvironmentFault(_other_version(other, __version__))
    here = _versions()
    for worker, there in client.run(_versions, on_error="return").items():
        if isinstance(there, dict) and there != here:
            differ = [
                f"{k} {there.get(k)} (here {v})" for k, v in here.items() if there.get(k) != v
            ]
            console.warn(
                f"worker {worker} of {name} has {', '.join(differ)}: last digits of figures may "
                "depend on which worker computes what; use one image for all"
            )


def _other_version(found: dict[str, str], wanted: str) -> str:
    worker, version = next(iter(found.items()))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (
        f"{without_secrets(worker)}{more} has {version}, here is changedet {wanted}: "
        f"install changedet {wanted} on all workers and start them again"
    )


def _versions() -> dict[str, str]:
    """Return what figures could depend on in this process."""
    found = {"Python": python_version().rpartition(".")[0]}
    for library in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[library] = metadata.version(library)
    return found


def _absolute(files: Sequence[str | Path | None]) -> list[str]:
    paths = [Path(path).absolute() for path in files if path is not None]
    return [str(path) for path in paths if path.exists()]


def _check_files(client: Any, paths: list[str]) -> None:
    """Refuse workers that do not see the inputs, or see others under these names."""
    if not paths:
        return
    here = _look_at(paths)
    for worker, there in client.run(_look_at, paths, on_error="return").items():
        if isinstance(there, BaseException):
            raise EnvironmentFault(f"worker {worker} does not answer ({type(there).__name__})")
        for path, mine, its in zip(paths, here, there, strict=True):
            if mine != its:
                what = "sees another file as" if its else "does not see"
                raise EnvironmentFault(f"worker {worker} {what} {path}: {_REMEDY}")


_REMEDY = (
    "workers open images and working files by the same paths; put inputs and results on storage "
    "that all machines share (NFS, a shared volume, a mounted object store)"
)


def _look_at(paths: list[str]) -> list[tuple[int, str] | None]:
    """Return size and a digest of both ends of each file; None where it cannot be read."""
    return [_look(Path(path)) for path in paths]


def _look(path: Path) -> tuple[int, str] | None:
    try:
        if path.is_dir():
            return (0, "folder")
        with path.open("rb") as file:
            size = path.stat().st_size
            ends = file.read(_ENDS)
            file.seek(max(0, size - _ENDS))
            ends += file.read(_ENDS)
    except OSError:
        return None
    return size, hashlib.sha256(ends).hexdigest()


def _check_output(client: Any, output: Path) -> None:
    """Lay a file where the result will be (or beside it), and ask who sees it."""
    place = next(folder for folder in (output, *output.parents) if folder.is_dir())
    probe = place / f".changedet-{secrets.token_hex(8)}"
    try:
        probe.write_text(secrets.token_hex(16), "ascii")
    except OSError:
        return  # said in better words by the one who writes the result
    try:
        found = client.run(_look_at, [str(probe)], on_error="return")
        here = _look_at([str(probe)])
    finally:
        probe.unlink(missing_ok=True)
    blind = [worker for worker, there in found.items() if there != here]
    if blind:
        raise EnvironmentFault(f"worker {blind[0]} does not see the folder {place}: {_REMEDY}")


@contextmanager
def _watch(client: Any, executor: ClusterExecutor) -> Iterator[None]:
    """Give up where all workers stay away: Dask itself would wait for ever."""
    done = threading.Event()

    def look() -> None:
        missing = 0.0
        while not done.wait(ALONE_S / 20):
            try:
                there = bool(client.nthreads())
            except (OSError, RuntimeError, TimeoutError, CancelledError):
                continue
            missing = 0.0 if there else missing + ALONE_S / 20
            if missing >= ALONE_S:
                executor.alone = True
                executor.shutdown(wait=False)
                return

    watcher = threading.Thread(target=look, daemon=True, name="changedet-watch")
    watcher.start()
    try:
        yield
    finally:
        done.set()


def _killed(fault: BaseException) -> str:
    times = getattr(fault, "allowed_failures", 3) + 1
    return (
        f"a piece of work ended {times} workers, one after another; most likely they ran out of "
        "memory: give workers more (dask worker --memory-limit), one thread each, or use a smaller "
        "--block-size"
    )
