"""Who executes units. An engine takes groups of units and a way to report; nothing else knows which one runs."""

from __future__ import annotations

ENGINES = ("local", "ray")


class EngineError(RuntimeError):
    """An engine that cannot be used as asked; the message says why and what to do."""


def require(engine: str, address: str | None) -> None:
    """Raise EngineError where there is no such engine, it is not installed, or has no use for an ``address``."""
    if engine not in ENGINES:
        raise EngineError(f"unknown engine '{engine}'; one of {', '.join(ENGINES)}")
    if engine == "ray":
        from unmaskbench.benchmark.run.engines import ray

        ray.require()
    elif address is not None:
        raise EngineError(f"the engine '{engine}' takes no --address; for a Ray cluster add --engine ray")
