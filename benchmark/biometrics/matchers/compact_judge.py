"""The judge that ships: a small network of another kind than ``compact``, from other people, that teaches no restorer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import MATCHERS, MatcherCard, TrainedMatcher, matcher_signature

if TYPE_CHECKING:
    from unmaskbench.benchmark.biometrics.backbones.light_cnn import LightCNN


@MATCHERS.register("compact_judge")
class CompactJudge(TrainedMatcher):
    """256-d embeddings of a slim Light CNN-9, which sees grey."""

    folder = Path(__file__).parent
    training = "bench train compact_judge --data face_shards=DIR,synthetic,lfw=DIR"
    card = MatcherCard(
        id="compact_judge",
        title="Compact judge (ours, 1.0 M)",
        dimension=256,
        licence="Apache-2.0; trained on FairFace's validation faces (CC BY 4.0) and rendered heads",
        source="trained with this benchmark (bench train compact_judge); a slim Light CNN-9 (Wu et al. 2018)",
        signature=matcher_signature("compact_judge", (112, 112)),
        distilled_from=("faceres",),
        notes="LFW View 2, folds 9-10: 87.8 %; too weak to judge alone. Its people are none of those of `compact`; no recipe may "
        "take it, or what it was distilled from, as a teacher.",
    )

    @classmethod
    def network(cls) -> type[LightCNN]:
        """The network's class."""
        from unmaskbench.benchmark.biometrics.backbones.light_cnn import LightCNN

        return LightCNN
