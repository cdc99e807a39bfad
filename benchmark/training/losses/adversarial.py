"""Adversarial losses on logits (positive = real), and the R1 penalty.

- ``bce`` (Goodfellow et al. 2014, minimax value, with the generator's non-saturating form):
  L_D = -log s(D(t)) - log(1 - s(D(u))), L_G = -log s(D(u)), each half of the binary cross-entropy averaged;
- ``non_saturating``: the same two in the softplus form, summed rather than averaged (StyleGAN's convention);
- ``hinge`` (Lim and Ye 2017): L_D = max(0, 1 - D(t)) + max(0, 1 + D(u)), L_G = -D(u);
- R1 (Mescheder et al. 2018, eq. 9): gamma / 2 * E |grad_t D(t)|^2 on real images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Game = Literal["bce", "hinge", "non_saturating"]


def discriminator_loss(real: Tensor, fake: Tensor, game: Game) -> Tensor:
    """The discriminator's loss from its logits on real and generated images, any equal shapes."""
    real, fake = real.float(), fake.float()
    if game == "hinge":
        return functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean()
    loss = functional.softplus(-real).mean() + functional.softplus(fake).mean()
    return loss / 2 if game == "bce" else loss


def generator_loss(fake: Tensor, game: Game) -> Tensor:
    """The generator's loss from the discriminator's logits on its images."""
    return -fake.float().mean() if game == "hinge" else functional.softplus(-fake.float()).mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, gamma: float) -> Tensor:
    """gamma / 2 times the mean squared norm of the gradient of D at real images (N, 3, H, W)."""
    images = real.detach().requires_grad_(True)
    logits = discriminator(images).float().sum()
    (gradient,) = torch.autograd.grad(logits, images, create_graph=True)
    return gamma / 2 * gradient.float().square().sum(dim=(1, 2, 3)).mean()
