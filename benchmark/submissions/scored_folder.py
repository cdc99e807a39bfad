"""A run folder whose embeddings are withheld, read as a board reads any: places in a table of similarities for vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
import polars as pl

from unmaskbench.benchmark.biometrics.similarity_table import SimilarityTable
from unmaskbench.benchmark.board.trials import similarities_file
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.submissions.similarities import FLOOR, handed_in, named_in

PLACE = ["dataset", "occlusion", "method", "output", "sample"]


class ScoredFolder(RunFolder):
    """The run folder ``inner``, in which the matchers of ``rows`` (of ``similarities.SIMILARITIES``) have a table each."""

    def __init__(self, inner: RunFolder, rows: pl.DataFrame, labels: Sequence[str]) -> None:
        super().__init__(inner.path)
        self._inner = inner
        held = inner.embeddings([unit["key"] for unit in inner.read_run()["units"]])
        enrolled = held.drop_nulls("vector").select("matcher", *_picture("sample")).unique().collect()
        found = {
            label: _table(rows.filter(pl.col("matcher") == label), enrolled.filter(pl.col("matcher") == label))
            for label in labels
        }
        self._tables = {label: table for label, (table, _) in found.items()}
        empty = enrolled.clear().with_columns(pl.Series("place", [], pl.Float32))
        self._places = pl.concat([empty, *(places for _, places in found.values())])

    def read_run(self) -> JsonObject:
        """run.json of the folder inside."""
        return self._inner.read_run()

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Scores of the given units."""
        return self._inner.rows(keys)

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Set statistics of a unit."""
        return self._inner.arrays(key)

    def embeddings(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Embeddings of the given units; of a matcher that has similarities, each face's place (1,) in its table."""
        plain = self._inner.embeddings(keys)
        named = plain.with_columns(_picture("sample")[3].alias("shown"))
        shown, placed = ["matcher", *PLACE[:3], "shown", "sample"], ["matcher", *PLACE]
        joined = named.join(self._places.lazy(), how="left", left_on=shown, right_on=placed)
        withheld = pl.col("matcher").is_in(list(self._tables)) & pl.col("vector").is_not_null()
        place = pl.concat_list(pl.col("place"))
        return joined.with_columns(pl.when(withheld).then(place).otherwise(pl.col("vector")).alias("vector")).select(
            plain.collect_schema().names()
        )

    def read_arrays(self, relative: str) -> dict[str, np.ndarray]:
        """The arrays of an archive; a table of similarities among them."""
        for label, table in self._tables.items():
            if relative == similarities_file(label):
                return table.arrays()
        return self._inner.read_arrays(relative)


def opened(folder: RunFolder) -> RunFolder:
    """A submission's folder as its board is built from it."""
    run = folder.read_run()
    labels = named_in(run)
    if not labels:
        return folder
    return ScoredFolder(folder, handed_in(folder, [unit["key"] for unit in run["units"]]), labels)


def _picture(sample: str) -> list[pl.Expr]:
    """The columns that name a picture: truths, and occluded faces, have one whatever the output."""
    whole = pl.col("method").is_in(["", FLOOR])
    return [
        pl.col("dataset"), pl.col("occlusion"), pl.col("method"),
        pl.when(whole).then(pl.lit("")).otherwise(pl.col("output")).alias("output"), pl.col(sample).alias("sample"),
    ]  # fmt: skip


def _table(rows: pl.DataFrame, enrolled: pl.DataFrame) -> tuple[SimilarityTable, pl.DataFrame]:
    """The table of a matcher, and the place of every face that it enrolled."""
    places = enrolled.sort(PLACE).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    restored, masked = pl.col("setting").is_in(["UT", "UU"]), pl.col("setting").is_in(["MT", "MM"])
    who = pl.when(restored).then(pl.col("method")).when(masked).then(pl.lit(FLOOR)).otherwise(pl.lit(""))
    both = pl.col("setting").is_in(["MM", "UU"])
    named = rows.drop_nulls("similarity").with_columns(who.alias("probe"))
    named = named.with_columns(
        pl.when(both).then(pl.col("probe")).otherwise(pl.lit("")).alias("gallery"),
        pl.when(both).then(pl.col("output")).otherwise(pl.lit("")).alias("shown"),
    )
    right = places.select(*PLACE, "place")
    for side, method, output in (("a", "probe", "output"), ("b", "gallery", "shown")):
        on = ["dataset", "occlusion", method, output, side]
        named = named.join(right.rename({"place": f"{side}_place"}), left_on=on, right_on=PLACE, how="inner")
    first, second = (named[f"{side}_place"].to_numpy() for side in "ab")
    keys = np.minimum(first, second) * places.height + np.maximum(first, second)
    keys, index = np.unique(keys, return_index=True)
    names = reduce(add, [pl.col(name) + pl.lit("\n") for name in PLACE])
    table = SimilarityTable(
        tuple(places.select(names.alias("name"))["name"]), keys.astype(np.int64), named["similarity"].to_numpy()[index]
    )
    return table, places.select("matcher", *PLACE, pl.col("place").cast(pl.Float32))
