"""SFace: a mobile network that OpenCV Zoo publishes for any use (Zhong et al. 2021)."""

from __future__ import annotations

from unmaskbench.plugin import MATCHERS, MatcherCard, OnnxMatcher, WeightFile, matcher_signature

SFACE = WeightFile(
    id="sface",
    filename="face_recognition_sface_2021dec.onnx",
    licence="Apache-2.0",
    source="OpenCV Zoo, face_recognition_sface (github.com/opencv/opencv_zoo)",
    enables="matcher sface",
    url="https://github.com/opencv/opencv_zoo/raw/main/models/face_recognition_sface/face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
)


@MATCHERS.register("sface")
class SFace(OnnxMatcher):
    """128-d embeddings of 112 px crops, RGB from 0 to 255, compared by cosine, as OpenCV's FaceRecognizerSF does it."""

    card = MatcherCard(
        id="sface",
        title="SFace (OpenCV Zoo)",
        dimension=128,
        licence="Apache-2.0",
        source="Zhong et al., SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition, TIP 2021",
        signature=matcher_signature("sface_2021dec", OnnxMatcher.size, "rgb/1"),
        notes="The graph scales its input itself. The file was not at hand to compare with OpenCV's own embeddings.",
    )
    weights = (SFACE,)
    mean, divisor = 0.0, 1.0
