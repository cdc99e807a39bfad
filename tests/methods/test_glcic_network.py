"""GLCIC's context discriminator."""

from __future__ import annotations

import pytest
import torch

from unmaskbench.methods.glcic.discriminator import ContextDiscriminator


def test_the_local_discriminator_looks_at_the_hole() -> None:
    torch.manual_seed(0)
    network = ContextDiscriminator(size_px=32, width=4, features=8).eval()
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 2:6, 20:30] = 1
    image = torch.rand(1, 3, 32, 32)
    square = network._square(image[0], mask[0, 0])
    assert torch.equal(square, image[0, :, 0:16, 16:32])
    assert network(torch.cat((image, image, mask), 1)).shape == (1, 1)
    with pytest.raises(ValueError, match="for 32 px"):
        network(torch.rand(1, 7, 16, 16))
