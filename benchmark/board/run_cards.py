"""The cards of a run's plug-ins as its run.json keeps them: to read a run, none of its plug-ins needs to be here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.board.fields import Json
from unmaskbench.benchmark.board.mask_sources import mask_source
from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.matcher_cards import matcher_card
from unmaskbench.benchmark.plan.method_rows import method_cards
from unmaskbench.benchmark.plan.named_source import default_label
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.cards import DatasetCard, MatcherCard, MethodCard, MetricCard, OcclusionCard
from unmaskbench.benchmark.plugins.contracts import Matcher
from unmaskbench.benchmark.plugins.hooks import training_card_of
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, METRICS, OCCLUSIONS

Card = TypeVar("Card", MethodCard, DatasetCard, OcclusionCard, MetricCard, MatcherCard)
Kept = JsonMapping


def kept_cards(suite: Suite, methods: Sequence[MethodEntry]) -> dict[str, Json]:
    """The cards of all that a run used, as run.json keeps them."""
    cards = {entry.label: method_cards(entry) for entry in methods}
    teachers = {name for chain in cards.values() for card in chain for name in card.trained_with}
    return {
        "methods": {
            entry.label: {
                "cards": [_as_json(card) for card in cards[entry.label]],
                "mask_source": mask_source(entry, cards[entry.label]),
                "training_card": plain_value(training_card_of(METHODS.get(parts_of(entry)[0].id))),
            }
            for entry in methods
        },
        "datasets": {entry.label: _as_json(DATASETS.card(entry.id)) for entry in suite.datasets},
        "occlusions": {entry.label: _occlusion(entry) for entry in suite.occlusions},
        "metrics": {entry.label: _as_json(METRICS.card(entry.id)) for entry in suite.metrics},
        "matchers": {
            entry.label: _as_json(matcher_card(entry))
            | {"compares_by_cosine": _compares_by_cosine(MATCHERS.get(entry.id))}
            for entry in suite.matchers
        },
        "teachers": {
            name: list(MATCHERS.card(name).distilled_from) for name in sorted(teachers) if name in MATCHERS.names()
        },
    }


def _occlusion(entry: Entry) -> dict[str, Json]:
    occlusion = OCCLUSIONS.get(entry.id)(**entry.parameters)
    parameters = dataclasses.asdict(occlusion) if dataclasses.is_dataclass(type(occlusion)) else entry.parameters
    return _as_json(occlusion.card) | {"parameters": plain_value(parameters)}


def _compares_by_cosine(cls: Any) -> bool:
    """Whether a matcher's arithmetic is the shared one, which needs neither its code nor its file."""
    return all(
        getattr(cls, name, None) is getattr(CosineSimilarity, name) for name in ("similarity", "paired_similarity")
    )


class _KeptMatcher(CosineSimilarity):
    """A matcher that is known by its card alone."""

    def __init__(self, card: MatcherCard) -> None:
        self.card = card


@dataclasses.dataclass(frozen=True)
class RunCards:
    """What ``run.json`` keeps under ``cards``. An older run keeps none: the plug-ins that are here answer then."""

    kept: Kept = dataclasses.field(default_factory=dict)

    def methods(self, entry: MethodEntry) -> list[MethodCard]:
        """The cards of a method's chain."""
        kept = self._kept("methods", entry.label)
        return method_cards(entry) if kept is None else [_card(MethodCard, card) for card in kept["cards"]]

    def mask_source(self, entry: MethodEntry) -> str:
        """Where a method's masks are from; see ``mask_sources``."""
        kept = self._kept("methods", entry.label)
        return mask_source(entry, method_cards(entry)) if kept is None else str(kept["mask_source"])

    def training_card(self, entry: MethodEntry) -> dict[str, Json] | None:
        """How a method's weights were trained, None where nothing is said."""
        kept = self._kept("methods", entry.label)
        if kept is None:
            return training_card_of(METHODS.get(parts_of(entry)[0].id))
        card: dict[str, Json] | None = kept["training_card"]
        return card

    def dataset(self, entry: DatasetEntry) -> DatasetCard:
        """A dataset's card."""
        kept = self._kept("datasets", entry.label)
        card: DatasetCard = DATASETS.card(entry.id) if kept is None else _card(DatasetCard, kept)
        return card

    def occlusion(self, entry: Entry) -> tuple[OcclusionCard, dict[str, Json]]:
        """An occlusion's card, and its parameters with their defaults."""
        kept: Kept = self._kept("occlusions", entry.label) or _occlusion(entry)
        parameters: dict[str, Json] = kept["parameters"]
        return _card(OcclusionCard, kept), parameters

    def metric(self, name: str) -> MetricCard:
        """The card of a metric, by its id or its name in the suite."""
        kept = self._kept("metrics", default_label(name))
        card: MetricCard = METRICS.card(name) if kept is None else _card(MetricCard, kept)
        return card

    def matcher(self, entry: Entry) -> MatcherCard:
        """A matcher's card."""
        kept = self._kept("matchers", entry.label)
        card: MatcherCard = matcher_card(entry) if kept is None else _card(MatcherCard, kept)
        return card

    def comparer(self, entry: Entry) -> Matcher:
        """What compares a matcher's embeddings; no weights are loaded and no network runs. The matcher itself is needed
        only where it compares in a way of its own."""
        kept = self._kept("matchers", entry.label)
        if kept is not None and kept["compares_by_cosine"]:
            return _KeptMatcher(_card(MatcherCard, kept))  # type: ignore[return-value]  # it is asked for no embedding
        matcher: Matcher = MATCHERS.get(entry.id)(**entry.parameters)
        return matcher

    def teachers_of(self, matcher: str) -> set[str]:
        """What a matcher was distilled from; nothing is known of one that is not here."""
        if "teachers" in self.kept:
            return set(self.kept["teachers"].get(matcher, ()))
        return set(MATCHERS.card(matcher).distilled_from) if matcher in MATCHERS.names() else set()

    def _kept(self, kind: str, label: str) -> Any:
        return self.kept.get(kind, {}).get(label)


def _card(cls: type[Card], kept: Kept) -> Card:
    """A card as it was before it became JSON: tuples for lists, and infinities."""
    names = {part.name for part in dataclasses.fields(cls)}
    return cls(**{key: _restored(value) for key, value in kept.items() if key in names})


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    return float(value) if value in ("inf", "-inf") else value


def _as_json(card: Any) -> dict[str, Json]:
    return {key: plain_value(value) for key, value in dataclasses.asdict(card).items()}


def plain_value(value: object) -> Json:
    """A value that JSON can hold."""
    if isinstance(value, tuple | list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
