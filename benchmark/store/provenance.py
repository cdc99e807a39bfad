"""Where a run's numbers come from: versions, hardware, commit, command. Never the environment, never a secret."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from unmaskbench.benchmark.host import machine
from unmaskbench.benchmark.plugins.json_types import JsonObject

PACKAGES = (
    "unmaskbench", "torch", "torchvision", "mmengine", "piq", "lpips", "pytorch-fid", "insightface", "onnxruntime",
    "opencv-python", "pillow", "numpy", "scipy", "scikit-learn", "polars", "pyarrow", "pydantic", "safetensors",
)  # fmt: skip
_SECRET_WORD = r"[a-z0-9_-]*(?:token|secret|password|passwd|api[_-]?key|credential|signature|authorization)[a-z0-9_-]*"
# ``token=x``, ``token: x`` and, for an option only, ``--token x``.
SECRET = re.compile(rf"(?i)({_SECRET_WORD}\s*[=:]\s*|--{_SECRET_WORD}\s+)(?:bearer\s+)?[^\s&]+")
USER_INFO = re.compile(r"(?<=://)[^/\s]+@")


def versions() -> dict[str, str]:
    """Installed versions of Python and of what computes numbers; "absent" where one is not installed."""
    installed = {"python": platform.python_version()}
    return installed | {package: version_of(package) or "absent" for package in PACKAGES}


@lru_cache
def version_of(package: str) -> str:
    """The installed version of a package, "" where it is absent; looked up once a process, which goes on with the modules that
    it has whatever is installed beside it, and for which parsing a package's metadata takes longer than a small run's rows."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def hardware() -> JsonObject:
    """The processor, its cores that this process may use, memory in GB (None where the system does not tell it), and the
    GPU's name ("" without one)."""
    import torch

    memory = machine.memory_gb()
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return {
        "cpu": machine.processor(),
        "cores": machine.cores(),
        "memory_gb": None if memory is None else round(memory, 1),
        "gpu": gpu,
    }


def commit() -> str:
    """The commit of the checkout that this package runs from, "" where it is installed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def command() -> str:
    """The command line as typed, with anything that looks like a secret struck out."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return without_secrets(" ".join(words))


def without_secrets(text: str) -> str:
    """The text with values of keys such as token=..., and user:password@ in addresses, replaced by ***."""
    return USER_INFO.sub("***@", SECRET.sub(r"\1***", text))
