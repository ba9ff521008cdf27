"""``--scheduler``: a real scheduler and real workers, each a process of its own."""

from __future__ import annotations

import json
import os
import pickle
import pydoc
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import changedet as cd
from changedet import api
from changedet.api.crew import work_through
from changedet.api.town import TownJob
from changedet.cli import scheduler
from changedet.cli.scheduler import blames_task, heed_cancellation, open_scheduler
from changedet.core.errors import EnvironmentFault, InputError, MissingExtra
from changedet.core.options import RunOptions

pytest.importorskip("distributed", reason="extra `dask`")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes and /proc of Linux")

MAPS = ("aligned", "pixel_change", "structural_change", "classes")
QUIET = {**os.environ, "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON__OMP_NUM_THREADS": "1"}


class Cluster(NamedTuple):
    address: str
    file: Path
    scheduler: subprocess.Popen[bytes]
    workers: subprocess.Popen[bytes]


@contextmanager
def started(folder: Path, *, workers: int) -> Iterator[Cluster]:
    """Start a scheduler and workers as a user would, and stop them."""
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    calls = (
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
         "--scheduler-file", str(file)],
        [*dask, "worker", "--scheduler-file", str(file), "--nworkers", str(workers),
         "--nthreads", "1", "--no-dashboard", "--memory-limit", "0",
         "--local-directory", str(folder)],
    )  # fmt: skip
    running = []
    try:
        for call in calls:
            running.append(
                subprocess.Popen(
                    call, env=QUIET, cwd=folder, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True,
                )
            )  # fmt: skip
            wait_for(file.exists)
        yield Cluster(json.loads(file.read_text())["address"], file, running[0], running[1])
    finally:
        for process in running:
            # A polite end of the workers takes seconds, and tells nothing here.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def wait_for(done: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair") / "town"
    cd.simulate(folder, seed=15, width=260, height=260, after={"smoke_per_km2": 0})
    return folder


class Shape(NamedTuple):
    """How a small pair is compared: nine blocks, with footprints."""

    paths: tuple[Path, Path]
    wishes: dict[str, Any]


@pytest.fixture(scope="module")
def graded(pair: Path) -> Shape:
    wishes = {"block_size": 128, "footprints": pair / "footprints.gpkg"}
    return Shape((pair / "before.tif", pair / "after.tif"), wishes)


@pytest.fixture(scope="module")
def alone(graded: Shape, compare: Callable[..., Any]) -> Any:
    """The figures of one process: there are some, so that equal means something."""
    found = compare(*graded.paths, **graded.wishes)
    assert found.record.built.destroyed_ha > 0.05
    return found


def assert_same(found: Any, alone: Any) -> None:
    leave = {"provenance", "figures"}
    assert found.record.model_dump(exclude=leave) == alone.record.model_dump(exclude=leave)
    for name in MAPS:
        there, here = ((one.folder / "maps" / f"{name}.tif").read_bytes() for one in (found, alone))
        assert there == here, name


def test_processes_change_nothing(graded: Shape, alone: Any, compare: Callable[..., Any]) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert_same(compare(*graded.paths, executor=executor, **graded.wishes), alone)


def test_a_cluster_changes_nothing(
    cluster: Cluster, graded: Shape, alone: Any, compare: Callable[..., Any], tmp_path: Path
) -> None:
    with open_scheduler(cluster.address, files=graded.paths, output=tmp_path / "out") as executor:
        assert_same(compare(*graded.paths, executor=executor, **graded.wishes), alone)
    assert list(tmp_path.iterdir()) == []


class Killing(Executor):
    """Ends a worker of the cluster when some of the work has been sent."""

    def __init__(self, inner: Any, *, at: int) -> None:
        self.inner, self.at, self.killed = inner, at, 0
        self._max_workers = inner._max_workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self.inner.submit(fn, *args, **kwargs)
        self.at -= 1
        if self.at == 0:
            pids = self.inner._client.run(os.getpid)
            self.killed = min(pids.values())
            os.kill(self.killed, signal.SIGKILL)
        return future


def test_a_lost_worker_changes_nothing(
    cluster: Cluster, graded: Shape, alone: Any, compare: Callable[..., Any]
) -> None:
    with open_scheduler(cluster.address) as executor:
        killing = Killing(executor, at=12)  # of some 30
        found = compare(*graded.paths, executor=killing, **graded.wishes)
        assert killing.killed
        assert killing.killed not in executor._client.run(os.getpid).values()
    assert_same(found, alone)


def use(address: str, *job: Any, **wishes: Any) -> Any:
    """Open a cluster, and compute ``job`` there if there is one."""
    with open_scheduler(address, **wishes) as executor:
        return executor.submit(*job).result(timeout=60) if job else None


