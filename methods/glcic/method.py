"""``glcic``: globally and locally consistent completion of Iizuka et al. (2017)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 24}
"""The 128 px setting: the paper's network with three eighths of its channels."""


@METHODS.register("glcic")
class GLCICMethod(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes the folder of the published generator and ``config.json`` (``size: paper``)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    paper_size = 160

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size``; ``mean_pixel`` is what holes are filled with."""
        from unmaskbench.methods.glcic.network import GLCIC

        return GLCIC(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``context`` discriminator, global and local."""
        from unmaskbench.methods.glcic.discriminator import ContextDiscriminator

        if name != "context":
            raise ValueError(f"glcic has the discriminator 'context', not '{name}'")
        return ContextDiscriminator(**parameters)

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1], blended into the known pixels by Poisson's equation."""
        from unmaskbench.plugin import poisson_blend

        painted = super().restore(occluded, mask)
        return painted if mask is None else poisson_blend(painted, occluded, mask)

    def from_published(self, path: Path) -> nn.Module | None:
        """The published generator in a folder; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.methods.glcic.checkpoint import load_glcic
        from unmaskbench.methods.glcic.network import GLCIC

        network = GLCIC(**self.settings)
        load_glcic(network, path)
        return network
