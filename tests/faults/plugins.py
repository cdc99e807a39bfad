"""A method and a metric that take their process with them, or keep it."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests import tiny
from unmaskbench.benchmark.plugins.registry import METHODS, METRICS
from unmaskbench.benchmark.plugins.types import MethodCard


class Deadly:
    """``mode`` "once" dies on the first call and leaves ``mark``, by which the second knows that it is one; "slow" waits
    ``seconds`` on every batch, "leak" keeps memory for that many calls."""

    card = MethodCard("deadly", "Deadly", needs_mask=False, provenance="classical")

    def __init__(self, mode: str, mark: str = "", seconds: float = 0.0) -> None:
        self.mode, self.mark, self.seconds = mode, mark, seconds
        self.hoard: list[Any] = []

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        if self.mode == "segfault" or (self.mode == "once" and not Path(self.mark).exists()):
            if self.mark:
                Path(self.mark).touch()
            ctypes.string_at(0)
        elif self.mode == "killed":  # what the kernel does to the largest process when memory runs out
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.mode == "exit":
            os._exit(0)
        elif self.mode == "hang":
            while True:
                time.sleep(60)
        elif self.mode == "memory":
            return self._memory(occluded)
        elif self.mode == "slow":
            time.sleep(self.seconds)
        elif self.mode == "stdout":
            os.write(1, b"printed past Python\n")
        elif self.mode == "leak":
            self._leak()
        elif self.mode == "files":
            self._open_files()
        return occluded

    def _leak(self) -> None:
        """Keep 16 MB a call, and end as the kernel ends the largest process once that is more than ``seconds`` calls."""
        self.hoard.append(torch.ones(1 << 22))
        if len(self.hoard) > self.seconds:
            os.kill(os.getpid(), signal.SIGKILL)

    def _open_files(self) -> None:
        """Open files until there are no more to be had, and close none."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        with contextlib.suppress(OSError):
            while True:
                self.hoard.append(os.open(os.devnull, os.O_RDONLY))

    def _memory(self, occluded: Tensor) -> Tensor:
        limits = resource.getrlimit(resource.RLIMIT_AS)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))
        try:
            hoard = [torch.zeros(1 << 22) for _ in range(1 << 10)]
            return hoard[0]
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)


class DeadlyMetric:
    """Dies on the side of the truth ("reference") or of the restored image ("score")."""

    card = dataclasses.replace(METRICS.card("l1"), id="deadly_metric", signature="deadly|1")

    def __init__(self, where: str) -> None:
        self.where = where

    def reference(self, truth: Tensor) -> Tensor:
        if self.where == "reference":
            ctypes.string_at(0)
        return truth

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        ctypes.string_at(0)
        return reference


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The tiny plug-ins and these in their registries, and out again."""
    with tiny.registered():
        METHODS.register("deadly")(Deadly)
        METRICS.register("deadly_metric")(DeadlyMetric)
        try:
            yield
        finally:
            del METHODS.classes["deadly"]
            del METRICS.classes["deadly_metric"]
