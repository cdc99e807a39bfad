"""Conditions and columns of a few values: what a board's rows can be worked out from by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.condition import Column, Condition
from unmaskbench.benchmark.plugins.types import MetricCard
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.store.tables import ROWS

PSNR = MetricCard("psnr", "PSNR", "full_reference", "higher", (0.0, float("inf")), "psnr|whole", unit="dB")
L1 = MetricCard("l1", "L1", "full_reference", "lower", (0.0, 1.0), "l1")
NIQE = MetricCard("niqe", "NIQE", "no_reference", "lower", (0.0, float("inf")), "niqe")
NAN, INF = float("nan"), float("inf")
Row = tuple[str, str, str, str, str, float | None, str, str]


def condition_of(methods: Sequence[str], count: int, each: int = 1, **changes: object) -> Condition:
    """``count`` samples s0 ... of which ``each`` are of one person."""
    people = np.arange(count) // each
    base = Condition(
        "faces", "mask", tuple(f"s{i}" for i in range(count)), people, IdentityBootstrap(int(people[-1]) + 1, 200),
        np.full(count, 0.4), ({},) * count, {name: [name] for name in ("", *methods)}, tuple(methods),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def column_of(values: Mapping[str, Sequence[float]], failed: Mapping[str, Sequence[int]]) -> Column:
    """One column; ``failed`` names the samples at which a method failed."""
    held = np.array([*values.values()]).T
    marks = np.array([[s in failed.get(name, ()) for name in values] for s in range(len(held))])
    return Column("composite", "hole", held, marks)


class KeptRows(RunFolder):
    """A run whose parts are the rows given."""

    def __init__(self, rows: Sequence[Row], sets: Mapping[str, Mapping[str, np.ndarray]] | None = None) -> None:
        super().__init__(Path("nowhere"))
        names = ("method", "output", "metric", "region", "sample", "value", "status", "message")
        self.held = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows], schema=dict(ROWS))
        self.sets = sets or {}

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """The rows of the methods that the keys are called by."""
        return self.held.filter(pl.col("method").is_in(list(keys))).lazy()

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """The set statistics of a key."""
        return dict(self.sets.get(key, {}))


def row(method: str, metric: str, sample: int, value: float | None, **changes: str) -> Row:
    held = {"output": "raw", "region": "whole", "status": "ok", "message": "", **changes}
    return method, held["output"], metric, held["region"], f"s{sample}", value, held["status"], held["message"]
