"""IResNet, the face-recognition residual network of ArcFace and MagFace (Deng et al. 2019; Meng et al. 2021).

Layer names and constants are those of the MagFace release, whose IResNet100 checkpoint loads strictly.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from unmaskbench.plugin import WeightsError, load_strict, read_state_dict, under_prefix

INPUT_PX = 112
_EPS = 2e-5
_MOMENTUM = 0.9
_WIDTHS = (64, 128, 256, 512)
_IRESNET100_UNITS = (3, 13, 30, 3)
# How releases wrap the backbone: features on their own data-parallel wrapper, the whole model on one, or none.
_PREFIXES = ("features.module.", "module.features.", "features.", "module.", "")
_HEADS = ("fc.", "module.fc.")


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPS, momentum=_MOMENTUM)


class IRUnit(nn.Module):
    """Improved residual unit: norm, convolution, norm, PReLU, strided convolution, norm."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = _norm(c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False)
        self.bn2 = _norm(c_out)
        self.prelu = nn.PReLU(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False)
        self.bn3 = _norm(c_out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), _norm(c_out))
            if stride != 1 or c_in != c_out
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        out: Tensor = self.bn3(self.conv2(x)) + shortcut
        return out


class IResNet(nn.Module):
    """Map faces (N, 3, 112, 112) to embeddings (N, `embedding_dim`), not normalised: their length is the quality.

    MagFace expects BGR in [0, 1]. `units` is the number of units per stage.
    """

    def __init__(self, units: tuple[int, int, int, int] = _IRESNET100_UNITS, embedding_dim: int = 512) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = _norm(_WIDTHS[0])
        self.prelu = nn.PReLU(_WIDTHS[0])
        stages = []
        before = _WIDTHS[0]
        for width, count in zip(_WIDTHS, units, strict=True):
            stages.append(
                nn.Sequential(*(IRUnit(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)))
            )
            before = width
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.bn2 = _norm(_WIDTHS[3])
        self.dropout = nn.Dropout2d(p=0.4)
        self.fc = nn.Linear(_WIDTHS[3] * (INPUT_PX // 16) ** 2, embedding_dim)
        self.features = nn.BatchNorm1d(embedding_dim, eps=_EPS, momentum=_MOMENTUM)

    def forward(self, faces: Tensor) -> Tensor:
        """Return embeddings; ValueError on another size than 112 x 112."""
        if faces.shape[1:] != (3, INPUT_PX, INPUT_PX):
            raise ValueError(f"faces {tuple(faces.shape)}; expected (N, 3, {INPUT_PX}, {INPUT_PX})")
        x = self.prelu(self.bn1(self.conv1(faces)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        embeddings: Tensor = self.features(self.fc(self.dropout(self.bn2(x)).flatten(1)))
        return embeddings


def load_iresnet100(path: Path | str, *, sha256: str | None = None) -> IResNet:
    """Return IResNet100 in eval mode with the weights of a MagFace release or of a bare state dict.

    A release holds ``state_dict`` with the backbone under ``features.module.`` or ``module.features.`` and its
    classification head beside it; the head is left out. Raises FileNotFoundError, or WeightsError when the file is
    unsafe, damaged or of another network.
    """
    state = read_state_dict(path, sha256=sha256)
    prefix = next((p for p in _PREFIXES if f"{p}conv1.weight" in state), None)
    if prefix is None:
        raise WeightsError(
            f"{path}: no IResNet in this file; expected a 'conv1.weight' under one of {_PREFIXES}, "
            f"found {', '.join(list(state)[:4])} ..."
        )
    weights = under_prefix(state, prefix)
    # What lies outside the backbone must be the head, or the file is not what it seems.
    weights.update({key: value for key, value in state.items() if not key.startswith((prefix, *_HEADS))})
    network = IResNet()
    load_strict(network, weights, path)
    return network.eval()
