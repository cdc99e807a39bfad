"""Folding a network changes its speed and not its embeddings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests import parity
from unmaskbench.benchmark.biometrics.backbones.compact_embedder import CompactEmbedder
from unmaskbench.benchmark.biometrics.folding import folded


def test_a_folded_network_gives_the_same_embeddings_with_fewer_norms() -> None:
    network = CompactEmbedder(widths=(4, 8), depths=(1, 2), dimension=16).eval()
    parity.fill(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = parity.uniform((module.num_features,), 3) - 0.5
            module.running_var = parity.uniform((module.num_features,), 4) + 0.5
    crops = parity.uniform((3, 3, 112, 112), 5) * 2 - 1
    with torch.inference_mode():
        before = network(crops)
        after = folded(network, "cpu")(crops)
    assert before.std() > 1e-3
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5 * float(before.abs().max()))
    # What is left comes before a padded convolution: one in each of three blocks, and one before the pooling.
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == 4


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match="training mode"):
        folded(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)), "cpu")
