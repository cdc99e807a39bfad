"""Exports give the network's own numbers through the methods that read them."""

import os
from pathlib import Path

import pytest
import torch

from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.training.export import export
from unmaskbench.benchmark.training.hooks import as_half, atomic_save

SMALL = {
    "modified_vnet": {"widths": [4, 8, 8], "depths": [1, 1, 1]},
    "ra_unet": {"widths": [4, 8, 8]},
    "h2a_ms2a_gan": {"widths": [8, 8, 8]},
    "fd_stackgan": {"widths": [4, 4, 4, 4, 4]},
    "lama": {"base_channels": 4, "blocks": 1},
    "psp_unmask": {},
    "aotgan": {"base_channels": 8, "blocks": 1},
    "dfnet": {"base_channels": 4},
    "gca": {"base_channels": 4},
    "rfr": {"base_channels": 4, "iterations": 2},
}


def loaded(name: str, folder: Path) -> object:
    """The method with small random weights."""
    torch.manual_seed(0)
    cls = METHODS.get(name)
    network = cls.build_network("compact", **SMALL[name])
    path = folder / f"{name}.safetensors"
    atomic_save(as_half(network.state_dict()), path, {"network": "{}"})
    method = cls(checkpoint=path, settings=SMALL[name])
    method.load("cpu")
    return method


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_an_export_restores_the_same(name: str, kind: str, tmp_path: Path) -> None:
    if (name, kind) == ("psp_unmask", "onnx") and os.environ.get("UNMASKBENCH_SLOW") != "1":
        pytest.skip("the exporter that StyleGAN2 needs takes half a minute; set UNMASKBENCH_SLOW=1")
    if name not in METHODS.names():
        pytest.fail(METHODS.broken[name])
    method = loaded(name, tmp_path)
    path = export(method, kind, tmp_path / "out")
    reader = METHODS.build(kind, source=path)
    reader.load("cpu")
    side = method.card.native_size or 256
    generator = torch.Generator().manual_seed(1)
    occluded = torch.rand(1, 3, side, side, generator=generator)
    mask = (torch.rand(1, 1, side, side, generator=generator) > 0.7).float()
    with torch.inference_mode():
        ours, theirs = method.restore(occluded, mask), reader.restore(occluded, mask)
    assert reader.card.needs_mask == method.card.needs_mask
    assert float((ours - theirs).abs().max()) < 1e-4


@pytest.mark.parametrize("name", ["ctsdg", "edgeconnect"])
def test_what_finds_edges_first_is_refused(name: str, tmp_path: Path) -> None:
    settings = {"base_channels": 4}
    path = tmp_path / "small.safetensors"
    atomic_save(as_half(METHODS.get(name).build_network("compact", **settings).state_dict()), path, {"network": "{}"})
    method = METHODS.get(name)(checkpoint=path, settings=settings)
    with pytest.raises(ValueError, match=f"'{name}' cannot be exported: it finds edges"):
        export(method, "onnx", tmp_path / "out")


def test_a_method_without_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match="no network"):
        export(METHODS.build("telea"), "onnx", "x.onnx")


def test_half_precision_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="16 bits"):
        as_half({"a": torch.tensor([1e6])})
