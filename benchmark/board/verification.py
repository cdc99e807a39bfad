"""Verification rows of the board: what each matcher says of truth, occluded and restored faces, at kept thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, histogram, thinned_roc
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs
from unmaskbench.benchmark.biometrics.verification import Thresholds, VerificationRow, set_thresholds, verification_rows
from unmaskbench.benchmark.board.images import Condition, finite
from unmaskbench.benchmark.board.slices import TrialSlice, slice_rows, trial_slices
from unmaskbench.benchmark.board.verification_intervals import ResampledFigures
from unmaskbench.benchmark.plan.suite import Entry, Suite
from unmaskbench.benchmark.plugins.hooks import paired_similarity_of
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import Matcher, MatcherCard, MethodCard, SampleRef, Setting
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.paired import Difference, differences_of_resamples
from unmaskbench.benchmark.statistics.ranking import ALPHA, rank_groups
from unmaskbench.benchmark.store.folder import RunFolder

Row = dict[str, Any]
HISTOGRAM_TARGET = 1e-3
RESTORED: tuple[Setting, ...] = ("UT", "UU")
RANKED_BY = ("auc", "eer", "tmr", "fnmr", "accuracy")
LOWER_IS_BETTER = ("eer", "fnmr")


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
        return np.asarray(known[trials].all(axis=1))

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
    condition: Condition,
    folder: RunFolder,
    suite: Suite,
    cards: Mapping[str, Sequence[MethodCard]],
    advance: Callable[[str], None] = lambda name: None,
) -> Tables:
    """Verification rows, paired differences, curves and histograms of every matcher of a condition."""
    tables = Tables()
    if not suite.matchers or len(condition.samples) < 2:
        return tables
    pairs = pairs_of(condition, folder, suite)
    if not len(pairs.genuine) or not len(pairs.impostor):
        # A limit can leave no trial of a kind; the board says so, for every matcher that was asked.
        tables.rows += [_refused(condition, entry.label, pairs) for entry in suite.matchers]
        return tables
    people = IdentityBootstrap(
        max(pairs.people, 1), suite.statistics.resamples, seed=suite.seed, confidence=suite.statistics.level
    )
    bootstrap = PairBootstrap(pairs.genuine_identities, pairs.impostor_identities, people)
    slices = trial_slices(condition, pairs, suite.slice_by, bootstrap)
    for entry in suite.matchers:
        _Judge(condition, folder, suite, cards, entry, pairs, bootstrap, tables, advance, slices).run()
    return tables


@dataclass
class Tables:
    """What the verification of a condition adds to the board."""

    rows: list[Row] = field(default_factory=list)
    differences: list[Row] = field(default_factory=list)
    curves: list[Row] = field(default_factory=list)
    histograms: list[Row] = field(default_factory=list)
    similarities: dict[tuple[str, str, str], dict[str, float]] = field(default_factory=dict)
    resampled: dict[tuple[str, str, str, float | None, str], np.ndarray] = field(default_factory=dict)


@dataclass
class _Judge:
    """One matcher's verification of one condition."""

    condition: Condition
    folder: RunFolder
    suite: Suite
    cards: Mapping[str, Sequence[MethodCard]]
    entry: Entry
    pairs: PairSet
    bootstrap: PairBootstrap
    tables: Tables
    advance: Callable[[str], None]
    slices: Sequence[TrialSlice]

    def run(self) -> None:
        """Fill the tables."""
        # The matcher's arithmetic alone is wanted: no weights are loaded, no network runs.
        self.matcher: Matcher = MATCHERS.get(self.entry.id)(**self.entry.parameters)
        drawn = _Drawn(self.condition, self.entry.label, self.suite, self.tables.curves, self.tables.histograms)
        truth = self._vectors("", "truth")
        masked = self._vectors("untouched", None)
        shared: dict[Setting, PairScores] = {
            "TT": self._scores(truth, truth),
            "MT": self._scores(masked, truth),
            "MM": self._scores(masked, masked),
        }
        thresholds = set_thresholds(shared["TT"], self.suite.fmr_targets)
        figures = ResampledFigures(shared, self.bootstrap)
        floor: list[tuple[VerificationRow, np.ndarray | None]] = []
        roles: tuple[tuple[Setting, str], ...] = (("TT", ""), ("MT", "untouched"), ("MM", "untouched"))
        for setting, method in roles:
            found = self._with_intervals(verification_rows(shared, thresholds, [setting]), figures)
            self.tables.rows += [self._row(method, "raw", row, True) for row, _ in found]
            floor += found if setting == "MT" else []
            drawn.add(method, "raw", setting, shared[setting], thresholds)
            if setting != "MM":
                self._add_slices(method, "raw", setting, shared[setting], thresholds, True)
        self._keep_similarities("untouched", "", masked, truth)
        for output in self.suite.matcher_outputs:
            contenders = {"untouched": {_key(row): (row, resampled) for row, resampled in floor}}
            for method in self.condition.methods:
                if method == "untouched":
                    continue
                self.advance(f"{self.entry.label} {method}")
                restored = self._vectors(method, output)
                scores: dict[Setting, PairScores] = {
                    "MT": shared["MT"],
                    "UT": self._scores(restored, truth),
                    "UU": self._scores(restored, restored),
                }
                fair = independent(self.matcher.card, self.cards[method])
                found = self._with_intervals(
                    verification_rows(scores, thresholds, RESTORED), ResampledFigures(scores, self.bootstrap)
                )
                self.tables.rows += [self._row(method, output, row, fair) for row, _ in found]
                contenders[method] = {_key(row): (row, resampled) for row, resampled in found if row.setting == "UT"}
                self._keep_similarities(method, output, restored, truth)
                for setting in RESTORED:
                    drawn.add(method, output, setting, scores[setting], thresholds)
                self._add_slices(method, output, "UT", scores["UT"], thresholds, fair)
            self._rank(output, contenders)

    def _add_slices(
        self, method: str, output: str, setting: Setting, scores: PairScores, thresholds: Thresholds, fair: bool
    ) -> None:
        for part in self.slices:
            for row in slice_rows(part, setting, scores, thresholds):
                self.tables.rows.append(self._row(method, output, row, fair) | {"slice": part.name})

    def _vectors(self, method: str, output: str | None) -> tuple[Tensor, np.ndarray]:
        keys = self.condition.keys[method]
        return vectors(self.folder, keys, self.entry.label, output, self.pairs.ids, self.matcher.card.dimension)

    def _scores(self, probe: tuple[Tensor, np.ndarray], gallery: tuple[Tensor, np.ndarray]) -> PairScores:
        return score_pairs(
            self.matcher, self.pairs, probe[0], gallery[0], probe_failed=probe[1], gallery_failed=gallery[1]
        )

    @staticmethod
    def _with_intervals(
        rows: Sequence[VerificationRow], figures: ResampledFigures
    ) -> list[tuple[VerificationRow, np.ndarray | None]]:
        found = []
        for row in rows:
            resampled = figures.of(row)
            if resampled is not None:
                low, high = figures.bootstrap.interval(resampled)
                if np.isfinite(low) and np.isfinite(high):
                    row = replace(row, low=low, high=high)
            found.append((row, resampled))
        return found

    def _keep_similarities(
        self, method: str, output: str, restored: tuple[Tensor, np.ndarray], truth: tuple[Tensor, np.ndarray]
    ) -> None:
        """Each face's similarity to its own truth: how much of the person a restoration gave back, sample by sample."""
        usable = ~(restored[1] | truth[1])
        paired = paired_similarity_of(self.matcher)
        if paired is not None:
            values = paired(restored[0][usable], truth[0][usable]).numpy()
        else:
            probes, galleries = restored[0][usable], truth[0][usable]
            values = np.array(
                [self.matcher.similarity(p[None], g[None]).item() for p, g in zip(probes, galleries, strict=True)]
            )
        names = [name for name, keep in zip(self.pairs.ids, usable, strict=True) if keep]
        self.tables.similarities[method, output, self.entry.label] = dict(zip(names, map(float, values), strict=True))

    def _rank(
        self, output: str, contenders: Mapping[str, Mapping[Any, tuple[VerificationRow, np.ndarray | None]]]
    ) -> None:
        """Rank methods by every UT figure that has resamples, untouched (its MT figure) among them."""
        keys = sorted({key for found in contenders.values() for key in found}, key=str)
        for key in keys:
            metric, target, handling = key
            if handling != "penalised" or metric not in RANKED_BY:
                continue
            names = [n for n, found in contenders.items() if key in found and found[key][1] is not None]
            if not names:
                continue
            observed = {name: float(contenders[name][key][0].value or 0.0) for name in names}
            sign = 1.0 if metric in LOWER_IS_BETTER else -1.0
            order = sorted(range(len(names)), key=lambda m: (sign * observed[names[m]], names[m]))
            couples = [(a, b) for position, a in enumerate(order) for b in order[position + 1 :]]
            drawn = {name: np.asarray(contenders[name][key][1]) for name in names}
            compared: dict[tuple[int, int], Difference] = {}
            if couples:
                means = np.array([observed[names[a]] - observed[names[b]] for a, b in couples])
                resampled = np.stack([drawn[names[a]] - drawn[names[b]] for a, b in couples], axis=1)
                counts = np.full(len(couples), len(self.pairs.genuine))
                found = differences_of_resamples(means, resampled, counts, self.bootstrap.people)
                compared = dict(zip(couples, found, strict=True))
            groups = rank_groups(order, {couple: difference.p_adjusted for couple, difference in compared.items()})
            for place, m in enumerate(order, 1):
                self._place(names[m], output, key, place, groups[m])
                self.tables.resampled[names[m], output, self.entry.label, target, metric] = drawn[names[m]]
            if metric == "fnmr":
                self.tables.differences += [
                    self._difference(output, names[a], names[b], target, found) for (a, b), found in compared.items()
                ]

    def _place(self, method: str, output: str, key: Any, place: int, group: int) -> None:
        setting = "MT" if method == "untouched" else "UT"
        if setting == "MT" and output != self.suite.matcher_outputs[0]:
            return  # one row stands for untouched; it bears its place among the first output that matchers see
        for row in self.tables.rows:
            if (row["metric"], row["target"], row["policy"]) != key or row["matcher"] != self.entry.label:
                continue
            if row["slice"] != "all":
                continue
            if (row["method"], row["setting"]) == (method, setting) and (setting == "MT" or row["output"] == output):
                row["rank"], row["group"] = place, group

    def _difference(self, output: str, a: str, b: str, target: float | None, found: Difference) -> Row:
        return {
            "dataset": self.condition.dataset, "occlusion": self.condition.occlusion, "output": output,
            "metric": f"fnmr@{target:g}", "region": self.entry.label, "method_a": a, "method_b": b,
            "difference": finite(found.mean), "low": finite(found.low), "high": finite(found.high), "p": finite(found.p),
            "p_holm": finite(found.p_adjusted), "n": found.n, "significant": bool(found.p_adjusted < ALPHA),
        }  # fmt: skip

    def _row(self, method: str, output: str, row: VerificationRow, fair: bool) -> Row:
        return {
            "dataset": self.condition.dataset, "occlusion": self.condition.occlusion, "method": method, "output": output,
            "setting": row.setting, "matcher": self.entry.label, "metric": row.metric, "target": row.target,
            "threshold": None if row.threshold is None else _finite(row.threshold), "value": row.value, "low": row.low,
            "high": row.high, "genuine": row.genuine, "impostor": row.impostor, "failed": 0, "policy": row.handling,
            "independent": fair, "refused": row.reason, "slice": "all", "rank": None, "group": None,
        }  # fmt: skip


def _refused(condition: Condition, matcher: str, pairs: PairSet) -> Row:
    reason = f"{len(pairs.genuine)} genuine and {len(pairs.impostor)} impostor pairs are among these samples; use more of them"
    return {
        "dataset": condition.dataset, "occlusion": condition.occlusion, "method": "", "output": "raw", "setting": "TT",
        "matcher": matcher, "metric": "auc", "target": None, "threshold": None, "value": None, "low": None, "high": None,
        "genuine": len(pairs.genuine), "impostor": len(pairs.impostor), "failed": 0, "policy": "penalised",
        "independent": True, "refused": reason, "slice": "all", "rank": None, "group": None,
    }  # fmt: skip


def _key(row: VerificationRow) -> tuple[str, float | None, str]:
    return row.metric, row.target, row.handling


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


def vectors(
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
        if not np.isfinite(flat).all():  # a unit writes none of these
            raise ValueError(f"embeddings of {matcher} hold NaN or infinity")
        vectors[rows] = flat
        failed[rows] = False
    return torch.from_numpy(vectors), failed
