"""Runs of a few values, as the gate keeps them: what its verdicts can be worked out from by hand."""

from __future__ import annotations

from collections.abc import Sequence

from unmaskbench.benchmark.gate.baseline import Baseline, Bootstrap, Cell, Measure, SampleRow, Samples, SetValue
from unmaskbench.benchmark.gate.tolerance import Tolerance

RESAMPLES = 1000
PLACE = {"dataset": "d", "occlusion": "o", "method": "m"}

Cells = Sequence[Cell]


def row(values: Cells, metric: str = "psnr", dataset: str = "d") -> SampleRow:
    return SampleRow(**{**PLACE, "dataset": dataset}, outputs=("raw",), metric=metric, region="whole", values=values)


def figure(value: float, low: float | None, high: float | None, **changes: object) -> SetValue:
    held = {**PLACE, "output": "raw", "metric": "fnmr@0.01", "region": "arc UT", "trials": (10, 90), **changes}
    return SetValue.model_validate({**held, "value": value, "low": low, "high": high})


def side(rows: Sequence[SampleRow] = (), people: str = "", inputs: Cells = (), **changes: object) -> Baseline:
    """A run: ``people`` has a letter for each sample, ``inputs`` a digest; all conditions have the same."""
    count = len(people) or len(rows[0].values if rows else "ab")
    people = people or "abcdefghijkl"[:count]
    conditions = sorted({("d", "o"), *((one.dataset, one.occlusion) for one in rows)})
    held = {
        "name": "n", "created": "", "git": "", "manifest": "", "geometry": "size:32",
        "bootstrap": Bootstrap(resamples=RESAMPLES), "tolerance": (Tolerance(worse_by=0.5),), "mask_sources": {"m": "none"},
        "measures": {"psnr": Measure(signature="psnr", direction="higher"),
                     "l1": Measure(signature="l1", direction="lower")},
        "samples": {d: Samples(ids=tuple(f"s{i}" for i in range(count)), identities=tuple(people)) for d, _ in conditions},
        "inputs": {f"{d}/{o}": tuple(inputs) or ("t.o.m",) * count for d, o in conditions}, "rows": tuple(rows),
    }  # fmt: skip
    return Baseline.model_validate({**held, **changes})
