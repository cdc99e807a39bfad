"""The engine of a cluster: Ray actors, each of which is a worker of the run.

An actor computes one unit at a time, with its progress and then its result as a stream; no second unit is queued behind
it, so that what is under way is bounded by the number of actors and losing one loses one unit. Parts are written by the
actors, into a folder that every machine sees or at a URL; only the few numbers of a result travel to the driver.

An actor that is told to go may, on a node that has lost its network, go on for a while and write a part that is computed
again elsewhere: both are the same rows under the same name, and each appears whole.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from unmaskbench.benchmark.host.machine import cores
from unmaskbench.benchmark.host.threads import keep_to_threads
from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit
from unmaskbench.benchmark.plugins import file_plugin, registry
from unmaskbench.benchmark.run.engines import EngineError
from unmaskbench.benchmark.run.engines.last_words import Message, final_message
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.run.engines.shares import shared
from unmaskbench.benchmark.run.engines.supervisor import (
    Order,
    Setup,
    Supervisor,
    WorkerHandle,
    execute_order,
)
from unmaskbench.benchmark.run.worker import UnitResult, Worker
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.provenance import versions, without_secrets

REMEDY = "pip install 'unmaskbench[ray]'"
# Results are a few numbers; this is the least that Ray takes.
OBJECT_STORE_BYTES = 80 << 20
# How long a cluster may take to accept a connection.
ANSWER_SECONDS = 10.0
# How long a network file system may take to show a file that another machine has written.
VISIBLE_SECONDS = 60.0
# The registries, by their names in ``benchmark.registry``.
ROOMS = ("METHODS", "SEGMENTERS", "DATASETS", "OCCLUSIONS", "METRICS", "MATCHERS")


def require() -> None:
    """Raise EngineError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise EngineError(f"the engine 'ray' needs Ray: {REMEDY}")


def _ray() -> Any:
    """Ray, imported when it is used; Any, so that types can be checked where it is not installed."""
    import ray

    return ray


def execute(
    suite: Suite, groups: Sequence[Sequence[Unit]], folder: RunFolder, options: EngineOptions, progress: Progress
) -> Iterator[UnitResult]:
    """Run every group on Ray actors; results come as units finish.

    ``workers`` None is one for every CPU of the cluster, or every GPU where the device is one. Without an ``address``, and
    where this process is in no cluster yet, a Ray of this machine alone is started for the time of the run. Raises
    EngineError where Ray is missing, does not answer or has another version of what computes; StoreError where the folder
    cannot be written, or the actors write to one that is not seen here.
    """
    require()
    if not groups:
        return
    with _cluster(options.address, options.workers):
        cpus, gpus = _resources()
        device, workers = options.device, options.workers
        wanted = gpus if device.startswith("cuda") else cpus
        if workers is None and not wanted:
            raise EngineError(f"the cluster shows no {'GPU' if device.startswith('cuda') else 'CPU'}: give --workers")
        shares = shared(groups, workers or wanted)
        count = min(workers or wanted, len(shares))
        # Ray shows an actor its own GPU alone, under the number 0.
        device = "cuda" if device.startswith("cuda") else device
        setup = Setup(suite, folder, device, _threads(cpus, count))
        yield from _Actors(setup, progress, options.unit_timeout).run(shares, count)


