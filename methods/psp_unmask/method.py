"""``psp_unmask``: the style encoder before a frozen StyleGAN2 of Randhawa et al. (2022)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn


@METHODS.register("psp_unmask")
class PSPUnmask(LearnedMethod):
    """Blind. ``checkpoint`` takes a published pSp (``psp_ffhq_encode.pt``); without one the compact pair is used."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    signed = True

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """Encoder and generator at ``size``; the paper's generator is of ``settings["output_px"]`` (256 or 1024)."""
        from unmaskbench.methods.psp_unmask.network import PSP

        return PSP.compact() if size == "compact" else PSP.published(int(settings.get("output_px", 256)))

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """StyleGAN2's ``residual`` discriminator, for the recipe that trains the generator."""
        from unmaskbench.methods.psp_unmask.discriminator import Discriminator
        from unmaskbench.methods.psp_unmask.network import COMPACT_CHANNELS, COMPACT_PX

        if name != "residual":
            raise ValueError(f"psp_unmask has the discriminator 'residual', not '{name}'")
        size = int(parameters.get("size", COMPACT_PX))
        return Discriminator(size, parameters.get("channels", COMPACT_CHANNELS if size == COMPACT_PX else None))

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """``restored`` from the occluded face and ``latent``, the difference of its codes to the unmasked truth's.

        The truth's codes come from the paper's baseline encoder f0, which the network carries as ``baseline``: the encoder
        as it stood when the run began, or that of an earlier run which the recipe names; while f0 itself is trained
        there is none, and the difference is zero.
        """
        import torch

        del mask
        codes = network.encode(occluded * 2 - 1)
        # Coarse steps bring smaller faces; the generator then stops at their size.
        image = (network.decoder(codes, size=truth.shape[-1]) + 1) / 2
        baseline = getattr(network, "baseline", None)
        if baseline is None:
            return {"restored": image, "latent": codes * 0}
        with torch.no_grad():
            target = baseline(network.at_input_size(truth * 2 - 1)) + network.latent_avg
        return {"restored": image, "latent": codes - target}

    @staticmethod
    def freeze(network: Any) -> None:
        """Hold StyleGAN2 still: only the encoder learns (section 3)."""
        network.decoder.requires_grad_(False)

    def answer(self, network: Any, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]; the network itself works in [-1, 1]."""
        restored: Tensor = network(occluded * 2 - 1)
        return ((restored.float() + 1) / 2).clamp(0, 1)

    def from_published(self, path: Path) -> nn.Module | None:
        """A published pSp; None for safetensors, which hold what our own training wrote or a bare state dict."""
        if path.suffix == ".safetensors":
            return None
        from unmaskbench.methods.psp_unmask.checkpoint import load_psp_checkpoint

        return load_psp_checkpoint(path)

    @classmethod
    def published_start(cls, path: Path, network: Any) -> Mapping[str, Tensor] | None:
        """A published pSp for faces of 1024 px starts a pair for 256 px with its first styles and levels."""
        from unmaskbench.methods.psp_unmask.checkpoint import first_levels

        published = cls(checkpoint=path).from_published(path)
        return None if published is None else first_levels(published, network)
