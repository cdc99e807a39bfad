"""The harness: it knows protocols, and no method or dataset by name.

from unmaskbench.benchmark import Suite, load_suite, run

folder = run(load_suite("quick"), out="runs/mine")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmaskbench.benchmark.execute import run
    from unmaskbench.benchmark.suite import Suite, load_suite

__all__ = ["Suite", "load_suite", "run"]
_HOMES = {"run": "execute", "Suite": "suite", "load_suite": "suite"}


def __getattr__(name: str) -> Any:
    # Resolved on first use: the command line must start without importing torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
