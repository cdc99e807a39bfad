"""The ten samples that a regression shows best, with their pictures where the run has kept them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unmaskbench.benchmark.gate.check import direction_of
from unmaskbench.benchmark.gate.verdict import Result, Verdict
from unmaskbench.benchmark.plan.named_source import default_label
from unmaskbench.benchmark.run.picture_names import image_path
from unmaskbench.benchmark.store.write import write_file

WORST = 10


@dataclass(frozen=True)
class Worst:
    """A sample of a method that got worse, by how many tolerances, and by which row."""

    dataset: str
    occlusion: str
    sample: str
    method: str
    output: str
    tolerances: float
    why: str

    def __str__(self) -> str:
        method = f" {self.method} {self.output}" if self.method else ""
        return f"{self.dataset}/{self.occlusion} {self.sample}{method}: {self.why}"


def worst_samples(result: Result, count: int = WORST) -> list[Worst]:
    """Up to ``count`` samples: those that fail now first, then those of the regressed rows that fell furthest, in
    tolerances; a sample of a method is named once. Where only inputs changed, the first samples of each condition."""
    worst: dict[tuple[str, str, str, str], Worst] = {}
    for verdict in result.regressions:
        for one in _of(verdict, result):
            key = (one.dataset, one.occlusion, one.sample, one.method)
            if key not in worst or one.tolerances > worst[key].tolerances:
                worst[key] = one
    ordered = sorted(worst.values(), key=lambda one: (-one.tolerances, str(one)))
    changed = [
        Worst(change.dataset, change.occlusion, sample, "", "", 0.0, change.what)
        for change in result.inputs
        for sample in change.samples[:count]
    ]
    return [*ordered, *changed][:count]


def _of(verdict: Verdict, result: Result) -> Iterator[Worst]:
    name = verdict.name
    sign = direction_of(name, result.baseline)
    for moved in verdict.moved:
        if moved.after is None:
            size, why = math.inf, f"{name.metric}/{name.region} {moved.before:.4g} -> failed"
        else:
            fallen = sign * (moved.before - moved.after)
            size = fallen / verdict.tolerance if verdict.tolerance else math.inf
            why = f"{name.metric}/{name.region} {moved.before:.4g} -> {moved.after:.4g}"
        yield Worst(name.dataset, name.occlusion, moved.sample, name.method, name.output, size, why)


def write_worst(result: Result, run: Path, out: Path) -> list[Worst]:
    """Copy the pictures of the worst samples to ``out``, with ``worst.json`` that names them all and their files.

    A run keeps its gallery's pictures (all with ``bench run --save-images``); a sample without any is named alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    listed = []
    chosen = worst_samples(result)
    for place, one in enumerate(chosen, 1):
        folder = run / image_path(one.dataset, one.occlusion, one.sample)
        wanted = ["truth", "occluded", "mask", *([f"{one.method}.{one.output}"] if one.method else [])]
        files = []
        for role in wanted:
            source = folder / f"{role}.png"
            if source.is_file():
                target = out / f"{place:02d}-{default_label(one.sample)}-{role}.png"
                write_file(target, source.read_bytes())
                files.append(target.name)
        listed.append(
            {
                "dataset": one.dataset, "occlusion": one.occlusion, "sample": one.sample, "method": one.method,
                "output": one.output, "why": one.why, "files": files,
            }
        )  # fmt: skip
    write_file(out / "worst.json", json.dumps(listed, indent=1) + "\n")
    return chosen