def test_work_that_ends_workers_is_told_apart(cluster: Cluster) -> None:
    with open_scheduler(cluster.address) as executor:
        good, bad = executor.submit(abs, -3), executor.submit(os._exit, 9)
        fault = bad.exception(timeout=60)
        assert fault is not None
        assert blames_task(fault)
        assert good.result() == 3
    assert not blames_task(MemoryError())
    with pytest.raises(EnvironmentFault, match=r"ended 4 workers.*--block-size") as told:
        use(cluster.address, os._exit, 9)
    assert told.value.exit_code == 5


def test_errors_of_the_work_come_back_as_they_are(cluster: Cluster) -> None:
    with open_scheduler(cluster.address) as executor:
        fault = executor.submit(api.run, "/nowhere/b.tif", "/nowhere/a.tif").exception(timeout=60)
    assert isinstance(fault, InputError)
    assert "no such file" in str(fault)


def test_a_task_that_nobody_waits_for_stops(cluster: Cluster, tmp_path: Path) -> None:
    out, (before, after, footprints) = tmp_path / "out", api.sample_pair()
    job = partial(
        api.run, before, after, footprints=footprints, block_size=128,
        output=out, progress=heed_cancellation,
    )  # fmt: skip
    with open_scheduler(cluster.address) as executor:
        future = executor.submit(job)
        wait_for((out / ".work").exists)
        future.cancel()
        wait_for(lambda: not out.exists())
    heed_cancellation("fit", 0.5)  # not on a worker: nothing happens


def test_a_town_that_nobody_waits_for_stops(cluster: Cluster, tmp_path: Path) -> None:
    before, after, footprints = map(str, api.sample_pair())
    options = RunOptions(block_size=128, footprints=footprints)
    jobs = [
        TownJob(name=name, folder=str(tmp_path / name), before=image, after=after, options=options)
        for name, image in (("missing", str(tmp_path / "no.tif")), ("long", before))
    ]
    out = tmp_path / "long"
    with open_scheduler(cluster.address) as executor:
        towns = work_through(jobs, executor=executor)
        assert next(towns)[1].status == "failed"
        wait_for((out / ".work").exists)
        towns.close()  # as a signal does
        wait_for(lambda: not list(out.glob(".work/.stage-*")))
        wait_for(lambda: set(executor._client.processing().values()) == {()})
    assert not (out / "result.json").exists()


