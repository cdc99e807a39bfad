"""What the segmentation metrics count: true and false positives of binarised masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unmaskbench.plugin import check_like, check_masks, torch

if TYPE_CHECKING:
    from torch import Tensor

THRESHOLD = 0.5
# Nothing to find and nothing found is right.
BOTH_EMPTY = 1.0


class Counts(NamedTuple):
    """Pixels per image, each (N,) float64: in both masks, in the predicted one, in the true one."""

    intersection: Tensor
    predicted: Tensor
    true: Tensor


def counts(predicted: Tensor, truth: Tensor, metric: str) -> Counts:
    """Counts of two masks (N, 1, H, W) in [0, 1], binarised at 0.5 (0.5 is missing). Raises ValueError otherwise."""
    check_masks(predicted, metric, "predicted masks")
    check_masks(truth, metric, "true masks")
    check_like(predicted, truth, metric)
    ours, theirs = predicted >= THRESHOLD, truth >= THRESHOLD
    intersection, first, second = (mask.flatten(1).sum(1).to(torch.float64) for mask in (ours & theirs, ours, theirs))
    return Counts(intersection, first, second)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 1 where both are empty."""
    return torch.where(whole > 0, part / whole.clamp_min(1.0), torch.full_like(part, BOTH_EMPTY))
