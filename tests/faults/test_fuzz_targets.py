"""Every target of fuzz_targets.py: its seeds, damaged seeds by hypothesis, and inputs led by coverage with atheris."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults import fuzz_targets
from tests.faults.damage import damaged
from tests.faults.fuzz_targets import TARGETS, fuzz
from unmaskbench.benchmark.plugins.weights.loading import WeightsError

CHECKOUT = Path(__file__).resolve().parents[2]
# More inputs for a longer look: UNMASKBENCH_FUZZ_RUNS=100000.
RUNS = int(os.environ.get("UNMASKBENCH_FUZZ_RUNS", "400"))
SECONDS = int(os.environ.get("UNMASKBENCH_FUZZ_SECONDS", "20"))
FUZZ = settings(
    max_examples=25,
    deadline=20_000,  # milliseconds; an answer that takes longer is a hang
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True, scope="module")
def _finished() -> Iterator[None]:
    yield
    fuzz_targets.forget()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_are_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    """Each target's first seed is a good file; the others are what its reader was once wrong about."""
    seeds = TARGETS[name].seeds()
    assert fuzz(name, tmp_path, seeds[0]) or name == "network_file"  # its weights are those of no network
    for seed in seeds[1:]:
        fuzz(name, tmp_path, seed)


@pytest.mark.parametrize("name", sorted(TARGETS))
@FUZZ
@given(st.data())
def test_damaged_files(tmp_path: Path, name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(TARGETS[name].seeds()))
    fuzz(name, tmp_path, data.draw(st.one_of(damaged(seed), st.binary(max_size=64))))


@pytest.mark.parametrize(
    "text", ["!!bool x", "!!int ''", "!!timestamp x", "!!float ''", "&a [*a]", "{[]: 1}", "? {a: 1}\n: 2"]
)
@pytest.mark.parametrize(
    "name", ["suite_file", "recipe_file", "convention_file", "training_card_file", "method_card_file"]
)
def test_yaml_that_trips_its_reader(tmp_path: Path, name: str, text: str) -> None:
    fuzz(name, tmp_path, text.encode())
    fuzz(name, tmp_path, f"title: {text}\n".encode())


@pytest.mark.parametrize(
    "name", ["suite_file", "recipe_file", "training_card_file", "convention_file", "method_card_file"]
)
def test_aliases_that_unfold_without_end_are_refused(tmp_path: Path, name: str) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert not fuzz(name, tmp_path, "\n".join(lines).encode())


def test_a_suite_of_a_hundred_thousand_keys_is_answered_soon(tmp_path: Path) -> None:
    content = yaml.safe_dump({"parameters": {f"k{n}": n for n in range(20_000)}}).encode()
    assert not fuzz("suite_file", tmp_path, content)


def test_a_network_larger_than_memory_is_refused_from_its_description(tmp_path: Path) -> None:
    wide = {"size": "compact", "settings": {"widths": [8192] * 6, "depths": [64] * 6}}
    assert not fuzz("network_file", tmp_path, fuzz_targets.described(wide))


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    """torch stores tensors as they are; its reader would also unpack a deflated gigabyte of zeros from a megabyte."""
    whole = tmp_path / "whole.pth"
    torch.save({"layer.weight": torch.zeros(10_000_000)}, whole)
    buffer = io.BytesIO()
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in source.infolist():
            packed.writestr(entry.filename, source.read(entry))
    assert fuzz("checkpoint_file", tmp_path, whole.read_bytes())
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(WeightsError, match="refused, it unpacks to 40 MB"):
        TARGETS["checkpoint_file"].read(tmp_path, buffer.getvalue())


def test_json_beyond_what_a_reader_holds(tmp_path: Path) -> None:
    for name in ("board_file", "baseline_file", "run_file", "mask_set_manifest"):
        for content in (b"[" * 100_000, b'{"schema": ' + b"9" * 5000 + b"}", json.dumps({"schema": 1}).encode()):
            assert not fuzz(name, tmp_path, content)


def test_embeddings_that_hold_no_number_are_refused(tmp_path: Path) -> None:
    """A flipped exponent is a file that reads well."""
    source = fuzz_targets.finished() / "run" / fuzz_targets._file("embeddings/*.parquet")
    held = pl.read_parquet(source)
    changed = held.with_columns(pl.col("vector").list.eval(pl.element() * float("inf")))
    changed.write_parquet(tmp_path / "changed.parquet")
    content = (tmp_path / "changed.parquet").read_bytes()
    assert not fuzz("embeddings_file", tmp_path, content)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris: pip install atheris")
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_atheris_finds_no_fault(tmp_path: Path, name: str) -> None:
    """A child process, because libFuzzer ends its own; what it found lies in ``tmp_path`` as crash-*, timeout-* or oom-*."""
    program = Path(__file__).with_name("atheris_program.py")
    path = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    done = subprocess.run(
        [sys.executable, str(program), name, str(tmp_path), str(RUNS), str(SECONDS)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=240 + 2 * SECONDS,
        check=False,
    )
    found = [path.name for kind in ("crash", "timeout", "oom") for path in tmp_path.glob(f"{kind}-*")]
    assert done.returncode == 0, f"{found}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert not found
    print(f"{name}: {(tmp_path / 'told').read_text(encoding='utf-8')}")
