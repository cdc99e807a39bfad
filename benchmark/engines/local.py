"""The engine of one machine: this process, or a few child processes that share nothing but the run folder."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch

from unmaskbench.benchmark.plan import Unit
from unmaskbench.benchmark.runner import Progress, UnitResult, Worker
from unmaskbench.benchmark.store import RunFolder, StoreError
from unmaskbench.benchmark.suite import Suite

_STOP = ("", 0)


def execute(
    suite: Suite,
    groups: Sequence[Sequence[Unit]],
    folder: RunFolder,
    device: str,
    workers: int,
    progress: Progress,
) -> Iterator[UnitResult]:
    """Run every group; results come as units finish. One worker runs here, more run in processes of their own."""
    if workers <= 1 or len(groups) <= 1:
        worker = Worker(suite, folder, device, progress)
        for group in groups:
            for unit in group:
                yield worker.run(unit)
        return
    yield from _in_processes(suite, groups, folder, device, min(workers, len(groups)), progress)


def _in_processes(
    suite: Suite, groups: Sequence[Sequence[Unit]], folder: RunFolder, device: str, workers: int, progress: Progress
) -> Iterator[UnitResult]:
    # spawn: a fork of a process whose torch threads are up can hang.
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    listener = threading.Thread(target=_listen, args=(events, progress), daemon=True)
    listener.start()
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(suite, folder.path, device, threads, events)
    )
    try:
        pending: set[Future[list[UnitResult]]] = {pool.submit(_run_group, list(group)) for group in groups}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    except BrokenProcessPool as error:
        raise StoreError(
            "a worker process ended by itself, perhaps for lack of memory; what was computed is kept: "
            "give the same command with fewer --workers or a smaller batch_size"
        ) from error
    except BaseException:
        # A group takes minutes; as files are written whole or not at all, nothing is lost by stopping in the middle.
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        events.put(_STOP)
        listener.join(timeout=5)


def _listen(events: Any, progress: Progress) -> None:
    relay: Callable[[str, int], None] = progress
    while True:
        stage, images = events.get()
        if not stage:
            return
        relay(stage, images)


_worker: Worker | None = None


def _start(suite: Suite, path: Any, device: str, threads: int, events: Any) -> None:
    global _worker
    # Ctrl-C goes to the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _worker = Worker(suite, RunFolder(path), device, lambda stage, images: events.put((stage, images)))


def _run_group(group: list[Unit]) -> list[UnitResult]:
    if _worker is None:
        raise RuntimeError("this process was not started by the local engine")
    return [_worker.run(unit) for unit in group]
