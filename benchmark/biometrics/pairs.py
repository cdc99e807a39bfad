"""Verification trials: a dataset's official list, or our own, as index arrays with a hash.

Ten million trials are two arrays of 32-bit indices, never objects. A set of pairs depends on the samples, the limits
and the seed alone: not on the order in which the samples come.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.impostors import ImpostorList
from unmaskbench.benchmark.plugins.types import Pair, SampleRef

Indices = NDArray[np.int32]

LARGEST_CROSS = 64_000_000
"""Most impostor trials that are listed (0.5 GB of indices)."""
LARGEST_STREAM = 10_000_000_000
"""Most impostor trials that are streamed where all are asked for: those of some 140,000 faces."""


@dataclass(frozen=True, eq=False)
class PairSet:
    """Trials over ``ids``: rows of ``genuine`` (G, 2) and ``impostor`` (I, 2) are indices into it, probe then gallery.

    ``identities`` (N,) numbers the persons of ``ids``; a sample without a known identity counts as a person of its own.
    ``genuine_folds`` and ``impostor_folds`` are the official folds, 0-based, None where there are none. ``origin`` says
    how the set was made, and belongs to its signature. ``streamed``: the impostor trials are all pairs of two persons, too many
    to be listed; ``impostor`` is then empty.
    """

    ids: tuple[str, ...]
    identities: Indices
    genuine: Indices
    impostor: Indices
    origin: str
    genuine_folds: NDArray[np.int16] | None = None
    impostor_folds: NDArray[np.int16] | None = None
    streamed: bool = False

    @cached_property
    def sha256(self) -> str:
        """Hash of the ordered list of trials: the ids, then every trial's two places in them, then the folds."""
        digest = hashlib.sha256("\n".join(self.ids).encode())
        if self.streamed:
            digest.update(b"|all impostors|" + np.ascontiguousarray(self.identities, dtype="<i4").tobytes())
        for array in (self.genuine, self.impostor, self.genuine_folds, self.impostor_folds):
            digest.update(b"|none" if array is None else f"|{array.shape}|".encode())
            if array is not None:
                digest.update(np.ascontiguousarray(array, dtype="<i4").data)
        return digest.hexdigest()

    @property
    def impostor_count(self) -> int:
        """How many impostor trials there are, listed or streamed."""
        return _crossed(np.bincount(self.identities).tolist()) if self.streamed else len(self.impostor)

    @property
    def genuine_identities(self) -> Indices:
        """The person (G,) of each genuine trial."""
        return self.identities[self.genuine[:, 0]]

    @property
    def impostor_identities(self) -> Indices:
        """The two persons (I, 2) of each impostor trial."""
        return self.identities[self.impostor]

    @property
    def people(self) -> int:
        """How many persons ``identities`` numbers."""
        return int(self.identities.max(initial=-1)) + 1


def official_pairs(pairs: Iterable[Pair], samples: Sequence[SampleRef], *, drop_absent: bool = False) -> PairSet:
    """A dataset's own list, in its own order, probe = the pair's first image.

    A pair that names a sample which ``samples`` lacks raises ValueError, or is left out with ``drop_absent`` (a limited
    run). Folds are kept only where every pair has one.
    """
    known = _by_id(samples)
    listed = list(pairs)
    absent = sorted({name for pair in listed for name in (pair.a, pair.b) if name not in known})
    if absent and not drop_absent:
        raise ValueError(
            f"{len(absent)} samples of the official pairs are not in the dataset, the first is '{absent[0]}'; "
            "check the dataset's folder against its layout (bench list datasets)"
        )
    kept = [pair for pair in listed if pair.a in known and pair.b in known]
    ids = tuple(sorted({name for pair in kept for name in (pair.a, pair.b)}))
    place = {name: index for index, name in enumerate(ids)}

    def indices(genuine: bool) -> Indices:
        rows = [(place[pair.a], place[pair.b]) for pair in kept if pair.genuine is genuine]
        return np.array(rows, dtype=np.int32).reshape(-1, 2)

    def folds(genuine: bool) -> NDArray[np.int16] | None:
        if not kept or any(pair.fold is None for pair in kept):
            return None
        return np.array([pair.fold for pair in kept if pair.genuine is genuine], dtype=np.int16)

    return PairSet(
        ids=ids,
        identities=_identity_codes([known[name] for name in ids]),
        genuine=indices(True),
        impostor=indices(False),
        origin="official" if len(kept) == len(listed) else f"official|kept:{len(kept)}/{len(listed)}",
        genuine_folds=folds(True),
        impostor_folds=folds(False),
    )


