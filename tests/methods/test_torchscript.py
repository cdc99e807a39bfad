"""TorchScript model files in every convention."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.methods.model_programs import CONVENTIONS, expected, network
from unmaskbench.benchmark.plugins.registry import METHODS


def saved(folder: Path, convention: dict[str, Any]) -> Path:
    path = folder / "net.pt"
    torch.jit.script(network(convention)[0]).save(str(path))
    path.with_suffix(".yaml").write_text(yaml.safe_dump(convention))
    return path


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: "-".join(map(str, c.values())))
def test_every_convention_is_kept(tmp_path: Path, convention: dict[str, Any]) -> None:
    method = METHODS.build("torchscript", source=str(saved(tmp_path, convention)))
    method.load("cpu")
    image, mask = torch.rand(3, 3, 16, 16) * 0.8, (torch.rand(3, 1, 16, 16) > 0.5).float()
    given = mask if method.card.needs_mask else None
    assert method.card.needs_mask == convention["needs_mask"]
    assert torch.allclose(method.restore(image, given), expected(convention, image, mask), atol=1e-5)


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.with_suffix(".yaml").write_text("title: mine\n")
    for content in (b"", b"not a program"):
        path.write_bytes(content)
        method = METHODS.build("torchscript", source=str(path))
        with pytest.raises(ValueError, match=r"net\.pt is no TorchScript file that this torch can read"):
            method.load("cpu")


def test_a_pickled_checkpoint_is_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"weights": torch.zeros(2)}, path)
    path.with_suffix(".yaml").write_text("title: mine\n")
    with pytest.raises(ValueError, match="no TorchScript file"):
        METHODS.build("torchscript", source=str(path)).load("cpu")


def test_torchs_word_on_torchscript_does_not_reach_the_user(tmp_path: Path) -> None:
    path = saved(tmp_path, CONVENTIONS[0])
    method = METHODS.build("torchscript", source=str(path))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        method.load("cpu")
        method.restore(torch.rand(1, 3, 16, 16), None)
    assert [str(warning.message) for warning in told] == []
    with warnings.catch_warnings(record=True) as told:  # which torch itself says
        warnings.simplefilter("always")
        torch.jit.load(str(path))
    assert any("deprecated" in str(warning.message) for warning in told)
