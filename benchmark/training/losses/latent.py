"""Latent loss of Randhawa et al. 2022: || f0(t) - f(m) ||, the distance between the codes of the unmasked truth under the
baseline encoder f0 and of the masked image under the encoder f that is being trained.

The codes come with the network's outputs (``codes`` and ``target_codes`` of psp_unmask); the norm is the root of the mean
square per style, so that a weight means the same for 12, 14 or 18 styles.
"""

from __future__ import annotations

from torch import Tensor

from unmaskbench.benchmark.training.losses import Batch


class Latent:
    """Called with the difference of codes (N, styles, D) as ``restored``: methods give it as the output ``latent``."""

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        del batch  # codes need no image
        return restored.square().mean(dim=2).add(1e-8).sqrt().mean()
