"""EdgeConnect's spectral norm is torch's, its edges are scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import parity
from unmaskbench.methods.edgeconnect.network import EdgeConnect
from unmaskbench.methods.edgeconnect.preprocessing import grey_and_edges


@pytest.fixture(scope="module")
def narrow() -> EdgeConnect:
    network = EdgeConnect(base_channels=8, blocks=2)
    parity.fill(network.edge)
    parity.fill(network.inpaint)
    return network.eval()


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
