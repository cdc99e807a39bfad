"""``segmenter``: the occlusion segmentation network of Tsai, Wu and Chen (2026), a plug-in of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import SEGMENTERS, LearnedMethod, read_method_card

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = Path(__file__).parent


@SEGMENTERS.register("segmenter")
class Segmenter(LearnedMethod):
    """What stands behind ``mask_source: predicted``."""

    folder = FOLDER
    card = replace(read_method_card(FOLDER / "segmenter_card.yaml"), id="segmenter")
    paper_size = 224

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network at ``size``; ``separable=False`` is the plain encoder that its savings are stated against."""
        from unmaskbench.methods.h2a_ms2a_gan.segmenter import COMPACT, OcclusionSegmenter

        return OcclusionSegmenter(**{**(COMPACT if size == "compact" else {}), **settings})

    def segment(self, occluded: Tensor) -> Tensor:
        """Probability of occlusion (N, 1, H, W) in [0, 1] for occluded (N, 3, H, W)."""
        return self.restore(occluded, None)
