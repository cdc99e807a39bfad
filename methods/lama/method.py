"""``lama``: large mask inpainting of Suvorov et al. (2022)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import nn

COMPACT: dict[str, Any] = {"base_channels": 24, "downsamplings": 3, "blocks": 6, "global_ratio": 0.75}
"""The 128 px setting: the paper's network with three eighths of its channels and a third of its blocks."""


@METHODS.register("lama")
class LaMa(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes the published big-lama as Lightning checkpoint, bare weights or TorchScript."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    # Fully convolutional: the paper trains at 256 px and runs at any multiple of 8.
    paper_size = None

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator at ``size``; ``fourier="matmul"`` has no FFT operator, for exports."""
        from unmaskbench.methods.lama.network import FFCResNet

        return FFCResNet(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The published configuration's ``nlayer`` PatchGAN."""
        from unmaskbench.methods.lama.discriminator import NLayerDiscriminator

        if name != "nlayer":
            raise ValueError(f"lama has the discriminator 'nlayer', not '{name}'")
        return NLayerDiscriminator(**parameters)

    def for_export(self) -> nn.Module:
        """The loaded network with its Fourier transforms as matrix products: few runtimes have an FFT operator."""
        import copy

        from unmaskbench.methods.lama.network import SpectralDFT

        if self.network is None:
            raise RuntimeError("method 'lama' is not loaded; call load(device) first")
        network = copy.deepcopy(self.network)
        for module in network.modules():
            if isinstance(module, SpectralDFT):
                module.kind = "matmul"
        return network

    def from_published(self, path: Path) -> nn.Module | None:
        """The generator of a published file; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.methods.lama.checkpoint import load_lama_checkpoint

        return load_lama_checkpoint(path)