@contextlib.contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[None]:
    """A connection to the cluster; one that was there before is kept, a cluster that was started here is ended."""
    if address is None:
        # A Ray of this machine alone listens on the loopback address only; it is read when Ray is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    if address is not None and address.startswith("ray://"):
        raise EngineError(
            f"a Ray client ({without_secrets(address)}) cannot follow units: start the run on a machine of the cluster, "
            "with --address auto or HOST:PORT"
        )
    options: dict[str, object] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options |= {"num_cpus": max(cores(), workers or 0), "include_dashboard": False}
        options |= {"object_store_memory": OBJECT_STORE_BYTES}
    try:
        host, _, port = (address or "").rpartition(":")
        if host and port.isdecimal():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
        ray.init(address=address or "local", **options)
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        where = f"the Ray cluster at {without_secrets(address)}" if address else "a Ray of this machine"
        said = without_secrets(str(error)).strip().splitlines() or [type(error).__name__]
        raise EngineError(f"{where} does not answer: {said[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _resources() -> tuple[int, int]:
    """CPUs and GPUs of the cluster."""
    ray = _ray()
    resources = ray.cluster_resources()
    return int(resources.get("CPU", 0)), int(resources.get("GPU", 0))


def _threads(cpus: int, count: int) -> int:
    """Each actor's share of the cluster's CPUs."""
    return max(1, cpus // count)


@dataclass
class _Actor(WorkerHandle):
    """An actor, and the stream of what it says of the order it is at."""

    handle: Any = None
    stream: Any = None


class _Actors(Supervisor[_Actor]):
    """Actors of a cluster."""

    losses_are_accidental = True

    def __init__(self, setup: Setup, progress: Progress, unit_timeout: float | None) -> None:
        super().__init__(setup, progress, unit_timeout)
        ray = _ray()
        gpus = 1 if setup.device == "cuda" else 0
        # A lost actor is not restarted and its unit not sent again by Ray: what becomes of both is the supervisor's to say.
        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._actor_worker = ray.remote(**options)(_ActorWorker)
        self._setup = ray.put((setup, ray.cloudpickle.dumps(_plugins()), file_plugin.contents()))

    def spawn(self) -> _Actor:
        handle = self._actor_worker.remote(self._setup)
        return _Actor(handle=handle, stream=handle.begin.remote())

    def wait(self, workers: Sequence[_Actor], timeout: float | None) -> None:
        ray = _ray()
        streams = [actor.stream for actor in workers if actor.stream is not None]
        if streams:
            ray.wait(streams, num_returns=1, timeout=timeout, fetch_local=False)

    def messages(self, worker: _Actor) -> Iterator[Message]:
        ray = _ray()
        while worker.stream is not None and ray.wait([worker.stream], timeout=0, fetch_local=False)[0]:
            try:
                kind, content = ray.get(next(worker.stream))
            except StopIteration:
                worker.stream = None
                return
            except ray.exceptions.OutOfMemoryError:
                worker.stream, worker.end_reason = None, "out of memory, ended by Ray"
                return
            except ray.exceptions.RayError:
                worker.stream, worker.end_reason = None, "its Ray actor was lost"
                return
            if kind == "ready":
                _same_versions(content)
            if kind == "done" and not _visible(self.setup.folder, content.key):
                raise StoreError(
                    f"an actor has written a unit that does not show in {self.setup.folder.path}: give a folder that every "
                    "machine of the cluster sees, or a URL such as s3://bucket/run, with --out"
                )
            yield kind, content

    def send(self, worker: _Actor, unit: Unit, order: Order) -> None:
        worker.stream = worker.handle.do.remote(unit, order)

    def end(self, worker: _Actor, at_once: bool) -> None:
        ray = _ray()
        # An idle actor has nothing to finish, and one that hangs would not listen.
        ray.kill(worker.handle, no_restart=True)


class _ActorWorker:
    """What runs in an actor: a worker in a thread of its own, so that its progress can be told while it computes."""

    def __init__(self, sent: tuple[Setup, bytes, dict[str, bytes]]) -> None:
        self._setup, self._plugins, self._files = sent
        self._orders: queue.SimpleQueue[tuple[Unit, Order]] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def begin(self) -> Iterator[Message]:
        """("ready", versions) once the worker is built, or ("error", exception)."""
        threading.Thread(target=self._serve, daemon=True).start()
        yield self._said.get()

    def do(self, unit: Unit, order: Order) -> Iterator[Message]:
        """("progress", (stage, images)) as it comes, then ("done", UnitResult) or ``final_message``."""
        self._orders.put((unit, order))
        while True:
            kind, content = self._said.get()
            yield kind, content
            if kind != "progress":
                return

    def _serve(self) -> None:
        try:
            file_plugin.take(self._files)
            _register(self._plugins)
            # Of the thread that computes, and no more than its own machine has.
            keep_to_threads(min(self._setup.threads, cores()))
            setup = self._setup
            worker = Worker(
                setup.suite, setup.folder, setup.device, lambda stage, n: self._said.put(("progress", (stage, n)))
            )
            self._said.put(("ready", versions()))
            while True:
                self._said.put(("done", execute_order(worker, *self._orders.get())))
        except Exception as error:
            self._said.put(final_message(error))
        except BaseException:  # an exit ends the process, as it would in a child; a thread alone would leave it mute
            os._exit(1)


def _plugins() -> list[tuple[str, str, type]]:
    """(registry, name, class) of everything that is registered here. Classes of modules travel by name, so that an actor
    imports its own; those of the main program travel whole, as it is not imported there."""
    every = [
        (room, name, getattr(registry, room).get(name)) for room in ROOMS for name in getattr(registry, room).names()
    ]
    # A plug-in file is sent as it is, and read when its name FILE.py:CLASS is met.
    return [(room, name, cls) for room, name, cls in every if not cls.__module__.startswith(file_plugin.MODULE_PREFIX)]


def _register(sent: bytes) -> None:
    """Make what is registered in the driver known here. Raises EngineError where its module is not installed."""
    ray = _ray()
    try:
        plugins = ray.cloudpickle.loads(sent)
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"a plug-in of the run is not installed on a machine of the cluster ({error}): install its package there"
        ) from error
    for room, name, cls in plugins:
        room_registry = getattr(registry, room)
        if name not in room_registry.names():
            room_registry.register(name)(cls)


def _same_versions(theirs: dict[str, str]) -> None:
    """Raise EngineError where an actor's machine has other versions: its rows could differ from those made here. What is
    absent on one side runs from a checkout, or fails with a word of its own."""
    ours = versions()
    installed = {name for name, version in ours.items() if "absent" not in (version, theirs.get(name, "absent"))}
    differing = [
        f"{name} {theirs[name]} there, {ours[name]} here" for name in sorted(installed) if theirs[name] != ours[name]
    ]
    if differing:
        raise EngineError(
            f"a machine of the cluster has other versions ({'; '.join(differing)}): its scores could differ; "
            "install the same on all"
        )


def _visible(folder: RunFolder, key: str) -> bool:
    """Whether a unit that an actor has written shows here, after a while at the latest."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not folder.receive(key):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
