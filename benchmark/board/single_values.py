"""The single values behind a board, as tables: every score of every sample, and every comparison of a matcher."""

from __future__ import annotations

import numpy as np
import polars as pl

from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs
from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.board.trials import Trials, comparer_of, trials_of, vectors
from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

FLOOR = "untouched"
SAMPLE_COLUMNS = (
    "dataset", "occlusion", "method", "output", "sample", "identity", "coverage", "metric", "region", "value", "status",
    "message",
)  # fmt: skip
PAIR_COLUMNS: dict[str, type[pl.DataType]] = {
    "dataset": pl.String, "occlusion": pl.String, "matcher": pl.String, "method": pl.String, "output": pl.String,
    "setting": pl.String, "a": pl.String, "b": pl.String, "genuine": pl.Boolean, "similarity": pl.Float32,
}  # fmt: skip


def sample_table(folder: RunFolder) -> pl.DataFrame:
    """A row for each sample, method, output, metric and region of a run, failures too; ``coverage`` is the share of the face
    that is covered, in [0, 1]. Raises StoreError where the folder holds no run."""
    run = folder.read_run()
    manifest = pl.read_parquet(folder.path / "manifest.parquet").select("dataset", "occlusion", "sample", "coverage")
    rows = folder.rows([unit["key"] for unit in run["units"]]).filter(
        (pl.col("metric") != "") & (pl.col("method") != "")
    )
    joined = rows.collect().join(manifest, on=["dataset", "occlusion", "sample"], how="left")
    return joined.select(SAMPLE_COLUMNS).sort("dataset", "occlusion", "metric", "region", "output", "method", "sample")


def pair_table(folder: RunFolder, matcher: str = "", method: str = "") -> pl.DataFrame:
    """A row for each comparison that a run's board counts: probe ``a`` with gallery image ``b`` in a setting (TT: truths; MT: an
    occluded probe; UT: a restored one), ``genuine`` where both show one person. ``similarity`` is null where it failed.

    ``matcher`` and ``method`` leave the others out. Raises ValueError where the run has none of that name, StoreError where the
    folder holds no run, and where impostor pairs are streamed.
    """
    run = folder.read_run()
    suite = parse(run["suite"], f"{folder.path / 'run.json'}: suite")
    labels = [entry.label for entry in suite.matchers]
    methods = [str(entry["label"]) for entry in run["methods"]]
    for kind, asked, there in (("matcher", matcher, labels), ("method", method, methods)):
        if asked and asked not in there:
            raise ValueError(f"{folder.path} has no {kind} '{asked}'; it has {', '.join(there) or 'none'}")
    manifest = pl.read_parquet(folder.path / "manifest.parquet")
    tables = [pl.DataFrame(schema=PAIR_COLUMNS)]
    for condition in conditions(run["units"], suite, manifest, RunCards(run.get("cards", {}))):
        if len(condition.samples) < 2 or not suite.matchers:
            continue
        trials = trials_of(condition, folder, suite)
        if trials.judged.streamed:
            raise StoreError(
                f"{folder.path}: its {trials.judged.impostor_count:,} impostor pairs are streamed, none of their scores is kept"
            )
        for entry in suite.matchers:
            if matcher in ("", entry.label):
                tables += _of_matcher(condition, folder, suite, (trials, entry), method)
    return pl.concat(tables)


def _of_matcher(
    condition: Condition, folder: RunFolder, suite: Suite, judge: tuple[Trials, Entry], method: str
) -> list[pl.DataFrame]:
    """A table for the truths, the occluded and each method's output, as far as ``method`` ("": all) asks for them."""
    trials, entry = judge
    comparer = comparer_of(condition, folder, entry)
    ids = trials.judged.ids

    truth = vectors(folder, condition.keys[""], entry.label, "truth", ids, comparer.card.dimension)
    wanted: list[tuple[Setting, str, str]] = [] if method else [("TT", "", "")]
    if method in ("", FLOOR) and FLOOR in condition.methods:
        wanted.append(("MT", FLOOR, ""))
    restored = [name for name in condition.methods if name != FLOOR and method in ("", name)]
    wanted += [("UT", name, output) for output in suite.matcher_outputs for name in restored]
    tables = []
    for setting, name, output in wanted:
        pairs = trials.pairs.get(setting)
        if pairs is None:
            continue
        shown = (
            vectors(folder, condition.keys[name], entry.label, output or None, ids, comparer.card.dimension)
            if name
            else truth
        )
        scores = score_pairs(
            comparer, pairs, shown[0], truth[0], probe_failed=shown[1], gallery_failed=truth[1],
            restored="probe" if setting == "UT" else "none",
        )  # fmt: skip
        labels = (condition.dataset, condition.occlusion, entry.label, name, output, setting)
        tables.append(_frame(labels, pairs, scores))
    return tables


def _frame(labels: tuple[str, ...], pairs: PairSet, scores: PairScores) -> pl.DataFrame:
    trials = np.concatenate([pairs.genuine, pairs.impostor])
    values = np.concatenate([scores.genuine, scores.impostor])
    ids = np.array(pairs.ids, dtype=object)
    found = pl.DataFrame(
        {
            "a": pl.Series(ids[trials[:, 0]].tolist(), dtype=pl.String),
            "b": pl.Series(ids[trials[:, 1]].tolist(), dtype=pl.String),
            "genuine": np.arange(len(trials)) < len(pairs.genuine),
            "similarity": np.where(np.isfinite(values), values, np.nan).astype(np.float32),
        }
    ).with_columns(pl.col("similarity").fill_nan(None))
    named = [pl.lit(text, pl.String).alias(name) for name, text in zip(PAIR_COLUMNS, labels, strict=False)]
    return found.with_columns(named).select(list(PAIR_COLUMNS))
