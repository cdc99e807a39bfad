"""The maker of boards as a fixture: tests are not a package, so its folder is put on the path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def board_maker() -> ModuleType:
    """``tests/reports/board_maker.py`` as a module."""
    sys.path.insert(0, str(Path(__file__).parent))
    return importlib.import_module("board_maker")
