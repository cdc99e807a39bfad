"""In how many pictures a matcher was given no face, because none was found there: a comparison that fails for this says
nothing of the person."""

from __future__ import annotations

import polars as pl

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.rows import MissedRow
from unmaskbench.benchmark.board.verification import FLOOR
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.store.folder import RunFolder

UNRESTORED = ("", FLOOR)
"""Rows of which every output shows the same picture: the bare faces and the occluded ones."""


def missed_rows(condition: Condition, folder: RunFolder, suite: Suite) -> list[MissedRow]:
    """A row for each method, output and matcher of a condition with at least one face that was not found."""
    rows: list[MissedRow] = []
    if not suite.matchers:
        return rows
    for method, keys in condition.keys.items():
        samples = condition.bare if condition.worn and not method else condition.samples
        output = pl.lit("raw") if method in UNRESTORED else pl.col("output")
        counted = (
            folder.embeddings(keys)
            .filter(pl.col("sample").is_in(samples))
            .select("matcher", "sample", output.alias("output"), missed=pl.col("status") == "failed_detect")
            .unique(["matcher", "output", "sample"])
            .group_by("matcher", "output")
            .agg(pl.col("missed").sum(), pl.len().alias("faces"))
            .filter(pl.col("missed") > 0)
            .sort("matcher", "output")
            .collect()
        )
        rows += [
            MissedRow(condition.dataset, condition.occlusion, method, detector=suite.detector, **held)
            for held in counted.iter_rows(named=True)
        ]
    return rows
