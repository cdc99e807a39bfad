"""What one worker takes at a time: whole shards where there are many, else parts of them, so that all workers end together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from unmaskbench.benchmark.plan.units import Unit

ENOUGH = 4
"""Shares a worker at least, as far as the units allow it: with fewer, one waits long for the last."""

# From the coarsest on. What shares a shard's decoded faces and its truth's features is better kept together, and a restoration is
# never parted from what measures it.
CUTS: tuple[Callable[[Unit], Hashable], ...] = (
    lambda unit: (),
    lambda unit: unit.occlusion.label,
    lambda unit: (unit.occlusion.label, unit.method_label),
)


def shared(groups: Sequence[Sequence[Unit]], workers: int) -> list[list[Unit]]:
    """The units of ``groups`` in shares for so many workers: the groups, or parts of each where they are few. Those of most
    samples come first, so that none of them is the last; one worker has the groups as they are."""
    if workers < 2:
        return [list(group) for group in groups]
    shares: list[list[Unit]] = []
    for cut in CUTS:
        shares = [part for group in groups for part in _parts(group, cut)]
        if len(shares) >= ENOUGH * workers:
            break
    return sorted(shares, key=lambda share: -len(share[0].samples))


def _parts(group: Sequence[Unit], cut: Callable[[Unit], Hashable]) -> list[list[Unit]]:
    parts: dict[Hashable, list[Unit]] = {}
    for unit in group:
        parts.setdefault(cut(unit), []).append(unit)
    return list(parts.values())
