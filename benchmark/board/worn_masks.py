"""What a board says of masks that people wear: how many photographs, on how many of them the mask was found, what thresholds
come from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.fields import finite
from unmaskbench.benchmark.board.rows import WornRow
from unmaskbench.benchmark.board.trials import trials_of
from unmaskbench.benchmark.board.verification import FLOOR
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.statistics.bootstrap import summarise
from unmaskbench.benchmark.store.folder import RunFolder


def worn_rows(condition: Condition, folder: RunFolder, suite: Suite, entries: list[MethodEntry]) -> list[WornRow]:
    """The row of a condition where masks are worn; none for another."""
    if not condition.worn:
        return []
    held = folder.rows(condition.keys[FLOOR]).filter(pl.col("metric") == "").select("sample", "value").collect()
    by_sample = dict(held.iter_rows())
    marks = np.array([_mark(by_sample.get(sample)) for sample in condition.samples], float)
    share = summarise(marks, condition.identities, condition.bootstrap, skipped=np.isnan(marks))[0]
    roles = Counter(ref.role for ref in condition.with_roles)
    named = {
        role: {ref.identity for ref in condition.with_roles if ref.role == role and ref.identity is not None}
        for role in ("probe", "gallery")
    }
    floor = next(entry for entry in entries if entry.label == FLOOR)
    return [
        WornRow(
            dataset=condition.dataset, occlusion=condition.occlusion, probes=roles["probe"], gallery=roles["gallery"],
            calibration=roles["calibration"], people=len(named["probe"] & named["gallery"]),
            masks=floor.mask_source or "given", found=int(np.nansum(marks)), share=finite(share.mean),
            low=finite(share.low), high=finite(share.high),
            thresholds_from=trials_of(condition, folder, suite).set_by if suite.matchers else "",
        )
    ]  # fmt: skip


def _mark(value: float | None) -> float:
    return float("nan") if value is None else value
