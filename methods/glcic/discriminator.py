"""The global and local context discriminators of GLCIC (Iizuka et al. 2017, section 3.3, table 2)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

KERNEL = 5


class ContextDiscriminator(nn.Module):
    """One score an image from all of it and from the square around its hole, half as wide.

    Each part is strided 5x5 convolutions down to 4 px or less and a fully connected layer; a last one joins them.

    Args:
        size_px: side of the images, a power of two (the paper: 256).
        width: channels of the first convolution; they double up to eight times (the paper: 64).
        features: what each part gives to the last layer (the paper: 1,024).
    """

    def __init__(self, size_px: int = 256, width: int = 64, features: int = 1024) -> None:
        super().__init__()
        if size_px < 16 or size_px & (size_px - 1):
            raise ValueError(f"size_px is {size_px}; expected a power of two of at least 16")
        self.size_px = size_px
        self.whole = self._part(size_px, width, features)
        self.local = self._part(size_px // 2, width, features)
        self.join = nn.Linear(2 * features, 1)

    @staticmethod
    def _part(side: int, width: int, features: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        before, after = 3, width
        while side > 4:
            layers += [nn.Conv2d(before, after, KERNEL, 2, KERNEL // 2), nn.BatchNorm2d(after), nn.ReLU()]
            before, after, side = after, min(2 * after, 8 * width), side // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, features), nn.ReLU())

    def forward(self, stacked: Tensor) -> Tensor:
        """Logits (N, 1), positive = real, for (N, 7, S, S) in [0, 1]: candidate, occluded image and mask."""
        image, mask = stacked[:, :3], stacked[:, 6:]
        if image.shape[-1] != self.size_px or image.shape[-2] != self.size_px:
            raise ValueError(f"images of {tuple(image.shape[-2:])}; this discriminator is for {self.size_px} px")
        squares = torch.stack([self._square(one, hole[0]) for one, hole in zip(image, mask, strict=True)])
        return cast("Tensor", self.join(torch.cat((self.whole(image), self.local(squares)), 1)))

    def _square(self, image: Tensor, hole: Tensor) -> Tensor:
        """The square of half the side around the middle of the hole, moved into the image."""
        side = self.size_px // 2
        corner = []
        for axis in (1, 0):
            places = hole.amax(axis).nonzero()
            middle = int((places.min() + places.max() + 1) // 2) if len(places) else side
            corner.append(min(max(middle - side // 2, 0), self.size_px - side))
        return image[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]
