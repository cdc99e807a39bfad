"""``edgeconnect``: edges first, then colours, of Nazeri et al. (2019)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

COMPACT: dict[str, Any] = {"base_channels": 24, "blocks": 6}
"""The 128 px setting: both networks with three eighths of their channels and three quarters of their blocks."""


@METHODS.register("edgeconnect")
class EdgeConnectMethod(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes the folder of the two published generators (``size: paper``, 256 px)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained pair at ``size``."""
        from unmaskbench.methods.edgeconnect.network import EdgeConnect

        return EdgeConnect(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The paper's ``patch`` discriminator, of edge maps with ``in_channels: 1``."""
        from unmaskbench.methods.edgeconnect.discriminator import PatchDiscriminator

        if name != "patch":
            raise ValueError(f"edgeconnect has the discriminator 'patch', not '{name}'")
        return PatchDiscriminator(**parameters)

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """``edges`` with their truth, and ``restored``; no gradient of the painter's reaches the edges.

        While it is trained, the painter is given the known edges around the hole and the completed ones in it (section
        3.2); when it is validated, the completed ones alone, as ``restore`` does.
        """
        import torch

        from unmaskbench.methods.edgeconnect.preprocessing import grey_and_edges

        grey, known_edges = grey_and_edges(occluded, mask)
        edges = network.complete_edges(grey, known_edges, mask)
        shown = edges.detach().to(known_edges.dtype)
        if network.training:
            shown = torch.where(mask > 0.5, shown, known_edges)
        outputs = {"restored": network.paint(occluded, shown, mask), "edges": edges}
        return {**outputs, "edges_truth": grey_and_edges(truth, torch.zeros_like(mask))[1]}

    def answer(self, network: Any, occluded: Tensor, mask: Any) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1] along edges found outside the mask."""
        from unmaskbench.methods.edgeconnect.preprocessing import grey_and_edges

        grey, edges = grey_and_edges(occluded, mask)
        restored: Tensor = network(occluded, grey, edges, mask)
        return restored

    def for_export(self) -> nn.Module:
        """Refused: Canny's detector is no network. Raises ValueError."""
        raise ValueError("method 'edgeconnect' cannot be exported: it finds edges before its networks run")

    def from_published(self, path: Path) -> nn.Module | None:
        """The published pair in a folder; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.methods.edgeconnect.checkpoint import load_edgeconnect
        from unmaskbench.methods.edgeconnect.network import EdgeConnect

        network = EdgeConnect(**self.settings)
        load_edgeconnect(network, path)
        return network
