"""Trials where masks are worn: probes against the gallery are judged, bare photographs against each other set thresholds.

No pair is in both lists, so that a threshold never comes from the pairs that it judges. Bare pairs are those with a calibration
photograph in them, against another or against the gallery; without calibration photographs, gallery against gallery.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.pairs import LARGEST_CROSS, Indices, PairSet
from unmaskbench.benchmark.plugins.types import SampleRef

BARE = ("gallery", "calibration")


@dataclass(frozen=True, eq=False)
class RolePairs:
    """Both lists over the same ids and people: ``judged`` has a probe first and a gallery photograph second, ``bare`` two bare
    photographs. ``set_by`` says what the bare pairs are made of: "calibration", "gallery" or "list"."""

    judged: PairSet
    bare: PairSet
    set_by: str


def role_pairs(
    samples: Sequence[SampleRef],
    *,
    genuine_per_identity: int = 50,
    impostors: int | Literal["all"] = 1_000_000,
    seed: int = 0,
) -> RolePairs:
    """All trials of samples with the roles probe, gallery and calibration; a sample without a known person takes no part.

    At most ``genuine_per_identity`` genuine trials a person and ``impostors`` others ("all": no limit) in either list; where a
    limit bites, the draw is uniform and depends on ``seed`` and the samples alone. Raises ValueError where a list would be too
    long.
    """
    check_listable(samples)
    known = sorted((s for s in samples if s.identity is not None and s.role != "truth"), key=lambda sample: sample.id)
    ids = tuple(sample.id for sample in known)
    people: dict[str | None, int] = {}
    codes = np.array([people.setdefault(sample.identity, len(people)) for sample in known], np.int32).reshape(-1)
    roles = np.array([sample.role for sample in known])
    probes, gallery, calibration = (np.flatnonzero(roles == name) for name in ("probe", *BARE))
    judged = _crossed(probes, gallery)
    set_by = "calibration" if len(calibration) else "gallery"
    if len(calibration):
        bare = np.concatenate([_crossed(gallery, calibration), _each_other(calibration)])
    else:
        bare = _each_other(gallery)

    def listed(trials: Indices, name: str) -> PairSet:
        rng = np.random.default_rng(_seed(ids, name, seed))
        same = codes[trials[:, 0]] == codes[trials[:, 1]]
        genuine = _capped(trials[same], codes, genuine_per_identity, rng)
        impostor = trials[~same]
        if impostors != "all" and len(impostor) > impostors:
            impostor = impostor[np.sort(rng.choice(len(impostor), impostors, replace=False))]
        origin = f"{name}|genuine:{genuine_per_identity}|impostor:{impostors}|seed:{seed}|u1"
        return PairSet(ids, codes, genuine, impostor, origin)

    return RolePairs(listed(judged, "probe-gallery"), listed(bare, f"bare:{set_by}"), set_by)


def check_listable(samples: Iterable[SampleRef]) -> None:
    """Raises ValueError where the samples' roles make more trials than are listed, however few are then drawn of them; nothing
    is listed here, so that a run can ask before it computes anything."""
    counts: Counter[str] = Counter(sample.role for sample in samples if sample.identity is not None)
    probes, gallery, calibration = (counts[name] for name in ("probe", *BARE))
    others = gallery if calibration else 0
    bare = calibration or gallery
    for trials, made_of in (
        (probes * gallery, f"{probes:,} probes and {gallery:,} photographs of the gallery"),
        (bare * (bare - 1) // 2 + others * bare, f"{bare + others:,} bare photographs"),
    ):
        if trials > LARGEST_CROSS:
            raise ValueError(
                f"{made_of} make {trials:,} trials, more than the {LARGEST_CROSS:,} that are listed; use fewer of them (limit)"
            )


def by_roles(listed: PairSet, roles: Mapping[str, str]) -> RolePairs | None:
    """A list of trials parted by the ``roles`` of its ids: probe and gallery are judged, whichever stands first; two bare ones
    set thresholds. A trial of two probes, and of a probe and a calibration photograph, is of neither. None without a judged one.
    """
    kind = np.array([roles.get(name, "") for name in listed.ids])
    judged, bare = [], []
    for trials in (listed.genuine, listed.impostor):
        first, second = kind[trials[:, 0]], kind[trials[:, 1]]
        straight, turned = (first == "probe") & (second == "gallery"), (first == "gallery") & (second == "probe")
        ordered = np.where(turned[:, None], trials[:, ::-1], trials)
        judged.append(ordered[straight | turned])
        bare.append(trials[np.isin(first, BARE) & np.isin(second, BARE)])
    if not sum(len(trials) for trials in judged):
        return None
    made = [
        PairSet(listed.ids, listed.identities, trials[0], trials[1], f"{listed.origin}|{name}")
        for trials, name in ((judged, "probe-gallery"), (bare, "bare"))
    ]
    return RolePairs(made[0], made[1], "list")


def _crossed(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Indices:
    """Every trial (N, 2) of a sample of ``rows`` with one of ``columns``."""
    return np.stack([np.repeat(rows, len(columns)), np.tile(columns, len(rows))], axis=1).astype(np.int32)


def _each_other(members: NDArray[np.intp]) -> Indices:
    """Every trial (N, 2) of two different samples."""
    first, second = np.triu_indices(len(members), k=1)
    return np.stack([members[first], members[second]], axis=1).astype(np.int32)


def _capped(trials: Indices, codes: Indices, cap: int, rng: np.random.Generator) -> Indices:
    """At most ``cap`` of the genuine trials of each person."""
    people = codes[trials[:, 0]]
    counts = np.bincount(people, minlength=1)
    if counts.max(initial=0) <= cap:
        return trials
    kept = []
    for person in np.flatnonzero(counts):
        mine = np.flatnonzero(people == person)
        kept.append(mine if len(mine) <= cap else np.sort(rng.choice(mine, cap, replace=False)))
    return np.asarray(trials[np.sort(np.concatenate(kept))])


def _seed(ids: tuple[str, ...], name: str, seed: int) -> int:
    content = f"{name}|{seed}|".encode() + "\n".join(ids).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
