"""``gfc``: generative face completion of Li et al. (2017)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 12, "hidden": 128}
"""The small 128 px setting: three sixteenths of the channels, an eighth of the vector."""
DISCRIMINATORS = ("local", "global")


@METHODS.register("gfc")
class GFCMethod(LearnedMethod):
    """Needs a mask. Rebuilt from the paper's words: the published weights are of another framework."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    paper_size = 128

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator at ``size``."""
        from unmaskbench.methods.gfc.network import GFC

        return GFC(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``local`` or ``global`` one."""
        from unmaskbench.methods.gfc.discriminators import Discriminator

        if name not in DISCRIMINATORS:
            raise ValueError(f"gfc has the discriminators {' and '.join(DISCRIMINATORS)}, not '{name}'")
        return Discriminator(local=name == "local", **parameters)

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1], blended into the known pixels by Poisson's equation (section 4.1)."""
        from unmaskbench.plugin import poisson_blend

        painted = super().restore(occluded, mask)
        return painted if mask is None else poisson_blend(painted, occluded, mask)
