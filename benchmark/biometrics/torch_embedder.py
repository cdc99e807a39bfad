"""Face embedders as torch networks, run in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unmaskbench.benchmark.plugins.lazy_torch import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 32


class TorchEmbedder:
    """A network in eval mode on one device; it sees (255 x - mean) / divisor in ``order`` of channels."""

    def __init__(
        self,
        network: nn.Module,
        *,
        device: str,
        mean: float,
        divisor: float,
        order: Literal["rgb", "bgr"] = "rgb",
    ) -> None:
        self.network = network.to(device).eval()
        self.device, self.mean, self.divisor, self.order = device, mean, divisor, order

    def __call__(self, crops: Tensor) -> Tensor:
        """Embeddings (N, D) float32 on the CPU, as the network gives them, of crops (N, 3, h, w) in [0, 1]."""
        rows = []
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                part = crops[start : start + BATCH].float()
                blob = (part.flip(1) if self.order == "bgr" else part).mul(255.0).sub(self.mean).div(self.divisor)
                rows.append(self.network(blob.to(self.device)).float().cpu())
            return torch.cat(rows) if rows else torch.zeros((0, 0))
