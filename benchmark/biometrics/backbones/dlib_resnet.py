"""dlib's face-recognition residual network (King 2017), read from dlib's own file.

Twenty-nine convolutions after He et al. 2016 with half the filters of ResNet-34, trained by King on about three million
faces with a metric loss; on LFW its author states 99.38 %. Three habits of dlib's layers shape it: a convolution
with a stride is not padded, a block that halves the image halves its input by mean pooling, and an addition fills what
one side lacks, in channels, rows or columns, with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unmaskbench.plugin import WeightsError

INPUT_PX = 150
# Filters of each block, and whether it halves the image.
_BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False)),
    (256, True),
)
_TENSOR_VERSION = 2


class Block(nn.Module):
    """Two 3x3 convolutions and what they are added to. A channel's gain and offset, which dlib keeps as a layer after each
    convolution (what it makes of a trained batch norm), are part of the convolution here."""

    def __init__(self, c_in: int, c_out: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(functional.relu(self.conv1(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
            rows, columns = (max(a, b) for a, b in zip(x.shape[2:], residual.shape[2:], strict=True))
            x, residual = (_filled(part, residual.shape[1], rows, columns) for part in (x, residual))
        return functional.relu(x + residual)


def _filled(x: Tensor, channels: int, rows: int, columns: int) -> Tensor:
    return functional.pad(x, (0, columns - x.shape[3], 0, rows - x.shape[2], 0, channels - x.shape[1]))


class DlibResNet(nn.Module):
    """Map faces (N, 3, 150, 150), RGB in [0, 1], to embeddings (N, 128), not normalised."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298])[:, None, None] / 255, persistent=False)
        self.conv = nn.Conv2d(3, 32, 7, stride=2)
        c_in, blocks = 32, []
        for c_out, halves in _BLOCKS:
            blocks.append(Block(c_in, c_out, halves))
            c_in = c_out
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(c_in, 128, bias=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Return embeddings; ValueError on another size than 150 x 150."""
        if faces.shape[1:] != (3, INPUT_PX, INPUT_PX):
            raise ValueError(f"faces {tuple(faces.shape)}; expected (N, 3, {INPUT_PX}, {INPUT_PX})")
        x = (faces - self.mean) * (255 / 256)
        x = functional.max_pool2d(functional.relu(self.conv(x)), 3, stride=2)
        embeddings: Tensor = self.fc(self.blocks(x).mean(dim=(2, 3)))
        return embeddings

    def convolutions(self) -> Iterator[nn.Conv2d]:
        """The convolutions in the order of dlib's file: from the image to the embedding."""
        return (module for module in self.modules() if isinstance(module, nn.Conv2d))


def load_dlib_resnet(path: Path | str) -> DlibResNet:
    """The network in eval mode with the weights of ``dlib_face_recognition_resnet_model_v1.dat``.

    dlib writes a network layer by layer, each layer's parameters as one tensor behind a header with its size; what lies
    between them (settings, empty gradients) says nothing that the network above does not. Raises FileNotFoundError,
    or WeightsError when a tensor of the size that a layer needs does not follow.
    """
    network, tensors = DlibResNet(), _Tensors(Path(path))
    with torch.no_grad():
        for convolution in network.convolutions():
            weight, bias = convolution.weight, convolution.bias
            assert bias is not None
            values = tensors.next(weight.numel() + bias.numel())
            gain, offset = tensors.next(2 * len(bias)).view(2, -1)
            weight.copy_(values[: weight.numel()].view_as(weight) * gain[:, None, None, None])
            bias.copy_(values[weight.numel() :] * gain + offset)
        inputs, outputs = network.fc.in_features, network.fc.out_features
        network.fc.weight.copy_(tensors.next(inputs, outputs).view(inputs, outputs).T)
    return network.eval()


class _Tensors:
    """The tensors of a file of dlib, one after another."""

    def __init__(self, path: Path) -> None:
        self._path, self._content, self._position = path, path.read_bytes(), 0

    def next(self, count: int, columns: int = 1) -> Tensor:
        """The values of the next tensor of ``count`` x ``columns``, flat. Raises WeightsError where none follows."""
        header = b"".join(_integer(value) for value in (_TENSOR_VERSION, count, columns, 1, 1))
        found = self._content.find(header, self._position)
        start, size = found + len(header), count * columns
        self._position = start + 4 * size
        if found < 0 or self._position > len(self._content):
            raise WeightsError(
                f"{self._path}: no tensor of {count} x {columns} where one is due; "
                "expected dlib_face_recognition_resnet_model_v1.dat"
            )
        return torch.from_numpy(np.frombuffer(self._content, "<f4", size, start).copy())


def _integer(value: int) -> bytes:
    """A whole number as dlib writes it: how many bytes follow, then these, lowest first."""
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes([size]) + value.to_bytes(size, "little")
