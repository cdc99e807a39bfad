"""``ctsdg``: conditional texture and structure dual generation of Guo et al. (2021)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, LearnedMethod, metadata_of, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

    from unmaskbench.methods.ctsdg.preprocessing import Grey

COMPACT: dict[str, Any] = {"base_channels": 16, "levels": 6}
"""The 128 px setting: a quarter of the paper's channels and six of its seven levels."""


@METHODS.register("ctsdg")
class CTSDGMethod(LearnedMethod):
    """Needs a mask. ``checkpoint`` takes a published file with its generator under ``generator`` (``size: paper``, 256 px)."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    grey: Grey = "true"
    """Which grey the network is fed: published weights want the wrapped one."""

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained generator at ``size``."""
        from unmaskbench.methods.ctsdg.network import CTSDG

        return CTSDG(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def build_discriminator(cls, name: str, **parameters: Any) -> nn.Module:
        """The ``patch`` discriminator of the texture branch."""
        from unmaskbench.methods.ctsdg.discriminator import PatchDiscriminator

        if name != "patch":
            raise ValueError(f"ctsdg has the discriminator 'patch', not '{name}'")
        return PatchDiscriminator(**parameters)

    @staticmethod
    def training_outputs(network: Any, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """``restored``, and what the two decoders make alone (eq. 9): ``texture``, an image, and ``edges`` with their truth."""
        import torch

        from unmaskbench.methods.ctsdg.preprocessing import structure_of

        known = 1 - mask
        structure = structure_of(occluded, mask) * known
        restored, texture, edges = network.generate((occluded * 2 - 1) * known, structure, known)
        true_edges = structure_of(truth, torch.zeros_like(mask))[:, :1]
        return {
            "restored": (restored + 1) / 2, "texture": (texture + 1) / 2, "edges": edges, "edges_truth": true_edges,
        }  # fmt: skip

    def answer(self, network: Any, occluded: Tensor, mask: Any) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1], from the image and the structure outside the mask."""
        from unmaskbench.methods.ctsdg.preprocessing import structure_of

        restored: Tensor = network(occluded, structure_of(occluded, mask, self.grey), mask)
        return restored

    def for_export(self) -> nn.Module:
        """Refused: Canny's detector is no network. Raises ValueError."""
        raise ValueError("method 'ctsdg' cannot be exported: it finds edges before its network runs")

    def from_published(self, path: Path) -> nn.Module | None:
        """The generator of a published file, which wants the wrapped grey; None for what our own training wrote."""
        if "network" in metadata_of(path):
            return None
        from unmaskbench.plugin import load_strict, read_published

        network = self.build_network("paper", **self.settings)
        load_strict(network, read_published(path, "generator"), path)
        self.grey = "wrapped"
        return network
