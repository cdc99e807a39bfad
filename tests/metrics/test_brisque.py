"""brisque against piq's own function, its download replaced by a local file of support vectors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import piq
import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.metrics import brisque as module
from unmaskbench.benchmark.metrics.brisque import SUPPORT_VECTORS, Brisque, brisque


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """Made-up support vectors in the published file's form, found where ours are looked for and given to piq."""
    generator = torch.Generator().manual_seed(0)
    made = (torch.randn(50, 1, generator=generator) * 20, torch.randn(50, 36, generator=generator))
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    torch.save(made, tmp_path / "weights" / SUPPORT_VECTORS.filename)
    # piq transposes the vectors in place, so it gets a copy
    local = {"map_location": None}
    monkeypatch.setattr(
        importlib.import_module("piq.brisque"),
        "load_url",
        lambda url, **_: tuple(t.clone() for t in made) if local else (),
    )
    module._support_vectors.cache_clear()
    return made


def test_against_piq(vectors: tuple[Tensor, Tensor], textured: Callable[..., Tensor]) -> None:
    images = textured(3, 96, 97)
    expected = torch.cat([piq.brisque(image[None], reduction="none").flatten() for image in images])
    torch.testing.assert_close(brisque(images), expected.double(), rtol=0, atol=1e-3)


def test_a_flat_image_is_nan_and_does_not_take_the_others(
    vectors: tuple[Tensor, Tensor], textured: Callable[..., Tensor]
) -> None:
    images = textured(3, 64, 64)
    images[1] = 0.5
    metric = Brisque()
    values = metric.score(images, metric.reference(images), None)
    assert values.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(values[2:], brisque(images[2:]), rtol=0, atol=1e-6)


def test_without_the_file_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    module._support_vectors.cache_clear()
    assert Brisque.missing()[0].remedy == "bench weights fetch brisque_svm"
    with pytest.raises(FileNotFoundError, match="bench weights fetch brisque_svm"):
        brisque(torch.rand(1, 3, 32, 32))