def test_the_command_computes_on_the_cluster(
    cluster: Cluster, graded: Shape, call: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent = []
    submit = scheduler.ClusterExecutor.submit
    monkeypatch.setattr(
        scheduler.ClusterExecutor,
        "submit",
        lambda self, fn, *args: (sent.append(fn), submit(self, fn, *args))[1],
    )
    monkeypatch.setenv("CHANGEDET_SCHEDULER", str(cluster.file))
    code, out, err = call("register", *graded.paths, "-o", tmp_path / "a", "--block-size", 128)
    assert (code, len(sent) >= 9) == (0, True), err
    assert "Co-registration" in out
    record = json.loads((tmp_path / "a" / "result.json").read_text("utf-8"))
    assert record["provenance"]["options"]["scheduler"] == str(cluster.file)


def test_a_signal_is_obeyed(cluster: Cluster, tmp_path: Path) -> None:
    before, after, footprints = api.sample_pair()
    words = ["run", before, after, "--footprints", footprints, "-o", tmp_path / "out"]
    with subprocess.Popen(
        [sys.executable, "-m", "changedet", *map(str, words), "--scheduler", cluster.address],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        wait_for((tmp_path / "out").exists)
        process.stderr.readline()  # `open` has ended: blocks are on their way
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - began < 15
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def kill_midway(address: str, process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and all that it started, while work is under way."""
    with open_scheduler(address) as executor:
        future = executor.submit(time.sleep, 60)
        os.killpg(process.pid, signal.SIGKILL)
        future.result(timeout=60)


def test_lost_workers_and_a_lost_scheduler_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "ALONE_S", 1.0)
    with started(tmp_path, workers=1) as running:
        with pytest.raises(EnvironmentFault, match="has had no worker for 1 s"):
            kill_midway(running.address, running.workers)
        monkeypatch.setattr(scheduler, "CONNECT_S", 2.0)
        with pytest.raises(EnvironmentFault, match="has no workers: start one"):
            use(running.address)
        monkeypatch.setattr("distributed.Client.wait_for_workers", lambda *_, **__: None)
        with pytest.raises(EnvironmentFault, match="was lost"):
            kill_midway(running.address, running.scheduler)


def test_a_missing_extra_is_named(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = call("run", "b.tif", "a.tif", "-o", "o", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 2
    assert err.splitlines() == [
        'changedet: --scheduler needs an optional package: pip install "changedet[dask]"'
    ]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.0.0.7", "is no address of a Dask scheduler"),
        ("tcp://10.0.0.7", "is no address of a Dask scheduler"),
        ("http://10.0.0.7:8786", "is no address of a Dask scheduler"),
        ("tls://ann:secret@10.0.0.7:8786", "tls://***@10.0.0.7:8786: Dask takes no user"),
        ("tls://10.0.0.7:8786", "TLS without certificates"),
    ],
)
def test_a_wrong_address_is_named_without_its_secrets(
    call: Callable[..., Any], address: str, says: str
) -> None:
    code, _, err = call("run", "b.tif", "a.tif", "-o", "o", "--scheduler", address)
    assert code == (5 if "certificates" in says else 2)
    assert says in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_no_schedulers_is_named(call: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text("[]")
    code, _, err = call("run", "b.tif", "a.tif", "-o", "o", "--scheduler", file)
    assert (code, "not the file of a Dask scheduler" in err) == (2, True)


def test_nobody_answers(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CONNECT_S", 1.0)
    # Port 9 (discard) is not served.
    code, _, err = call("run", "b.tif", "a.tif", "-o", "o", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 5
    assert err.startswith("changedet: no Dask scheduler answers at tcp://127.0.0.1:9: check")
    assert len(err.splitlines()) == 1


def test_another_version_on_the_workers_is_an_error(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "__version__", "99.1")
    with pytest.raises(EnvironmentFault, match=r"and 1 more.*install changedet 99\.1 on all"):
        use(cluster.address)
    # A worker that joins later is found out by its first piece of work.
    monkeypatch.setattr(scheduler, "_check_versions", lambda *_: None)
    with pytest.raises(EnvironmentFault, match=r"a worker has .*install changedet 99\.1"):
        use(cluster.address, abs, -1)


def test_other_libraries_on_the_workers_are_told(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(cluster.address)
    assert capsys.readouterr().err == ""
    here = {**scheduler._versions(), "numpy": "1.26"}
    monkeypatch.setattr(scheduler, "_versions", Pretender(here))
    use(cluster.address)
    err = capsys.readouterr().err
    assert "(here 1.26): last digits of figures may depend" in err
    assert len(err.splitlines()) == 2


class Pretender:
    """Says one thing here, and travels as another function."""

    def __init__(self, here: Any) -> None:
        self.here = here

    def __call__(self) -> Any:
        return self.here

    def __reduce__(self) -> tuple[Any, ...]:
        return pydoc.locate, ("changedet.cli.scheduler._versions",)


def test_files_that_workers_do_not_see(cluster: Cluster, tmp_path: Path) -> None:
    """/proc/self is another place for each process: as if each had a disk of its own."""
    with (tmp_path / "b.tif").open("wb") as file:
        os.dup2(file.fileno(), 200)
    try:
        with pytest.raises(EnvironmentFault, match="does not see /proc/self/fd/200: workers open"):
            use(cluster.address, files=[None, "/proc/self/fd/200"])
    finally:
        os.close(200)
    with pytest.raises(EnvironmentFault, match="sees another file as /proc/self/cmdline"):
        use(cluster.address, files=["/proc/self/cmdline", tmp_path / "none"])
    with pytest.raises(EnvironmentFault, match="does not see the folder /proc/self/cwd: workers"):
        use(cluster.address, output="/proc/self/cwd/out")
    assert not list(Path.cwd().glob(".changedet-*"))


def test_an_error_of_an_extra_comes_back_from_another_process() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        fault = executor.submit(MissingExtra, "pdf", "report.pdf").result()
    assert str(fault) == str(MissingExtra("pdf", "report.pdf"))
    assert fault.exit_code == 2


def test_a_scene_is_packed_once_and_opened_once(pair: Path) -> None:
    from changedet.io.sources import open_pair
    from changedet.io.vector import read_polygons
    from changedet.pipeline.scene import Scene
    from changedet.register.alignment import identity_alignment

    with open_pair(pair / "before.tif", pair / "after.tif", RunOptions()) as opened:
        outlines = read_polygons(pair / "footprints.gpkg", grid=opened.grid, what="footprints")
        scene = Scene(
            before=opened.before, after=opened.after, grid=opened.grid,
            alignment=identity_alignment(None, gsd_m=0.5),
            footprints=tuple(outlines.geometries),
        )  # fmt: skip
    assert scene.footprints_near(scene.grid.window)
    first, second = (pickle.loads(pickle.dumps(scene)) for _ in range(2))  # noqa: S301
    assert first is second
    assert first.footprints == scene.footprints
    assert len(first.footprints) > 5
    assert np.array_equal(
        first.footprints_near(scene.grid.window), scene.footprints_near(scene.grid.window)
    )
