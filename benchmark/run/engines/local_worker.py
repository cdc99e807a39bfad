"""The child's side of the local engine: computes the units that come over a pipe, one at a time."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from typing import Any

from unmaskbench.benchmark.host.signals import ignore_interrupts
from unmaskbench.benchmark.host.threads import keep_to_threads
from unmaskbench.benchmark.run.engines.last_words import final_message
from unmaskbench.benchmark.run.engines.supervisor import Setup, execute_order
from unmaskbench.benchmark.run.worker import Worker


def serve(pipe: Any, setup: Setup) -> None:
    """Answer ``(unit, order)`` with ``("done", UnitResult)`` until None comes; ``("progress", (stage, images))`` comes in
    between, ``("ready", None)`` before the first, and ``final_message`` where an error ends it."""
    ignore_interrupts()
    threading.Thread(target=_follow_parent, daemon=True).start()
    keep_to_threads(setup.threads)
    try:
        worker = Worker(
            setup.suite, setup.folder, setup.device, lambda stage, images: pipe.send(("progress", (stage, images)))
        )
        pipe.send(("ready", None))
        while (order := pipe.recv()) is not None:
            pipe.send(("done", execute_order(worker, *order)))
    except (EOFError, BrokenPipeError):  # the parent has gone
        return
    except Exception as error:
        pipe.send(final_message(error))


def _follow_parent() -> None:
    """End this process when its parent ends, however that came: a child that hangs would stay for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
