"""A submission as one of the runs of a joint board: its methods by the board's labels, its units by names of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.submissions.checks import Submission


class Member(RunFolder):
    """The folder of ``found``; ``labels`` names the methods that the board shows of it, by their own labels."""

    def __init__(self, found: Submission, labels: Mapping[str, str]) -> None:
        super().__init__(found.folder.path)
        self._inner, self._labels = found.folder, {"": "", **labels}
        self._prefix = f"{found.name}:"
        self._run = self._renamed(found.run)

    def _renamed(self, run: JsonObject) -> JsonObject:
        methods = [m | {"label": self._labels[m["label"]]} for m in run["methods"] if m["label"] in self._labels]
        cards = {self._labels[name]: card for name, card in run["cards"]["methods"].items() if name in self._labels}
        units = [
            unit | {"key": self._prefix + unit["key"], "method": self._labels[unit["method"]]}
            for unit in run["units"]
            if unit["method"] in self._labels
        ]
        return run | {
            "methods": methods,
            "suite": run["suite"] | {"methods": methods},
            "cards": run["cards"] | {"methods": cards},
            "units": units,
        }

    def read_run(self) -> JsonObject:
        """run.json, with the methods that the board shows."""
        return self._run

    def _own(self, keys: Sequence[str]) -> list[str]:
        return [key.removeprefix(self._prefix) for key in keys]

    def relabelled(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of methods by the board's labels; those of methods that it does not show are left out."""
        known = rows.filter(pl.col("method").is_in(list(self._labels)))
        return known.with_columns(pl.col("method").replace_strict(self._labels, return_dtype=pl.String))

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Scores of the given units."""
        return self.relabelled(self._inner.rows(self._own(keys)))

    def embeddings(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Embeddings of the given units."""
        return self.relabelled(self._inner.embeddings(self._own(keys)))

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Set statistics of a unit."""
        return self._inner.arrays(*self._own([key]))
