"""What an engine is asked for, beside the work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineOptions:
    """Who computes, and how. ``engine`` is "local" with ``workers`` processes (1), or "ray" with as many actors (one for
    every CPU or GPU) on the cluster at ``address``, without one on this machine. ``isolate`` computes in a child process
    also where there is one worker, so that a method that takes its process with it costs its own rows only;
    ``unit_timeout`` (seconds) does the same and stops a unit that has no answer by then."""

    device: str = "auto"
    engine: str = "local"
    address: str | None = None
    workers: int | None = None
    isolate: bool = False
    unit_timeout: float | None = None
