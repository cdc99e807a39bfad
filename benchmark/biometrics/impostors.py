"""Impostor trials by their rank: all of them, or a uniform draw without replacement, in time that grows with the draw.

Sort N images by person. The impostor pairs of the image in place p are then the images behind its person's last one, a run
of consecutive places, so that a pair's rank in the list of all pairs gives the pair in closed form: nothing is listed, and
no draw is rejected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int32]
Ranks = NDArray[np.int64]

PLACES_A_NUMBER = 64
"""Up to here marking is faster than sorting: reading an empty place costs about a nanosecond, sorting a number a hundred."""


class ImpostorList:
    """All pairs of images of two persons, of which none is held: ``codes`` (N,) numbers the persons of the images."""

    def __init__(self, codes: Indices) -> None:
        self.order = np.argsort(codes, kind="stable")
        by_person = codes[self.order]
        self.behind = np.searchsorted(by_person, by_person, side="right").astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(len(codes) - self.behind)]).astype(np.int64)
        # Where people's images already follow each other, ranks in order are pairs in order.
        self.in_order = bool((np.diff(self.order) > 0).all())

    def __len__(self) -> int:
        return int(self.starts[-1])

    def every(self) -> Indices:
        """All pairs (len, 2), the first place below the second, sorted."""
        return self.at(np.arange(len(self), dtype=np.int64))

    def drawn(self, wanted: int, rng: np.random.Generator) -> Indices:
        """``wanted`` of the pairs, uniformly without replacement, as ``every`` gives them. Raises ValueError on more than
        there are."""
        return self.at(ranks_drawn(wanted, len(self), rng))

    def at(self, ranks: Ranks) -> Indices:
        """The pairs (R, 2) of sorted ``ranks`` (R,), sorted."""
        counts = np.diff(np.searchsorted(ranks, self.starts))
        places = np.arange(len(counts))
        first = np.repeat(places, counts)
        second = ranks + np.repeat(self.behind - self.starts[:-1], counts)
        pairs = np.empty((len(ranks), 2), dtype=np.int32)
        if self.in_order:
            pairs[:, 0], pairs[:, 1] = first, second
            return pairs
        a, b = self.order[first], self.order[second]
        images = np.int64(len(self.order))
        keys = np.minimum(a, b) * images + np.maximum(a, b)
        keys.sort()
        pairs[:, 0] = keys // images
        pairs[:, 1] = keys - pairs[:, 0] * images
        return pairs


def ranks_drawn(wanted: int, total: int, rng: np.random.Generator) -> Ranks:
    """``wanted`` of the numbers below ``total``, sorted, uniformly without replacement. Raises ValueError on more than ``total``.

    Of independent draws the different ones are, given how many they are, a uniform set; what is too many is taken out
    at random. Of more than half, what is left out is drawn.
    """
    if not 0 <= wanted <= total:
        raise ValueError(f"cannot draw {wanted} of {total} pairs")
    if wanted > total // 2:
        left_out = ranks_drawn(total - wanted, total, rng)
        kept = np.ones(total, dtype=np.bool_)
        kept[left_out] = False
        return np.flatnonzero(kept)
    drawn = np.zeros(0, dtype=np.int64)
    while len(drawn) < wanted:
        # total ln(total / (total - wanted)) draws give that many different ones on average
        lacking = total * np.log((total - len(drawn)) / (total - wanted))
        more = rng.integers(0, total, int(lacking * 1.02) + 64, dtype=np.int64)
        drawn = _different(np.concatenate([drawn, more]), total)
    return np.delete(drawn, rng.choice(len(drawn), len(drawn) - wanted, replace=False))


def _different(numbers: Ranks, total: int) -> Ranks:
    """The different ones of ``numbers`` below ``total``, sorted: marked in a list of all where that is not much longer than they
    are, which sorts them in passing."""
    if total <= PLACES_A_NUMBER * len(numbers):
        held = np.zeros(total, dtype=np.bool_)
        held[numbers] = True
        return np.flatnonzero(held)
    ordered = np.sort(numbers)
    different: Ranks = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    return different
