"""Runs that are killed, folders that are torn or shared: the board comes out as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.faults import plugins
from tests.faults.launch import board, finish, pictures, start, table
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

# Other moments, or more or fewer of them: UNMASKBENCH_FAULT_SEED=1, UNMASKBENCH_FAULT_ROUNDS=100.
ROUNDS = max(1, int(os.environ.get("UNMASKBENCH_FAULT_ROUNDS", "20")))
SEED = int(os.environ.get("UNMASKBENCH_FAULT_SEED", "0"))
SLOW = {"id": "deadly", "label": "slow", "parameters": {"mode": "slow", "seconds": 0.15}}
CHANGES: dict[str, Any] = {"methods": ["untouched", "tiny_fill", SLOW], "shard_size": 2, "batch_size": 1}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with plugins.registered():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tiny.suite(**CHANGES), tmp_path_factory.mktemp("whole") / "run", speed=False)


def same(folder: Path, whole: Path) -> None:
    assert board(folder) == board(whole)
    assert pictures(folder) == pictures(whole)
    assert table(folder).equals(table(whole))
    assert not list(folder.rglob(".tmp-*"))


def opened(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has claimed its folder."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None and not (folder / "claim.json").exists():
        time.sleep(0.02)
    assert (folder / "claim.json").exists()


def written(folder: Path) -> int:
    """How many files of parts are whole."""
    return len(list((folder / "parts").glob("[!.]*.parquet")))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_run_goes_on_to_the_same_board(tmp_path: Path, whole: Path, round_: int) -> None:
    workers = 1 + round_ % 2
    delay = random.Random(1000 * SEED + round_).uniform(0, 2.5)
    process = start(tmp_path / "run", CHANGES, workers=workers)
    opened(tmp_path / "run", process)
    # Workers start for seconds before they compute: most of their rounds begin when they do.
    while round_ % 4 == 1 and process.poll() is None and not written(tmp_path / "run"):
        time.sleep(0.02)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    print(f"killed after {delay:.2f} s with {workers} workers and {written(tmp_path / 'run')} files of parts written")
    same(run(tiny.suite(**CHANGES), tmp_path / "run", speed=False), whole)


def test_a_killed_worker_costs_nothing(tmp_path: Path, whole: Path) -> None:
    process = start(tmp_path / "run", CHANGES, workers=2)
    opened(tmp_path / "run", process)
    killed = 0
    deadline = time.monotonic() + 60
    while not killed and time.monotonic() < deadline and process.poll() is None:
        if written(tmp_path / "run"):
            listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            workers = [int(n) for n in listed if b"spawn_main" in Path(f"/proc/{n}/cmdline").read_bytes()]
            if workers:
                os.kill(workers[-1], signal.SIGKILL)
                killed += 1
        time.sleep(0.02)
    code, err = finish(process)
    assert code == 0, err
    assert killed
    same(tmp_path / "run", whole)


@pytest.mark.parametrize("when", ["starting", "computing"])
def test_an_interrupt_stops_the_workers_quietly(tmp_path: Path, whole: Path, when: str) -> None:
    process = start(tmp_path / "run", CHANGES, workers=2)
    opened(tmp_path / "run", process)
    while when == "computing" and process.poll() is None and not written(tmp_path / "run"):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    code, err = finish(process, 60)
    assert code == -signal.SIGINT
    assert err.count("Traceback") == 1  # the run's own; the command line turns it into a sentence
    same(run(tiny.suite(**CHANGES), tmp_path / "run", speed=False), whole)


def test_torn_files_are_computed_again(tmp_path: Path, whole: Path) -> None:
    folder = run(tiny.suite(**CHANGES), tmp_path / "run", speed=False)
    rng = random.Random(SEED)
    files = sorted(path for kind in ("parts", "embeddings", "sets") for path in (folder / kind).iterdir())
    for path in rng.sample(files, len(files) // 2):
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
    same(run(tiny.suite(**CHANGES), folder, speed=False), whole)


def test_two_runs_do_not_share_a_folder(tmp_path: Path, whole: Path) -> None:
    hanging = CHANGES | {"methods": [{"id": "deadly", "label": "hang", "parameters": {"mode": "hang"}}]}
    first = start(tmp_path / "run", hanging, workers=2)
    opened(tmp_path / "run", first)
    code, err = finish(start(tmp_path / "run", CHANGES))
    assert code == 1
    assert f"StoreError: another run is writing to {tmp_path / 'run'}: wait until it has ended" in err
    with pytest.raises(StoreError, match="another run is writing"):
        run(tiny.suite(**CHANGES), tmp_path / "run", fresh=True, speed=False)
    assert RunFolder(tmp_path / "run").samples(["absent"]).is_empty()  # reading needs no lock
    first.kill()
    first.communicate()
    same(run(tiny.suite(**CHANGES), tmp_path / "run", fresh=True, speed=False), whole)


@pytest.mark.parametrize("hours", [-1, 1], ids=["backwards", "forwards"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, whole: Path, hours: int, workers: int) -> None:
    # The parent waits for its workers against a limit: an hour's jump must not use it up.
    limit = {"unit_timeout": 120.0} if workers > 1 else {}
    code, err = finish(start(tmp_path / "run", CHANGES, hours=hours, workers=workers, **limit))
    assert code == 0, err
    same(tmp_path / "run", whole)
    for index, path in enumerate(sorted((tmp_path / "run").rglob("*.*"))):
        stamp = 4 * 10**9 + index if hours > 0 else 10**9 - index
        os.utime(path, (stamp, stamp))
    (tmp_path / "run" / "finished.json").unlink()  # else the same command has nothing to do
    assert finish(start(tmp_path / "run", CHANGES, hours=-hours))[0] == 0
    same(tmp_path / "run", whole)
