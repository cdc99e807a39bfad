"""The network that corrects five landmarks above a worn mask: six convolutions and two linear layers, 0.33 M parameters.

Input: an RGB crop in [0, 1], (N, 3, 64, 64), laid by the points that are to be corrected. Output: (N, 5, 2) places, as
offsets in eye distances from where the points of a mean face lie in every crop. Regression from a crop laid by an earlier
guess is the cascade of Sun, Wang, Tang 2013 (Deep Convolutional Network Cascade for Facial Point Detection).
"""

from __future__ import annotations

from torch import Tensor, nn

from unmaskbench.benchmark.detection.crops import SIDE

WIDTHS = ((3, 16, 2), (16, 32, 2), (32, 48, 1), (48, 64, 2), (64, 96, 1), (96, 96, 2))


class RefinerNetwork(nn.Module):
    """Offsets (N, 5, 2) in eye distances for crops (N, 3, 64, 64) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, stride in WIDTHS:
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.hidden = nn.Linear(96 * (SIDE // 16) ** 2, 96)
        self.offsets = nn.Linear(96, 10)

    def forward(self, crops: Tensor) -> Tensor:
        features = self.features(crops * 2 - 1).flatten(1)
        offsets: Tensor = self.offsets(nn.functional.relu(self.hidden(features)))
        return offsets.reshape(-1, 5, 2)
