"""A folder of predictions: an image for every sample of a suite, readable, of the suite's size."""

from __future__ import annotations

from pathlib import Path

import torch

from unmaskbench.benchmark.plan.limit import kept_samples
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import build_dataset
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.validate.findings import Findings, one_line

SHOWN = 5


def predictions_findings(folder: Path, suite: Suite) -> Findings:
    """What the method ``predictions`` would fail on, over all samples and occlusions of a suite."""
    findings = Findings(f"predictions {folder} for suite '{suite.name}'", "predictions")
    method = METHODS.build("predictions", source=str(folder))
    method.load("cpu")
    blank = torch.zeros(1, 3, suite.size, suite.size)
    read, failed = 0, []
    for entry in suite.datasets:
        try:
            dataset = build_dataset(entry, suite.size)
        except Exception as error:
            findings.problems.append(f"the samples of dataset '{entry.id}' cannot be listed: {one_line(error)}")
            continue
        for index in kept_samples(dataset, entry, suite):
            for occlusion in suite.occlusions:
                try:
                    method.restore(blank, None, [f"{entry.label}/{occlusion.label}/{dataset.samples[index].id}"])
                    read += 1
                except (OSError, ValueError) as error:
                    failed.append(str(error))
    findings.problems += failed[:SHOWN]
    if len(failed) > SHOWN:
        findings.problems.append(
            f"and {len(failed) - SHOWN} more: {len(failed)} of {read + len(failed)} images cannot be used"
        )
    pictures = sum(1 for path in folder.rglob("*.png") if path.is_file())
    findings.facts |= {"usable": read, "unusable": len(failed), "pictures_in_folder": pictures}
    if pictures > read + len(failed):
        findings.notes.append(f"{pictures - read} pictures in the folder are asked for by no sample of the suite")
    return findings
