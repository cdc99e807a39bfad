"""``aotgan``: aggregated contextual transformations of Zeng et al. (2022)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import nn

COMPACT: dict[str, Any] = {"base_channels": 24}
"""The 128 px setting: the paper's network with three eighths of its channels."""


@METHODS.register("aotgan")
class AOTGAN(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes a published generator, a bare state dict (``size: paper``, 512 px)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    paper_size = 512

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator at ``size``."""
        from unmaskbench.methods.aotgan.network import AOTGenerator

        return AOTGenerator(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``patch`` discriminator, of the soft-mask-guided game."""
        from unmaskbench.methods.aotgan.discriminator import PatchDiscriminator

        if name != "patch":
            raise ValueError(f"aotgan has the discriminator 'patch', not '{name}'")
        return PatchDiscriminator(**parameters)

    def from_published(self, path: Path) -> nn.Module | None:
        """The generator of a published file; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.plugin import load_strict, read_published

        network = self.build_network("paper", **self.settings)
        load_strict(network, read_published(path), path)
        return network
