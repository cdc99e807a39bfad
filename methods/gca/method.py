"""``gca``: generative inpainting with contextual attention of Yu et al. (2018)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 24}
"""The 128 px setting: the paper's network with three quarters of its channels."""


@METHODS.register("gca")
class ContextualAttention(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes the port's published generator, a bare state dict (``size: paper``, 256 px)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained two-stage generator at ``size``."""
        from unmaskbench.methods.gca.network import InpaintGenerator

        return InpaintGenerator(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's critics, ``global`` of the image and ``local`` of its hole."""
        from unmaskbench.methods.gca.discriminator import Critic

        if name not in ("global", "local"):
            raise ValueError(f"gca has the discriminators 'global' and 'local', not '{name}'")
        return Critic(local=name == "local", **parameters)

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Both stages' images: ``coarse`` and ``restored``."""
        del truth
        coarse, fine = network.stages(occluded, mask)
        return {"coarse": (coarse + 1) / 2, "restored": (fine + 1) / 2}

    def from_published(self, path: Path) -> nn.Module | None:
        """The port's generator; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.plugin import load_strict, read_published

        network = self.build_network("paper", **self.settings)
        load_strict(network, read_published(path), path)
        return network
