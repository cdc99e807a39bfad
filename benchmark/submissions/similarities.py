"""Similarities in place of embeddings: of every trial the score, for those who cannot give their embeddings away.

A matcher that ``run.json`` names under ``similarities`` has, beside the table of who could be enrolled (``embeddings/``, each
vector empty), a row for each comparison that the board counts in ``similarities/``: the trials in the settings TT, MT, MM, UT and
UU, and each face with its own truth where no mask is worn. ``similarity`` is null where the comparison failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.scores import similarities
from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.board.trials import Trials, comparer_of, trials_of, vectors
from unmaskbench.benchmark.host.text import shown
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.store.tables import Columns
from unmaskbench.benchmark.submissions.index import SubmissionError

FLOOR = "untouched"
ROOM = "similarities"
SIMILARITIES: Columns = {
    "dataset": pl.String, "occlusion": pl.String, "method": pl.String, "matcher": pl.String, "output": pl.String,
    "setting": pl.String, "a": pl.String, "b": pl.String, "similarity": pl.Float32,
}  # fmt: skip
TRIAL = ["output", "setting", "a", "b"]


class Comparison(NamedTuple):
    """What a method's comparisons of a setting are between: a method ("" the truth) and an output on either side."""

    setting: Setting
    output: str
    probe: tuple[str, str | None]
    gallery: tuple[str, str | None]


class Comparisons:
    """The comparisons of a condition that its board counts, and what a run folder's embeddings say of them."""

    def __init__(self, condition: Condition, folder: RunFolder, suite: Suite) -> None:
        self.condition, self.folder, self.suite = condition, folder, suite
        self.trials: Trials | None = (
            trials_of(condition, folder, suite) if suite.matchers and len(condition.samples) > 1 else None
        )

    def asked(self, method: str) -> Iterator[Comparison]:
        """What the board asks of a method ("" the truths)."""
        truth: tuple[str, str | None] = ("", "truth")
        if method == "":
            yield Comparison("TT", "", truth, truth)
        elif method == FLOOR:
            yield Comparison("MT", "", (FLOOR, None), truth)
            yield Comparison("MM", "", (FLOOR, None), (FLOOR, None))
        else:
            for output in self.suite.matcher_outputs:
                yield Comparison("UT", output, (method, output), truth)
                yield Comparison("UU", output, (method, output), (method, output))

    def trials_in(self, setting: Setting) -> NDArray[np.int32]:
        """Every comparison (P, 2) of a setting as places in the trials' ids."""
        pairs = self.trials.pairs.get(setting) if self.trials is not None else None
        if pairs is None:
            return np.zeros((0, 2), np.int32)
        own = np.repeat(np.arange(len(pairs.ids), dtype=np.int32)[:, None], 2, axis=1)
        with_truth = setting in ("MT", "UT") and not self.condition.worn
        return np.concatenate([pairs.genuine, pairs.impostor, *([own] if with_truth else [])])

    def wanted(self, method: str) -> pl.DataFrame:
        """The columns output, setting, a and b of every comparison of a method."""
        tables = [self._named(asked, self.trials_in(asked.setting)) for asked in self.asked(method)]
        return pl.concat(tables)

    def _named(self, asked: Comparison, trials: NDArray[np.int32]) -> pl.DataFrame:
        names = pl.Series(list(self.trials.judged.ids) if self.trials is not None else [], dtype=pl.String)
        return pl.DataFrame({"a": names.gather(trials[:, 0]), "b": names.gather(trials[:, 1])}).select(
            pl.lit(asked.output).alias("output"), pl.lit(str(asked.setting)).alias("setting"), "a", "b"
        )

    def compared(self, method: str, labels: Sequence[str]) -> pl.DataFrame:
        """The rows of :data:`SIMILARITIES` of a method, as the embeddings of the matchers ``labels`` come out."""
        tables = [pl.DataFrame(schema=dict(SIMILARITIES))]
        for entry in self.suite.matchers:
            if entry.label not in labels or self.trials is None:
                continue
            matcher = comparer_of(self.condition, self.folder, entry)
            for asked in self.asked(method):
                trials = self.trials_in(asked.setting)
                sides = [
                    vectors(
                        self.folder, self.condition.keys[who], entry.label, output, self.trials.judged.ids,
                        matcher.card.dimension,
                    )
                    for who, output in (asked.probe, asked.gallery)
                ]  # fmt: skip
                found = similarities(matcher, sides[0][0], sides[1][0], trials).astype(np.float32)
                lost = sides[0][1][trials[:, 0]] | sides[1][1][trials[:, 1]] | ~np.isfinite(found)
                table = self._named(asked, trials).with_columns(
                    pl.lit(self.condition.dataset).alias("dataset"), pl.lit(self.condition.occlusion).alias("occlusion"),
                    pl.lit(method).alias("method"), pl.lit(entry.label).alias("matcher"),
                    pl.Series("similarity", np.where(lost, np.nan, found), pl.Float32).fill_nan(None),
                )  # fmt: skip
                tables.append(table.select(list(SIMILARITIES)))
        return pl.concat(tables)


