"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let one process be the first that imports mmengine: the tests' own processes start together, and in a fresh
    installation one would read the cache that another is writing (training.mmengine_import)."""
    if not hasattr(config, "workerinput"):
        from unmaskbench.benchmark.training.mmengine_import import import_mmengine

        import_mmengine()


@pytest.fixture(autouse=True, scope="session")
def _no_wait_for_the_disk() -> Iterator[None]:
    """What a power cut would leave is not tested, and a tiny run waits for the disk some fifty times; processes that are killed
    are others than this one, and theirs waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: os.fstat(handle) and None)
        yield


@pytest.fixture(scope="session")
def home() -> Path:
    """The folder of real faces, weights and reference outputs; tests that need it skip where it is absent."""
    value = os.environ.get("UNMASKBENCH_HOME", "")
    if not value or not Path(value).is_dir():
        pytest.skip("needs real data: set UNMASKBENCH_HOME to a folder with data/, weights/ and parity/")
    return Path(value).resolve()
