"""MobileFaceNet: a mobile network trained without any masks (Chen et al. 2018)."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.plugin import (
    ALIGNMENT_SIGNATURE,
    ARCFACE_112X96,
    MATCHERS,
    CosineSimilarity,
    MatcherCard,
    Missing,
    OnnxEmbedder,
    WeightFile,
    align,
    missing_extra,
    weights,
)

MOBILEFACENET = WeightFile(
    id="mobilefacenet",
    filename="mobilefacenet_112x96.onnx",
    licence="none stated: evaluation only, nothing may be trained from it and shipped",
    source="a public MobileFaceNet trained with ArcFace loss on CASIA-WebFace, "
    "exported to ONNX as (N, 3, 112, 96) -> (N, 128)",
    enables="matcher mobilefacenet",
    sha256="56e954b8462d5303e19b3a407784bbd75b385f066e0d36e7cfc1fd805fa58cc9",
)


@MATCHERS.register("mobilefacenet")
class MobileFaceNet(CosineSimilarity):
    """128-d embeddings of 112 x 96 px crops, RGB, (x - 127.5) / 128, compared by cosine."""

    card = MatcherCard(
        id="mobilefacenet",
        title="MobileFaceNet (CASIA, ArcFace loss)",
        dimension=128,
        licence="none stated; evaluation only",
        source="Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification, CCBR 2018",
        signature=f"mobilefacenet_casia|112x96|{ALIGNMENT_SIGNATURE}|cosine",
        notes="LFW View 2: 98.8 % accuracy over 10 folds. Knows no masks: the independent judge.",
    )
    weights = (MOBILEFACENET,)

    def __init__(self) -> None:
        self._network: OnnxEmbedder | None = None

    @staticmethod
    def missing() -> list[Missing]:
        """The weight file or onnxruntime, where absent."""
        return missing_extra("onnxruntime", "onnx") + weights.missing(MobileFaceNet.weights)

    def load(self, device: str) -> None:
        """Open the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        self._network = OnnxEmbedder(weights.require(MOBILEFACENET), device=device, divisor=128.0)

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, 128) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError("matcher 'mobilefacenet' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, ARCFACE_112X96, (112, 96)))
