"""DifFace's way from an estimate to a face: diffuse it part of the way, and denoise from there (Yue and Loy 2022, section 3).

The schedule is linear over 1000 steps, of which every fourth is taken; the sampler is DDIM (Song et al. 2021, eq. 12).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

STEPS, TAKEN = 1000, 250


def kept_signal() -> Tensor:
    """The product of (1 - beta) up to each of the 250 steps taken, float64: 0.9999 at the first, near 0 at the last."""
    betas = torch.linspace(1e-4, 2e-2, STEPS, dtype=torch.float64)
    return (1 - betas).cumprod(0)[:: STEPS // TAKEN]


def noises(like: Tensor, seed: int) -> Iterator[Tensor]:
    """Gaussian images (1, C, H, W) without end; every face of a batch gets the same, so that no neighbour changes it."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randn(1, *like.shape[1:], generator=generator).to(like.device, like.dtype)


def towards(image: Tensor, known: Tensor, gamma: float) -> Callable[[Tensor], Tensor]:
    """One step of gradient descent on the squared error to `image` where `known` is 1: how inpainting keeps what it sees."""
    return lambda clean: clean - 2 * gamma * (clean - image) * known


def denoise_from(
    network: nn.Module,
    estimate: Tensor,
    start: int,
    eta: float,
    seed: int,
    guide: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Faces (N, 3, H, W) in [-1, 1] from estimates in [-1, 1], diffused to step `start` of 250.

    `network` predicts the noise in its first three channels; `eta` is DDIM's share of fresh noise; `guide` changes each
    predicted face. As published, the estimate gets the noise of step `start` and denoising begins one step below it.
    """
    if not 1 <= start < TAKEN:
        raise ValueError(f"start must be a step of 1 to {TAKEN - 1}, got {start}")
    kept, draw = kept_signal().tolist(), noises(estimate, seed)
    x = math.sqrt(kept[start]) * estimate + math.sqrt(1 - kept[start]) * next(draw)
    for step in range(start - 1, -1, -1):
        now, then = kept[step], kept[step - 1] if step else 1.0
        timesteps = torch.full((x.shape[0],), step * (STEPS // TAKEN), device=x.device)
        noise = network(x, timesteps)[:, :3]
        clean = ((x - math.sqrt(1 - now) * noise) / math.sqrt(now)).clamp(-1, 1)
        if guide is not None:
            clean = guide(clean).clamp(-1, 1)
        noise = (x - math.sqrt(now) * clean) / math.sqrt(1 - now)
        fresh = eta * math.sqrt((1 - then) / (1 - now) * (1 - now / then))
        x = math.sqrt(then) * clean + math.sqrt(max(1 - then - fresh**2, 0.0)) * noise
        if step:
            x = x + fresh * next(draw)
    return x
