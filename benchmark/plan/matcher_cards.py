"""The card of a matcher as a suite names it: that of a file, a table or another variant depends on its parameters."""

from __future__ import annotations

from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plugins.cards import MatcherCard
from unmaskbench.benchmark.plugins.registry import MATCHERS


def matcher_card(entry: Entry) -> MatcherCard:
    """The card of an entry's matcher. Raises the registry's errors, and ValueError where its file is none."""
    card: MatcherCard = (
        MATCHERS.build(entry.id, **entry.parameters).card if entry.parameters else MATCHERS.card(entry.id)
    )
    return card
