"""A matcher that is a black box: the similarities that it gave, from a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.similarity_table import TableComparer, read_similarities
from unmaskbench.plugin import MATCHERS, MatcherCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@MATCHERS.register("scores")
class Scores(TableComparer):
    """``--matchers scores:FILE.csv``: the columns a, b and similarity, as ``bench pairs RUN`` writes them out for a vendor.

    What stands for an embedding is the picture's place in the table; a picture or a comparison that is not in it counts as
    failed.
    """

    card = MatcherCard(
        id="scores",
        title="similarities in a table, as scores:FILE.csv",
        dimension=1,
        licence="the vendor's",
        source="the user's table, scores:FILE.csv",
        signature="scores|table",
        needs_landmarks=False,
        needs_names=True,
    )

    def __init__(self, source: str | Path) -> None:
        path = Path(source)
        own = replace(type(self).card, title=path.stem, notes=f"similarities from {path.name}, computed elsewhere")
        super().__init__(own, read_similarities(path))

    def load(self, device: str) -> None:
        """Nothing to load: the table was read."""

    def embed(self, images: Tensor, landmarks: Tensor, names: Sequence[str]) -> Tensor:
        """The place (N, 1) of each picture in the table, NaN for one that could not be enrolled."""
        return self.table.places(names)

    def check_names(self, known: Collection[str]) -> None:
        """Raise ValueError, with file and line, where the table names a picture that is none of ``known``."""
        self.table.check_names(known)

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """The table, for the run folder: its board is made without the vendor's file."""
        return self.table.arrays()
