"""Verification rows of the board: what each matcher says of truth, occluded and restored faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.similarity_table import TableComparer
from unmaskbench.benchmark.biometrics.verification import AnyScores, Handling, Thresholds, verification_rows
from unmaskbench.benchmark.biometrics.verification import VerificationRow as SettingRow
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.curves import CurveCollector
from unmaskbench.benchmark.board.differences import difference_row
from unmaskbench.benchmark.board.fields import threshold_number
from unmaskbench.benchmark.board.identity import identity_row
from unmaskbench.benchmark.board.quantities import QUANTITIES, named
from unmaskbench.benchmark.board.rows import CurveRow, DifferenceRow, HistogramRow, VerificationRow
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.board.scoring import Scoring, beside, figures_of
from unmaskbench.benchmark.board.slices import TrialSlice, slice_rows, trial_slices
from unmaskbench.benchmark.board.trials import Embeddings, Trials, comparer_of, own_similarities, trials_of, vectors
from unmaskbench.benchmark.board.verification_intervals import Figures, IntervalRow, with_intervals
from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.hooks import paired_similarity_of
from unmaskbench.benchmark.plugins.types import Matcher, MatcherCard, MethodCard, Output, Setting
from unmaskbench.benchmark.statistics.bootstrap import Floats
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.ranking import Ranking, rank_resampled
from unmaskbench.benchmark.store.folder import RunFolder

FLOOR = "untouched"
COMPARED = ("fnmr_equal", "fnmr")
"""The figures whose paired differences the board keeps, the one that methods are ranked by first."""

FigureKey = tuple[str, float | None, Handling]


@dataclass
class Tables:
    """What the verification of a condition adds to the board; the last two are what correlations need of it."""

    rows: list[VerificationRow] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    histograms: list[HistogramRow] = field(default_factory=list)
    similarities: dict[tuple[str, str, str], dict[str, float]] = field(default_factory=dict)
    resampled: dict[tuple[str, str, str, float | None, str], Floats] = field(default_factory=dict)


def verification(
    condition: Condition, folder: RunFolder, suite: Suite, cards: Mapping[str, Sequence[MethodCard]]
) -> Tables:
    """Verification rows, paired differences, curves and histograms of every matcher of a condition."""
    tables = Tables()
    if not suite.matchers:
        return tables
    trials = trials_of(condition, folder, suite)
    pairs = trials.judged
    if not len(pairs.genuine) or not pairs.impostor_count:
        # A limit can leave no trial of a kind; the board says so, for every matcher that was asked.
        none = SettingRow(
            "TT", "auc", None, len(pairs.genuine), pairs.impostor_count, reason=_too_few(condition, pairs)
        )
        tables.rows += [_row(condition, entry.label, ("", "raw"), none, True) for entry in suite.matchers]
        return tables
    judged = trials.bootstraps["MT"]
    # A run asks for no slices of streamed trials.
    slices = trial_slices(condition, pairs, suite.slice_by, judged) if isinstance(judged, PairBootstrap) else []
    for entry in suite.matchers:
        drawn = CurveCollector(condition, entry.label, tuple(suite.fmr_targets), tables.curves, tables.histograms)
        matcher = comparer_of(condition, folder, entry)
        work = MatcherVerification(condition, folder, suite, cards, entry, matcher, trials, slices, tables, drawn)
        work.run()
    return tables


def _too_few(condition: Condition, pairs: PairSet) -> str:
    counts = f"{len(pairs.genuine)} genuine and {pairs.impostor_count} impostor pairs"
    if not condition.worn:
        return f"{counts} are among these samples; use more of them"
    return (
        f"{counts} of a worn and a bare photograph are among these samples; at least 2 people are needed with a photograph "
        "of the role probe and one of the role gallery"
    )


@dataclass
class MatcherVerification:
    """One matcher's verification of one condition."""

    condition: Condition
    folder: RunFolder
    suite: Suite
    cards: Mapping[str, Sequence[MethodCard]]
    entry: Entry
    matcher: Matcher
    trials: Trials
    slices: Sequence[TrialSlice]
    tables: Tables
    drawn: CurveCollector
    places: dict[tuple[str, Output, Setting, FigureKey], int] = field(default_factory=dict)

    def run(self) -> None:
        """Fill the tables."""
        truth = self._vectors("", "truth")
        masked = self._vectors(FLOOR, None)
        roles: dict[Setting, tuple[str, Embeddings, Embeddings]] = {
            "TT": ("", truth, truth),
            "MT": (FLOOR, masked, truth),
            "MM": (FLOOR, masked, masked),
        }
        roles = {setting: found for setting, found in roles.items() if setting in self.trials.pairs}
        worn = self.condition.worn
        scoring = Scoring(self.matcher, self.trials, self.suite.fmr_targets)
        shared: dict[Setting, AnyScores] = {"TT": scoring.truth(truth, truth, self._people() if worn else None)}
        shared |= {setting: scoring.of(setting, *found[1:]) for setting, found in roles.items() if setting != "TT"}
        thresholds, figures = scoring.thresholds, figures_of(shared, self.trials)
        floor: list[IntervalRow] = []
        for setting, (method, _, _) in roles.items():
            found = with_intervals(verification_rows(shared, thresholds, [setting]), figures)
            self._keep((method, "raw"), found, shared)
            floor += found if setting == "MT" else []
            self._draw(method, "raw", setting, shared[setting], thresholds)
            if setting == "MT" or (setting == "TT" and not worn):
                self._add_slices((method, "raw"), setting, shared[setting], thresholds)
        self._keep_similarities((FLOOR, "raw"), "MT", masked, truth)
        for output in self.suite.matcher_outputs:
            contenders = {FLOOR: floor}
            failures = set()
            for method in self.condition.asked(f"matcher {self.entry.label}"):
                if method != FLOOR:
                    restored = self._vectors(method, output)
                    usable = ~(masked if worn else truth)[1]
                    failures |= {method} if (restored[1] & usable).any() else set()
                    contenders[method] = self._method((method, output), restored, truth, scoring, figures)
            self._rank(output, contenders, failures)

    def _people(self) -> int:
        """People behind the judged impostor trials."""
        return len(np.unique(self.trials.judged.impostor_identities))

    def _draw(self, method: str, output: Output, setting: Setting, scores: AnyScores, thresholds: Thresholds) -> None:
        if len(scores.genuine) and len(scores.impostor):  # bare photographs, one of each person, have no genuine pair
            self.drawn.add(method, output, setting, scores, thresholds)

    def _method(
        self, where: tuple[str, Output], restored: Embeddings, truth: Embeddings, scoring: Scoring, shared: Figures
    ) -> list[IntervalRow]:
        """The rows of a method's output; those of UT, which it is ranked by, are returned."""
        method, output = where
        thresholds = scoring.thresholds
        own: dict[Setting, AnyScores] = {"UT": scoring.of("UT", restored, truth, "probe")}
        if "UU" in self.trials.pairs:
            own["UU"] = scoring.of("UU", restored, restored, "both")
        figures = beside(shared, own)
        found = with_intervals(verification_rows(figures.scores, thresholds, own), figures)
        self._keep((method, output), found, own)
        self._keep_similarities((method, output), "UT", restored, truth)
        for setting, scores in own.items():
            self._draw(method, output, setting, scores, thresholds)
        self._add_slices((method, output), "UT", own["UT"], thresholds)
        return [held for held in found if held.row.setting == "UT"]

    def _fair(self, method: str) -> bool:
        return method in ("", FLOOR) or independent(self.matcher.card, self.cards[method], self.condition.cards)

    def _keep(
        self, where: tuple[str, Output], found: Sequence[IntervalRow], scores: Mapping[Setting, AnyScores]
    ) -> None:
        fair = self._fair(where[0])
        for held in found:
            row = _row(self.condition, self.entry.label, where, held.row, fair)
            if held.row.handling == "penalised":
                own = scores[held.row.setting]
                row = replace(row, failed=len(own.genuine) + len(own.impostor) - own.completed_count)
            self.places[(*where, held.row.setting, _key(held.row))] = len(self.tables.rows)
            self.tables.rows.append(row)

    def _add_slices(
        self, where: tuple[str, Output], setting: Setting, scores: AnyScores, thresholds: Thresholds
    ) -> None:
        if not isinstance(scores, PairScores):  # streamed trials are in no list that could be sliced
            return
        fair = self._fair(where[0])
        for part in self.slices:
            for row in slice_rows(part, setting, scores, thresholds):
                self.tables.rows.append(_row(self.condition, self.entry.label, where, row, fair, part.name))

    def _vectors(self, method: str, output: str | None) -> Embeddings:
        keys = self.condition.keys[method]
        ids = self.trials.judged.ids
        return vectors(self.folder, keys, self.entry.label, output, ids, self.matcher.card.dimension)

    def _keep_similarities(
        self, where: tuple[str, Output], setting: Setting, restored: Embeddings, truth: Embeddings
    ) -> None:
        """Each face against its own truth: one by one for correlations, and their mean cosine as a row."""
        if self.condition.worn:  # no photograph of the face itself is there without its mask
            return
        paired = paired_similarity_of(self.matcher)
        ids = self.trials.judged.ids
        own = own_similarities(self.matcher.similarity, paired, ids, restored, truth)
        method, output = where
        self.tables.similarities[method, "" if method == FLOOR else output, self.entry.label] = own
        if isinstance(self.matcher, TableComparer):
            return  # of a black box no embedding is known
        row, failed = identity_row(self.condition, setting, ids, restored, truth)
        kept = _row(self.condition, self.entry.label, where, row, self._fair(method))
        self.tables.rows.append(replace(kept, failed=failed))

    def _rank(self, output: Output, contenders: Mapping[str, Sequence[IntervalRow]], failures: set[str]) -> None:
        """Rank methods by every UT figure that has resamples, untouched (its MT figure) among them.

        A matcher that took part in a method's training gives it no place: its paired differences alone are kept.
        """
        by_key: dict[FigureKey, dict[str, IntervalRow]] = {}
        for name in sorted(contenders):
            for held in contenders[name]:
                if (
                    held.row.handling == "penalised"
                    and QUANTITIES[held.row.metric].ranked
                    and held.resampled is not None
                ):
                    by_key.setdefault(_key(held.row), {})[name] = held
        # Photographs of few people carry no FMR target: the area under the ROC must then tell whether restoring helps.
        bare = self.condition.worn and not any(key[0] == COMPARED[0] for key in by_key)
        compared = (*COMPARED, "auc") if bare else COMPARED
        for key, found in by_key.items():
            for name, held in found.items():
                if held.resampled is not None:
                    self.tables.resampled[name, output, self.entry.label, key[1], key[0]] = held.resampled
            ranking = self._ranking(key, found, failures)
            names = list(found)
            for m, rank in ranking.ranks.items():
                self._place(names[m], output, key, rank, ranking.groups[m])
            if key[0] in compared:
                figure = (named(key[0], key[1]), self.entry.label)
                self.tables.differences += [
                    difference_row(self.condition, output, figure, (names[a], names[b]), gap)
                    for (a, b), gap in ranking.differences.items()
                ]

    def _ranking(self, key: FigureKey, found: Mapping[str, IntervalRow], failures: set[str]) -> Ranking:
        observed = np.array([held.row.value for held in found.values()], float)
        resampled = np.stack([np.asarray(held.resampled) for held in found.values()], axis=1)
        direction = QUANTITIES[key[0]].direction
        assert direction is not None  # a figure that is ranked has one
        return rank_resampled(
            observed, resampled, len(self.trials.judged.genuine), direction, self.trials.bootstraps["UT"].people,
            penalised={m for m, name in enumerate(found) if name in failures},
            unranked={m for m, name in enumerate(found) if not self._fair(name)},
        )  # fmt: skip

    def _place(self, method: str, output: Output, key: FigureKey, rank: int, group: int) -> None:
        setting: Setting = "MT" if method == FLOOR else "UT"
        if setting == "MT" and output != self.suite.matcher_outputs[0]:
            return  # one row stands for untouched; it bears its place among the first output that matchers see
        place = self.places.get((method, "raw" if setting == "MT" else output, setting, key))
        if place is not None:
            self.tables.rows[place] = replace(self.tables.rows[place], rank=rank, group=group)


def _row(
    condition: Condition, matcher: str, where: tuple[str, Output], row: SettingRow, fair: bool, part: str = "all"
) -> VerificationRow:
    """The one builder of a verification row; ``where`` is a method and its output."""
    return VerificationRow(
        dataset=condition.dataset, occlusion=condition.occlusion, method=where[0], output=where[1], setting=row.setting,
        matcher=matcher, metric=row.metric, target=row.target,
        threshold=None if row.threshold is None else threshold_number(row.threshold), value=row.value, low=row.low,
        high=row.high, genuine=row.genuine, impostor=row.impostor, failed=0, policy=row.handling, independent=fair,
        refused=row.reason, slice=part, rank=None, group=None,
    )  # fmt: skip


def _key(row: SettingRow) -> FigureKey:
    return row.metric, row.target, row.handling


def independent(matcher: MatcherCard, methods: Sequence[MethodCard], known: RunCards | None = None) -> bool:
    """Whether the matcher had no part in a method's training, neither itself nor through a teacher of either."""
    family = {matcher.id, *matcher.distilled_from}
    for card in methods:
        for name in card.trained_with:
            if family & {name, *(known or RunCards()).teachers_of(name)}:
                return False
    return True
