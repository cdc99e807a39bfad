"""A set of masks: every picture hashed again."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.run.mask_set import summary, verify
from unmaskbench.benchmark.store.folder import StoreError
from unmaskbench.benchmark.validate.findings import Findings


def mask_set_findings(folder: Path) -> Findings:
    """Pictures of a set that are absent, changed or not named in its manifest."""
    findings = Findings(f"mask set {folder}", "mask set")
    try:
        findings.problems += verify(folder)
    except StoreError as error:
        findings.problems.append(str(error))
    else:
        findings.notes += summary(folder)
    return findings
