"""MagFace's network (Meng et al. 2021), for the two matchers that compare its embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import TorchMatcher, WeightFile, matcher_signature

if TYPE_CHECKING:
    from torch import nn

MAGFACE_IRESNET100 = WeightFile(
    id="magface_iresnet100",
    filename="magface_epoch_00025.pth",
    licence="Apache-2.0 (code); weights trained on MS1MV2",
    source="MagFace's model zoo, iResNet100 on MS1MV2 (github.com/IrvingMeng/MagFace; Google Drive id "
    "1Bd87admxOZvbIOAyTkGEntsEz3fyMt7H; its publisher states no checksum)",
    enables="matchers magface and qmagface",
)


class MagFaceEmbedder(TorchMatcher):
    """512-d embeddings of 112 px crops, BGR, x / 255; the magnitude is kept, for it is MagFace's measure of quality."""

    weights = (MAGFACE_IRESNET100,)
    mean, divisor = 0.0, 255.0
    order = "bgr"

    @classmethod
    def read_network(cls, path: Path) -> nn.Module:
        """iResNet100 with the weights in ``path``. Raises ValueError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.iresnet import load_iresnet100

        return load_iresnet100(path)


def magface_signature(comparison: str) -> str:
    """The signature of a matcher that compares MagFace's embeddings in the way of ``comparison``."""
    choice = f"{MagFaceEmbedder.order}/{MagFaceEmbedder.divisor:g}"
    return matcher_signature("magface_iresnet100", MagFaceEmbedder.size, choice, comparison=comparison)
