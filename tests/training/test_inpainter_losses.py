"""The losses and games that the inpainters' papers bring, against closed forms and independent libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.test_losses import batch_of
from unmaskbench.benchmark.training.losses import Batch, build
from unmaskbench.benchmark.training.losses.adversarial import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    softened,
)


def test_least_squares_and_wasserstein_by_hand() -> None:
    real, fake = torch.tensor([0.5, 2.0]), torch.tensor([-1.0, 0.25])
    assert float(discriminator_loss(real, fake, "least_squares")) == pytest.approx((0.25 + 1) / 2 + (1 + 0.0625) / 2)
    assert float(generator_loss(fake, "least_squares")) == pytest.approx((4 + 0.5625) / 2)
    soft = torch.tensor([0.25, 1.0])  # the share of a patch that is missing: 0.75 of the first is to be called real
    assert float(discriminator_loss(real, fake, "least_squares", soft)) == pytest.approx(
        (0.25 + 1) / 2 + (1.75**2 + 0.0625) / 2
    )
    assert float(discriminator_loss(real, fake, "wasserstein")) == pytest.approx(-0.375 - 1.25)
    assert float(generator_loss(fake, "wasserstein")) == pytest.approx(0.375)


def test_a_soft_mask_is_scipys_gaussian() -> None:
    from scipy import ndimage

    mask = torch.zeros(1, 1, 60, 50)
    mask[..., 20:44, 0:30] = 1
    expected = ndimage.gaussian_filter(mask[0, 0].double().numpy(), 4.0, mode="nearest", truncate=3.5)
    np.testing.assert_allclose(softened(mask, 4.0)[0, 0].numpy(), expected, atol=1e-6)


def test_the_gradient_penalty_counts_the_slope_in_the_hole() -> None:
    weight = torch.rand(3, 8, 8)
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, :, 4:], mask[1, :, :, :2] = 1, 1
    real, fake = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    penalty = gradient_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), real, fake, mask, gamma=10.0)
    slopes = [float((weight * hole).square().sum().sqrt()) for hole in mask]
    assert float(penalty) == pytest.approx(10 * np.mean([(slope - 1) ** 2 for slope in slopes]), rel=1e-5)


def test_style_is_the_difference_of_gram_matrices(home: Path) -> None:
    del home  # AlexNet's features
    from unmaskbench.benchmark.metrics._backbones import ALEXNET, tapped
    from unmaskbench.benchmark.training.losses.style import gram

    batch = batch_of(side=64)
    restored = (batch.truth + 0.2 * torch.rand_like(batch.truth)).clamp(0, 1)
    mean, std = (torch.tensor(v)[None, :, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    layers, expected = ALEXNET.load(), 0.0
    pairs = [tapped(layers, ALEXNET.taps, (x - mean) / std) for x in (restored, batch.truth)]
    for u, t in zip(*pairs, strict=True):
        grams = [np.einsum("nchw,ndhw->ncd", f.numpy(), f.numpy()) / f[0].numel() for f in (u, t)]
        expected += float(np.abs(grams[0] - grams[1]).mean())
    loss = build("style", {"network": "alexnet"})
    assert float(loss(restored, batch)) == pytest.approx(expected, rel=1e-3)
    assert float(loss(batch.truth, batch)) == 0.0
    # Style does not know where things are.
    features = torch.rand(1, 4, 6, 6)
    torch.testing.assert_close(gram(features), gram(features.flip(3).flip(2)))
    outside = torch.where(batch.mask > 0, batch.truth, restored)
    assert float(build("style", {"network": "alexnet", "region": "hole"})(outside, batch)) == pytest.approx(0, abs=1e-7)
    with pytest.raises(ValueError, match="unknown style network"):
        build("style", {"network": "resnet"})


def test_total_variation_counts_steps_in_and_at_the_hole() -> None:
    truth, mask = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:6] = 1
    batch = Batch(truth, truth, mask, torch.zeros(1, 5, 2))
    restored = torch.zeros(1, 3, 8, 8)
    restored[..., 4:] = 1  # a step inside the hole, and what the composite does not show
    rows, pairs = 4, 8 * 7
    steps = rows * 2  # inside at column 4, and back to the known picture at column 6
    assert float(build("total_variation", {})(restored, batch)) == pytest.approx((steps + 4) / pairs)
    assert float(build("total_variation", {})(truth + (1 - mask), batch)) == 0.0


def test_discounted_l1_by_hand() -> None:
    truth, mask = torch.zeros(1, 3, 7, 7), torch.zeros(1, 1, 7, 7)
    mask[..., 1:6, 1:6] = 1
    batch = Batch(truth, truth, mask, torch.zeros(1, 5, 2))
    loss = build("discounted_l1", {"gamma": 0.5})
    # Sixteen pixels lie 1 px from the known ones, eight 2 px, one 3 px.
    assert float(loss(truth + 1, batch)) == pytest.approx((16 * 0.5 + 8 * 0.25 + 0.125) / 25)
    with pytest.raises(ValueError, match="factor"):
        build("discounted_l1", {"gamma": 1.5})


def test_binary_cross_entropy_is_torchs() -> None:
    truth = (torch.rand(2, 1, 8, 8) > 0.5).float()
    probabilities = torch.rand(2, 1, 8, 8) * 0.98 + 0.01
    batch = Batch(truth, truth, truth, torch.zeros(2, 5, 2))
    expected = nn.functional.binary_cross_entropy(probabilities, truth)
    assert float(build("binary_cross_entropy", {})(probabilities, batch)) == pytest.approx(float(expected), rel=1e-5)
