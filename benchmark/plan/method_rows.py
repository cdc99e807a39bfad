"""The rows that a suite's methods have on a board, and what is known of each without loading it."""

from __future__ import annotations

from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.roles import is_worn, masks_given
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import MethodCard


def expand_methods(suite: Suite) -> list[MethodEntry]:
    """The suite's methods with ``untouched`` first (the floor, and the source of the masked faces' embeddings) and the
    mask source of each resolved; ``mask_source: both`` gives a method that needs a mask a second row ``@predicted``.

    Holes of worn masks are predicted unless all datasets bring masks and the source is not ``predicted``. What a blind method
    restored is then pasted into the same hole, so that it bears that source too.
    """
    entries = list(suite.methods)
    if not any(entry.id == "untouched" for entry in entries):
        entries.insert(0, MethodEntry(id="untouched"))
    source, blind = suite.mask_source, ""
    if is_worn(suite):
        source = source if masks_given(suite) else "predicted"
        blind = f"predicted:{suite.segmenter}" if source == "predicted" else ""
    expanded: list[MethodEntry] = []
    for entry in entries:
        needs_mask = any(card.needs_mask for card in method_cards(entry))
        if not needs_mask or entry.mask_source:
            expanded.append(entry if needs_mask else entry.model_copy(update={"mask_source": blind}))
            continue
        if source in ("oracle", "both"):
            expanded.append(entry.model_copy(update={"mask_source": "oracle"}))
        if source in ("predicted", "both"):
            label = entry.label if source == "predicted" else f"{entry.label}@predicted"
            expanded.append(entry.model_copy(update={"mask_source": f"predicted:{suite.segmenter}", "label": label}))
    for entry in expanded:
        if (entry.id == "untouched") != (entry.label == "untouched"):
            raise SuiteError(
                f"method '{entry.id}' as '{entry.label}': the label 'untouched' is the untouched face's alone"
            )
    for entry in expanded:
        if sum(other.label == entry.label for other in expanded) > 1:
            raise SuiteError(f"methods: two rows would be called '{entry.label}'; give one of them another label")
    return sorted(expanded, key=lambda entry: entry.id != "untouched")


def method_cards(entry: MethodEntry) -> list[MethodCard]:
    """The cards of a method entry's chain, without loading anything; a model file's card depends on its parameters."""
    return [
        METHODS.build(part.id, **part.parameters).card if part.parameters else METHODS.card(part.id)
        for part in parts_of(entry)
    ]
