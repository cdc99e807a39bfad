"""Which samples a dataset's ``limit`` keeps: whole people, and of an official list of trials people of both kinds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.contracts import Dataset, PairedDataset
from unmaskbench.benchmark.plugins.types import Pair, SampleRef


def kept_samples(dataset: Dataset, entry: DatasetEntry, suite: Suite) -> list[int]:
    """Indices of a dataset's samples that its limit keeps, ascending; all of them without a limit."""
    if entry.limit is None or entry.limit >= len(dataset.samples):
        return list(range(len(dataset.samples)))
    if suite.pairs.official and suite.matchers and isinstance(dataset, PairedDataset):
        return limited(dataset.samples, entry.limit, dataset.pairs())
    return limited(dataset.samples, entry.limit)


def limited(samples: Sequence[SampleRef], limit: int | None, pairs: Sequence[Pair] = ()) -> list[int]:
    """Indices of at most ``limit`` samples, whole identities at a time in an order hashed from their names, so that
    genuine pairs stay together and the choice does not follow the alphabet.

    With ``pairs`` a person who has a genuine trial comes first, each followed by one of the people that it is set against:
    a few people then have trials of both kinds.
    """
    if limit is None or limit >= len(samples):
        return list(range(len(samples)))
    by_identity: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        by_identity.setdefault(sample.identity or sample.id, []).append(index)
    order = sorted(by_identity, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    if pairs:
        order = _by_trials(order, {sample.id: sample.identity or sample.id for sample in samples}, pairs)
    chosen = [index for name in order for index in by_identity[name]][:limit]
    return sorted(chosen)


def _by_trials(order: Sequence[str], person_of: Mapping[str, str], pairs: Sequence[Pair]) -> list[str]:
    """The people of ``order``: those with a genuine trial first, each with a person of an impostor trial after it."""
    genuine: set[str] = set()
    against: dict[str, set[str]] = {}
    for pair in pairs:
        a, b = person_of.get(pair.a), person_of.get(pair.b)
        if a is None or b is None:
            continue
        if pair.genuine:
            genuine.add(a)
        else:
            against.setdefault(a, set()).add(b)
            against.setdefault(b, set()).add(a)
    place = {name: number for number, name in enumerate(order)}
    found: dict[str, None] = {}
    for name in sorted(order, key=lambda name: (name not in genuine, place[name])):
        if name in found:
            continue
        found[name] = None
        others = sorted(against.get(name, set()) - found.keys(), key=lambda name: (name not in genuine, place[name]))
        found |= dict.fromkeys(others[:1])
    return list(found)
