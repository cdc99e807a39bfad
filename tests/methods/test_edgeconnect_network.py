"""EdgeConnect's two generators equal the published ones, name by name and number by number, and so do its edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.edgeconnect.network import EdgeConnect
from unmaskbench.methods.edgeconnect.preprocessing import grey_and_edges

Published = tuple[EdgeConnect, dict[str, Tensor]]


@pytest.fixture(scope="module")
def published(home: Path) -> Published:
    """The paper's pair with the fixture's weights; image, grey, true edges, mask, completed edges and output."""
    network = EdgeConnect()
    for name, generator in (("edge", network.edge), ("inpaint", network.inpaint)):
        assert parity.keys_of(generator) == parity.published_keys(home / "parity", f"edgeconnect_{name}")
        parity.fill(generator)
    reference = {key: torch.from_numpy(value) for key, value in np.load(home / "parity" / "edgeconnect.npz").items()}
    return network.eval(), {
        "image": parity.uniform((1, 3, 96, 128), 37),
        "grey": parity.uniform((1, 1, 96, 128), 38),
        "known": (parity.uniform((1, 1, 96, 128), 39) > 0.9).float(),
        **reference,
        "mask": reference["mask"].float(),
    }


@pytest.fixture(scope="module")
def narrow() -> EdgeConnect:
    network = EdgeConnect(base_channels=8, blocks=2)
    parity.fill(network.edge)
    parity.fill(network.inpaint)
    return network.eval()


@torch.no_grad()
def test_parity(published: Published) -> None:
    network, case = published
    millions = [sum(p.numel() for p in part.parameters()) / 1e6 for part in (network.edge, network.inpaint)]
    assert millions == pytest.approx([10.76, 10.77], abs=0.005)
    edges = network.complete_edges(case["grey"], case["known"], case["mask"])
    assert parity.moved(edges, case["edge"]) < 1e-4
    assert parity.moved(network.paint(case["image"], edges, case["mask"]), case["output"]) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("wrong", parity.WRONG_INPUTS)
def test_a_wrong_input_is_noticed(published: Published, wrong: str) -> None:
    network, case = published
    image, mask = parity.WRONG_INPUTS[wrong](case["image"], case["mask"])
    assert parity.moved(network.paint(image, case["edge"], mask), case["output"]) > 1e-2
    if wrong != "bgr":
        grey, _ = parity.WRONG_INPUTS[wrong](case["grey"], case["mask"])
        known, _ = parity.WRONG_INPUTS[wrong](case["known"], case["mask"])
        assert parity.moved(network.complete_edges(grey, known, mask), case["edge"]) > 1e-2


def test_any_sign_and_any_pad_is_noticed(narrow: EdgeConnect) -> None:
    generator = torch.Generator().manual_seed(1)
    stacked = {name: torch.rand(1, width, 24, 28, generator=generator) for name, width in (("edge", 3), ("inpaint", 4))}

    def edges() -> Tensor:
        with torch.no_grad():
            return narrow.edge(stacked["edge"])

    def colours() -> Tensor:
        with torch.no_grad():
            return narrow.inpaint(stacked["inpaint"])

    # Instance norm takes a bias out again, and a weight over its norm, read off the weight itself, keeps its sign.
    biases = "encoder.1.bias encoder.4.bias encoder.7.bias 1.bias 5.bias decoder.0.bias decoder.3.bias"
    assert parity.survivors_of_a_sign_flip(narrow.edge, edges, ignored=f"weight_orig {biases}") == []
    assert parity.survivors_of_a_sign_flip(narrow.inpaint, colours, ignored=biases) == []
    for layer in ("encoder.1", "middle.1.conv_block.5", "decoder.3"):
        weight = narrow.edge.get_submodule(layer).weight_orig
        reference = edges()
        with torch.no_grad():
            kept = weight.clone()
            weight[0].neg_()
            assert parity.moved(edges(), reference) > 2e-4
            weight.copy_(kept)
    assert parity.survivors_of_another_pad(narrow.edge, edges) == []
    assert parity.survivors_of_another_pad(narrow.inpaint, colours) == []


def test_spectral_norm_is_torchs() -> None:
    """The largest singular value is divided out, over the output channels whichever way the layer goes."""
    torch.manual_seed(0)
    network = EdgeConnect(base_channels=4, blocks=1).train()
    with torch.no_grad():
        for _ in range(60):
            network.edge(torch.rand(1, 3, 12, 12))
    for name, axis in (("encoder.4", 0), ("middle.0.conv_block.1", 0), ("decoder.0", 1)):
        weight = network.edge.get_submodule(name).weight().detach().transpose(0, axis).flatten(1)
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1.0, abs=1e-3)


def test_edges_are_scikit_images_and_do_not_see_the_hole() -> None:
    from skimage.color import rgb2gray
    from skimage.feature import canny

    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 8, 8, generator=generator)
    image = (torch.nn.functional.interpolate(coarse, (48, 64), mode="bicubic").clamp(0, 1) * 255).round() / 255
    mask = torch.zeros(2, 1, 48, 64)
    mask[..., 10:30, 20:40] = 1
    grey, edges = grey_and_edges(image, mask)
    for number in range(2):
        array = (image[number].permute(1, 2, 0) * 255).round().byte().numpy()
        expected = canny(rgb2gray(array), sigma=2, mask=mask[number, 0].numpy() < 0.5)
        np.testing.assert_array_equal(edges[number, 0].numpy() > 0.5, expected)
        outside = mask[number, 0].numpy() < 0.5
        np.testing.assert_allclose(grey[number, 0].numpy()[outside], rgb2gray(array)[outside], atol=1e-6)
    assert edges.sum() > 20
    other = torch.where(mask > 0, torch.rand(image.shape, generator=generator), image)
    assert all(torch.equal(a, b) for a, b in zip(grey_and_edges(other, mask), (grey, edges), strict=True))


@pytest.mark.parametrize("size", [(30, 64), (64, 8)])
def test_other_sizes_are_refused(narrow: EdgeConnect, size: tuple[int, int]) -> None:
    one = torch.rand(1, 1, *size)
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 4, at least 12"):
        narrow(torch.rand(1, 3, *size), one, one, torch.ones(1, 1, *size))
