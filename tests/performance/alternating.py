"""Two ways to the same work, measured in turns: what a busy neighbour slows, it slows on both sides."""

from __future__ import annotations

import importlib.util
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

INSTALL = {
    "torch_fidelity": "torch-fidelity",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Anchor:
    """One line of the table. ``theirs`` and ``ours`` do the work and give what was found by name: numbers or arrays, of which
    no two may differ by more than ``bound`` (None: they are not of the same thing). ``aim`` is said and not asserted."""

    what: str
    theirs: Callable[[], Values]
    ours: Callable[[], Values]
    bound: float | None
    aim: str = ""
    warm: bool = True
    repeats: int | None = None


@dataclass
class Spent:
    """Seconds of the processor, children and all, and of the wall, of each repetition."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


class MissingLibraryError(Exception):
    """What the other side needs is not here; the message is how to install it."""


def need(*modules: str) -> None:
    """Raises MissingLibraryError where a module is not here."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingLibraryError("pip install " + " ".join(INSTALL.get(name, name) for name in absent))


def timed(work: Callable[[], Values], spent: Spent) -> Values:
    """What ``work`` gives, its seconds added to ``spent``."""
    started, before = time.perf_counter(), _processor()
    found = work()
    spent.processor.append(_processor() - before)
    spent.wall.append(time.perf_counter() - started)
    return found


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def line(anchor: Anchor, repeats: int) -> str:
    """The anchor measured and said. Raises AssertionError where the values of both sides differ by more than they may."""
    theirs, ours = Spent(), Spent()
    if anchor.warm:
        anchor.theirs()
        anchor.ours()
    gap = 0.0
    for _ in range(anchor.repeats or repeats):
        expected = timed(anchor.theirs, theirs)
        found = timed(anchor.ours, ours)
        gap = max(gap, difference(expected, found))
    if anchor.bound is not None:
        assert gap <= anchor.bound, f"{anchor.what}: values differ by {gap:.2g}, {anchor.bound:g} is allowed"
    ratios = [a / b for a, b in zip(theirs.processor, ours.processor, strict=True)]
    walls = [a / b for a, b in zip(theirs.wall, ours.wall, strict=True)]
    same = f"{gap:.1g}" if anchor.bound is not None else ""
    return (
        f"| {anchor.what} | {median(theirs.processor):.3f} | {median(ours.processor):.3f} | {spread(ratios)} | {spread(walls)} |"
        f" {anchor.aim} | {same} |"
    )


HEADING = (
    "| what | theirs, processor s | ours, processor s | ratio of processor | ratio of wall | aim | largest difference |\n"
    "|---|---|---|---|---|---|---|"
)


def spread(ratios: Sequence[float]) -> str:
    """Median and range."""
    return f"{median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


def difference(expected: Values, found: Values) -> float:
    """The largest difference of what both sides give by the same name, infinite where a shape differs or one is not finite."""
    largest = 0.0
    for name in expected.keys() & found.keys():
        a, b = (np.asarray(held[name], dtype=np.float64).ravel() for held in (expected, found))
        largest = max(largest, float(np.abs(a - b).max()) if a.shape == b.shape else float("inf"))
    return largest if np.isfinite(largest) else float("inf")
