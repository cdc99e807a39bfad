"""AdaFace: a margin that adapts to the quality of the image (Kim et al. 2022)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from unmaskbench.plugin import MATCHERS, MatcherCard, TorchMatcher, WeightFile, matcher_signature

if TYPE_CHECKING:
    from torch import nn

_SOURCE = "AdaFace's model zoo (github.com/mk-minchul/AdaFace, on Google Drive; its publisher states no checksum)"
_LICENCE = "MIT (code); weights trained on {}"
_PAPER = "Kim et al., AdaFace: Quality Adaptive Margin for Face Recognition, CVPR 2022"
_NOTES = (
    "The network is held to the published one's layers, names and number of parameters, and to IResNet's arithmetic; "
    "the publisher's own embeddings were not at hand to compare."
)
ADAFACE_IR101 = WeightFile(
    id="adaface_ir101",
    filename="adaface_ir101_webface12m.ckpt",
    licence=_LICENCE.format("WebFace12M"),
    source=_SOURCE,
    enables="matcher adaface",
)
ADAFACE_IR50 = WeightFile(
    id="adaface_ir50",
    filename="adaface_ir50_ms1mv2.ckpt",
    licence=_LICENCE.format("MS1MV2"),
    source=_SOURCE,
    enables="matcher adaface_ir50",
)


class AdaFaceEmbedder(TorchMatcher):
    """512-d unit embeddings of 112 px crops, BGR, (x / 255 - 0.5) / 0.5, compared by cosine."""

    order = "bgr"
    layers: ClassVar[Literal[50, 101]]

    @classmethod
    def read_network(cls, path: Path) -> nn.Module:
        """The network with the weights in ``path``. Raises WeightsError where the file is another."""
        from unmaskbench.benchmark.biometrics.backbones.ir_net import IR_50, IR_101, load_ir_net

        return load_ir_net(path, {50: IR_50, 101: IR_101}[cls.layers])


def _signature(network: str) -> str:
    return matcher_signature(network, AdaFaceEmbedder.size, AdaFaceEmbedder.order)


@MATCHERS.register("adaface")
class AdaFace(AdaFaceEmbedder):
    """AdaFace with 101 layers."""

    card = MatcherCard(
        id="adaface",
        title="AdaFace (IR-101, WebFace12M)",
        dimension=512,
        licence=ADAFACE_IR101.licence,
        source=_PAPER,
        signature=_signature("adaface_ir101_webface12m"),
        notes=_NOTES,
    )
    weights = (ADAFACE_IR101,)
    layers = 101


@MATCHERS.register("adaface_ir50")
class AdaFaceIR50(AdaFaceEmbedder):
    """AdaFace with 50 layers."""

    card = MatcherCard(
        id="adaface_ir50",
        title="AdaFace (IR-50, MS1MV2)",
        dimension=512,
        licence=ADAFACE_IR50.licence,
        source=_PAPER,
        signature=_signature("adaface_ir50_ms1mv2"),
        notes=_NOTES,
    )
    weights = (ADAFACE_IR50,)
    layers = 50
