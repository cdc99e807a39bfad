"""The trials of a condition and the embeddings that they compare, from a run folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.role_pairs import RolePairs, by_roles, role_pairs
from unmaskbench.benchmark.biometrics.similarity_table import SimilarityTable, TableComparer
from unmaskbench.benchmark.biometrics.verification import SETTINGS
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.verification_intervals import pair_bootstrap, people_bootstrap
from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.types import Matcher, SampleRef, Setting
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.streamed_bootstrap import StreamedBootstrap
from unmaskbench.benchmark.store.folder import RunFolder

if TYPE_CHECKING:
    from torch import Tensor

Embeddings = tuple["Tensor", NDArray[np.bool_]]
"""Vectors (N, D) in the order of a list of trials, and which of them failed or are absent."""


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of every setting of a condition, over the same ids and people, and the resamples of the people behind them.

    ``set_by`` says, where masks are worn, which bare photographs thresholds come from.
    """

    pairs: Mapping[Setting, PairSet]
    bootstraps: Mapping[Setting, PairBootstrap | StreamedBootstrap]
    set_by: str = ""

    @property
    def judged(self) -> PairSet:
        """The trials that methods are judged by."""
        return self.pairs["MT"]


def trials_of(condition: Condition, folder: RunFolder, suite: Suite) -> Trials:
    """The trials of a condition: every setting has the same, unless masks are worn. Then the bare photographs among
    themselves (TT) set thresholds, and worn ones against bare ones (MT, UT) are judged."""
    statistics = suite.statistics
    if not condition.worn:
        pairs = _pairs_of(condition, folder, suite)
        bootstrap = people_bootstrap(pairs, statistics.resamples, suite.seed, statistics.level)
        return Trials(dict.fromkeys(SETTINGS, pairs), dict.fromkeys(SETTINGS, bootstrap))
    found = _role_pairs(condition, folder, suite)
    judged = pair_bootstrap(found.judged, statistics.resamples, suite.seed, statistics.level)
    bare = PairBootstrap(found.bare.genuine_identities, found.bare.impostor_identities, judged.people)
    return Trials(
        {"TT": found.bare, "MT": found.judged, "UT": found.judged},
        {"TT": bare, "MT": judged, "UT": judged},
        found.set_by,
    )


def _role_pairs(condition: Condition, folder: RunFolder, suite: Suite) -> RolePairs:
    drawn = _drawn_pairs(condition.with_roles, suite)
    official = folder.path / f"pairs-{condition.dataset}.npz"
    if not official.is_file():
        return drawn
    roles = {ref.id: ref.role for ref in condition.with_roles}
    with np.load(official, allow_pickle=False) as held:
        listed = by_roles(_restricted({name: held[name] for name in held.files}, set(roles)), roles)
    if listed is None:
        return drawn
    if len(listed.bare.impostor):
        return listed
    # The list judges alone: thresholds come from all bare photographs, over the list's own ids and people.
    people = {int(code): f"p{code}" for code in listed.judged.identities}
    refs = [
        SampleRef(name, people[int(code)], role)
        for name, code in zip(listed.judged.ids, listed.judged.identities, strict=True)
        if (role := roles.get(name)) is not None
    ]
    bare = _drawn_pairs(refs, suite)
    return RolePairs(listed.judged, _over(bare.bare, listed.judged), bare.set_by)


def _drawn_pairs(refs: Sequence[SampleRef], suite: Suite) -> RolePairs:
    limits = suite.pairs
    return role_pairs(
        refs, genuine_per_identity=limits.genuine_per_identity, impostors=limits.impostors, seed=suite.seed
    )


def _over(pairs: PairSet, other: PairSet) -> PairSet:
    """The same trials as places in the ids of ``other``, which hold those of ``pairs``."""
    place = {name: index for index, name in enumerate(other.ids)}
    moved = np.array([place[name] for name in pairs.ids], np.int32)
    return PairSet(other.ids, other.identities, moved[pairs.genuine], moved[pairs.impostor], pairs.origin)


