"""Two runs of the same samples, beside each other: paired differences of every row that both have."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.gate.baseline import BaselineError
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.snapshot import snapshot
from unmaskbench.benchmark.gate.tolerance import Tolerance
from unmaskbench.benchmark.gate.verdict import Result

NO_TOLERANCE = (Tolerance(worse_by=0.0),)


def compare(first: Path, second: Path) -> Result:
    """The second run against the first, by the gate's own comparison, without a tolerance: what is significant is said.

    Raises BaselineError where the two did not see the same samples, for then no difference is the methods' alone.
    """
    a, b = (snapshot(path, tolerance=NO_TOLERANCE) for path in (first, second))
    result = check(a, b)
    if a.manifest != b.manifest:
        what = "; ".join(f"{change.dataset}/{change.occlusion}: {change.message}" for change in result.inputs[:3])
        first_inputs, second_inputs = (", ".join(sorted(side.inputs)) for side in (a, b))
        raise BaselineError(
            f"{first} and {second} did not see the same samples and cannot be compared: "
            f"{what or f'{first_inputs} against {second_inputs}'}; run both on one suite"
        )
    return result
