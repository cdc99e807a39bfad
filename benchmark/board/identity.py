"""How much of the person is left or given back: the cosine of each face's embedding with that of its own truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unmaskbench.benchmark.biometrics.cosine import cosine_rows
from unmaskbench.benchmark.biometrics.verification import VerificationRow
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.trials import Embeddings
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.statistics.bootstrap import summarise

IDENTITY_COSINE = "identity_cosine"


def identity_row(
    condition: Condition, setting: Setting, ids: Sequence[str], restored: Embeddings, truth: Embeddings
) -> tuple[VerificationRow, int]:
    """The mean cosine over the faces whose truth has an embedding, with the interval over people, and how many of them have
    none themselves: such a face counts as 0, two strangers' cosine."""
    known = ~truth[1]
    lost = restored[1][known]
    chosen = torch.from_numpy(np.flatnonzero(known))
    people = dict(zip(condition.samples, condition.identities.tolist(), strict=True))
    if not len(chosen):
        return VerificationRow(setting, IDENTITY_COSINE, None, 0, 0, reason="no truth has an embedding"), 0
    values = np.where(lost, 0.0, cosine_rows(restored[0][chosen], truth[0][chosen]).double().numpy())
    codes = np.array([people[ids[index]] for index in chosen.tolist()], dtype=np.int64)
    found = summarise(values, codes, condition.bootstrap)[0]
    low, high = (end if np.isfinite(end) else None for end in (found.low, found.high))
    row = VerificationRow(setting, IDENTITY_COSINE, found.mean, len(values), 0, low=low, high=high)
    return row, int(lost.sum())
