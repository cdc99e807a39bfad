"""What a history holds: runs of one manifest in the order of their time, and a line for each method and main figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unmaskbench.benchmark.gate.verdict import State


@dataclass(frozen=True)
class Stage:
    """A run of a history, as its run.json knows it: when it was made (UTC, ISO 8601) and by which version and commit."""

    name: str
    created: str
    version: str
    commit: str
    device: str


@dataclass(frozen=True)
class Point:
    """A figure in the run at ``stage`` of the history, with its interval; ``state`` is the gate's verdict against the method's
    point before ("": there is none), ``message`` what the gate says of it."""

    stage: int
    value: float
    low: float | None = None
    high: float | None = None
    state: State | None = None
    message: str = ""


@dataclass(frozen=True)
class Line:
    """One method's main figure over time. ``metric`` and ``region`` are the gate's names; ``direction`` says which way is
    better."""

    dataset: str
    occlusion: str
    metric: str
    region: str
    direction: str
    method: str
    output: str
    points: tuple[Point, ...]

    @property
    def figure(self) -> tuple[str, str, str, str]:
        """Dataset, occlusion, metric and region: lines of one figure are drawn together."""
        return self.dataset, self.occlusion, self.metric, self.region.removesuffix(" UT").removesuffix(" MT")


@dataclass(frozen=True)
class History:
    """Runs of one ``manifest``, their lines, and a sentence for each run that is left out; ``labels`` are what the board
    calls image metrics: 'PSNR, dB'."""

    manifest: str
    stages: tuple[Stage, ...]
    lines: tuple[Line, ...]
    left_out: tuple[str, ...] = field(default=())
    labels: Mapping[str, str] = field(default_factory=dict)

    def figures(self) -> dict[tuple[str, str, str, str], list[Line]]:
        """The lines of each figure, in order."""
        found: dict[tuple[str, str, str, str], list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.figure, []).append(line)
        return found
