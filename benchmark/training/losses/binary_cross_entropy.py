"""Binary cross-entropy of a map of probabilities with a map of zeros and ones: mean -t log u - (1 - t) log(1 - u)."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.benchmark.training.losses import Batch

FLOOR = 1e-6


class BinaryCrossEntropy:
    """Called with probabilities (N, 1, H, W), an output that brings its truth (an edge map, say)."""

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        sure = restored.float().clamp(FLOOR, 1 - FLOOR)
        return -(batch.truth * sure.log() + (1 - batch.truth) * (1 - sure).log()).mean()
