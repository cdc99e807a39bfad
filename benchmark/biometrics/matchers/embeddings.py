"""A network that is not here: the embeddings that it gave, from a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import MATCHERS, CosineSimilarity, MatcherCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@MATCHERS.register("embeddings")
class Embeddings(CosineSimilarity):
    """``--matchers embeddings:FILE.parquet`` (or .npz, .csv): a vector a picture, compared by cosine."""

    card = MatcherCard(
        id="embeddings",
        title="embeddings in a table, as embeddings:FILE",
        dimension=1,
        licence="the vendor's",
        source="the user's table, embeddings:FILE",
        signature="embeddings|table|cosine",
        needs_landmarks=False,
        needs_names=True,
    )

    def __init__(self, source: str | Path) -> None:
        from unmaskbench.benchmark.biometrics.embedding_table import read_embeddings

        path = Path(source)
        self.table = read_embeddings(path)
        self.card = replace(
            type(self).card,
            title=path.stem,
            dimension=self.table.vectors.shape[1],
            notes=f"embeddings from {path.name}, computed elsewhere",
        )

    def load(self, device: str) -> None:
        """Nothing to load: the table was read."""

    def embed(self, images: Tensor, landmarks: Tensor, names: Sequence[str]) -> Tensor:
        """Embeddings (N, D) of pictures by name, NaN for one that could not be enrolled."""
        return self.table.of(names)

    def check_names(self, known: Collection[str]) -> None:
        """Raise ValueError, with file and line, where the table names a picture that is none of ``known``."""
        self.table.check_names(known)

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Nothing: a run folder keeps the embeddings themselves."""
        return {}
