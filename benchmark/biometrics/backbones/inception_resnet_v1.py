"""Inception-ResNet-v1, the network of the public FaceNet weights (Szegedy et al. 2017, figures 10-15).

Layer names and constants are those of the common PyTorch port, whose VGGFace2 and CASIA-WebFace files load strictly.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unmaskbench.plugin import load_strict, read_state_dict

Kernel = int | tuple[int, int]
_HEAD = "logits."


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch norm, ReLU; `padding` "same" keeps the size."""

    def __init__(self, c_in: int, c_out: int, kernel: Kernel, stride: int = 1, *, same: bool = False) -> None:
        super().__init__()
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (sides[0] // 2, sides[1] // 2) if same else (0, 0)
        self.conv = nn.Conv2d(c_in, c_out, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class ResidualInception(nn.Module):
    """x + scale * 1x1(concatenated branches): the shape of blocks A, B and C (figures 10, 11, 13).

    A branch is a list of (channels, kernel) steps; a branch of one step is a bare layer, as the names require.
    """

    def __init__(
        self, channels: int, branches: list[list[tuple[int, Kernel]]], scale: float, *, activate: bool = True
    ) -> None:
        super().__init__()
        self.scale, self.activate, self.branch_count = scale, activate, len(branches)
        for index, steps in enumerate(branches):
            layers: list[nn.Module] = []
            before = channels
            for width, kernel in steps:
                layers.append(ConvNormReLU(before, width, kernel, same=True))
                before = width
            self.add_module(f"branch{index}", layers[0] if len(layers) == 1 else nn.Sequential(*layers))
        self.conv2d = nn.Conv2d(sum(steps[-1][0] for steps in branches), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed = torch.cat([self.get_submodule(f"branch{i}")(x) for i in range(self.branch_count)], dim=1)
        out: Tensor = self.conv2d(mixed) * self.scale + x
        return torch.relu(out) if self.activate else out


def block_a(scale: float = 0.17) -> ResidualInception:
    """35x35 block on 256 channels (figure 10)."""
    return ResidualInception(256, [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (32, 3), (32, 3)]], scale)


def block_b(scale: float = 0.10) -> ResidualInception:
    """17x17 block on 896 channels (figure 11)."""
    return ResidualInception(896, [[(128, 1)], [(128, 1), (128, (1, 7)), (128, (7, 1))]], scale)


def block_c(scale: float = 0.20, *, activate: bool = True) -> ResidualInception:
    """8x8 block on 1792 channels (figure 13)."""
    branches: list[list[tuple[int, Kernel]]] = [[(192, 1)], [(192, 1), (192, (1, 3)), (192, (3, 1))]]
    return ResidualInception(1792, branches, scale, activate=activate)


class ReductionA(nn.Module):
    """Halving block, 256 to 896 channels (figure 7)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = ConvNormReLU(256, 384, 3, 2)
        self.branch1 = nn.Sequential(
            ConvNormReLU(256, 192, 1), ConvNormReLU(192, 192, 3, same=True), ConvNormReLU(192, 256, 3, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.branch0(x), self.branch1(x), F.max_pool2d(x, 3, 2)), dim=1)


class ReductionB(nn.Module):
    """Halving block, 896 to 1792 channels (figure 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNormReLU(896, 256, 1), ConvNormReLU(256, 384, 3, 2))
        self.branch1 = nn.Sequential(ConvNormReLU(896, 256, 1), ConvNormReLU(256, 256, 3, 2))
        self.branch2 = nn.Sequential(
            ConvNormReLU(896, 256, 1), ConvNormReLU(256, 256, 3, same=True), ConvNormReLU(256, 256, 3, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.branch0(x), self.branch1(x), self.branch2(x), F.max_pool2d(x, 3, 2)), dim=1)


class InceptionResnetV1(nn.Module):
    """Map faces (N, 3, H, W) to unit embeddings (N, 512).

    The public weights expect RGB of 160 px, (value - 127.5) / 128; H and W must be at least 75 px.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = ConvNormReLU(3, 32, 3, 2)
        self.conv2d_2a = ConvNormReLU(32, 32, 3)
        self.conv2d_2b = ConvNormReLU(32, 64, 3, same=True)
        self.conv2d_3b = ConvNormReLU(64, 80, 1)
        self.conv2d_4a = ConvNormReLU(80, 192, 3)
        self.conv2d_4b = ConvNormReLU(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(block_a() for _ in range(5)))
        self.mixed_6a = ReductionA()
        self.repeat_2 = nn.Sequential(*(block_b() for _ in range(10)))
        self.mixed_7a = ReductionB()
        self.repeat_3 = nn.Sequential(*(block_c() for _ in range(5)))
        # The last block stays linear and unscaled.
        self.block8 = block_c(1.0, activate=False)
        self.dropout = nn.Dropout(0.6)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=1e-3)

    def forward(self, faces: Tensor) -> Tensor:
        """Return embeddings of length 1; ValueError on images below 75 px or without three channels."""
        if faces.ndim != 4 or faces.shape[1] != 3 or min(faces.shape[2:]) < 75:
            raise ValueError(f"faces {tuple(faces.shape)}; expected (N, 3, H, W) of at least 75 px")
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(faces)))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(F.max_pool2d(x, 3, 2))))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x))
        x = self.dropout(x.mean(dim=(2, 3)))
        return F.normalize(self.last_bn(self.last_linear(x)), dim=1)


def load_inception_resnet_v1(path: Path | str, *, sha256: str | None = None) -> InceptionResnetV1:
    """Return the network in eval mode with the weights of a public FaceNet file.

    The file's classification layer (``logits.``) is left out. Raises FileNotFoundError, or WeightsError when the file
    is unsafe, damaged or of another network.
    """
    state = read_state_dict(path, sha256=sha256)
    network = InceptionResnetV1()
    load_strict(network, {key: value for key, value in state.items() if not key.startswith(_HEAD)}, path)
    return network.eval()
