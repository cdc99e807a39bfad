"""The same board whatever runs it: threads, workers, batches, shards, orders; docs/reproducibility.md states the bounds.

``pytest tests/test_reproducibility.py -rP`` prints what was measured. Classical methods and everything that is drawn or
hashed must agree to the bit; a network's last bits depend on how its library cuts the work, which 8-bit rounding turns
into single steps of 1/255 at few pixels.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.registry import DATASETS, METHODS
from unmaskbench.benchmark.plugins.types import Face, SampleRef
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder

EXACT = ("", "untouched", "telea")
NETWORK = "modified_vnet"
# Largest difference of one sample's value, and of one number of an embedding of length 1: of networks', whose pixels may
# differ by a step of 1/255 here and there, and of the same pixels.
BOUNDS = {"psnr": 0.02, "ssim": 0.0005, "fsim": 0.0005, "l1": 0.0001, "embedding": 0.002}
SAME_PIXELS_EMBEDDING = 1e-6
ROW = ["dataset", "occlusion", "method", "output", "sample", "metric", "region"]
VECTOR = ["occlusion", "method", "output", "matcher", "sample"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the package with weights drawn by chance: arithmetic like that of a trained one, at any checkout."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = METHODS.get(NETWORK).build_network("compact").eval()
    path = tmp_path_factory.mktemp("weights") / "drawn.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    return path


def suite(weights: Path, **changes: Any) -> Suite:
    content: dict[str, Any] = {
        "name": "repeat",
        "datasets": [{"id": "synthetic", "limit": 6}],
        "size": 64,
        "occlusions": ["medical_mask"],
        "methods": ["untouched", "telea", {"id": NETWORK, "parameters": {"checkpoint": str(weights)}}],
        "metrics": ["psnr", "ssim", "fsim", "l1"],
        "matchers": ["compact"],
        "fmr_targets": [0.1],
        "statistics": {"resamples": 200},
        "shard_size": 4,
        "batch_size": 3,
        "gallery": 0,
    }
    return parse({**content, **changes}, "the suite")


def rows(folder: Path) -> pl.DataFrame:
    keys = [unit["key"] for unit in RunFolder(folder).read_run()["units"]]
    return RunFolder(folder).rows(keys).collect().sort(ROW)


def embeddings(folder: Path) -> pl.DataFrame:
    keys = [unit["key"] for unit in RunFolder(folder).read_run()["units"]]
    return RunFolder(folder).embeddings(keys).collect().sort(VECTOR)


def differences(folder: Path, other: Path) -> dict[tuple[str, str], float]:
    """The largest difference by (method, metric), and by (method, "embedding") of unit vectors. What is no number must
    agree."""
    found: dict[tuple[str, str], float] = {}
    ours, theirs = rows(folder), rows(other)
    text = [*ROW, "status", "message"]
    assert ours.select(text).equals(theirs.select(text))
    gaps = ours.select(*ROW, gap=(ours["value"] - theirs["value"]).abs().fill_nan(0.0).fill_null(0.0))
    gaps = gaps.filter(pl.col("metric") != "")  # what became of a restoration is no number
    assert ours["value"].is_finite().equals(theirs["value"].is_finite())
    for (method, metric), group in gaps.group_by("method", "metric"):
        found[str(method), str(metric)] = float(group["gap"].max())  # type: ignore[arg-type]
    vectors, others = embeddings(folder), embeddings(other)
    assert vectors.select(*VECTOR, "status").equals(others.select(*VECTOR, "status"))
    for method in vectors["method"].unique():
        a, b = (_units(table.filter(pl.col("method") == method)) for table in (vectors, others))
        found[method, "embedding"] = float(np.abs(a - b).max())
    return found


def _units(table: pl.DataFrame) -> np.ndarray:
    stacked = np.stack([np.asarray(vector, np.float64) for vector in table["vector"]])
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def same(folder: Path, other: Path, what: str) -> None:
    """Hold two runs to the bounds, and print what is between them."""
    found = differences(folder, other)
    shown = {f"{method} {metric}": f"{gap:.2g}" for (method, metric), gap in sorted(found.items()) if gap}
    print(f"{what}: {shown or 'identical'}")
    for (method, metric), gap in found.items():
        limit = BOUNDS[metric]
        if method in EXACT:
            limit = SAME_PIXELS_EMBEDDING if metric == "embedding" else 0.0
        assert gap <= limit, f"{what}: {method} {metric} differs by {gap}"
    boards = [RunFolder(path).read_board() for path in (folder, other)]
    assert boards[0]["manifest"] == boards[1]["manifest"]
    keys = ("dataset", "occlusion", "method", "output", "metric", "region", "slice")
    ranks = [{tuple(row[key] for key in keys): row["rank"] for row in board["rows"]} for board in boards]
    assert ranks[0] == ranks[1]


@pytest.fixture(scope="module")
def plain(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(suite(weights), tmp_path_factory.mktemp("plain") / "run", speed=False)


def test_the_same_again_is_the_same_to_the_bit(plain: Path, weights: Path, tmp_path: Path) -> None:
    again = run(suite(weights), tmp_path / "run", speed=False)
    assert not any(differences(plain, again).values())
    boards = [RunFolder(path).read_board() for path in (plain, again)]
    assert {key for key in boards[0] if boards[0][key] != boards[1][key]} <= {"run", "timings"}


def test_threads(plain: Path, weights: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        other = run(suite(weights), tmp_path / "run", speed=False)
    finally:
        torch.set_num_threads(before)
    same(plain, other, f"threads {before} against {2 if before == 1 else 1}")


@pytest.mark.parametrize(
    "workers",
    [2, pytest.param(8, marks=pytest.mark.skipif(not os.environ.get("UNMASKBENCH_SLOW"), reason="UNMASKBENCH_SLOW=1"))],
)
def test_workers(plain: Path, weights: Path, tmp_path: Path, workers: int) -> None:
    # One unit a shard, so that every worker has some.
    changes = {"shard_size": 1} if workers > 2 else {}
    other = run(suite(weights, **changes), tmp_path / "run", speed=False, workers=workers)
    same(plain, other, f"1 worker against {workers}")


@pytest.mark.parametrize("size", [1, 16])
def test_batches(plain: Path, weights: Path, tmp_path: Path, size: int) -> None:
    same(plain, run(suite(weights, batch_size=size), tmp_path / "run", speed=False), f"batches of 3 against {size}")


def test_shards(plain: Path, weights: Path, tmp_path: Path) -> None:
    same(plain, run(suite(weights, shard_size=5), tmp_path / "run", speed=False), "shards of 4 against 5")


def test_the_order_of_methods_metrics_and_regions(plain: Path, weights: Path, tmp_path: Path) -> None:
    usual = suite(weights).model_dump(mode="json")
    turned = {key: usual[key][::-1] for key in ("methods", "metrics", "regions", "outputs")}
    other = run(suite(weights, **turned), tmp_path / "run", speed=False)
    assert not any(differences(plain, other).values())


class Heads:
    """Drawn heads, the last first where ``turned``."""

    card = dataclasses.replace(DATASETS.card("synthetic"), id="turned_heads")

    def __init__(self, split: str = "test", size: int = 64, turned: bool = False) -> None:
        self.drawn = DATASETS.build("synthetic", split=split, size=size)
        # The same people in both orders: a run's limit would take others from the far end.
        self.order = list(range(6))[:: -1 if turned else 1]
        self.samples: list[SampleRef] = [self.drawn.samples[index] for index in self.order]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Face:
        return self.drawn[self.order[index]]  # type: ignore[no-any-return]


@pytest.fixture
def heads() -> Iterator[None]:
    DATASETS.register("turned_heads")(Heads)
    yield
    del DATASETS.classes["turned_heads"]


@pytest.mark.usefixtures("heads")
def test_the_order_of_samples(weights: Path, tmp_path: Path) -> None:
    folders = []
    for turned in (False, True):
        entry = {"id": "turned_heads", "parameters": {"turned": turned}}
        folders.append(run(suite(weights, datasets=[entry]), tmp_path / str(turned), speed=False))
    same(*folders, "samples in order against reversed")
