"""The maker of boards as a fixture: tests are not a package, so it is loaded from its file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def board_maker() -> ModuleType:
    """``tests/reports/board_maker.py`` as a module."""
    spec = importlib.util.spec_from_file_location("board_maker", Path(__file__).with_name("board_maker.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name
    sys.modules["board_maker"] = module
    spec.loader.exec_module(module)
    return module