def own_pairs(
    samples: Sequence[SampleRef],
    *,
    genuine_per_identity: int = 50,
    genuine_total: int | None = None,
    impostors: int | Literal["all"] = 1_000_000,
    seed: int = 0,
) -> PairSet:
    """Trials over all samples of known identity.

    Genuine: every pair of two images of one person, at most ``genuine_per_identity`` a person and ``genuine_total``
    in all. Impostor: pairs of two persons, drawn without replacement, or every one with "all": more than ``LARGEST_CROSS`` of
    these are not listed, the set says that they are streamed. Where a limit bites, the draw is uniform and depends on ``seed``
    and the samples alone. In each trial the image whose id sorts first is the probe; both lists are sorted. Raises ValueError
    on limits below 1 and on more impostors than can be listed or streamed.
    """
    if genuine_per_identity < 1 or (genuine_total is not None and genuine_total < 1):
        raise ValueError("the limits on genuine pairs must be at least 1")
    if impostors != "all" and impostors < 0:
        raise ValueError(f"expected a number of impostor pairs or 'all', got {impostors}")
    known = sorted((s for s in _by_id(samples).values() if s.identity is not None), key=lambda sample: sample.id)
    ids = tuple(sample.id for sample in known)
    codes = _identity_codes(known)
    rng = np.random.default_rng(_seed(ids, seed))
    genuine = _genuine(codes, genuine_per_identity, rng)
    if genuine_total is not None and len(genuine) > genuine_total:
        genuine = genuine[np.sort(rng.choice(len(genuine), genuine_total, replace=False))]
    wanted = impostors_asked(known, impostors)
    if wanted > LARGEST_CROSS:
        origin = f"own|genuine:{genuine_per_identity}/{genuine_total or 'all'}|impostor:all, streamed|seed:{seed}|u2"
        return PairSet(ids, codes, genuine, np.zeros((0, 2), np.int32), origin, streamed=True)
    crossed = ImpostorList(codes)
    impostor = crossed.drawn(wanted, rng) if wanted < len(crossed) else crossed.every()
    limit = f"genuine:{genuine_per_identity}/{genuine_total or 'all'}"
    return PairSet(ids, codes, genuine, impostor, origin=f"own|{limit}|impostor:{impostors}|seed:{seed}|u2")


def impostors_asked(samples: Iterable[SampleRef], impostors: int | Literal["all"]) -> int:
    """How many impostor trials ``own_pairs`` makes, from the people's numbers of images alone: nothing is listed here, so that
    a run can ask before it computes anything. Raises ValueError where a number of them is too many to list, and "all" are too
    many to stream."""
    counts = Counter(sample.identity for sample in samples if sample.identity is not None)
    every = _crossed(counts.values())
    wanted = every if impostors == "all" else min(impostors, every)
    made_of = f"{wanted:,} impostor pairs of {sum(counts.values())} images were asked for"
    if impostors == "all" and wanted > LARGEST_STREAM:
        raise ValueError(
            f"{made_of}, more than the {LARGEST_STREAM:,} that are streamed; give a number (pairs: {{impostors: 10000000}}) or "
            "fewer images (limit)"
        )
    if impostors != "all" and wanted > LARGEST_CROSS:
        raise ValueError(
            f"{made_of}, more than the {LARGEST_CROSS:,} that are listed; give all of them (pairs: {{impostors: all}}), which "
            "are streamed, a smaller number (pairs: {impostors: 10000000}) or fewer images (limit)"
        )
    return wanted


def _crossed(images: Iterable[int]) -> int:
    """Pairs of two people's images, from each person's number of them."""
    counts = list(images)
    return (sum(counts) ** 2 - sum(count**2 for count in counts)) // 2


def _by_id(samples: Sequence[SampleRef]) -> dict[str, SampleRef]:
    known: dict[str, SampleRef] = {}
    for sample in samples:
        if sample.id in known:
            raise ValueError(f"two samples bear the id '{sample.id}'; ids must be unique")
        known[sample.id] = sample
    return known


def _identity_codes(samples: Sequence[SampleRef]) -> Indices:
    """Numbers of persons, in order of first appearance; a sample without identity is a person of its own."""
    codes: dict[tuple[str, str], int] = {}
    keys = [("person", s.identity) if s.identity is not None else ("image", s.id) for s in samples]
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int32).reshape(-1)


def _seed(ids: tuple[str, ...], seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"pairs|{seed}|".encode() + "\n".join(ids).encode()).digest()[:8], "big")


def _genuine(codes: Indices, cap: int, rng: np.random.Generator) -> Indices:
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    rows: list[Indices] = []
    for members in np.split(order, starts[1:]):
        if len(members) < 2:
            continue
        a, b = np.triu_indices(len(members), k=1)
        if len(a) > cap:
            chosen = np.sort(rng.choice(len(a), cap, replace=False))
            a, b = a[chosen], b[chosen]
        rows.append(np.stack([members[a], members[b]], axis=1).astype(np.int32))
    if not rows:
        return np.zeros((0, 2), dtype=np.int32)
    listed = np.concatenate(rows)
    return listed[np.lexsort((listed[:, 1], listed[:, 0]))]
