"""Adversarial losses on logits (positive = real), and the R1 penalty.

- ``bce`` (Goodfellow et al. 2014, minimax value, with the generator's non-saturating form):
  L_D = -log s(D(t)) - log(1 - s(D(u))), L_G = -log s(D(u)), each half of the binary cross-entropy averaged;
- ``non_saturating``: the same two in the softplus form, summed rather than averaged (StyleGAN's convention);
- ``hinge`` (Lim and Ye 2017): L_D = max(0, 1 - D(t)) + max(0, 1 + D(u)), L_G = -D(u);
- ``least_squares`` (Mao et al. 2017, eq. 9): L_D = (D(t) - 1)^2 + D(u)^2, L_G = (D(u) - 1)^2;
- ``wasserstein`` (Arjovsky et al. 2017, eqs. 2 and 3): L_D = D(u) - D(t), L_G = -D(u), for a critic held to slope 1;
- the gradient penalty that holds it (Gulrajani et al. 2017, eq. 3), on the hole alone (Yu et al. 2018, eq. 3):
  gamma E (|m grad_x D(x)| - 1)^2 at points x between truth and output;
- R1 (Mescheder et al. 2018, eq. 9): gamma / 2 * E |grad_t D(t)|^2 on real images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Game = Literal["bce", "hinge", "non_saturating", "least_squares", "wasserstein"]


def discriminator_loss(real: Tensor, fake: Tensor, game: Game, missing: Tensor | None = None) -> Tensor:
    """The discriminator's loss from its logits on real and generated images, any equal shapes.

    With ``missing`` (of the logits' shape, 1 = the patch sees missing pixels) a generated image's other patches are to be
    called real (Suvorov et al. 2022, section 2.2.2); least squares take any share in [0, 1] (Zeng et al. 2022, eq. 5).
    """
    real, fake = real.float(), fake.float()
    if game == "least_squares":
        # A square has a value between its ends: a patch may be called real by the share of it that is known.
        wanted = torch.zeros_like(fake) if missing is None else 1.0 - missing
        return (real - 1.0).square().mean() + (fake - wanted).square().mean()
    called_real, called_fake = _called(real, game, real=True), _called(fake, game, real=False)
    if missing is not None:
        called_fake = torch.where(missing > 0.5, called_fake, _called(fake, game, real=True))
    loss = called_real.mean() + called_fake.mean()
    return loss / 2 if game == "bce" else loss


def _called(logits: Tensor, game: Game, real: bool) -> Tensor:
    """What it costs to have given these logits to what is to be called real, or generated."""
    logits = -logits if real else logits
    if game == "wasserstein":
        return logits
    return functional.relu(1.0 + logits) if game == "hinge" else functional.softplus(logits)


def generator_loss(fake: Tensor, game: Game) -> Tensor:
    """The generator's loss from the discriminator's logits on its images."""
    fake = fake.float()
    if game == "least_squares":
        return (fake - 1.0).square().mean()
    return -fake.mean() if game in ("hinge", "wasserstein") else functional.softplus(-fake).mean()


def softened(mask: Tensor, sigma_px: float) -> Tensor:
    """``mask`` (N, 1, H, W) under a Gaussian of ``sigma_px``, cut off at 3.5 sigma (71 px at 10, as published)."""
    radius = max(round(3.5 * sigma_px), 1)
    offsets = torch.arange(-radius, radius + 1, device=mask.device, dtype=torch.float32)
    kernel = torch.exp(-offsets.square() / (2 * sigma_px**2))
    row = (kernel / kernel.sum()).view(1, 1, 1, -1)
    wide = functional.pad(mask.float(), (radius,) * 4, mode="replicate")
    return functional.conv2d(functional.conv2d(wide, row), row.transpose(2, 3))


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mask: Tensor, gamma: float
) -> Tensor:
    """gamma times the mean of (|gradient of D in the hole| - 1)^2, at a random point between each pair of images
    (N, C, H, W); ``mask`` (N, 1, H, W), 1 = missing."""
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(fake.detach(), real.detach(), share).requires_grad_(True)
    scores = discriminator(between).float().sum()
    (gradient,) = torch.autograd.grad(scores, between, create_graph=True)
    # The floor keeps the root's own gradient finite where an image has no hole.
    length = ((gradient.float() * mask).square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
    return gamma * (length - 1.0).square().mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, gamma: float) -> Tensor:
    """gamma / 2 times the mean squared norm of the gradient of D at real images (N, 3, H, W)."""
    images = real.detach().requires_grad_(True)
    logits = discriminator(images).float().sum()
    (gradient,) = torch.autograd.grad(logits, images, create_graph=True)
    return gamma / 2 * gradient.float().square().sum(dim=(1, 2, 3)).mean()