def handed_in(folder: RunFolder, keys: Sequence[str]) -> pl.DataFrame:
    """The rows of the similarities of units, none where there are none."""
    paths = [path for key in keys if (path := folder.path / ROOM / f"{key}.parquet").is_file()]
    if not paths:
        return pl.DataFrame(schema=dict(SIMILARITIES))
    return pl.scan_parquet(paths, schema=dict(SIMILARITIES)).collect()


def named_in(run: JsonObject) -> list[str]:
    """The matchers of a run.json whose similarities stand in place of their embeddings."""
    return [str(label) for label in run.get(ROOM, ())]


def check_trials(condition: Condition, folder: RunFolder, suite: Suite, labels: Sequence[str]) -> None:
    """That every comparison of every method is there once, finite or failed, and failed where a face could not be enrolled.
    Raises SubmissionError."""
    if not labels:
        return
    comparisons = Comparisons(condition, folder, suite)
    for method in ("", *condition.methods):
        wanted = comparisons.wanted(method)
        rows, enrolled = (
            handed_in(folder, condition.keys[method]),
            folder.embeddings(condition.keys[method]).drop_nulls("vector"),
        )
        for label in labels:
            where = f"{shown(method or 'the truths')} by {shown(label)}, {condition.dataset}/{condition.occlusion}"
            own = rows.filter((pl.col("matcher") == label) & (pl.col("method") == method))
            _check_list(own, wanted, where)
            # a gallery of truths is checked with the truths
            names = enrolled.filter(pl.col("matcher") == label).select("output", "sample").unique().collect()
            _check_enrolled(own, names, method, where)


def _check_list(own: pl.DataFrame, wanted: pl.DataFrame, where: str) -> None:
    if own.select(TRIAL).is_duplicated().any():
        row = own.filter(own.select(TRIAL).is_duplicated()).row(0, named=True)
        raise SubmissionError(f"{where}: it has two similarities of {_words(row)}")
    for one, other, word in ((wanted, own, "lacks {} of {} similarities"), (own, wanted, "has {} of {} that no trial")):
        apart = one.join(other, on=TRIAL, how="anti")
        if apart.height:
            told = word.format(f"{apart.height:,}", f"{one.height:,}")
            end = "a failed comparison is a row without a value" if one is wanted else "of this board asks for"
            raise SubmissionError(f"{where}: it {told} (the first is {_words(apart.row(0, named=True))}): {end}")
    value = pl.col("similarity")
    if (odd := own.filter(value.is_not_null() & ~value.is_finite())).height:
        row = odd.row(0, named=True)
        raise SubmissionError(f"{where}: the similarity of {_words(row)} is {row['similarity']}, and no finite number")


def _check_enrolled(own: pl.DataFrame, enrolled: pl.DataFrame, method: str, where: str) -> None:
    """That no comparison has a value whose probe could not be enrolled."""
    by_output = method not in ("", FLOOR)
    on = ["output", "sample"] if by_output else ["sample"]
    probes = own.filter(pl.col("similarity").is_not_null()).with_columns(pl.col("a").alias("sample"))
    stray = probes.join(enrolled, on=on, how="anti")
    if stray.height:
        raise SubmissionError(
            f"{where}: {_words(stray.row(0, named=True))} have a similarity, and the first could not be enrolled"
        )


def _words(row: Mapping[str, object]) -> str:
    output = f" {row['output']}" if row["output"] else ""
    return f"{shown(str(row['a']))} and {shown(str(row['b']))} in {row['setting']}{output}"


class Withheld:
    """What a run hands in of the matchers ``labels``: no embedding, and the similarities that come out of them."""

    def __init__(self, run: RunFolder, record: JsonObject, suite: Suite, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        manifest = pl.read_parquet(run.path / "manifest.parquet") if labels else pl.DataFrame()
        found = conditions(record["units"], suite, manifest, RunCards(record.get("cards", {}))) if labels else []
        self._comparisons = {(c.dataset, c.occlusion): Comparisons(c, run, suite) for c in found}

    def emptied(self, embeddings: pl.DataFrame) -> pl.DataFrame:
        """A table of embeddings in which a face that was enrolled has an empty vector, one that was not none."""
        kept = ~pl.col("matcher").is_in(self.labels) | pl.col("vector").is_null()
        empty = pl.lit([], pl.List(pl.Float32))
        return embeddings.with_columns(pl.when(kept).then(pl.col("vector")).otherwise(empty).alias("vector"))

    def scores(self, dataset: str, occlusion: str, method: str) -> pl.DataFrame:
        """The similarities of a method of a condition."""
        if not self.labels:
            return pl.DataFrame(schema=dict(SIMILARITIES))
        return self._comparisons[dataset, occlusion].compared(method, self.labels)
