"""Who leads, who beats the untouched image, and whether there are people enough to tell: for one quantity of a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from unmaskbench.benchmark.statistics.power import people_needed
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import number

Tests = dict[frozenset[str], Row]
Outcome = Literal["won", "lost", "unproven", "untested"]
SMALL_EFFECT = 0.2
"""A standardised difference that is small and still worth finding (Cohen 1988), where no method shows a gain."""


@dataclass(frozen=True)
class Contest:
    """The methods that can be ranked by a quantity, best first, and the untouched image (``floor``).

    ``left_out`` are methods with a value that are not ranked: judged by a matcher of their own training, or incomplete.
    ``worthwhile`` is the smallest gain worth finding; None: the one of a small standardised effect.
    """

    higher: bool
    entrants: Sequence[Row]
    floor: Row | None
    tests: Tests
    people: int
    left_out: Sequence[Row] = field(default=())
    worthwhile: float | None = None

    def gain(self, row: Row) -> tuple[float, float | None, float | None] | None:
        """How much better than untouched a method is, with its interval; None where no paired test is stored."""
        test = self.tests.get(frozenset((row["method"], "untouched")))
        if test is None or number(test["difference"]) is None:
            return None
        sign = (1.0 if self.higher else -1.0) * (1.0 if test["method_a"] == row["method"] else -1.0)
        low, high = number(test["low"]), number(test["high"])
        if low is None or high is None:
            return sign * test["difference"], None, None
        return sign * test["difference"], min(sign * low, sign * high), max(sign * low, sign * high)

    def outcome(self, row: Row) -> Outcome:
        """What became of a method against untouched: by the paired test after correction; where none is stored (boards of
        earlier versions), by intervals that are apart."""
        test, gain = self.tests.get(frozenset((row["method"], "untouched"))), self.gain(row)
        if test is not None and gain is not None:
            if not test["significant"]:
                return "unproven" if number(test["p_holm"]) is not None else "untested"
            return "won" if gain[0] > 0 else "lost"
        if self.floor is None:
            return "untested"
        if apart(self.higher, row, self.floor):
            return "won"
        return "lost" if apart(self.higher, self.floor, row) else "unproven"

    def winners(self) -> list[Row]:
        """The ranked methods that certainly beat untouched, best first."""
        return [row for row in self.entrants if self.outcome(row) == "won"]

    def tied(self, best: Row) -> list[str]:
        """The ranked methods that cannot be told from one of them."""
        return [r["method"] for r in self.entrants if r is not best and not self._told_apart(best, r)]

    def _told_apart(self, best: Row, other: Row) -> bool:
        # groups are ranges of the order: one below may hold a method that the test does not tell from the best
        test = self.tests.get(frozenset((best["method"], other["method"])))
        if test is not None and number(test["p_holm"]) is not None:
            return bool(test["significant"])
        if best["group"] is not None and other["group"] is not None:
            return bool(best["group"] != other["group"])
        return apart(self.higher, best, other)

    def needed(self) -> int | None:
        """People at which a gain of the size that matters would be found; None where no interval is known."""
        gains = [gain for row in self.entrants if (gain := self.gain(row)) is not None and gain[1] is not None]
        if not gains:
            return None
        best = max(gains, key=lambda gain: gain[0])
        low, high = float(best[1] or 0.0), float(best[2] or 0.0)
        spread = (high - low) / (2 * 1.96) * self.people**0.5
        least = SMALL_EFFECT * spread if self.worthwhile is None else self.worthwhile
        return people_needed(max(best[0], least), low, high, self.people, tests=len(self.entrants))

    def nobody_wins(self) -> str:
        """A sentence for a contest without a winner, no bolder than its tests."""
        whose = "No method" if not self.left_out else "No method that can be ranked here"
        outcomes = {self.outcome(row) for row in self.entrants}
        none = f"{whose} beats leaving the image untouched."
        if outcomes == {"lost"}:
            return none
        if self.people < 2 or "untested" in outcomes:
            return f"Too few people to tell whether any method beats leaving the image untouched ({self.people})."
        needed = self.needed()
        if needed is not None and needed > self.people:
            return (
                "Too few people to tell whether any method beats leaving the image untouched "
                f"({self.people}; about {round_up(needed):,} are needed)."
            )
        return none


def worth(higher: bool) -> Callable[[Row], float]:
    """A sort key: the best row first."""
    return lambda row: -float(row["value"]) if higher else float(row["value"])


def placed(rows: Sequence[Row], higher: bool) -> list[Row]:
    """Rows of one population, best first: their ranks follow their values."""
    return sorted(rows, key=lambda row: (worth(higher)(row), row["method"]))


def apart(higher: bool, better: Row, worse: Row) -> bool:
    """Whether the interval of ``better`` lies wholly on the good side of that of ``worse``."""
    near, far = (better["low"], worse["high"]) if higher else (worse["low"], better["high"])
    return number(near) is not None and number(far) is not None and float(near) > float(far)


def tests_of(differences: Sequence[Row], metric: str, region: str) -> Tests:
    """The stored paired tests of a quantity, by pair of methods."""
    return {
        frozenset((d["method_a"], d["method_b"])): d
        for d in differences
        if d["metric"] == metric and d["region"] == region
    }


def round_up(count: int) -> int:
    """Two significant digits, upwards: a sample size is an estimate."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
