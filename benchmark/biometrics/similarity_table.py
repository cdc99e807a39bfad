"""Similarities of pictures as somebody else's matcher has computed them: a CSV with the columns a, b and similarity.

``a`` and ``b`` are pictures by name, in either order; ``similarity`` is a number, higher for more alike, or empty where the
matcher gave none. Further columns are passed over. A comparison without a number is one that failed; a picture without any
could not be enrolled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.cards import MatcherCard
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.store.lists import columns_of, read_csv

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

COLUMNS = ("a", "b", "similarity")


@dataclass(frozen=True, eq=False)
class SimilarityTable:
    """The pictures that have a similarity, sorted by ``names``, and of every two that were compared the ``values`` (P,) under
    their ``keys`` (P,), sorted: the place of the first times the number of names, plus the place of the second, the smaller
    first. ``lines`` says where in ``path`` each picture is named first."""

    names: tuple[str, ...]
    keys: NDArray[np.int64]
    values: NDArray[np.float32]
    path: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> SimilarityTable:
        """The table of what ``arrays`` gave."""
        names = tuple(str(name) for name in arrays["names"])
        return cls(names, arrays["keys"].astype(np.int64), arrays["values"].astype(np.float32))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The table as arrays, for a run folder."""
        return {"names": np.array(self.names, dtype=np.str_), "keys": self.keys, "values": self.values}

    def places(self, names: Collection[str]) -> Tensor:
        """The place (N, 1) of each picture, float32, NaN for one without a similarity."""
        place = {name: index for index, name in enumerate(self.names)}
        return torch.tensor([place.get(name, float("nan")) for name in names], dtype=torch.float32)[:, None]

    def between(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """The similarity of each two places (P,) and (P,), NaN where they were not compared."""
        wanted = np.minimum(a, b) * len(self.names) + np.maximum(a, b)
        if not len(self.keys):
            return np.full(wanted.shape, np.nan, np.float32)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.values[at], np.float32("nan"))

    def check_names(self, known: Collection[str]) -> None:
        """Raise ValueError with file and line where a picture is none of ``known``."""
        for name, line in self.lines.items():
            if name not in known:
                raise ValueError(
                    f"{self.path}, line {line}: '{name}' is no picture that this run compares (bench pairs RUN lists them)"
                )


class TableComparer:
    """What compares places in a table, for the board: a matcher that is asked for no embedding."""

    def __init__(self, card: MatcherCard, table: SimilarityTable) -> None:
        self.card, self.table = card, table

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Similarities (N, M) of places (N, 1) and (M, 1), NaN where two were not compared."""
        first, second = np.meshgrid(_integers(a), _integers(b), indexing="ij")
        return torch.from_numpy(self.table.between(first, second))

    def paired_similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Similarities (N,) of places (N, 1) row by row, NaN where two were not compared."""
        return torch.from_numpy(self.table.between(_integers(a), _integers(b)))


def _integers(places: Tensor) -> NDArray[np.int64]:
    return places[:, 0].cpu().numpy().astype(np.int64)


def read_similarities(path: Path) -> SimilarityTable:
    """The table in a CSV file; read once for the same file.

    Raises ValueError with file and line: a column is missing, a similarity is no finite number, a picture is compared with
    itself, or two pictures twice, in one order or both.
    """
    if not path.is_file():
        raise ValueError(f"no table of similarities at {path}")
    state = path.stat()
    return _read(str(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(name: str, *state: int) -> SimilarityTable:
    del state
    path = Path(name)
    rows = read_csv(path)
    first, second, third = columns_of(next(rows, (1, [])), COLUMNS, path)
    lines: dict[str, int] = {}
    seen: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], float] = {}
    for line, row in rows:
        if len(row) <= max(first, second, third):
            raise ValueError(f"{path}, line {line}: has {len(row)} columns, fewer than the header names")
        a, b, text = row[first].strip(), row[second].strip(), row[third].strip()
        if not a or not b:
            raise ValueError(f"{path}, line {line}: names no two pictures (a '{a}', b '{b}')")
        if a == b:
            raise ValueError(f"{path}, line {line}: compares '{a}' with itself")
        two = (a, b) if a < b else (b, a)
        if two in seen:
            raise ValueError(f"{path}, line {line}: '{a}' and '{b}' were compared in line {seen[two]} already")
        seen[two] = line
        for picture in (a, b):
            lines.setdefault(picture, line)
        if text:
            found[two] = _number(text, f"{path}, line {line}")
    names = tuple(sorted({picture for two in found for picture in two}))
    place = {picture: index for index, picture in enumerate(names)}
    keys = np.array([place[a] * len(names) + place[b] for a, b in found], dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    values = np.array(list(found.values()), dtype=np.float32)
    return SimilarityTable(names, keys[order], values[order], name, lines)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{where}: similarity '{text[:40]}' is no number") from error
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{where}: similarity '{text[:40]}' is not finite; leave it empty where the matcher gave none")
    return value
