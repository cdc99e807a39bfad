"""Methods that die, hang or spoil what is around them: their rows say so, and no other row is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests import tiny
from tests.faults import plugins
from tests.faults.launch import finish, start, table
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder

LIMIT_SECONDS = 12
FATES = {
    "segfault": "worker died: signal 11 (SIGSEGV)",
    "killed": "worker died: signal 9 (SIGKILL)",
    "exit": "worker died: exit code 0",
    "hang": f"no answer within {LIMIT_SECONDS} s",
    "memory": "RuntimeError: ",
    "raise": "RuntimeError: no face for you",
    "nan": "returned NaN or infinity",
    "bytes": "tiny_odd returned torch.uint8",
    "shape": "tiny_odd returned shape",
    "signed": "returned values in [-",
}
HARMLESS = ("inplace", "mask", "double", "threads", "random", "stdout")


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with plugins.registered():
        yield


def deadly(mode: str, **parameters: Any) -> dict[str, Any]:
    return {"id": "deadly", "label": mode, "parameters": {"mode": mode, **parameters}}


def methods() -> list[Any]:
    fatal = [deadly(mode) for mode in ("segfault", "killed", "exit", "hang", "memory")]
    odd = [tiny.odd(mode) for mode in ("raise", "nan", "bytes", "shape", "signed", *HARMLESS)]
    return ["untouched", *fatal, *odd, "tiny_fill"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return table(run(tiny.suite(shard_size=8), tmp_path_factory.mktemp("alone") / "run", speed=False))


@pytest.mark.parametrize("arguments", [{"isolate": True}, {"workers": 2}], ids=["isolated", "two workers"])
def test_each_fails_its_own_rows_alone(tmp_path: Path, alone: pl.DataFrame, arguments: dict[str, Any]) -> None:
    # One shard when isolated, so that a hang costs its limit once; two shards to keep two workers busy.
    two = "workers" in arguments
    chosen = [m for m in methods() if not two or m in ("untouched", "tiny_fill", deadly("segfault"), deadly("hang"))]
    changes = {"methods": chosen, "shard_size": 3 if two else 8}
    process = start(tmp_path / "run", changes, unit_timeout=LIMIT_SECONDS, **arguments)
    code, err = finish(process)
    assert code == 0, err
    rows = table(tmp_path / "run")
    kept = pl.col("method").is_in(["", "untouched", "tiny_fill"])
    assert rows.filter(kept).equals(alone)
    labels = {m["label"] for m in chosen if isinstance(m, dict)}
    for label in labels & set(FATES):
        own = rows.filter(pl.col("method") == label)
        assert own.height == alone.filter(pl.col("method") == "tiny_fill").height
        assert set(own["status"]) == {"failed_restore"}
        assert all(FATES[label] in message for message in own["message"].unique())
    for label in labels - set(FATES):
        assert set(rows.filter(pl.col("method") == label)["status"]) == {"ok"}
    folder = RunFolder(tmp_path / "run")
    vectors = folder.embeddings([unit["key"] for unit in folder.read_run()["units"]]).collect()
    fates = {key: set(part["status"]) for (key,), part in vectors.group_by("method")}
    assert {row for row, statuses in fates.items() if statuses == {"failed_restore"}} == labels & set(FATES)
    # The same command goes over it once more without calling what died, in its own process or in another.
    code, err = finish(start(tmp_path / "run", changes))
    assert code == 0, err
    assert table(tmp_path / "run").equals(rows)


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    changes = {"methods": [deadly("once", mark=str(tmp_path / "mark"))]}
    code, err = finish(start(tmp_path / "run", changes, isolate=True))
    assert code == 0, err
    assert (tmp_path / "mark").exists()
    rows = table(tmp_path / "run").filter(pl.col("method") == "once")
    assert rows.height
    assert set(rows["status"]) == {"ok"}


def test_a_leak_that_ends_the_worker_costs_nothing(tmp_path: Path) -> None:
    """What was lost with a worker is tried again in a fresh one, whose memory is its own: each unit alone fits."""
    changes = {"methods": ["untouched", deadly("leak", seconds=2), "tiny_fill"], "shard_size": 2, "batch_size": 1}
    code, err = finish(start(tmp_path / "run", changes, isolate=True))
    assert code == 0, err
    assert set(table(tmp_path / "run")["status"]) == {"ok"}


def test_a_method_that_uses_up_open_files_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    changes = {"methods": ["untouched", deadly("files"), "tiny_fill"], "shard_size": 8, "gallery": 0}
    code, err = finish(start(tmp_path / "run", changes))
    assert code == 1
    assert "StoreError: cannot write" in err.splitlines()[-1]
    assert "Too many open files" in err.splitlines()[-1]
    code, err = finish(start(tmp_path / "run", changes | {"methods": ["untouched", "tiny_fill"]}))
    assert code == 0, err
    assert set(table(tmp_path / "run")["status"]) == {"ok"}


def test_an_isolated_method_that_uses_up_open_files_fails_its_own_rows(tmp_path: Path) -> None:
    changes = {"methods": ["untouched", deadly("files"), "tiny_fill"], "shard_size": 8, "gallery": 0}
    code, err = finish(start(tmp_path / "run", changes, isolate=True))
    assert code == 0, err
    rows = table(tmp_path / "run")
    assert set(rows.filter(pl.col("method") == "files")["status"]) == {"failed_restore"}
    assert set(rows.filter(pl.col("method") != "files")["status"]) == {"ok"}


@pytest.mark.parametrize("where", ["reference", "score"])
def test_a_metric_that_kills_the_worker_costs_its_own_column_alone(tmp_path: Path, where: str) -> None:
    changes = {
        "metrics": ["psnr", {"id": "deadly_metric", "parameters": {"where": where}}],
        "shard_size": 8,
        "gallery": 0,
    }
    code, err = finish(start(tmp_path / "run", changes, isolate=True))
    assert code == 0, err
    rows = table(tmp_path / "run").filter(pl.col("method") == "tiny_fill")
    assert rows.height == 6 * (1 + 2 * 2 * 2)  # the restoration, and metrics x outputs x regions
    own = pl.col("metric") == "deadly_metric"
    assert set(rows.filter(own)["status"]) == {"failed_score"}
    assert set(rows.filter(own)["message"]) == {"worker died: signal 11 (SIGSEGV)"}
    assert set(rows.filter(~own)["status"]) == {"ok"}


def test_a_worker_does_not_outlive_its_run(tmp_path: Path) -> None:
    import time

    process = start(tmp_path / "run", {"methods": [deadly("hang")], "shard_size": 8}, isolate=True)
    children: list[int] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list((tmp_path / "run").glob("parts/[!.]*.parquet")):
        time.sleep(0.2)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    children = [int(number) for number in listed]
    assert children
    process.kill()
    process.wait()
    while time.monotonic() < deadline and any(_lives(number) for number in children):
        time.sleep(0.2)
    assert not [number for number in children if _lives(number)]


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
