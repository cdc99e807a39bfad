"""``fd_stackgan``: the two stacked GANs of Jabbar et al. (2021)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn


@METHODS.register("fd_stackgan")
class FDStackGANMethod(LearnedMethod):
    """Needs a mask. ``recipe: one_stage`` takes the single-stage weights, ``settings: {stages: 1}`` its network."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained two-stage generator at ``size``."""
        from unmaskbench.methods.fd_stackgan.network import COMPACT, FDStackGAN

        return FDStackGAN(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``patch`` discriminator, one for each stage."""
        from unmaskbench.methods.fd_stackgan.discriminator import PatchDiscriminator

        if name != "patch":
            raise ValueError(f"fd_stackgan has the discriminator 'patch', not '{name}'")
        return PatchDiscriminator(**parameters)

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Both stages' images: ``base`` and ``restored``."""
        del truth
        base, refined = network.stages(occluded, mask)
        return {"base": base, "restored": refined}
