"""Verification rows of the board: what each matcher says of truth, occluded and restored faces, at kept thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, histogram, thinned_roc
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs
from unmaskbench.benchmark.biometrics.verification import Thresholds, VerificationRow, set_thresholds, verification_rows
from unmaskbench.benchmark.board_images import Condition
from unmaskbench.benchmark.registry import MATCHERS
from unmaskbench.benchmark.store import RunFolder
from unmaskbench.benchmark.suite import Suite
from unmaskbench.benchmark.types import MatcherCard, MethodCard, SampleRef

Row = dict[str, Any]
HISTOGRAM_TARGET = 1e-3


def pairs_of(condition: Condition, folder: RunFolder, suite: Suite) -> PairSet:
    """The trials of a condition: the official list kept by the run, or our own over the samples of the manifest."""
    official = folder.path / f"pairs-{condition.dataset}.npz"
    if suite.pairs.official and official.is_file():
        with np.load(official, allow_pickle=False) as held:
            return _restricted(held, set(condition.samples))
    refs = [SampleRef(s, f"p{code}") for s, code in zip(condition.samples, condition.identities, strict=True)]
    return own_pairs(
        refs, genuine_per_identity=suite.pairs.genuine_per_identity, impostors=suite.pairs.impostors, seed=suite.seed
    )


def _restricted(held: Any, usable: set[str]) -> PairSet:
    """Official trials whose two samples could be used."""
    ids = [str(name) for name in held["ids"]]
    known = np.array([name in usable for name in ids])

    def keep(trials: np.ndarray) -> np.ndarray:
        return known[trials].all(axis=1)

    genuine, impostor = keep(held["genuine"]), keep(held["impostor"])
    folds = {
        name: held[name][mask] if name in held else None
        for name, mask in (("genuine_folds", genuine), ("impostor_folds", impostor))
    }
    return PairSet(
        ids=tuple(ids), identities=held["identities"], genuine=held["genuine"][genuine], impostor=held["impostor"][impostor],
        origin=str(held["origin"]), **folds,
    )  # fmt: skip


def verification(
    condition: Condition, folder: RunFolder, suite: Suite, cards: Mapping[str, Sequence[MethodCard]],
    advance: Callable[[str], None] = lambda name: None,
) -> tuple[list[Row], list[Row], list[Row]]:  # fmt: skip
    """Verification rows, curves and histograms of every matcher of a condition."""
    rows: list[Row] = []
    curves: list[Row] = []
    histograms: list[Row] = []
    if not suite.matchers or len(condition.samples) < 2:
        return rows, curves, histograms
    pairs = pairs_of(condition, folder, suite)
    if not len(pairs.genuine) or not len(pairs.impostor):
        return rows, curves, histograms
    for entry in suite.matchers:
        # The matcher's arithmetic alone is wanted: no weights are loaded, no network runs.
        matcher = MATCHERS.get(entry.id)(**entry.parameters)
        drawn = _Drawn(condition, entry.label, suite, curves, histograms)
        truth = _vectors(folder, condition.keys[""], entry.label, "truth", pairs.ids, matcher.card.dimension)
        masked = _vectors(folder, condition.keys["untouched"], entry.label, None, pairs.ids, matcher.card.dimension)
        shared = {
            "TT": score_pairs(matcher, pairs, truth[0], truth[0], probe_failed=truth[1], gallery_failed=truth[1]),
            "MT": score_pairs(matcher, pairs, masked[0], truth[0], probe_failed=masked[1], gallery_failed=truth[1]),
            "MM": score_pairs(matcher, pairs, masked[0], masked[0], probe_failed=masked[1], gallery_failed=masked[1]),
        }
        thresholds = set_thresholds(shared["TT"], suite.fmr_targets)
        for setting, method in (("TT", ""), ("MT", "untouched"), ("MM", "untouched")):
            found = verification_rows(shared, thresholds, [setting])  # type: ignore[list-item, arg-type]
            rows += [_row(condition, method, "", entry.label, row, True) for row in found]
            drawn.add(method, "", setting, shared[setting], thresholds)
        for output in suite.matcher_outputs:
            for method in condition.methods:
                if method == "untouched":
                    continue
                advance(f"{entry.label} {method}")
                u = _vectors(folder, condition.keys[method], entry.label, output, pairs.ids, matcher.card.dimension)
                scores = {
                    "MT": shared["MT"],
                    "UT": score_pairs(matcher, pairs, u[0], truth[0], probe_failed=u[1], gallery_failed=truth[1]),
                    "UU": score_pairs(matcher, pairs, u[0], u[0], probe_failed=u[1], gallery_failed=u[1]),
                }
                fair = independent(matcher.card, cards[method])
                found = verification_rows(scores, thresholds, ["UT", "UU"])  # type: ignore[arg-type]
                rows += [_row(condition, method, output, entry.label, row, fair) for row in found]
                for setting in ("UT", "UU"):
                    drawn.add(method, output, setting, scores[setting], thresholds)
    return rows, curves, histograms


def independent(matcher: MatcherCard, methods: Sequence[MethodCard]) -> bool:
    """Whether the matcher had no part in a method's training, neither itself nor through a teacher of either."""
    family = {matcher.id, *matcher.distilled_from}
    for card in methods:
        for name in card.trained_with:
            related = {name}
            if name in MATCHERS.names():
                related |= set(MATCHERS.card(name).distilled_from)
            if family & related:
                return False
    return True


