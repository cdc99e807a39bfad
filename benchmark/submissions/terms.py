"""What submissions of one board must share: samples, trials, judges, and everything else that a figure depends on.

The terms are those of one submission, which is named, or those that most submissions share. What two say of one method may
differ by ``AGREE``, a hundred times what ``reports/population.py`` lets two runs of one's own differ by: strangers' processors
and libraries are others, and here single values are compared, there means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.submissions.checks import Submission
from unmaskbench.benchmark.submissions.index import SubmissionError
from unmaskbench.benchmark.submissions.similarities import TRIAL, named_in

SAMPLE = (
    "dataset",
    "occlusion",
    "sample",
    "identity",
    "role",
    "status",
    "attributes",
    "truth_sha256",
    "occluded_sha256",
)
GEOMETRY = ("size", "crop", "landmarks", "seed", "outputs", "matcher_outputs", "regions")
FIGURES = ("fmr_targets", "statistics", "slice_by", "pairs")
METRIC = ("id", "kind", "direction", "range", "regions", "signature", "infinity")
MATCHER = ("id", "dimension", "signature", "distilled_from", "compares_by_cosine")
AGREE = 1e-3
WHAT = {
    "manifest": "its manifest is another: it scored other pixels",
    "samples": "its manifest names other people, attributes, roles or failed samples for the same pixels",
    "conditions": "its datasets or occlusions are others",
    "geometry": "its size, crop, landmarks, seed, outputs or regions are others",
    "figures": "its FMR targets, statistics, slices or pairs are others",
    "trials": "its list of trials is another",
    "metrics": "its metrics are others, or of other signatures",
    "matchers": "its matchers are others, or of other signatures",
}


def terms_of(found: Submission) -> dict[str, str]:
    """A digest of each thing that submissions of one board must share, by its name."""
    suite, cards = found.suite, found.run["cards"]
    content = suite.model_dump(mode="json")
    columns = [name for name in SAMPLE if name in found.manifest.columns]
    samples = found.manifest.select(columns).sort("dataset", "occlusion", "sample")
    conditions = [[entry.label for entry in entries] for entries in (suite.datasets, suite.occlusions)]
    return {
        "manifest": str(found.run["manifest"]),
        "samples": digest([list(row) for row in samples.iter_rows()]),
        "conditions": digest(conditions),
        "geometry": digest([content[key] for key in GEOMETRY]),
        "figures": digest([content[key] for key in FIGURES]),
        "trials": digest(_trials(found)),
        "metrics": digest([_part(cards["metrics"][e.label], METRIC) | {"p": e.parameters} for e in suite.metrics]),
        "matchers": digest([_part(cards["matchers"][e.label], MATCHER) | {"label": e.label} for e in suite.matchers]),
    }


def _part(card: JsonObject, names: Sequence[str]) -> JsonObject:
    return {name: card.get(name) for name in names}


def _trials(found: Submission) -> list[tuple[str, str]]:
    names = sorted(name for name in found.index.files if name.startswith("pairs-"))
    return [(name, sha256(found.folder.path / name)) for name in names]


def shared_terms(found: Sequence[Submission], reference: str = "") -> dict[str, str]:
    """The terms of the submission ``reference``, else those that most of ``found`` share; of two that as many share, those of
    the first by name. Raises SubmissionError where ``reference`` is none of ``found``."""
    by_name = {one.name: terms_of(one) for one in found}
    if reference:
        if reference not in by_name:
            raise SubmissionError(
                f"the reference '{reference}' is no submission that holds together; those that do: {', '.join(by_name) or 'none'}"
            )
        return by_name[reference]
    shares = Counter(digest(terms) for terms in by_name.values())
    most = max(shares.values())
    return next(terms for _, terms in sorted(by_name.items()) if shares[digest(terms)] == most)


def check_terms(found: Submission, wanted: dict[str, str]) -> None:
    """Raises SubmissionError that says what of the terms a submission does not share."""
    own = terms_of(found)
    for name, sentence in WHAT.items():
        if own[name] != wanted[name]:
            raise SubmissionError(f"{sentence} than those of this board")


def values_apart(one: Submission, other: Submission, method: str) -> str:
    """Where two submissions differ in what both say of ``method`` ("" is the truth, on which no method works): a sentence, ""
    where they agree to rounding."""
    for mine, theirs in zip(one.conditions(), other.conditions(), strict=True):
        rows = [
            c.folder.rows(k.keys[method]).filter(pl.col("metric") != "").select("output", "metric", "region", "sample", "value")
            for c, k in ((one, mine), (other, theirs))
        ]  # fmt: skip
        on = ["output", "metric", "region", "sample"]
        both = rows[0].join(rows[1], on=on, how="inner").collect()
        gaps = _gaps(both["value"].to_numpy(), both["value_right"].to_numpy())
        if len(gaps) and gaps.max() > AGREE:
            row = both.row(int(gaps.argmax()), named=True)
            return f"{row['metric']} of {row['sample']} is {row['value']} here and {row['value_right']} in {other.name}"
        given = sorted({*named_in(one.run), *named_in(other.run)})
        if apart := _scores_apart((one, mine), (other, theirs), method, given) if given else "":
            return apart
        tables = [
            c.folder.embeddings(k.keys[method]).select("output", "matcher", "sample", "vector").drop_nulls("vector")
            .filter(~pl.col("matcher").is_in(given))
            for c, k in ((one, mine), (other, theirs))
        ]  # fmt: skip
        pairs = tables[0].join(tables[1], on=["output", "matcher", "sample"], how="inner").collect()
        for row in pairs.iter_rows(named=True):
            a, b = np.array(row["vector"]), np.array(row["vector_right"])
            if a.shape != b.shape or float(np.abs(a - b).max(initial=0)) > AGREE * max(1.0, float(np.abs(b).max())):
                return f"{row['matcher']} gives {row['sample']} another embedding here than in {other.name}"
    return ""


def _scores_apart(
    one: tuple[Submission, Condition], other: tuple[Submission, Condition], method: str, labels: Sequence[str]
) -> str:
    """As :func:`values_apart`, of the matchers whose similarities either of the two hands in."""
    tables = [found.similarities(condition, method, labels) for found, condition in (one, other)]
    both = tables[0].join(tables[1], on=["matcher", *TRIAL], how="inner")
    gaps = _gaps(
        *(both[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in ("similarity", "similarity_right"))
    )
    if not len(gaps) or gaps.max() <= AGREE:
        return ""
    row = both.row(int(gaps.argmax()), named=True)
    return (
        f"{row['matcher']} gives {row['a']} and {row['b']} {row['similarity']} here ({row['setting']}) and "
        f"{row['similarity_right']} in {other[0].name}"
    )


def _gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Differences relative to the larger of both, or of 1; equal infinities, and two that failed, differ by nothing."""
    a, b = (np.nan_to_num(x.astype(float), nan=-1e12, posinf=1e12, neginf=-1e12) for x in (a, b))
    return np.asarray(np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1.0))
