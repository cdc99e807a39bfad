"""Convolutional features of ImageNet classifiers: what LPIPS, the Frechet distance on AlexNet and perceptual losses see.

A network comes from torchvision's published checkpoint, some also from a file of the features alone. Either is enough;
nothing is downloaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import Missing, WeightFile, nn, torch, weights

if TYPE_CHECKING:
    from torch import Tensor

_SOURCE = "torchvision's published ImageNet weights (download.pytorch.org/models)"
_LICENCE = "BSD-3-Clause (torchvision)"
# Of ImageNet, for images in [0, 1]; the lpips package writes them for [-1, 1].
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """A classifier's convolutional part. ``architecture`` is its name in torchvision, ``taps`` are the indices of the layers
    whose outputs are its features, ``files`` the weight files of which one is enough, ``smallest_px`` the smallest side
    that reaches the last layer."""

    name: str
    architecture: str
    taps: tuple[int, ...]
    files: tuple[WeightFile, ...]
    smallest_px: int

    def build(self) -> nn.Sequential:
        """The layers, untrained."""
        from torchvision.models import get_model

        layers: nn.Sequential = get_model(self.architecture, weights=None).features
        return layers

    def missing(self) -> list[Missing]:
        """[] where one of the files is here, else the Missing of the last, torchvision's own."""
        if any(weights.find(file) is not None for file in self.files):
            return []
        return weights.missing(self.files[-1:])

    def load(self) -> nn.Sequential:
        """The layers with their weights, frozen. Raises FileNotFoundError with the remedy where no file is here,
        ValueError where a file is not this network's."""
        file = next((file for file in self.files if weights.find(file) is not None), self.files[-1])
        path = weights.require(file)
        state = {key: value for key, value in _read(path).items() if key.startswith("features.")}
        layers = self.build()
        try:
            layers.load_state_dict({key.removeprefix("features."): value for key, value in state.items()})
        except RuntimeError as error:
            raise ValueError(f"{path} does not hold the features of {self.name}: {error}") from error
        for layer in layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # a tapped output must survive the layers after it
        # oneDNN convolves and pools channels-last tensors without repacking them.
        return layers.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def tapped(layers: nn.Sequential, taps: Sequence[int], images: Tensor) -> list[Tensor]:
    """The outputs of the layers ``taps`` (ascending) for normalised images (N, 3, H, W)."""
    features = []
    for index, layer in enumerate(layers):
        images = layer(images)
        if index in taps:
            features.append(images)
        if index == taps[-1]:
            break
    return features


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


ALEXNET = Backbone(
    name="AlexNet",
    architecture="alexnet",
    taps=(1, 4, 7, 9, 11),
    smallest_px=31,
    files=(
        WeightFile(
            id="alexnet_features",
            filename="alexnet_features.safetensors",
            licence=_LICENCE,
            source=_SOURCE + ", the features of alexnet-owt-7be5be79.pth alone",
            enables="lpips, fd_alexnet, kid_alexnet (alexnet is enough too)",
            sha256="9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9",
        ),
        WeightFile(
            id="alexnet",
            filename="alexnet-owt-7be5be79.pth",
            licence=_LICENCE,
            source=_SOURCE,
            enables="lpips, fd_alexnet, kid_alexnet",
            url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        ),
    ),
)
SQUEEZENET = Backbone(
    name="SqueezeNet 1.1",
    architecture="squeezenet1_1",
    taps=(1, 4, 7, 9, 10, 11, 12),
    smallest_px=31,
    files=(
        WeightFile(
            id="squeezenet1_1_features",
            filename="squeezenet1_1_features.safetensors",
            licence=_LICENCE,
            source=_SOURCE + ", the features of squeezenet1_1-b8a52dc0.pth alone",
            enables="lpips_squeeze (squeezenet1_1 is enough too)",
            sha256="29dd9af42ad48cb39a767454d382a2232dbc1625a1de3f00fca4868ee65dfc4b",
        ),
        WeightFile(
            id="squeezenet1_1",
            filename="squeezenet1_1-b8a52dc0.pth",
            licence=_LICENCE,
            source=_SOURCE,
            enables="lpips_squeeze",
            url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        ),
    ),
)
VGG16 = Backbone(
    name="VGG-16",
    architecture="vgg16",
    taps=(3, 8, 15, 22, 29),
    smallest_px=16,
    files=(
        WeightFile(
            id="vgg16",
            filename="vgg16-397923af.pth",
            licence=_LICENCE,
            source=_SOURCE,
            enables="lpips_vgg; training: losses perceptual and style (vgg16), the paper recipes of ctsdg, dfnet and rfr",
            url="https://download.pytorch.org/models/vgg16-397923af.pth",
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
    ),
)
VGG19 = Backbone(
    name="VGG-19",
    architecture="vgg19",
    taps=(3, 8, 13, 22, 31),
    smallest_px=16,
    files=(
        WeightFile(
            id="vgg19",
            filename="vgg19-dcbb9e9d.pth",
            licence=_LICENCE,
            source=_SOURCE,
            enables="training: losses perceptual and style (vgg19), the paper recipes of aotgan, edgeconnect, fd_stackgan, lama",
            url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        ),
    ),
)
