"""The trials of a condition and the embeddings that they compare, from a run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.types import SampleRef
from unmaskbench.benchmark.store.folder import RunFolder

Embeddings = tuple[Tensor, NDArray[np.bool_]]
"""Vectors (N, D) in the order of a list of trials, and which of them failed or are absent."""


def pairs_of(condition: Condition, folder: RunFolder, suite: Suite) -> PairSet:
    """The trials of a condition: the official list kept by the run, or our own over the samples of the manifest."""
    official = folder.path / f"pairs-{condition.dataset}.npz"
    if suite.pairs.official and official.is_file():
        with np.load(official, allow_pickle=False) as arrays:
            return _restricted({name: arrays[name] for name in arrays.files}, set(condition.samples))
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
    return dict(zip(names, map(float, values), strict=True))
