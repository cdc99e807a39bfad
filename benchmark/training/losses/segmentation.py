"""Mask losses on logits x against a binary mask m: binary cross-entropy plus soft Dice.

BCE = mean -(m log s(x) + (1 - m) log(1 - s(x))); Dice = 1 - (2 sum s(x) m + 1) / (sum s(x) + sum m + 1) per image
(Milletari et al. 2016, eq. 2 in its linear form; the ones keep an empty mask defined).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """The mean binary cross-entropy of logits and mask, both (N, 1, H, W)."""
    return functional.binary_cross_entropy_with_logits(logits.float(), mask)


def dice(logits: Tensor, mask: Tensor) -> Tensor:
    """The mean soft Dice loss of logits and mask, both (N, 1, H, W)."""
    probability = logits.float().sigmoid().flatten(1)
    truth = mask.flatten(1)
    shared = (probability * truth).sum(dim=1)
    return (1.0 - (2.0 * shared + 1.0) / (probability.sum(dim=1) + truth.sum(dim=1) + 1.0)).mean()
