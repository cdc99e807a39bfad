"""``dfnet``: the deep fusion network of Hong et al. (2019)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 24, "levels": 6}
"""The 128 px setting: three eighths of the paper's channels and six of its eight levels."""


@METHODS.register("dfnet")
class DFNetMethod(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes the published ``model_celeba.pth``, a bare state dict (``size: paper``, 256 px)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size``."""
        from unmaskbench.methods.dfnet.network import DFNet

        return DFNet(**{**(COMPACT if size == "compact" else {}), **settings})

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The fused results: ``restored``, and the coarser ones as ``level_1`` (half the size), ``level_2`` and so on."""
        del truth
        finest, *coarser = network.every_level(occluded, mask)
        return {"restored": finest, **{f"level_{number}": result for number, result in enumerate(coarser, 1)}}

    def from_published(self, path: Path) -> nn.Module | None:
        """The network of a published file; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.plugin import load_strict, read_published

        network = self.build_network("paper", **self.settings)
        load_strict(network, read_published(path), path)
        return network
