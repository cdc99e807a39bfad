"""The highest of many scores that come in parts, with a bar that rises: what lies below it is not looked at again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unmaskbench.benchmark.biometrics.impostor_stream import Block
from unmaskbench.benchmark.biometrics.pairs import Indices
from unmaskbench.benchmark.biometrics.scores import Scores

NOTHING = np.float32("-inf")


@dataclass(frozen=True, eq=False)
class Tail:
    """The highest scores, sorted upwards. Every score above ``bar`` is among them; of those equal to it some may lack. The bar
    is minus infinity where all scores are here."""

    values: Scores
    bar: np.float32


class RisingTail:
    """Collects the ``wanted`` highest finite scores."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.parts: list[Scores] = []
        self.held = 0
        self.bar = NOTHING

    def add(self, ordered: Scores) -> None:
        """Scores sorted upwards."""
        above = ordered[np.searchsorted(ordered, self.bar, side="right") :]
        if len(above) > self.wanted:
            above = above[-self.wanted :]
            self.bar = np.float32(above[0])
        self.parts.append(above.copy())
        self.held += len(above)
        # A lot of slack, so that parting is rare; no more of it than one part.
        if self.held > self.wanted + max(self.wanted, 1 << 20):
            self._cut()

    def found(self) -> Tail:
        """What is left at the end."""
        self._cut()
        return Tail(np.sort(np.concatenate(self.parts)) if self.parts else np.zeros(0, np.float32), self.bar)

    def _cut(self) -> None:
        if self.held <= self.wanted:
            return
        values = np.concatenate(self.parts)
        values = np.partition(values, len(values) - self.wanted)[len(values) - self.wanted :]
        self.parts, self.held, self.bar = [values], len(values), np.float32(values[0])


@dataclass(frozen=True, eq=False)
class Couples:
    """The two people (P, 2) of every comparison with a score of ``values`` (P,), sorted upwards; complete above ``bar``, which is
    infinity where failed restorations were let in: those come first and are too many."""

    values: Scores
    people: Indices
    bar: np.float32

    def at_least(self, threshold: float) -> Indices | None:
        """The people (P, 2) of all comparisons with a score of at least the threshold; None where not all of them are known."""
        if not np.float32(threshold) > self.bar:
            return None
        return self.people[np.searchsorted(self.values, np.float32(threshold), side="left") :]


class RisingCouples:
    """Collects the people of the ``wanted`` highest scores; ``identities`` (N,) number the people of the faces."""

    def __init__(self, wanted: int, identities: Indices) -> None:
        self.wanted, self.identities = wanted, identities
        self.values, self.people = np.zeros(0, np.float32), np.zeros((0, 2), np.int32)
        self.bar = NOTHING

    def add(self, block: Block) -> None:
        """The scores of a block that are finite and above the bar."""
        cells = np.flatnonzero(block.scores.reshape(-1) > self.bar)
        values = block.scores.reshape(-1)[cells]
        finite = np.isfinite(values)
        cells, values = cells[finite], values[finite]
        if len(values) > self.wanted:  # the first blocks, before there is a bar
            chosen = np.argpartition(values, len(values) - self.wanted)[len(values) - self.wanted :]
            cells, values = cells[chosen], values[chosen]
            self.bar = max(self.bar, np.float32(values.min()))
        rows, columns = np.divmod(cells, block.scores.shape[1])
        people = np.stack([self.identities[block.row + rows], self.identities[block.column + columns]], axis=1)
        self.values = np.concatenate([self.values, values])
        self.people = np.concatenate([self.people, people])
        if len(self.values) > 2 * self.wanted:
            self._cut()

    def found(self, let_in: int) -> Couples:
        """What is left at the end, of which ``let_in`` comparisons were let in."""
        if len(self.values) > self.wanted:
            self._cut()
        order = np.argsort(self.values, kind="stable")
        return Couples(self.values[order], self.people[order], np.float32("inf") if let_in else self.bar)

    def _cut(self) -> None:
        chosen = np.argpartition(self.values, len(self.values) - self.wanted)[len(self.values) - self.wanted :]
        self.values, self.people = self.values[chosen], self.people[chosen]
        self.bar = max(self.bar, np.float32(self.values.min()))
