"""pSp: style encoder and StyleGAN2 generator as one network (Richardson et al. 2021; Randhawa et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unmaskbench.methods.psp_unmask.encoder import GradualStyleEncoder
from unmaskbench.methods.psp_unmask.stylegan2 import Generator

# Side of the images that the published encoder reads, whatever the generator's size.
PUBLISHED_INPUT_PX = 256
COMPACT_PX = 128
COMPACT_STYLE_DIM = 256
COMPACT_CHANNELS = {4: 192, 8: 192, 16: 192, 32: 96, 64: 32, 128: 16}
COMPACT_INPUT_PX = 64
"""The compact encoder looks at half the output's size, as the published one does at a quarter (256 px for 1024)."""


class PSP(nn.Module):
    """Encoder, generator and the mean latent that the encoder's styles are offsets from.

    Raises ValueError when the two networks disagree on the number or size of styles.
    """

    def __init__(self, encoder: GradualStyleEncoder, decoder: Generator) -> None:
        super().__init__()
        if (encoder.n_styles, encoder.style_dim) != (decoder.n_styles, decoder.style_dim):
            raise ValueError(
                f"encoder gives {encoder.n_styles} styles of {encoder.style_dim}, "
                f"decoder wants {decoder.n_styles} of {decoder.style_dim}"
            )
        self.encoder = encoder
        self.decoder = decoder
        self.latent_avg: Tensor
        self.register_buffer("latent_avg", torch.zeros(decoder.n_styles, decoder.style_dim))

    @classmethod
    def published(cls, size: int = 256) -> PSP:
        """Build the published pair for images of `size` px: IR-SE-50 on 256 px, styles of 512."""
        decoder = Generator(size)
        return cls(GradualStyleEncoder(decoder.n_styles, PUBLISHED_INPUT_PX), decoder)

    @classmethod
    def compact(cls) -> PSP:
        """Build the 128 px pair: at most 6 M parameters together, 12 styles of 256."""
        decoder = compact_generator()
        encoder = GradualStyleEncoder(
            decoder.n_styles,
            COMPACT_INPUT_PX,
            COMPACT_STYLE_DIM,
            widths=(32, 64, 96, 128),
            units=(2, 2, 3, 2),
            head_width=48,
        )
        return cls(encoder, decoder)

    def encode(self, images: Tensor) -> Tensor:
        """Return w+ (N, n_styles, style_dim) for images (N, 3, S, S) in [-1, 1]; S as in `at_input_size`."""
        codes: Tensor = self.encoder(self.at_input_size(images))
        return codes + self.latent_avg

    def at_input_size(self, images: Tensor) -> Tensor:
        """Return images averaged down to the encoder's input size, of which theirs is a multiple."""
        factor = images.shape[-1] // self.encoder.input_size
        return functional.avg_pool2d(images, factor) if factor > 1 else images

    def forward(self, images: Tensor, *, random_noise: bool = False) -> Tensor:
        """Return restored images (N, 3, size, size), about [-1, 1]; unclamped, so that a loss sees overshoot."""
        image: Tensor = self.decoder(self.encode(images), random_noise=random_noise)
        return image


def compact_generator() -> Generator:
    """Build the 128 px generator of the compact pair."""
    return Generator(COMPACT_PX, COMPACT_STYLE_DIM, mapping_layers=4, channels=COMPACT_CHANNELS)
