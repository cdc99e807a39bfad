"""Weight files are read without running their code, and fit a network by name and shape or not at all."""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unmaskbench.benchmark.plugins.weights.loading import (
    WeightsError,
    check_sha256,
    load_strict,
    read_checkpoint,
    read_published,
    read_state_dict,
)


class Trap:
    """Pickles as a call that would create a file when opened carelessly."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def small() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_round_trip_through_each_kind_of_file(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(0)
    source, target = small(), small()
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        save_file(
            {key: value.half() if value.is_floating_point() else value for key, value in source.state_dict().items()},
            path,
        )
    else:
        torch.save({"state_dict": source.state_dict(), "epoch": 3}, path)
    load_strict(target, read_state_dict(path), path)
    for key, value in source.state_dict().items():
        assert target.state_dict()[key].dtype == value.dtype
        torch.testing.assert_close(target.state_dict()[key], value, rtol=1e-3, atol=1e-4)


def test_malicious_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path, proof = tmp_path / "evil.pt", tmp_path / "proof"
    torch.save({"state_dict": {}, "hook": Trap(proof)}, path)
    with pytest.raises(WeightsError, match=r"evil\.pt: refused.*mkdir"):
        read_checkpoint(path)
    with pytest.raises(WeightsError, match="refused"):
        read_checkpoint(path, inert_packages=("pytorch_lightning.", "typing.Any"))
    assert not proof.exists()


def leave_proof(path: str) -> None:
    """Stand for any function that a checkpoint may ask for."""
    Path(path).mkdir()


class Asking:
    """Pickles as a call of `leave_proof`."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return leave_proof, (str(self.target),)


def test_stand_ins_never_call_what_they_replace(tmp_path: Path) -> None:
    path, proof = tmp_path / "settings.pt", tmp_path / "proof"
    torch.save({"weight": torch.ones(2), "hook": Asking(proof)}, path)
    with pytest.raises(WeightsError, match="leave_proof"):
        read_checkpoint(path)
    read = read_checkpoint(path, inert_packages=(f"{leave_proof.__module__}.leave_proof",))
    assert torch.equal(read["weight"], torch.ones(2))
    assert read["hook"] == {}
    assert not proof.exists()


def test_namespace_is_allowed(tmp_path: Path) -> None:
    torch.save({"opts": argparse.Namespace(size=8)}, tmp_path / "a.pt")
    assert read_checkpoint(tmp_path / "a.pt")["opts"].size == 8


@pytest.mark.parametrize(
    ("name", "content"), [("a.pt", b"not a checkpoint"), ("a.safetensors", b"short"), ("a.pt", b"")]
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name.replace(".", r"\.")):
        read_checkpoint(tmp_path / name)


def test_unknown_suffix_absent_file_and_wrong_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(b"abc")
    with pytest.raises(WeightsError, match=r"unknown kind of weight file '\.weights'"):
        read_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="no weight file at"):
        read_checkpoint(tmp_path / "absent.pt")
    check_sha256(path, hashlib.sha256(b"abc").hexdigest().upper())
    with pytest.raises(WeightsError, match=r"a\.weights: sha256 is ba7816bf.*expected 0000"):
        check_sha256(path, "0" * 64)


def test_file_without_tensors_is_named(tmp_path: Path) -> None:
    torch.save({"epoch": 1, "lr": 0.1}, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="holds no state dict; its entries are epoch, lr"):
        read_state_dict(tmp_path / "a.pt")
    torch.save([1], tmp_path / "b.pt")
    with pytest.raises(WeightsError, match="holds a list"):
        read_state_dict(tmp_path / "b.pt")


def test_mismatch_names_every_kind_of_key_and_leaves_the_module_alone() -> None:
    network = small()
    before = network[0].weight.clone()
    state = {**small().state_dict(), "2.extra": torch.ones(1), "0.weight": torch.ones(4, 3, 5, 5)}
    del state["1.running_var"]
    with pytest.raises(WeightsError) as caught:
        load_strict(network, state, "some.pt")
    message = str(caught.value)
    assert message.startswith("some.pt: weights do not fit Sequential")
    assert "1 missing: 1.running_var" in message
    assert "1 unexpected: 2.extra" in message
    assert "1 of another shape: 0.weight (file [4, 3, 5, 5], network [4, 3, 3, 3])" in message
    assert torch.equal(network[0].weight, before)


def test_only_the_batch_counter_may_be_absent() -> None:
    state = small().state_dict()
    del state["1.num_batches_tracked"]
    load_strict(small(), state, "old.pt")
    with pytest.raises(WeightsError, match="6 missing"):
        load_strict(small(), {}, "empty.pt")


def test_a_published_file_holds_its_network_under_an_entry_or_bare(tmp_path: Path) -> None:
    state = small().state_dict()
    parallel = {f"module.{key}": value for key, value in state.items()}
    torch.save({"iteration": 7, "generator": parallel}, tmp_path / "a.pth")
    torch.save(state, tmp_path / "bare")
    for found in (read_published(tmp_path / "a.pth", "generator"), read_published(tmp_path / "bare")):
        assert list(found) == list(state)
        assert all(torch.equal(found[key], state[key]) for key in state)
    with pytest.raises(
        WeightsError, match=r"a\.pth: expected an entry 'net'; the file's entries are: iteration, generator"
    ):
        read_published(tmp_path / "a.pth", "net")
    with pytest.raises(WeightsError, match=r"bare: expected an entry 'generator'"):
        read_published(tmp_path / "bare", "generator")
