"""``rfr``: recurrent feature reasoning of Li et al. (2020)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 16}
"""The 128 px setting: the paper's network with a quarter of its channels."""


@METHODS.register("rfr")
class RFR(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes a published file with its generator under ``generator`` (``size: paper``, 256 px);
    ``settings: {kernel: 5}`` is the authors' variant for smaller holes."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size``."""
        from unmaskbench.methods.rfr.network import RFRNet

        return RFRNet(**{**(COMPACT if size == "compact" else {}), **settings})

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """``restored`` as the last layer gives it, without the cut to [0, 1]."""
        del truth
        return {"restored": network.unbounded(occluded, mask)}

    def from_published(self, path: Path) -> nn.Module | None:
        """The generator of a published file; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.plugin import load_strict, read_published

        network = self.build_network("paper", **self.settings)
        load_strict(network, read_published(path, "generator"), path)
        return network
