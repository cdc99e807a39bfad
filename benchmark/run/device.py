"""Which device a run computes on."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from unmaskbench.benchmark.plan.suite import SuiteError


def resolve_device(device: str) -> str:
    """The device for ``auto``; raises SuiteError where the one asked for is not here."""
    if device == "auto":
        return "cuda" if _sees_gpu() else "cpu"
    if device.startswith("cuda") and not _sees_gpu():
        raise SuiteError(f"device '{device}' is not here: torch sees no CUDA device (bench doctor says what it sees)")
    if not device.startswith(("cpu", "cuda")):
        raise SuiteError(f"unknown device '{device}'; one of auto, cpu, cuda, cuda:N")
    return device


def _sees_gpu() -> bool:
    """Whether torch can compute on a GPU. Without a driver it cannot, which is known without importing it for a second."""
    if "torch" not in sys.modules and not _has_driver():
        return False
    import torch

    return torch.cuda.is_available()


def _has_driver() -> bool:
    """Whether there is a driver of NVIDIA's, whose library torch opens by the same name, or of AMD's."""
    if Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
