"""Perceptual losses on features of a network trained to classify.

- ``lpips_alex``, ``lpips_squeeze`` (Zhang et al. 2018, eq. 1): sum over layers of the spatial mean of
  w_l * (f_l(u) - f_l(t))^2 on channel-normalised features, with the published heads of the ``lpips`` package;
- ``vgg19`` (Jabbar et al. 2021, eq. 6): sum over the layers relu1_2 ... relu5_2 of the mean |f_l(u) - f_l(t)|;
- ``vgg16`` (Liu et al. 2018, eq. 3): the same over pool1, pool2 and pool3.

With ``region`` the output counts in that region alone: outside it the truth is pasted over it before both are looked at.
``shift_px`` cuts that many pixels off each side's sum, at a place drawn anew each step: AlexNet looks every 4 px, and a
restorer that always meets the same grid learns bars along it, which LPIPS at that place takes for texture.

The features' weights are files of their publishers. Where they are not here, the loss is refused with the command that
gets them: there is no fallback to other features behind a recipe's back.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.metrics._backbones import ALEXNET, SQUEEZENET, VGG16, VGG19, Backbone, tapped
from unmaskbench.benchmark.training.losses import Batch, View, region_weight

FEATURES = {"lpips_alex": ALEXNET, "lpips_squeeze": SQUEEZENET, "vgg16": VGG16, "vgg19": VGG19}
# Indices of the layers in torchvision's networks.
VGG_TAPS = {"vgg16": (4, 9, 16), "vgg19": VGG19.taps}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Perceptual(nn.Module):
    """``network`` is one of FEATURES; ``view`` chooses raw or composite output. Raises FileNotFoundError with the
    remedy where the features are not here."""

    def __init__(
        self, network: str = "lpips_alex", view: View = "raw", shift_px: int = 0, region: str = "whole"
    ) -> None:
        super().__init__()
        self.region = region
        if network not in FEATURES:
            raise ValueError(f"unknown perceptual network '{network}'; there are {', '.join(FEATURES)}")
        if shift_px < 0:
            raise ValueError(f"perceptual's shift is a number of pixels, got {shift_px}")
        self.view, self.shift_px = view, shift_px
        backbone = FEATURES[network]
        taps = VGG_TAPS.get(network)
        self.network = _VGG(backbone, taps) if taps else _lpips(network.removeprefix("lpips_"), backbone)
        self.network.eval().requires_grad_(False)

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        seen, truth = batch.view(restored, self.view), batch.truth
        weight = region_weight(batch, self.region)
        if weight is not None:
            seen = seen * weight + truth * (1.0 - weight)
        if self.shift_px:
            top, left = (int(torch.randint(self.shift_px + 1, ())) for _ in range(2))
            height, width = (side - self.shift_px for side in truth.shape[-2:])
            seen, truth = (x[..., top : top + height, left : left + width] for x in (seen, truth))
        distance: Tensor = self.network(seen, truth)
        return distance.float().mean()

    def train(self, mode: bool = True) -> Perceptual:
        """Stay in evaluation mode: LPIPS's heads hold dropout."""
        return super().train(False)


class _LPIPS(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        distance: Tensor = self.model(restored * 2 - 1, truth * 2 - 1)
        return distance


class _VGG(nn.Module):
    def __init__(self, backbone: Backbone, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.features, self.taps = backbone.load(), taps
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[None, :, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[None, :, None, None])

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        of_restored, of_truth = (
            tapped(self.features, self.taps, (x - self.mean) / self.std) for x in (restored, truth)
        )
        differences = [(u - t).abs().mean() for u, t in zip(of_restored, of_truth, strict=True)]
        return torch.stack(differences).sum()


def _lpips(kind: str, backbone: Backbone) -> nn.Module:
    import contextlib
    import io
    import warnings

    features = backbone.load().state_dict()
    import lpips

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # lpips builds torchvision's network by an argument that torchvision no longer likes.
        warnings.simplefilter("ignore", UserWarning)
        model = lpips.LPIPS(net=kind, pretrained=True, pnet_rand=True, verbose=False)
    own = model.net.state_dict()
    # lpips cuts the features into slices but keeps each layer's number: "slice2.3.weight" is "3.weight".
    model.net.load_state_dict({key: features[key.split(".", 1)[1]] for key in own})
    return _LPIPS(model)
