"""Style loss (Gatys et al. 2016, eqs. 4 and 5, in the absolute form of Liu et al. 2018, eq. 4).

Sum over layers of the mean |G_l(u) - G_l(t)|, G_l = f_l f_l^T / (C_l H_l W_l), the correlations between a layer's channels:

- ``vgg16``: pool1, pool2 and pool3 (Liu et al. 2018);
- ``vgg19``: relu2_2, relu3_4, relu4_4 and relu5_2 (Nazeri et al. 2019, section 3.2);
- ``alexnet``: its five convolutions, a stand-in for those who have no VGG weights: a recipe that uses it says so.

With ``region`` the output counts in that region alone: outside it the truth is pasted over it before both are looked at.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.metrics._backbones import ALEXNET, VGG16, VGG19, tapped
from unmaskbench.benchmark.training.losses import Batch, View, region_weight
from unmaskbench.benchmark.training.losses.perceptual import IMAGENET_MEAN, IMAGENET_STD

NETWORKS = {"alexnet": (ALEXNET, ALEXNET.taps), "vgg16": (VGG16, (4, 9, 16)), "vgg19": (VGG19, (8, 17, 26, 31))}


def gram(features: Tensor) -> Tensor:
    """Correlations between channels, (N, C, C), of features (N, C, H, W), over the number of values; in float32."""
    flat = features.float().flatten(2)
    # In half precision the sums over a map lose the digits that the difference is made of.
    with torch.autocast(features.device.type, enabled=False):
        return flat @ flat.transpose(1, 2) / flat[0].numel()


class Style(nn.Module):
    """``network`` is one of NETWORKS; ``view`` chooses raw or composite output. Raises FileNotFoundError with the remedy
    where the features are not here."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: str = "vgg16", view: View = "raw", region: str = "whole") -> None:
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"unknown style network '{network}'; there are {', '.join(NETWORKS)}")
        backbone, self.taps = NETWORKS[network]
        self.view, self.region = view, region
        self.features = backbone.load()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[None, :, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[None, :, None, None])

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        seen, truth = batch.view(restored, self.view), batch.truth
        weight = region_weight(batch, self.region)
        if weight is not None:
            seen = seen * weight + truth * (1.0 - weight)
        pairs = zip(self._grams(seen), self._grams(truth), strict=True)
        return torch.stack([(u - t).abs().mean() for u, t in pairs]).sum()

    def _grams(self, images: Tensor) -> list[Tensor]:
        return [gram(f) for f in tapped(self.features, self.taps, (images - self.mean) / self.std)]
