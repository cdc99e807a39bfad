"""The improved residual network of AdaFace (Kim et al. 2022; units after Deng et al. 2019, without squeeze and excitation).

Layer names are those of the AdaFace release. It is IResNet but for three things: the first unit of 64 channels has no
projection on its shortcut, the last norm has no gain and offset, and norms have torch's own constants.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from unmaskbench.plugin import WeightsError, load_strict, read_checkpoint, state_dict_of, under_prefix

INPUT_PX = 112
IR_50 = (3, 4, 14, 3)
IR_101 = (3, 13, 30, 3)
_WIDTHS = (64, 128, 256, 512)
_PREFIX, _HEAD = "model.", "head."
# What a checkpoint of its trainer mentions beside tensors: settings, callbacks, paths.
_TRAINER = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "torch.optim.", "pathlib.", "numpy.", "typing.Any")


class Unit(nn.Module):
    """Norm, convolution, norm, PReLU, strided convolution, norm; the shortcut is sampled where widths are equal."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)
            if c_in == c_out
            else nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(c_out),
            nn.PReLU(c_out),
            nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return out


class IRNet(nn.Module):
    """Map faces (N, 3, 112, 112), BGR in [-1, 1], to embeddings (N, 512) of unit length. ``units`` counts them per stage."""

    def __init__(self, units: tuple[int, int, int, int] = IR_101) -> None:
        super().__init__()
        first = _WIDTHS[0]
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        body: list[Unit] = []
        before = first
        for width, count in zip(_WIDTHS, units, strict=True):
            body += [Unit(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)]
            before = width
        self.body = nn.Sequential(*body)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(before * (INPUT_PX // 16) ** 2, 512),
            nn.BatchNorm1d(512, affine=False),
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Return embeddings; ValueError on another size than 112 x 112."""
        if faces.shape[1:] != (3, INPUT_PX, INPUT_PX):
            raise ValueError(f"faces {tuple(faces.shape)}; expected (N, 3, {INPUT_PX}, {INPUT_PX})")
        return functional.normalize(self.output_layer(self.body(self.input_layer(faces))), dim=1)


def load_ir_net(path: Path | str, units: tuple[int, int, int, int]) -> IRNet:
    """IRNet in eval mode with the weights of an AdaFace checkpoint (``state_dict`` with the network under ``model.`` and the
    margin's head beside it) or of a bare state dict.

    Raises FileNotFoundError, or WeightsError where the file is unsafe, damaged or of another network.
    """
    state = state_dict_of(read_checkpoint(path, inert_packages=_TRAINER), source=path)
    if any(key.startswith(_PREFIX) for key in state):
        others = sorted(key for key in state if not key.startswith((_PREFIX, _HEAD)))
        if others:
            raise WeightsError(
                f"{path}: beside {_PREFIX}* and {_HEAD}* an AdaFace checkpoint holds nothing; found {others[0]}"
            )
        state = under_prefix(state, _PREFIX)
    network = IRNet(units)
    load_strict(network, state, path)
    return network.eval()
