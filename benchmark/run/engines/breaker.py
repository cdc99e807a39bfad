"""Plug-ins that end their worker or hang, unit after unit: after a few in a row no further unit is risked on them.

A method that kills every process that it runs in would otherwise cost a start of a process for each shard of a run, and
each of these twice.
"""

from __future__ import annotations

from unmaskbench.benchmark.plan.units import Measurement, Unit

# Chance takes one worker, seldom two; a method whose units all end so has no unit that gets through in between.
LOSSES_IN_A_ROW = 3


class Breaker:
    """Counts, for each method, metric and matcher, the lost units since the last that it got through."""

    def __init__(self) -> None:
        self._lost: dict[str, int] = {}
        self._reason: dict[str, str] = {}

    def lost(self, unit: Unit, reason: str) -> None:
        """A unit had no answer, for a ``reason``."""
        name = _plugin(unit)
        self._lost[name] = self._lost.get(name, 0) + 1
        self._reason[name] = reason

    def done(self, unit: Unit) -> None:
        """A unit was computed."""
        self._lost.pop(_plugin(unit), None)

    def reason(self, unit: Unit) -> str:
        """Why a unit is not to be tried, "" where it is. What reads the images of a truth unit is no plug-in's method: it is
        always tried."""
        name = _plugin(unit)
        if not name or self._lost.get(name, 0) < LOSSES_IN_A_ROW:
            return ""
        return f"{self._reason[name]} (not tried: {self._lost[name]} units of {name} in a row ended so)"


def _plugin(unit: Unit) -> str:
    """The method, metric or matcher of a unit; "" for the truth, which has none."""
    return unit.measure if isinstance(unit, Measurement) else unit.method_label
