"""The two critics of Yu et al. 2018 (section 3.2, appendix A): one of the whole image, one of the hole's surroundings."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

HALVINGS = 4


class Critic(nn.Module):
    """Four 5x5 convolutions of stride 2 with LeakyReLU and a fully connected layer: one score an image, without a bound.

    Args:
        size_px: side of the images (the paper: 256), a multiple of 32.
        width: channels of the first convolution, doubled twice, then kept (the paper: 64).
        local: whether it sees the square around the hole alone, half as wide as the image.
    """

    def __init__(self, size_px: int = 256, width: int = 64, local: bool = False) -> None:
        super().__init__()
        if size_px < 32 or size_px % 32:
            raise ValueError(f"size_px is {size_px}; expected a multiple of 32")
        self.size_px, self.local = size_px, local
        layers: list[nn.Module] = []
        before = 3
        for number in range(HALVINGS):
            after = width * min(2**number, 4)
            layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
            before = after
        side = (size_px // 2 if local else size_px) // 2**HALVINGS
        self.score = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, 1))

    def forward(self, stacked: Tensor) -> Tensor:
        """Scores (N, 1), more = real, for (N, 7, S, S) in [0, 1]: candidate, occluded image and mask."""
        image, mask = stacked[:, :3] * 2 - 1, stacked[:, 6:]
        if image.shape[-1] != self.size_px or image.shape[-2] != self.size_px:
            raise ValueError(f"images of {tuple(image.shape[-2:])}; this critic is for {self.size_px} px")
        if self.local:
            image = torch.stack([self._square(one, hole[0]) for one, hole in zip(image, mask, strict=True)])
        return cast("Tensor", self.score(image))

    def _square(self, image: Tensor, hole: Tensor) -> Tensor:
        """The square of half the side around the middle of the hole, moved into the image."""
        side = self.size_px // 2
        corner = []
        for axis in (1, 0):
            places = hole.amax(axis).nonzero()
            middle = int((places.min() + places.max() + 1) // 2) if len(places) else side
            corner.append(min(max(middle - side // 2, 0), self.size_px - side))
        return image[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]
