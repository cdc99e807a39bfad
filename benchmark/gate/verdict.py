"""What a check says of each guarded row, and of the whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from unmaskbench.benchmark.gate.baseline import Baseline
from unmaskbench.benchmark.gate.input_changes import InputChange
from unmaskbench.benchmark.gate.tolerance import Name

State = Literal[
    "same",
    "better",
    "unclear",
    "new",
    "not compared",
    "worse",
    "failing",
    "missing",
    "signature",
    "left out",
]
REGRESSED = ("worse", "failing", "missing", "signature")
PASSED, REGRESSION, NOTHING_COMPARED = 0, 1, 3


@dataclass(frozen=True)
class Moved:
    """A sample's value in the baseline and in the run; ``after`` is None where it failed."""

    sample: str
    before: float
    after: float | None


@dataclass(frozen=True)
class Verdict:
    """What became of one row. ``difference`` is run minus baseline over ``n`` samples, with its interval and Holm's p;
    ``tolerance`` in the metric's unit; ``moved`` are the samples that worsened, worst first."""

    name: Name
    state: State
    message: str = ""
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    tolerance: float | None = None
    n: int = 0
    moved: tuple[Moved, ...] = ()

    @property
    def regressed(self) -> bool:
        """Whether the gate fails for this row."""
        return self.state in REGRESSED


@dataclass(frozen=True)
class Result:
    """All verdicts of a check, and the changes of inputs. ``partial``: methods that the run has not were left out on purpose."""

    baseline: Baseline
    run: Baseline
    verdicts: tuple[Verdict, ...]
    inputs: tuple[InputChange, ...] = ()
    common: int = 0
    partial: bool = False

    @property
    def regressions(self) -> list[Verdict]:
        """The rows that regressed, in the order of their names."""
        return [verdict for verdict in self.verdicts if verdict.regressed]

    @property
    def absent_methods(self) -> dict[str, int]:
        """Methods of the baseline that the run has not, each with how many of the baseline's rows are its."""
        have = self.run.mask_sources
        names = [verdict.name.method for verdict in self.verdicts if verdict.state in ("missing", "left out")]
        return dict(Counter(name for name in names if name and name not in have))

    @property
    def of_present(self) -> list[Verdict]:
        """Verdicts on the baseline's rows that are not of an absent method."""
        absent = self.absent_methods
        return [v for v in self.verdicts if v.state != "new" and v.name.method not in absent]

    @property
    def exit_code(self) -> int:
        """0 nothing regressed, 1 regression, 3 not one row of the baseline is in the run."""
        if not self.common:
            return NOTHING_COMPARED
        return REGRESSION if self.inputs or self.regressions else PASSED