def _pairs_of(condition: Condition, folder: RunFolder, suite: Suite) -> PairSet:
    """The trials of a condition: the official list kept by the run, or our own over the samples of the manifest."""
    official = folder.path / f"pairs-{condition.dataset}.npz"
    if official.is_file():
        with np.load(official, allow_pickle=False) as held:
            return _restricted({name: held[name] for name in held.files}, set(condition.samples))
    refs = [SampleRef(s, f"p{code}") for s, code in zip(condition.samples, condition.identities, strict=True)]
    return own_pairs(
        refs, genuine_per_identity=suite.pairs.genuine_per_identity, impostors=suite.pairs.impostors, seed=suite.seed
    )


def _restricted(arrays: Mapping[str, NDArray[np.int32]], usable: set[str]) -> PairSet:
    """Official trials whose two samples could be used."""
    ids = [str(name) for name in arrays["ids"]]
    is_usable = np.array([name in usable for name in ids])
    kept = {kind: is_usable[arrays[kind]].all(axis=1) for kind in ("genuine", "impostor")}

    def folds(kind: str) -> NDArray[np.int16] | None:
        return arrays[f"{kind}_folds"][kept[kind]].astype(np.int16) if f"{kind}_folds" in arrays else None

    return PairSet(
        ids=tuple(ids), identities=arrays["identities"], genuine=arrays["genuine"][kept["genuine"]],
        impostor=arrays["impostor"][kept["impostor"]], origin=str(arrays["origin"]), genuine_folds=folds("genuine"),
        impostor_folds=folds("impostor"),
    )  # fmt: skip


def similarities_file(label: str) -> str:
    """Where a run folder keeps the similarities of a matcher that is a table."""
    return f"similarities-{label}.npz"


def comparer_of(condition: Condition, folder: RunFolder, entry: Entry) -> Matcher:
    """What compares a matcher's embeddings: the table that the run keeps, else what its cards name."""
    kept = folder.read_arrays(similarities_file(entry.label))
    if kept:
        table = SimilarityTable.of(kept)
        # It is asked for no embedding.
        return TableComparer(condition.cards.matcher(entry), table)  # type: ignore[return-value]
    return condition.cards.comparer(entry)


def vectors(
    folder: RunFolder, keys: Sequence[str], matcher: str, output: str | None, ids: Sequence[str], dimension: int
) -> Embeddings:
    """A matcher's embeddings of an output (None: of any) in the order of ``ids``."""
    table = folder.embeddings(keys).filter(pl.col("matcher") == matcher)
    if output is not None:
        table = table.filter(pl.col("output") == output)
    stored = table.select("sample", "vector").unique("sample", keep="first").drop_nulls("vector").collect()
    place = {name: position for position, name in enumerate(ids)}
    stored = stored.filter(pl.col("sample").is_in(list(ids)))
    embeddings = np.zeros((len(ids), dimension), np.float32)
    failed = np.ones(len(ids), bool)
    if stored.height:
        rows = np.array([place[name] for name in stored["sample"]])
        width = stored["vector"].list.len()[0]
        if not width:
            raise ValueError(
                f"embeddings of {matcher} are withheld; bench leaderboard makes a board of its similarities"
            )
        flat = stored["vector"].explode().to_numpy().reshape(-1, width)
        if width != dimension:
            embeddings = np.zeros((len(ids), width), np.float32)
        if not np.isfinite(flat).all():  # a unit writes none of these
            raise ValueError(f"embeddings of {matcher} hold NaN or infinity")
        embeddings[rows] = flat
        failed[rows] = False
    return torch.from_numpy(embeddings), failed


def own_similarities(
    similarity: Callable[[Tensor, Tensor], Tensor],
    paired: Callable[[Tensor, Tensor], Tensor] | None,
    ids: Sequence[str],
    restored: Embeddings,
    truth: Embeddings,
) -> dict[str, float]:
    """Each face's similarity to its own truth: how much of the person a restoration gave back, sample by sample."""
    usable = ~(restored[1] | truth[1])
    probes, galleries = restored[0][usable], truth[0][usable]
    if paired is not None:
        values = paired(probes, galleries).tolist()
    else:
        values = [similarity(p[None], g[None]).item() for p, g in zip(probes, galleries, strict=True)]
    names = [name for name, keep in zip(ids, usable, strict=True) if keep]
    found = dict(zip(names, map(float, values), strict=True))
    return {name: value for name, value in found.items() if math.isfinite(value)}  # a table may lack some
