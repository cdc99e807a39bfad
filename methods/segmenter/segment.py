"""``segmenter``: the occlusion segmentation network of Tsai, Wu and Chen (2026), which finds masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import SEGMENTERS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn


@SEGMENTERS.register("segmenter")
class Segmenter(LearnedMethod):
    """What stands behind ``mask_source: predicted``."""

    folder = Path(__file__).parent
    card = read_method_card(folder / "card.yaml")
    paper_size = 224

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size``; ``separable=False`` is the plain encoder that its savings are stated against."""
        from unmaskbench.methods.segmenter.network import COMPACT, OcclusionSegmenter

        return OcclusionSegmenter(**{**(COMPACT if size == "compact" else {}), **settings})

    @classmethod
    def published_start(cls, path: Path, network: nn.Module) -> dict[str, Tensor] | None:
        """The weights in ``path`` for a ``network`` with more levels than they are of; None where both have as many."""
        from unmaskbench.methods.segmenter.network import deepened
        from unmaskbench.plugin import read_state_dict

        return deepened(read_state_dict(path), network.state_dict())

    def segment(self, occluded: Tensor) -> Tensor:
        """Probability of occlusion (N, 1, H, W) in [0, 1] for occluded (N, 3, H, W)."""
        return self.restore(occluded, None)