class _Drawn:
    """Collects what the report draws: thinned curves and histograms on one axis a matcher."""

    def __init__(
        self, condition: Condition, matcher: str, suite: Suite, curves: list[Row], histograms: list[Row]
    ) -> None:
        self.head = {"dataset": condition.dataset, "occlusion": condition.occlusion, "matcher": matcher}
        self.suite, self.curves, self.histograms = suite, curves, histograms
        self.limits: tuple[float, float] | None = None

    def add(self, method: str, output: str, setting: str, scores: PairScores, thresholds: Thresholds) -> None:
        """One setting's curve and histogram."""
        ordered = ScoreDistribution.of(scores)
        if self.limits is None:
            low = float(min(ordered.genuine[0], ordered.impostor[0]))
            self.limits = (max(low, -1.0), float(max(ordered.genuine[-1], ordered.impostor[-1])))
        head = {**self.head, "method": method, "output": output, "setting": setting}
        curve = thinned_roc(ordered, tuple(self.suite.fmr_targets), 120)
        self.curves.append(
            {
                **head,
                "fmr": [float(f"{v:.6g}") for v in curve.fmr],
                "fnmr": [float(f"{v:.6g}") for v in curve.fnmr],
                "thresholds": [_finite(v) for v in curve.threshold],
            }
        )
        try:
            drawn = histogram(ordered, 60, self.limits)
        except ValueError:  # nothing completed: there is no distribution
            return
        self.histograms.append(
            {
                **head,
                "edges": [round(float(v), 5) for v in drawn.edges],
                "genuine": [float(f"{v:.5g}") for v in drawn.genuine],
                "impostor": [float(f"{v:.5g}") for v in drawn.impostor],
                "threshold": thresholds.at_fmr.get(HISTOGRAM_TARGET),
                "target": HISTOGRAM_TARGET,
            }
        )


def _finite(value: float) -> float | str:
    number = float(value)
    return ("inf" if number > 0 else "-inf") if abs(number) == float("inf") else float(f"{number:.7g}")


def _vectors(
    folder: RunFolder, keys: Sequence[str], matcher: str, output: str | None, ids: Sequence[str], dimension: int
) -> tuple[Tensor, np.ndarray]:
    """Embeddings (N, D) in the order of ``ids`` and which of them failed or are absent."""
    table = folder.embeddings(keys).filter(pl.col("matcher") == matcher)
    if output is not None:
        table = table.filter(pl.col("output") == output)
    held = table.select("sample", "vector").unique("sample", keep="first").drop_nulls("vector").collect()
    place = {name: position for position, name in enumerate(ids)}
    held = held.filter(pl.col("sample").is_in(list(ids)))
    vectors = np.zeros((len(ids), dimension), np.float32)
    failed = np.ones(len(ids), bool)
    if held.height:
        rows = np.array([place[name] for name in held["sample"]])
        width = held["vector"].list.len()[0]
        flat = held["vector"].explode().to_numpy().reshape(-1, width)
        if width != dimension:
            vectors = np.zeros((len(ids), width), np.float32)
        vectors[rows] = flat
        failed[rows] = False
    return torch.from_numpy(vectors), failed


def _row(condition: Condition, method: str, output: str, matcher: str, row: VerificationRow, fair: bool) -> Row:
    return {
        "dataset": condition.dataset, "occlusion": condition.occlusion, "method": method, "output": output,
        "setting": row.setting, "matcher": matcher, "metric": row.metric, "target": row.target,
        "threshold": None if row.threshold is None else _finite(row.threshold), "value": row.value, "low": row.low,
        "high": row.high, "genuine": row.genuine, "impostor": row.impostor, "failed": 0, "policy": row.handling,
        "independent": fair, "refused": row.reason, "slice": "all", "rank": None, "group": None,
    }  # fmt: skip
