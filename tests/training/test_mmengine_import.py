"""Processes that start at once in a fresh installation, where mmengine's first import writes a file."""

from __future__ import annotations

import builtins
import time

import pytest

from unmaskbench.benchmark.training.mmengine_import import import_mmengine


@pytest.mark.parametrize("failures", [1, 3, 99])
def test_a_cache_that_another_process_has_written_half_is_waited_for(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """yapf, which mmengine imports, unpickles a file that the first import of a fresh installation writes in place."""
    honest, tries, waited = builtins.__import__, [], []

    def importing(name: str, *arguments: object, **named: object) -> object:
        if name == "mmengine.registry":
            tries.append(name)
            if len(tries) <= failures:
                raise EOFError("Ran out of input")
        return honest(name, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", importing)
    monkeypatch.setattr(time, "sleep", waited.append)
    if failures > 10:
        with pytest.raises(EOFError):
            import_mmengine()
    else:
        import_mmengine()
    assert len(tries) == min(failures, 10) + 1
    assert waited == [0.5] * min(failures, 10)
