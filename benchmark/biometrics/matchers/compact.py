"""The matcher that ships: a small network trained with the benchmark, so that biometrics work on a fresh machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import MATCHERS, MatcherCard, TrainedMatcher, matcher_signature

if TYPE_CHECKING:
    from unmaskbench.benchmark.biometrics.backbones.compact_embedder import CompactEmbedder


@MATCHERS.register("compact")
class Compact(TrainedMatcher):
    """512-d embeddings of a small IResNet."""

    folder = Path(__file__).parent
    training = "bench train compact --recipe compact --data lfw --root DIR"
    card = MatcherCard(
        id="compact",
        title="Compact (ours, 1.7 M)",
        dimension=512,
        licence="Apache-2.0; trained on LFW (research use)",
        source="trained with this benchmark (bench train compact); a small IResNet (Duta et al. 2021)",
        signature=matcher_signature("compact", (112, 112)),
        distilled_from=("edgeface",),
        notes="Distilled from EdgeFace-XS on LFW's training people and rendered heads, with ArcFace's margin: edgeface is no "
        "independent judge of it, nor it of what was trained with edgeface.",
    )

    @classmethod
    def network(cls) -> type[CompactEmbedder]:
        """The network's class."""
        from unmaskbench.benchmark.biometrics.backbones.compact_embedder import CompactEmbedder

        return CompactEmbedder
