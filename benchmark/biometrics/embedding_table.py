"""Embeddings of pictures as somebody else's network has computed them: a Parquet, NumPy or CSV file.

Parquet has the columns ``picture`` and ``vector`` (a list of numbers), ``.npz`` the arrays of these names ((N,) texts and
(N, D) numbers), CSV the column ``picture`` and one for each number. A picture that is absent could not be enrolled.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.store.lists import columns_of, read_csv
from unmaskbench.benchmark.store.tables import TABLE_ERRORS

SUFFIXES = (".parquet", ".npz", ".csv")


@dataclass(frozen=True, eq=False)
class EmbeddingTable:
    """``vectors`` (N, D) float32 of the pictures ``names``; ``places`` says where in ``path`` each stands, in words."""

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    path: str
    places: tuple[str, ...]

    def of(self, names: Sequence[str]) -> Tensor:
        """Embeddings (M, D) of pictures, NaN for one that is absent."""
        row = {name: index for index, name in enumerate(self.names)}
        found = np.full((len(names), self.vectors.shape[1]), np.nan, np.float32)
        for index, name in enumerate(names):
            if name in row:
                found[index] = self.vectors[row[name]]
        return torch.from_numpy(found)

    def check_names(self, known: Collection[str]) -> None:
        """Raise ValueError with file and line where a picture is none of ``known``."""
        for name, place in zip(self.names, self.places, strict=True):
            if name not in known:
                raise ValueError(
                    f"{self.path}, {place}: '{name}' is no picture that this run compares (bench pairs RUN lists them)"
                )


def read_embeddings(path: Path) -> EmbeddingTable:
    """The table in a file; read once for the same file.

    Raises ValueError with file and line or row: no such columns, vectors of several lengths, numbers that are not finite, a
    picture that stands twice.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} is no table of embeddings: give one of {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise ValueError(f"no table of embeddings at {path}")
    state = path.stat()
    return _read(str(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(name: str, *state: int) -> EmbeddingTable:
    del state
    path = Path(name)
    reader = {".parquet": _parquet, ".npz": _npz, ".csv": _csv}[path.suffix]
    names, rows, places = reader(path)
    if not names:
        raise ValueError(f"{path} holds no embedding")
    seen: dict[str, str] = {}
    for picture, place in zip(names, places, strict=True):
        if picture in seen:
            raise ValueError(f"{path}, {place}: '{picture}' stands in {seen[picture]} already")
        seen[picture] = place
    for row, place in zip(rows, places, strict=True):
        if len(row) != len(rows[0]) or not len(row):
            raise ValueError(f"{path}, {place}: {len(row)} numbers, where the first picture has {len(rows[0])}")
    vectors = np.asarray(rows, dtype=np.float32)
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{path}, {places[int(bad.argmax())]}: a number is not finite; leave the picture out where it has no embedding"
        )
    return EmbeddingTable(tuple(names), vectors, name, tuple(places))


Found = tuple[list[str], Sequence[Sequence[float] | NDArray[np.float32]], list[str]]


def _parquet(path: Path) -> Found:
    try:
        table = pl.read_parquet(path)
        vectors = table["vector"].cast(pl.List(pl.Float64)).to_list()
        names = table["picture"].cast(pl.String).to_list()
    except (OSError, *TABLE_ERRORS) as error:
        raise ValueError(
            f"{path} is no table of embeddings with the columns picture (text) and vector (list of numbers): "
            f"{str(error).splitlines()[0]}"
        ) from error
    places = [f"row {index}" for index in range(1, len(names) + 1)]
    for name, vector, place in zip(names, vectors, places, strict=True):
        if not name or vector is None or any(part is None for part in vector):
            raise ValueError(f"{path}, {place}: has no picture, or a vector with gaps")
    return names, vectors, places


def _npz(path: Path) -> Found:
    try:
        with np.load(path, allow_pickle=False) as held:
            names, vectors = held["picture"], np.asarray(held["vector"], dtype=np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no archive with the arrays picture (texts) and vector (numbers, one row a picture): {error}"
        ) from error
    if vectors.ndim != 2 or names.shape != (len(vectors),) or names.dtype.kind not in "US":
        raise ValueError(
            f"{path}: expected picture (N,) of texts and vector (N, D), got {names.shape} of {names.dtype} and {vectors.shape}"
        )
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]
    return texts, list(vectors), [f"row {index}" for index in range(1, len(texts) + 1)]


def _csv(path: Path) -> Found:
    rows = read_csv(path)
    header = next(rows, (1, []))
    (at,) = columns_of(header, ("picture",), path)
    names, vectors, places = [], [], []
    for line, row in rows:
        if len(row) != len(header[1]):
            raise ValueError(f"{path}, line {line}: has {len(row)} columns; the header names {len(header[1])}")
        try:
            vectors.append([float(cell) for index, cell in enumerate(row) if index != at])
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from error
        names.append(row[at].strip())
        places.append(f"line {line}")
    return names, vectors, places
