"""Ranks, and how many couples two rankings order differently: of NumPy alone, since ``scipy.stats`` takes longer to import
than a small run's whole board to compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmaskbench.benchmark.statistics.bootstrap import Floats


def ranks(values: ArrayLike) -> Floats:
    """Ranks from 1 along the last axis of ``values`` (..., N), equal values sharing the mean of theirs; NaN throughout where
    one of the N is NaN."""
    given = np.asarray(values, dtype=np.float64)
    if not given.shape[-1]:
        return np.zeros(given.shape)
    order = np.argsort(given, axis=-1, kind="stable")
    ascending = np.take_along_axis(given, order, axis=-1)
    step = ascending[..., 1:] != ascending[..., :-1]
    edge = np.ones((*given.shape[:-1], 1), dtype=bool)
    place = np.arange(given.shape[-1])
    first = np.maximum.accumulate(np.where(np.concatenate([edge, step], axis=-1), place, 0), axis=-1)
    from_behind = np.where(np.concatenate([step, edge], axis=-1), place, len(place))[..., ::-1]
    last = np.minimum.accumulate(from_behind, axis=-1)[..., ::-1]
    found = np.empty(given.shape)
    np.put_along_axis(found, order, (first + last) / 2.0 + 1.0, axis=-1)
    found[np.isnan(given).any(axis=-1)] = np.nan
    return found


def discordant(x: Floats, y: Floats) -> int:
    """How many couples of samples x orders one way and y the other; x and y are (S,), a tie on either side is neither."""
    # Behind each other by x, and by y where x is equal, so that equals in x count in no order of y's.
    levels = np.unique(y, return_inverse=True)[1][np.lexsort((y, x))].astype(np.int64)
    count = 0
    # Two different numbers differ first in one bit: of those that agree above it, each 0 counts the ones before it.
    for bit in reversed(range(int(levels.max(initial=0)).bit_length())):
        above = levels >> (bit + 1)
        # Numbers that agree above the bit stand together, in the order in which they came.
        order = np.argsort(above, kind="stable")
        ones = (levels[order] >> bit & 1).astype(np.int64)
        before = np.cumsum(ones) - ones
        group = np.flatnonzero(np.diff(above[order], prepend=-1))
        lengths = np.diff(group, append=len(ones))
        count += int((before - np.repeat(before[group], lengths))[ones == 0].sum())
    return count


def tau_b(x: Floats, y: Floats) -> float:
    """Kendall's tau-b of x and y (S,), in [-1, 1]; NaN where one of them does not vary (Kendall 1945)."""
    couples = _couples(np.array([len(x)]))
    tied_x, tied_y = (_couples(np.unique(side, return_counts=True)[1]) for side in (x, y))
    both = _couples(np.unique(np.stack([x, y]), axis=1, return_counts=True)[1])
    if couples in (tied_x, tied_y):
        return float("nan")
    excess = couples - tied_x - tied_y + both - 2 * discordant(x, y)
    # One root after the other: the product of the two counts may be beyond what a float holds exactly.
    return min(1.0, max(-1.0, float(excess / np.sqrt(couples - tied_x) / np.sqrt(couples - tied_y))))


def _couples(sizes: NDArray[np.integer]) -> int:
    """How many couples there are within groups of these sizes."""
    wide = sizes.astype(np.int64)
    return int((wide * (wide - 1) // 2).sum())
