"""CodeFormer equals the published one, name by name and number by number, in both of its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.codeformer.network import CodeFormer, with_statistics_of

# Settings of the published network, w, adaptive normalisation, seed of the input.
CASES: dict[str, tuple[dict[str, Any], float, bool, int]] = {
    "codeformer": ({}, 0.5, True, 67),
    "codeformer_inpaint": ({"codes": 512, "fuse_px": (32, 64, 128)}, 1.0, False, 71),
}
GOLDEN = {True: [0.26581, -0.06619, -0.08833, 0.0767], False: [0.30776, 0.01713, -0.00142, 0.09338]}


def reference_of(home: Path, name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(home / "parity" / f"{name}.npz").items()}


def face(seed: int) -> Tensor:
    return parity.cells((1, 3, 512, 512), 16, seed) * 2 - 1


def narrow(side: int = 16) -> CodeFormer:
    network = CodeFormer(side, widths=(64, 64), codes=16, code=8, width=16, layers=2, fuse_px=(side // 2, side))
    parity.fill(network, gain=1.0)
    return network


def everything(network: CodeFormer, image: Tensor, fidelity: float = 0.5, adain: bool = True) -> Tensor:
    """The image and the logits in one vector: a code is chosen by the largest, and hides small changes."""
    with torch.no_grad():
        features, _ = network.encode(image)
        parts = network.generate(image, fidelity, adain), network.predict(features)
    return torch.cat([part.flatten() / part.abs().max() for part in parts])


@pytest.mark.parametrize("name", CASES)
def test_published_names_and_shapes(home: Path, name: str) -> None:
    network = parity.outline(lambda: CodeFormer(**CASES[name][0]))
    assert parity.keys_of(network) == parity.published_keys(home / "parity", name)
    if name == "codeformer":
        assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(94.11, abs=0.005)


@parity.slow
@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_parity(home: Path, name: str) -> None:
    settings, fidelity, adain, seed = CASES[name]
    network, reference, image = CodeFormer(**settings), reference_of(home, name), face(seed)
    parity.fill(network, gain=1.0)
    features, _ = network.encode(image)
    logits = network.predict(features)
    assert parity.moved(features[:, ::4], reference["lq_feat"]) < 1e-4
    assert parity.moved(logits[:, ::13], reference["logits"]) < 1e-4
    assert torch.equal(logits.argmax(2)[0], reference["code_indices"].long())
    output = network.generate(image, fidelity, adain)[..., ::4, ::4]
    assert parity.moved(output, reference["output"]) < 1e-4
    mirrored = network.generate(image.flip(3), fidelity, adain)[..., ::4, ::4]
    assert parity.moved(mirrored, reference["output"]) > 1e-2


@pytest.mark.parametrize("adain", GOLDEN)
def test_the_narrow_network_gives_what_it_gave_at_parity(adain: bool) -> None:
    image = parity.cells((1, 3, 16, 16), 4, 1) * 2 - 1
    found = parity.projections(everything(narrow(), image, 0.5 if adain else 1.0, adain))
    assert found == pytest.approx(GOLDEN[adain], abs=1e-4)


@pytest.mark.parametrize("axis", [1, 3], ids=["bgr", "mirrored"])
def test_a_wrong_input_is_noticed(axis: int) -> None:
    network, image = narrow(), parity.cells((1, 3, 16, 16), 4, 1) * 2 - 1
    assert parity.moved(everything(network, image.flip(axis)), everything(network, image)) > 1e-2


def test_an_inverted_mask_is_noticed_and_the_hole_is_not_seen() -> None:
    network, image = narrow(), parity.cells((1, 3, 16, 16), 4, 1)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 8:, 4:12] = 1
    with torch.no_grad():
        restored = network.inpaint(image, mask)
        assert parity.moved(network.inpaint(image, 1 - mask), restored) > 1e-2
        assert torch.equal(network.inpaint(image * (1 - mask), mask), restored)


def test_any_sign_and_any_pad_is_noticed() -> None:
    network, image = narrow(8), parity.cells((1, 3, 8, 8), 2, 2) * 2 - 1
    # What is added to every key alike leaves the softmax as it is.
    assert parity.survivors_of_a_sign_flip(network, lambda: everything(network, image), ignored=".k.bias") == []
    assert parity.survivors_of_another_pad(network, lambda: everything(network, image)) == []


def test_fidelity_and_the_statistics_of_the_input_count() -> None:
    network, image = narrow(), parity.cells((1, 3, 16, 16), 4, 2) * 2 - 1
    reference = everything(network, image)
    assert parity.moved(everything(network, image, fidelity=0.0), reference) > 1e-2
    assert parity.moved(everything(network, image, fidelity=1.0), reference) > 1e-2
    assert parity.moved(everything(network, image, adain=False), reference) > 1e-2


def test_statistics_are_the_other_ones() -> None:
    content, style = (
        torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)),
        parity.uniform((2, 3, 4, 4), 1),
    )
    found = with_statistics_of(content, style)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.std((2, 3)), style.std((2, 3)), atol=1e-4, rtol=1e-3)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size 16 x 32; expected 16 x 16"):
        narrow()(torch.rand(1, 3, 16, 32))
    with pytest.raises(ValueError, match="6 levels need a multiple of 32"):
        CodeFormer(size=100)
