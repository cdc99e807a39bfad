"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def home() -> Path:
    """The folder of real faces, weights and reference outputs; tests that need it skip where it is absent."""
    value = os.environ.get("UNMASKBENCH_HOME", "")
    if not value or not Path(value).is_dir():
        pytest.skip("needs real data: set UNMASKBENCH_HOME to a folder with data/, weights/ and parity/")
    return Path(value).resolve()
