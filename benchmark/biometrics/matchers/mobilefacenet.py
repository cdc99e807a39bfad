"""MobileFaceNet: a mobile network trained without any masks (Chen et al. 2018)."""

from __future__ import annotations

from unmaskbench.plugin import ARCFACE_112X96, MATCHERS, MatcherCard, OnnxMatcher, WeightFile, matcher_signature

SIZE = (112, 96)


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
class MobileFaceNet(OnnxMatcher):
    """128-d embeddings of 112 x 96 px crops, RGB, (x - 127.5) / 128, compared by cosine."""

    card = MatcherCard(
        id="mobilefacenet",
        title="MobileFaceNet (CASIA, ArcFace loss)",
        dimension=128,
        licence="none stated; evaluation only",
        source="Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification, CCBR 2018",
        signature=matcher_signature("mobilefacenet_casia", SIZE),
        notes="LFW View 2: 98.8 % accuracy over 10 folds. Knows no masks: the independent judge.",
    )
    weights = (MOBILEFACENET,)
    template = ARCFACE_112X96
    size = SIZE
    divisor = 128.0
