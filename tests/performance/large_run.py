"""A large run made of a small one: its faces and methods multiplied, so that what reads a run can be timed at its size.

    bench run --methods untouched,telea,lama --out runs/small
    python tests/performance/large_run.py runs/small runs/large --methods 20 --rows 1e6
    time bench score runs/large
    time bench report runs/large

Each copy of the small run has people of its own: its embeddings are turned by a random rotation, which keeps every
similarity within the copy and makes its people strangers to those of the others. A further method is one of the small run's
under another label, each of its values and embeddings a little off, so that no two methods are equal. Nothing is restored.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unmaskbench.benchmark.store.folder import COMPANIONS, RunFolder
from unmaskbench.benchmark.store.manifest import hash_of
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS, SAMPLES
from unmaskbench.benchmark.store.write import write_file

FLOOR = "untouched"
Work = tuple[str, str, str, str]  # dataset, occlusion, method, measure


@dataclass(frozen=True)
class Method:
    """A method of the large run: whose rows it has, and how far off its values and embeddings are."""

    label: str
    origin: str
    gain: float
    blur: float


def methods_of(labels: list[str], count: int) -> list[Method]:
    """``count`` methods: those of the small run, then further ones after each of them in turn."""
    restorers = [label for label in labels if label != FLOOR]
    found = [Method(label, label, 1.0, 0.0) for label in labels[:count]]
    for n in range(count - len(found)):
        origin = restorers[n % len(restorers)]
        found.append(Method(f"{origin}_{n:02d}", origin, 1.0 + 0.004 * (n + 1) * (-1) ** n, 0.02 + 0.004 * n))
    return found


class Multiplied:
    """Writes the large run."""

    def __init__(self, small: Path, large: Path, methods: int, rows: float, seed: int = 0) -> None:
        self.small, self.large = RunFolder(small), RunFolder(large)
        self.run = self.small.read_run()
        if any((small / "sets").glob("*")) or any(small.glob("pairs-*.npz")):
            raise ValueError(
                f"{small} has set metrics or trials of its own, which are not multiplied: take another run"
            )
        self.methods = methods_of([entry["label"] for entry in self.run["methods"]], methods)
        self.work: dict[Work, list[str]] = defaultdict(list)
        for unit in self.run["units"]:
            self.work[unit["dataset"], unit["occlusion"], unit["method"], unit["measure"]].append(unit["key"])
        self.copies = max(1, math.ceil(rows / self._rows_of_a_copy()))
        self.rng = np.random.default_rng(seed)
        self.rotations: dict[int, list[np.ndarray]] = {}
        self.rows = 0

    def _rows_of_a_copy(self) -> int:
        heights = {
            method: self.small.rows([key for work, keys in self.work.items() if work[2] == method for key in keys])
            .select(pl.len()).collect().item()
            for method in {work[2] for work in self.work}
        }  # fmt: skip
        return int(heights.get("", 0) + sum(heights[method.origin] for method in self.methods))

    def write(self) -> None:
        """Every table, the manifest, the pictures, run.json and claim.json."""
        units = [unit for work, keys in self.work.items() for unit in self._units(work, keys)]
        manifest = pl.concat(
            self._renamed(pl.read_parquet(self.small.path / "manifest.parquet"), copy) for copy in range(self.copies)
        )
        self._table("manifest.parquet", manifest, SAMPLES)
        self._gallery()
        entries = {entry["label"]: entry for entry in self.run["methods"]}
        made = [entries[method.origin] | {"label": method.label} for method in self.methods]
        cards = self.run["cards"]
        described = {method.label: cards["methods"].get(method.origin) for method in self.methods}
        record = self.run | {
            "name": f"{self.run['name']}, multiplied", "manifest": hash_of(manifest.iter_rows(named=True)),
            "units": units, "methods": made, "files": {}, "suite": self.run["suite"] | {"methods": made},
            "cards": cards | {"methods": cards["methods"] | {k: v for k, v in described.items() if v is not None}},
        }  # fmt: skip
        self.large.write_json("run.json", record)
        self.large.write_json("claim.json", {"schema": record["schema"], "identity": {"samples": "multiplied"}})

    def _units(self, work: Work, keys: list[str]) -> Iterator[dict[str, Any]]:
        """The units of one kind of work of the small run, for every copy and every method that has its rows."""
        frames = {"parts": self.small.rows(keys).collect(), "embeddings": self.small.embeddings(keys).collect()}
        samples = self.small.samples(keys) if not work[2] and not work[3] else None
        takers = [m for m in self.methods if m.origin == work[2]] if work[2] else [Method("", "", 1.0, 0.0)]
        for method in takers:
            for copy in range(self.copies):
                key = hashlib.sha256(f"{work}/{method.label}/{copy}".encode()).hexdigest()[:32]
                self._unit(key, frames, samples, method, copy)
                yield dict(zip(("dataset", "occlusion", "method", "measure"), work, strict=True)) | {
                    "key": key, "method": method.label,
                    "samples": frames["parts"]["sample"].n_unique() or frames["embeddings"]["sample"].n_unique(),
                }  # fmt: skip

    def _unit(
        self, key: str, frames: dict[str, pl.DataFrame], samples: pl.DataFrame | None, method: Method, copy: int
    ) -> None:
        companions = []
        if frames["embeddings"].height:
            companions.append(f"embeddings/{key}.parquet")
            self._table(companions[-1], self._embedded(frames["embeddings"], method, copy), EMBEDDINGS)
        if samples is not None:
            companions.append(f"parts/{key}.samples.parquet")
            self._table(companions[-1], self._renamed(samples, copy), SAMPLES)
        rows = self._renamed(self._labelled(frames["parts"], method), copy)
        # a different face of every copy: none has the values of another
        noise = pl.Series(1.0 + self.rng.normal(0, 0.01, rows.height))
        rows = rows.with_columns((pl.col("value") * method.gain * noise).alias("value"))
        self.rows += rows.height
        self._table(f"parts/{key}.parquet", rows, ROWS, companions)

    @staticmethod
    def _labelled(table: pl.DataFrame, method: Method) -> pl.DataFrame:
        return table.with_columns(pl.lit(method.label).alias("method"))

    @staticmethod
    def _renamed(table: pl.DataFrame, copy: int) -> pl.DataFrame:
        """Samples, people and pixels of a copy: those of the first keep their names."""
        if not copy:
            return table
        names = [name for name in ("sample", "identity") if name in table.columns]
        table = table.with_columns([pl.col(name) + f"~{copy}" for name in names])
        for name in (column for column in table.columns if column.endswith("_sha256")):
            hashes = [hashlib.sha256(f"{value}~{copy}".encode()).hexdigest() for value in table[name]]
            table = table.with_columns(pl.Series(name, hashes))
        return table

    def _embedded(self, table: pl.DataFrame, method: Method, copy: int) -> pl.DataFrame:
        vectors = table["vector"].to_list()
        size = max(len(vector) for vector in vectors if vector is not None)
        if size not in self.rotations:
            self.rotations[size] = [np.linalg.qr(self.rng.standard_normal((size, size)))[0] for _ in range(self.copies)]
        turned = []
        for vector in vectors:
            if vector is None or len(vector) != size:
                turned.append(vector)
                continue
            moved = np.asarray(vector) @ self.rotations[size][copy]
            moved = moved + self.rng.normal(0, method.blur * np.linalg.norm(moved) / size**0.5 + 1e-12, size)
            turned.append((moved / np.linalg.norm(moved) * np.linalg.norm(vector)).astype(np.float32).tolist())
        table = self._renamed(self._labelled(table, method), copy)
        return table.with_columns(pl.Series("vector", turned, dtype=EMBEDDINGS["vector"]))

    def _table(self, name: str, table: pl.DataFrame, schema: Any, companions: list[str] | None = None) -> None:
        buffer = io.BytesIO()
        table.select(list(schema)).cast(dict(schema)).write_parquet(
            buffer, compression="zstd", metadata={COMPANIONS: json.dumps(companions or [])}
        )
        write_file(self.large.path / name, buffer.getvalue())

    def _gallery(self) -> None:
        """The small run's faces; a further method shows a copy of its origin's pictures."""
        drawn = json.loads((self.small.path / "gallery.json").read_text(encoding="utf-8"))
        shutil.copytree(self.small.path / "images", self.large.path / "images", dirs_exist_ok=True)
        for entry in drawn["entries"]:
            held = entry["methods"]
            entry["methods"] = {m.label: self._shown(held[m.origin], m) for m in self.methods if m.origin in held}
        self.large.write_json("gallery.json", drawn)

    def _shown(self, shown: dict[str, Any], method: Method) -> dict[str, Any]:
        if method.label == method.origin:
            return shown
        copied = dict(shown)
        for output in ("raw", "composite"):
            if shown.get(output):
                path = Path(shown[output])
                copied[output] = str(path.with_name(f"{path.stem}-{method.label}{path.suffix}"))
                # a byte after the picture's end: no two methods' files are one
                content = (self.small.path / path).read_bytes() + method.label.encode()
                write_file(self.large.path / copied[output], content)
        return copied


def main(words: list[str]) -> None:
    """Write the run and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("small", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--methods", type=int, default=20)
    parser.add_argument("--rows", type=float, default=1e6)
    given = parser.parse_args(words)
    if given.large.exists():
        raise SystemExit(f"{given.large} is there already: give another place")
    made = Multiplied(given.small, given.large, given.methods, given.rows)
    made.write()
    faces = pl.read_parquet(given.large / "manifest.parquet").height
    print(
        f"{given.large}: {made.rows:,} rows, {len(made.methods)} methods, {faces:,} occluded faces, {made.copies} copies"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
