"""A face that every occlusion test may use."""

from __future__ import annotations

import pytest

from tests.occlusions.faces import make_face
from unmaskbench.benchmark.plugins.types import Face


@pytest.fixture(scope="session")
def face() -> Face:
    """A frontal face, 128 px."""
    return make_face()
