"""A chain's key and cards are made of all its parts: their code, their parameters and the files that these name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.keys import method_hash
from unmaskbench.benchmark.plan.method_rows import expand_methods, method_cards
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, parse
from unmaskbench.benchmark.plugins.weights.files import content_hash
from unmaskbench.benchmark.run.availability import unavailable


def suite_of(*methods: Any) -> Suite:
    content = {"name": "chains", "datasets": ["synthetic"], "occlusions": ["block"], "methods": list(methods)}
    return parse(content, "chains")


def key(**entry: Any) -> str:
    method = MethodEntry.model_validate(entry)
    return method_hash(method, suite_of(entry))


def test_every_part_counts_in_the_key() -> None:
    keys = [
        key(id=name) for name in ("telea", "telea+mbnet", "telea+modified_unet", "navier_stokes+mbnet", "mbnet+telea")
    ]
    assert len(set(keys)) == len(keys)
    assert key(id="telea+mbnet") == keys[1]
    assert key(id="telea+mbnet", parameters={"telea": {"radius_px": 9}}) != keys[1]


@pytest.mark.parametrize("chain", ["telea+{}", "{}+telea"])
def test_the_content_of_a_file_that_either_part_names_counts(chain: str, tmp_path: Path) -> None:
    import unmaskbench.methods.modified_vnet.method as plugin

    file = tmp_path / "mine.safetensors"
    shutil.copyfile(plugin.FOLDER / "weights" / "mbnet_compact.safetensors", file)
    entry = {"id": chain.format("mbnet"), "parameters": {"mbnet": {"checkpoint": str(file)}}}
    before = key(**entry)
    assert key(**entry) == before
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    assert content_hash(file)
    assert key(**entry) != before


def test_cards_are_those_of_all_parts_and_the_mask_is_asked_for() -> None:
    entry = MethodEntry(id="telea+modified_unet")
    assert [card.id for card in method_cards(entry)] == ["telea", "modified_unet"]
    assert [part.id for part in parts_of(entry)] == ["telea", "modified_unet"]
    expanded = expand_methods(suite_of("telea+modified_unet", "modified_vnet+modified_unet"))
    assert [method.mask_source for method in expanded] == ["", "oracle", ""]


def test_a_part_without_weights_is_told_and_its_own_file_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    told = "method 'gfpgan' needs weights gfpgan: bench weights fetch gfpgan"
    assert unavailable(suite_of("modified_vnet+gfpgan")) == [told]
    mine = {"id": "modified_vnet+gfpgan", "parameters": {"gfpgan": {"checkpoint": "GFPGANv1.4.pth"}}}
    assert unavailable(suite_of(mine)) == []


def test_parameters_of_no_part_are_refused() -> None:
    with pytest.raises(SuiteError, match="its parts are telea, mbnet, and 'lama' is none of them"):
        method_cards(MethodEntry(id="telea+mbnet", parameters={"lama": {}}))
