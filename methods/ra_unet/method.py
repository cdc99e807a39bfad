"""``ra_unet``: the residual attention U-Net of Hosen and Islam (2022) as a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import nn


@METHODS.register("ra_unet")
class RAUNetMethod(LearnedMethod):
    """Blind. ``settings`` may switch ``residual`` and ``attention`` off (the paper's Table II)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size`` with its constructor's ``settings``."""
        from unmaskbench.methods.ra_unet.network import COMPACT, RAUNet

        return RAUNet(**{**(COMPACT if size == "compact" else {}), **settings})
