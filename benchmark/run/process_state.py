"""What code from a paper may change in the process that it runs in, kept as it was for those that run after it."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unmaskbench.benchmark.host.threads import set_thread_counts, thread_counts


def _switch_mkldnn(on: bool) -> None:
    torch.backends.mkldnn.enabled = on  # type: ignore[assignment]


# How each setting is read and written. All of them decide what a later method, metric or matcher computes, or where its
# files go; a written one is compared first, because some cost milliseconds or leave a mode behind.
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_device, lambda device: torch.set_default_device(None if device.type == "cpu" else device)),
    (torch.get_default_dtype, torch.set_default_dtype),
    (thread_counts, set_thread_counts),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)),
    (lambda: torch.is_autocast_enabled("cuda"), lambda on: torch.set_autocast_enabled("cuda", on)),
    (lambda: bool(torch.backends.mkldnn.enabled), _switch_mkldnn),
    (np.geterr, lambda answers: np.seterr(**answers)),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (lambda: _folder(), os.chdir),
)


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed under the process: there is none to go back to
        return Path("/")


@contextlib.contextmanager
def undisturbed(seed: int, device: str) -> Iterator[None]:
    """Give what runs inside a random state of its own, and keep what it changes from those that run after it: random states
    of torch, NumPy and Python, thread count, precision and default type and device of torch, NumPy's answers to
    overflows, filters of warnings, the working folder, Python's output streams."""
    before = [read() for read, _ in _SETTINGS]
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global state is what a method may draw from
    streams = sys.stdout, sys.stderr
    devices = list(range(torch.cuda.device_count())) if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        # Where no accelerator draws, seeding it too would note down a call and its stack for each of three kinds.
        (torch.manual_seed if devices else torch.default_generator.manual_seed)(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            sys.stdout, sys.stderr = streams
            for (read, write), value in zip(_SETTINGS, before, strict=True):
                if read() != value:
                    write(value)
