"""A module that is imported at its first use."""

from __future__ import annotations

import copy
import pickle
from types import ModuleType

import pytest

from unmaskbench.benchmark.plugins import lazy_modules
from unmaskbench.benchmark.plugins.lazy_modules import LazyModule


def test_a_module_is_looked_for_once_and_its_names_stay_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = ModuleType("heavy")
    real.__dict__["root"] = 3

    def bring(name: str) -> ModuleType:
        asked.append(name)
        return real

    monkeypatch.setattr(lazy_modules, "import_module", bring)
    heavy = LazyModule("heavy")
    assert asked == []
    assert [heavy.root for _ in range(3)] == [3, 3, 3]
    real.__dict__["root"] = 4  # as a test does that puts another function in its place
    assert heavy.root == 4
    assert asked == ["heavy"]
    assert not hasattr(heavy, "absent")


def test_a_module_that_is_not_here_is_told_at_each_use() -> None:
    absent = LazyModule("a_module_that_is_not_here")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_here"):
            _ = absent.root


def test_it_travels_by_name_before_its_use_and_after() -> None:
    real = LazyModule("fractions")
    assert pickle.loads(pickle.dumps(real)).__name__ == "fractions"
    assert real.Fraction(1, 2) == 0.5
    assert copy.copy(real).Fraction(1, 2) == pickle.loads(pickle.dumps(real)).Fraction(1, 2)
