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


def discriminator_loss(real: Tensor, fake: Tensor, game: Game, missing: Tensor | None = None) -> Tensor:
    """The discriminator's loss from its logits on real and generated images, any equal shapes.

    With ``missing`` (of the logits' shape, 1 = the patch sees missing pixels) a generated image's other patches are to be
    called real (Suvorov et al. 2022, section 2.2.2).
    """
    real, fake = real.float(), fake.float()
    called_real, called_fake = (_hinge(-real), _hinge(fake)) if game == "hinge" else (_soft(-real), _soft(fake))
    if missing is not None:
        other = _hinge(-fake) if game == "hinge" else _soft(-fake)
        called_fake = torch.where(missing > 0.5, called_fake, other)
    loss = called_real.mean() + called_fake.mean()
    return loss / 2 if game == "bce" else loss


def _hinge(logits: Tensor) -> Tensor:
    return functional.relu(1.0 + logits)


def _soft(logits: Tensor) -> Tensor:
    return functional.softplus(logits)


def generator_loss(fake: Tensor, game: Game) -> Tensor:
    """The generator's loss from the discriminator's logits on its images."""
    return -fake.float().mean() if game == "hinge" else functional.softplus(-fake.float()).mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, gamma: float) -> Tensor:
    """gamma / 2 times the mean squared norm of the gradient of D at real images (N, 3, H, W)."""
    images = real.detach().requires_grad_(True)
    logits = discriminator(images).float().sum()
    (gradient,) = torch.autograd.grad(logits, images, create_graph=True)
    return gamma / 2 * gradient.float().square().sum(dim=(1, 2, 3)).mean()
